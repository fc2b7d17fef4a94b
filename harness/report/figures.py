"""The kinds of figures that a specification may ask for, by name."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import partial

from matplotlib.figure import Figure

from harness.experiment import Experiment
from harness.report.against import against
from harness.report.by_cell import by_cell
from harness.report.curves import curves
from harness.report.decision_regions import decision_regions
from harness.report.folder import CURVES, file_names
from harness.report.history import history
from harness.report.style import png, styled
from harness.run_result import RunResult
from harness.system.console import visible

FIGURES: dict[str, Callable[..., Figure]] = {
    "by_cell": by_cell,
    "decision_regions": decision_regions,
    "history": history,
    "against": against,
}
"""Each takes the experiment, its results and the figure's parameters as keywords."""


def draw(experiment: Experiment, results: Sequence[RunResult]) -> dict[str, bytes]:
    """Return the PNG of each figure by its file name: the experiment's, then the training curves.

    A figure that cannot be drawn is left out with a message: it costs no verdict.
    """
    wanted: dict[str, Callable[[], Figure | None]] = {
        file: partial(FIGURES[figure.name], experiment, results, **figure.parameters)
        for file, figure in zip(file_names(experiment), experiment.figures, strict=True)
    }
    wanted[CURVES] = partial(curves, experiment, results)
    with styled():
        drawn = {
            file: _drawn(f"{experiment.name}/{file}", figure) for file, figure in wanted.items()
        }
    return {file: image for file, image in drawn.items() if image is not None}


def _drawn(file: str, draw: Callable[[], Figure | None]) -> bytes | None:
    try:
        figure = draw()
        return None if figure is None else png(figure)
    except Exception as error:
        print(
            visible(f"the figure {file} is left out: {type(error).__name__}: {error}"),
            file=sys.stderr,
        )
        return None
