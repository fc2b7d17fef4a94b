"""The kinds of figures that a specification may ask for, by name."""

from __future__ import annotations

import pkgutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from matplotlib.figure import Figure

from harness.experiment import Experiment
from harness.experiment import Figure as Requested
from harness.report.curves import curves
from harness.report.figure_data import FigureData
from harness.report.folder import CURVES, file_names
from harness.report.style import png, styled
from harness.run_result import RunResult
from harness.system.console import visible


@dataclass(frozen=True)
class FigureKind:
    """A kind of figure: the function that draws it, and what a report says below it.

    `function` is named as "module:function", so that the list imports nothing. It takes the
    `FigureData`, and the figure's parameters in a specification as keywords, and returns a
    Matplotlib figure.
    """

    function: str
    caption: str


FIGURES = {
    "by_cell": FigureKind(
        "harness.report.by_cell:by_cell",
        caption=(
            "By cell: a pale point is a seed, the full one their mean, the bar its 95% confidence"
            " interval; an open point is the mean of fewer seeds than were asked for."
        ),
    ),
    "decision_regions": FigureKind(
        "harness.report.decision_regions:decision_regions",
        caption=(
            "Decision regions: the colour is the class that the network gives to each place, the"
            " points are the training examples in the colours of the labels they were trained with."
        ),
    ),
    "history": FigureKind(
        "harness.report.history:history",
        caption=(
            "While training: a line is the mean over seeds and ends in a dot, its band their"
            " smallest and largest value; a seed that stopped early counts with its last value from"
            " then on."
        ),
    ),
    "against": FigureKind(
        "harness.report.against:against",
        caption=(
            "Against the numbers on an axis: a pale point is a seed, the full one their mean, the"
            " bar its 95% confidence interval; an open point is the mean of fewer seeds than were"
            " asked for. Lines stand a little beside one another so that none hides another's bars."
        ),
    ),
}
"""All kinds of figures, by the name that a specification gives."""


def draw(experiment: Experiment, results: Sequence[RunResult]) -> dict[str, bytes]:
    """Return the PNG of each figure by its file name: the experiment's, then the training curves.

    A figure that cannot be drawn is left out with a message: it costs no verdict.
    """
    wanted: dict[str, Callable[[], Figure | None]] = {
        file: partial(_draw, figure, FigureData(experiment, results))
        for file, figure in zip(file_names(experiment), experiment.figures, strict=True)
    }
    wanted[CURVES] = partial(curves, experiment, results)
    with styled():
        drawn = {
            file: _drawn(f"{experiment.name}/{file}", figure) for file, figure in wanted.items()
        }
    return {file: image for file, image in drawn.items() if image is not None}


def _draw(figure: Requested, data: FigureData) -> Figure:
    function = pkgutil.resolve_name(FIGURES[figure.name].function)
    drawn: Figure = function(data, **figure.parameters)
    return drawn


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
