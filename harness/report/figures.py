"""The kinds of figures that a specification may ask for, by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from matplotlib.figure import Figure

from harness.report.against import against
from harness.report.by_cell import by_cell
from harness.report.curves import curves
from harness.report.decision_regions import decision_regions
from harness.report.folder import CURVES, file_names
from harness.report.history import history
from harness.report.style import png, styled
from harness.results import RunResult
from harness.spec.records import Experiment

FIGURES: dict[str, Callable[..., Figure]] = {
    "by_cell": by_cell,
    "decision_regions": decision_regions,
    "history": history,
    "against": against,
}
"""Each takes the experiment, its results and the figure's parameters as keywords."""


def draw(experiment: Experiment, results: Sequence[RunResult]) -> dict[str, bytes]:
    """Return the PNG of each figure by its file name: the experiment's in order, and the training curves."""
    images = {}
    with styled():
        for file, figure in zip(file_names(experiment), experiment.figures, strict=True):
            images[file] = png(FIGURES[figure.name](experiment, results, **figure.parameters))
        trained = curves(experiment, results)
        if trained is not None:
            images[CURVES] = png(trained)
    return images
