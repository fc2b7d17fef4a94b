"""Draw loss and accuracy along the straight line between the weights of two runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from harness.report.curves import draw_line
from harness.report.figure_data import FigureData
from harness.report.panels import legend_entry, panels
from harness.report.style import LineStyle, Look, plot_factor, series_style, show_message
from harness.run_result import RunResult

_PANELS = {"loss": "loss (nats)", "accuracy": "accuracy (%)"}
_SPLITS: dict[str, LineStyle] = {"train": "-", "test": "--"}
_POSITION = "position"

Seeds = Sequence[Mapping[str, Sequence[float]]]
"""What each seed measured along one line, column by column."""


def linear_path(data: FigureData, *, groups: Mapping[str, str], log: bool = False) -> Figure:
    """Draw what the metric `linear_path` measured, a panel for the loss and one for the accuracy.

    A line is the mean over seeds, its band their smallest and largest value; it is solid on the
    training set and dashed on the test set. A run with lines to several others has a colour each.

    Args:
        data: The experiment and its results.
        groups: Label to the run or cell at position 0.
        log: Whether the loss is on a logarithmic axis.
    """
    lines = {
        name: seeds
        for label, run in groups.items()
        for name, seeds in _lines(label, data.finished(run))
    }
    looks = [series_style(index) for index in range(len(lines))]
    legend = [
        legend_entry(Look(look.colour, "-", look.marker), name, done=bool(seeds))
        for look, (name, seeds) in zip(looks, lines.items(), strict=True)
    ]
    figure, shown = panels([f"train_{what}" for what in _PANELS], legend)
    for axes, (what, title) in zip(shown, _PANELS.items(), strict=True):
        axes.set_title(title)
        if not any(lines.values()):
            show_message(axes, "not measured")
            continue
        for look, seeds in zip(looks, lines.values(), strict=True):
            _draw(axes, look, seeds, what)
        axes.set_xlabel("position between the weights")
        if log and what == "loss":
            axes.set_yscale("log")
    return figure


def _lines(label: str, results: Sequence[RunResult]) -> Iterator[tuple[str, Seeds]]:
    """Yield each line of a run with its name, and what its seeds measured on it."""
    ends = list(dict.fromkeys(end for result in results for end in result.curves))
    if not ends:
        yield label, []
    for end in ends:
        name = label if len(ends) == 1 else f"{label} (to {end})"
        yield name, [result.curves[end] for result in results if end in result.curves]


def _draw(axes: Axes, look: Look, seeds: Seeds, what: str) -> None:
    if not seeds:
        return
    for split, line in _SPLITS.items():
        metric = f"{split}_{what}"
        values: NDArray[np.float64] = np.array([each[metric] for each in seeds])
        own = Look(look.colour, line, look.marker)
        position = np.array(seeds[0][_POSITION])
        draw_line(axes, own, position, plot_factor(metric) * values, band=True)
