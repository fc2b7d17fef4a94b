"""What all plots share: colours that everyone can tell apart, a font, and how text is drawn."""

from __future__ import annotations

from collections.abc import Container
from typing import Any, Literal, NamedTuple

import matplotlib as mpl
from matplotlib import font_manager
from matplotlib.axes import Axes

from harness.final_metrics import measurement_of
from harness.system.console import visible

BLUE, VERMILLION, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
COLOURS = (BLUE, VERMILLION, GREEN, PURPLE, "#E69F00", "#56B4E9", "#000000", "#8A8A8A")
"""The palette of Okabe and Ito (2008); its yellow, too pale on white, is replaced by a grey."""

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "h")
LineStyle = Literal["-", "--", ":", "-.", " "]
PAGE_WIDTH = 9.1
"""How wide a plot is at most, in inches: what a forge shows without shrinking it, 890 pixels."""

LINES: tuple[LineStyle, ...] = ("-", "--", ":", "-.")

FONT = "DejaVu Sans"
"""This font comes with Matplotlib, so every machine draws the same."""

_MISSING_GLYPH = "\u25a1"

_STYLE: Any = {
    "font.family": FONT,
    "font.size": 9.0,
    "text.color": "#222222",
    "axes.titlesize": 10.0,
    "axes.labelsize": 9.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#555555",
    "axes.labelcolor": "#222222",
    "axes.formatter.useoffset": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#E4E4E4",
    "grid.linewidth": 0.8,
    "xtick.color": "#555555",
    "ytick.color": "#555555",
    "xtick.labelcolor": "#222222",
    "ytick.labelcolor": "#222222",
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "lines.linewidth": 1.6,
}


class Look(NamedTuple):
    """How one of several series is drawn."""

    colour: str
    line: LineStyle
    marker: str


def series_style(index: int) -> Look:
    """Return colour, line and marker of one of several that are drawn together; 32 differ."""
    turn, place = divmod(index, len(COLOURS))
    return Look(COLOURS[place], LINES[turn % len(LINES)], MARKERS[(place + turn) % len(MARKERS)])


def styled() -> Any:
    """Return the context in which figures are made and drawn."""
    return mpl.rc_context(_STYLE)


def axis_label(metric: str) -> str:
    """Return an axis label: the title of a metric and its unit."""
    measurement = measurement_of(metric)
    if measurement is None:
        return plain(metric)
    unit = "%" if measurement.unit == "fraction" else measurement.unit
    return (
        f"{measurement.title} ({unit})" if unit and unit != measurement.title else measurement.title
    )


def plain(text: str) -> str:
    """Return text that Matplotlib draws literally, with a box for characters its font lacks.

    Dollars are escaped, so that they start no formula.
    """
    there = _in_font()
    lines = [
        "".join(c if there is None or ord(c) in there else _MISSING_GLYPH for c in visible(line))
        for line in text.split("\n")
    ]
    drawn = "\n".join(lines).replace("$", r"\$")
    return f" {drawn}" if drawn.startswith("_") else drawn  # such a label is in no legend


def _in_font() -> Container[int] | None:
    """Return the characters that the font has, or None where the font cannot be found."""
    try:
        return font_manager.get_font(font_manager.findfont(FONT)).get_charmap()
    except (OSError, RuntimeError, ValueError):
        return None


def plot_factor(metric: str) -> float:
    """Return what a metric is multiplied by: 100 for a share, and for a difference of two."""
    measurement = measurement_of(metric)
    return 100.0 if measurement and measurement.unit in ("fraction", "points") else 1.0


def is_share(metric: str) -> bool:
    """Tell whether a metric is a share, such as an accuracy."""
    measurement = measurement_of(metric)
    return measurement is not None and measurement.unit == "fraction"


def show_message(axes: Axes, text: str) -> None:
    """Leave the axes empty but for a sentence."""
    axes.text(0.5, 0.5, text, ha="center", va="center", transform=axes.transAxes, color="#555555")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.grid(False)
