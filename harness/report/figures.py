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
from harness.judging.judgement import Judgement
from harness.report.curves import curves
from harness.report.figure_data import FigureData
from harness.report.folder import CURVES, OVERVIEW, PNG, files_of, plot_names
from harness.report.forest import forest
from harness.report.style import styled
from harness.report.theme import dark, png, svg
from harness.report.ticks import settle
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
    "linear_path": FigureKind(
        "harness.report.linear_path:linear_path",
        caption=(
            "Along the straight line between the weights of two runs, 0 the first and 1 the second:"
            " a line is the mean over seeds, its band their smallest and largest value; solid on"
            " the training set, dashed on the test set of the first run."
        ),
    ),
    "class_accuracies": FigureKind(
        "harness.report.class_accuracies:class_accuracies",
        caption=(
            "By class: a pale point is a seed, the full one their mean, the bar its 95% confidence"
            " interval; an open point is the mean of fewer seeds than were asked for."
        ),
    ),
}
"""All kinds of figures, by the name that a specification gives."""


CAPTION_OF_OVERVIEW = (
    "Every expectation: the point is what was measured, the bar its one-sided confidence limits"
    " (where the expectation is about each seed, the smallest and the largest value), a pale point"
    " a seed. The green band is what is expected, a diamond the published value. Filled points"
    " passed, crosses failed, open points are undecided."
)
CAPTION_OF_CURVES = (
    "A line is the mean over seeds, its band their smallest and largest value where there are few"
    " lines; a seed that stopped early counts with its last value from then on. The axis of the"
    " test accuracy leaves out the first quarter of the training, so that the ends can be told"
    " apart."
)
SETTINGS_DRAWN = (
    "Of settings that a sample drew, a pale point, like a line, is the mean over the seeds of one."
)
EXPECTED_OF_RUNS = (
    "A green band is what is expected of a run, an open diamond the published value; beside curves"
    " they stand at the right, where training ends."
)


def draw(
    experiment: Experiment, results: Sequence[RunResult], judgements: Sequence[Judgement] = ()
) -> dict[str, bytes]:
    """Return the files of each plot by name: the overview, the experiment's figures, the curves.

    A plot has a PNG, and an SVG for light and one for dark pages. One that cannot be drawn is left
    out with a message: it costs no verdict.
    """
    data = FigureData(experiment, results)
    wanted: dict[str, Callable[[], Figure | None]] = {OVERVIEW: partial(forest, judgements)}
    wanted |= {
        plot: partial(_draw, figure, data)
        for plot, figure in zip(plot_names(experiment), experiment.figures, strict=True)
    }
    wanted[CURVES] = partial(curves, experiment, results)
    files: dict[str, bytes] = {}
    with styled():
        for plot, figure in wanted.items():
            files |= _files(experiment.name, plot, figure)
    return files


def _draw(figure: Requested, data: FigureData) -> Figure:
    function = pkgutil.resolve_name(FIGURES[figure.name].function)
    drawn: Figure = function(data, **figure.parameters)
    return drawn


def _files(name: str, plot: str, draw: Callable[[], Figure | None]) -> dict[str, bytes]:
    try:
        figure = draw()
        if figure is None:
            return {}
        return dict(zip(files_of(plot), rendered(figure), strict=True))
    except Exception as error:
        left_out = f"the figure {name}/{plot}{PNG} is left out: {type(error).__name__}: {error}"
        print(visible(left_out), file=sys.stderr)
        return {}


def rendered(figure: Figure) -> tuple[bytes, bytes, bytes]:
    """Return a figure as PNG, as SVG, and as SVG for dark pages."""
    settle(figure)
    sharp = svg(figure)
    return png(figure), sharp, dark(sharp)
