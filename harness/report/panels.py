"""A grid of panels, one a metric, with one legend at its right."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from harness.report.style import PAGE_WIDTH, Look, axis_label, plain

_MOST_COLUMNS = 3
_LEGEND_LETTERS = 28
# All sizes are in inches.
_PANEL_SIZE = 3.3, 2.7
_LONE_PANEL_WIDTH = 4.8
_LETTER_WIDTH, _LINE_HEIGHT, _HANDLE_WIDTH = 0.065, 0.185, 0.7


def panels(metrics: Sequence[str], legend: Sequence[Line2D]) -> tuple[Figure, list[Axes]]:
    """Return a figure and its panels, each titled with its metric.

    `legend` holds lines with their labels.
    """
    rows = math.ceil(len(metrics) / _MOST_COLUMNS)
    columns = math.ceil(len(metrics) / rows)
    names = [textwrap.fill(str(line.get_label()), _LEGEND_LETTERS) for line in legend]
    letters = max(len(line) for name in names for line in name.split("\n"))
    height = _LINE_HEIGHT * sum(1 + name.count("\n") for name in names) + 0.3
    beside = _LETTER_WIDTH * letters + _HANDLE_WIDTH
    wanted = _LONE_PANEL_WIDTH if columns == 1 else _PANEL_SIZE[0] * columns
    width = min(wanted, PAGE_WIDTH - beside)
    figure = Figure(
        figsize=(width + beside, max(_PANEL_SIZE[1] * rows, height)),
        layout="constrained",
    )
    grid = list(figure.subplots(rows, columns, squeeze=False).flat)
    for unused in grid[len(metrics) :]:
        unused.set_visible(False)
    for axes, metric in zip(grid, metrics, strict=False):
        axes.set_title(axis_label(metric))
    figure.legend(
        list(legend), [plain(name) for name in names], loc="outside right upper", handlelength=2.6
    )
    return figure, grid[: len(metrics)]


def legend_entry(look: Look, name: str, *, done: bool, marked: bool = False) -> Line2D:
    """Return the legend's line for one group, which says so where none of its runs is `done`."""
    colour, line, marker = look
    words = name if done else f"{name} (not run)"
    return Line2D(
        [],
        [],
        color=colour,
        linestyle=line,
        marker=marker if marked else "",
        markersize=5,
        label=words,
    )
