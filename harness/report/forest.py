"""Draw every expectation: measured, its confidence limits, the bounds and the published value."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from harness.expression import ExpressionError, Operation, parse
from harness.judging.judgement import Judgement
from harness.report.expectation import titles
from harness.report.lettering import fitted
from harness.report.style import BLUE, GREEN, PAGE_WIDTH, VERMILLION, plain
from harness.units import PERCENT, PLAIN, POINTS, Scale, measured, number, scale_of
from harness.words import Verdict, plural

Span = tuple[float, float]

# All lengths are in inches.
_LABELS, _NUMBERS, _GAP = 3.3, 1.5, 0.12
_LINE_HEIGHT, _ROW_GAP = 0.155, 0.16
_ABOVE_PANEL, _BELOW_PANEL, _LEGEND = 0.3, 0.32, 0.24
_SIZE = 8.5

_BAND = 0.36
_FAR_APART = 0.35
_MANY_TIMES = 20.0
_MOST_TIMES = 10.0
_LARGEST = 1e100
_UNDECIDED = "#B07500"
_MOST_SEEDS = 30
_MOST_SETTINGS = 200
_MOST_LINES = 3


@dataclass(frozen=True)
class _Row:
    """One expectation, everything in the unit of its panel."""

    judgement: Judgement
    label: str

    @cached_property
    def scale(self) -> Scale:
        return scale_of(self.judgement.expectation.metric)

    def scaled(self, value: float | None) -> float | None:
        """Return a value in the unit of the panel; None where it has no place on an axis."""
        if value is None or not abs(value * self.scale.factor) < _LARGEST:
            return None
        return value * self.scale.factor

    @property
    def point(self) -> float | None:
        judgement = self.judgement
        return self.scaled(judgement.mean if judgement.median is None else judgement.median)

    @property
    def seeds(self) -> list[float]:
        """Return the value of each seed; of settings, the mean of each."""
        means = (each.mean for each in self.judgement.settings.values())
        found = map(self.scaled, [*self.judgement.values.values(), *means])
        return [value for value in found if value is not None]

    @property
    def points(self) -> Sequence[float]:
        """Return the seeds, or the settings, where they are not too many to be drawn."""
        most = _MOST_SETTINGS if self.judgement.settings else _MOST_SEEDS
        return self.seeds if 1 < len(self.seeds) <= most else ()

    @property
    def limits(self) -> tuple[float | None, float | None]:
        judgement = self.judgement
        if judgement.interval != (None, None):
            lower, upper = judgement.interval
        elif judgement.images is not None:
            lower, upper = judgement.images
        elif judgement.share is not None and self.seeds:
            return min(self.seeds), max(self.seeds)
        else:
            return None, None
        return self.scaled(lower), self.scaled(upper)

    @property
    def bounds(self) -> tuple[float | None, float | None]:
        expectation = self.judgement.expectation
        return self.scaled(expectation.lower), self.scaled(expectation.upper)

    @property
    def published(self) -> float | None:
        return self.scaled(self.judgement.expectation.published)

    @cached_property
    def span(self) -> Span | None:
        """From the smallest to the largest number of the row; None where it has none."""
        every = [self.point, self.published, *self.limits, *self.bounds, *self.seeds]
        there = [value for value in every if value is not None]
        return (min(there), max(there)) if there else None

    @property
    def magnitude(self) -> float:
        """Return the size of the largest number of the row; 0 where it has none."""
        return max(map(abs, self.span)) if self.span else 0.0

    @property
    def height(self) -> float:
        return _ROW_GAP + _LINE_HEIGHT * (1 + self.label.count("\n"))

    @property
    def numbers(self) -> str:
        """Return what was measured, or why nothing was."""
        judgement = self.judgement
        if judgement.settings:
            text = f"{judgement.holding} of {len(judgement.settings)} settings"
        elif judgement.median is not None:
            text = f"median {number(judgement.median, self.scale)}"
        elif judgement.mean is not None:
            text = measured(judgement.mean, judgement.deviation, self.scale)
        elif judgement.values:
            text = f"{judgement.verdict.value}, {plural(len(judgement.values), 'seed')}"
        else:
            text = judgement.verdict.value
        return f"{fitted(text, _NUMBERS, _SIZE, 1)}\n(stale)" if judgement.stale else text


@dataclass(frozen=True)
class _Panel:
    """Expectations that share an axis."""

    title: str
    rows: Sequence[_Row]
    log: bool

    @property
    def height(self) -> float:
        return sum(row.height for row in self.rows)

    @property
    def span(self) -> Span:
        return _union([row.span for row in self.rows if row.span is not None])


def forest(judgements: Sequence[Judgement]) -> Figure | None:
    """Draw a row an expectation, in panels by unit; None where nothing is expected.

    Within a unit, what lies far apart has panels of its own, so that short bars are seen, and so
    has what is more than ten times larger. Ratios and counts that differ by more than twenty times
    are on a logarithmic axis. Numbers without a unit may be quite different quantities, and share
    an axis only with those of about their size.
    """
    if not judgements:
        return None
    panels = list(_panels(_rows(judgements)))
    height = _LEGEND + sum(_ABOVE_PANEL + panel.height + _BELOW_PANEL for panel in panels)
    figure = Figure(figsize=(PAGE_WIDTH, height))
    left = _LABELS + _GAP
    width = PAGE_WIDTH - left - _GAP - _NUMBERS
    top = height - _LEGEND
    for panel in panels:
        top -= _ABOVE_PANEL + panel.height
        place = (
            left / PAGE_WIDTH,
            top / height,
            width / PAGE_WIDTH,
            panel.height / height,
        )
        axes = figure.add_axes(place)
        _draw(axes, panel, width)
        top -= _BELOW_PANEL
    figure.legend(
        handles=_legend([row for panel in panels for row in panel.rows]),
        loc="upper left",
        bbox_to_anchor=(0.0, 1.0),
        ncols=7,
        fontsize=_SIZE - 0.5,
        handlelength=1.4,
        columnspacing=1.4,
        borderaxespad=0.2,
    )
    return figure


def _rows(judgements: Sequence[Judgement]) -> list[_Row]:
    called = titles([each.expectation for each in judgements])
    labels = [called[each.expectation.id] or each.expectation.id for each in judgements]
    return [
        _Row(judgement, plain(fitted(label, _LABELS, _SIZE, _MOST_LINES)))
        for judgement, label in zip(judgements, labels, strict=True)
    ]


def _panels(rows: Sequence[_Row]) -> Iterator[_Panel]:
    by_unit: dict[str, list[_Row]] = {}
    for row in rows:
        by_unit.setdefault(_unit(row), []).append(row)
    for title, of_unit in by_unit.items():
        if title not in (*_TITLES.values(), _NO_UNIT) and _far_apart(of_unit):
            yield _Panel(f"{title}, logarithmic", of_unit, log=True)
            continue
        groups = [of_unit] if title == _TITLES[PERCENT] else _by_magnitude(of_unit)
        yield from (_Panel(title, near, log=False) for alike in groups for near in _split(alike))


_TITLES = {PERCENT: "percent", POINTS: "percentage points"}
_NO_UNIT = "plain numbers"


def _unit(row: _Row) -> str:
    """Return the title of a row's panel: its unit in words."""
    if row.scale in _TITLES:
        return _TITLES[row.scale]
    if row.scale is not PLAIN:
        return row.scale.unit.strip()
    try:
        expression = parse(row.judgement.expectation.metric)
    except ExpressionError:
        return _NO_UNIT
    ratio = isinstance(expression, Operation) and expression.symbol == "/"
    return "ratios" if ratio else _NO_UNIT


def _far_apart(rows: Sequence[_Row]) -> bool:
    low, high = _union([row.span for row in rows if row.span is not None])
    return low > 0.0 and high > _MANY_TIMES * low


def _by_magnitude(rows: Sequence[_Row]) -> list[list[_Row]]:
    """Return rows in groups within which none is many times larger than another, small ones first.

    They are parted where their sizes leave the widest gap.
    """
    sizes = sorted({row.magnitude for row in rows if row.magnitude})
    if not sizes or sizes[-1] <= _MOST_TIMES * sizes[0]:
        return [list(rows)]
    _, least = max(itertools.pairwise(sizes), key=lambda pair: pair[1] / pair[0])
    small = [row for row in rows if row.magnitude < least]
    large = [row for row in rows if row.magnitude >= least]
    return [*_by_magnitude(small), *_by_magnitude(large)]


def _split(rows: Sequence[_Row]) -> list[list[_Row]]:
    """Return rows in groups between which nothing is for a good part of the whole axis."""
    there = sorted((row for row in rows if row.span is not None), key=lambda row: row.span or (0,))
    low, high = _union([row.span for row in there if row.span is not None])
    reached = -math.inf
    for row in there:
        assert row.span is not None
        if row.span[0] - reached > _FAR_APART * (high - low) and math.isfinite(reached):
            ends = reached
            below = [each for each in rows if each.span is None or each.span[1] <= ends]
            above = [each for each in rows if each not in below]
            return [*_split(below), *_split(above)]
        reached = max(reached, row.span[1])
    return [list(rows)]


def _union(spans: Sequence[Span]) -> Span:
    if not spans:
        return 0.0, 1.0
    return min(low for low, _ in spans), max(high for _, high in spans)


def _draw(axes: Axes, panel: _Panel, width: float) -> None:
    axes.set_title(panel.title, loc="left", fontsize=9.0, fontweight="bold")
    if panel.log:
        axes.set_xscale("log")
    low, high = _view(panel)
    axes.set_xlim(low, high)
    axes.set_ylim(panel.height, 0.0)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.grid(True, axis="x")
    beside = axes.get_yaxis_transform()
    middle = 0.0
    for index, row in enumerate(panel.rows):
        middle += row.height / 2
        if index % 2:
            shade = Patch(facecolor="#F5F5F5", zorder=-1)
            axes.axhspan(
                middle - row.height / 2,
                middle + row.height / 2,
                color=shade.get_facecolor(),
                linewidth=0,
                zorder=-1,
            )
        _draw_row(axes, row, middle, (low, high))
        for place, text, side in (
            (-_GAP / width, row.label, "right"),
            (1.0 + _GAP / width, plain(row.numbers), "left"),
        ):
            axes.text(
                place,
                middle,
                text,
                transform=beside,
                ha=side,
                va="center_baseline" if "\n" not in text else "center",
                fontsize=_SIZE,
                linespacing=1.1,
            )
        middle += row.height / 2


def _view(panel: _Panel) -> Span:
    """Return where the axis of a panel begins and ends."""
    low, high = panel.span
    if panel.log:
        margin = (high / low) ** 0.06
        return low / margin, high * margin
    margin = 0.06 * (high - low) or 0.05 * abs(high) or 1.0
    if panel.title == _TITLES[PERCENT] and low >= 0.0 and high <= 100.0:
        edge = 0.3 * margin  # so that a point at the end of what is possible is seen whole
        return max(low - margin, -edge), min(high + margin, 100.0 + edge)
    return low - margin, high + margin


def _draw_row(axes: Axes, row: _Row, middle: float, view: Span) -> None:
    edges = [middle - _BAND * row.height, middle + _BAND * row.height]
    lower, upper = row.bounds
    if (lower, upper) != (None, None):
        ends = view[0] if lower is None else lower, view[1] if upper is None else upper
        axes.fill_betweenx(edges, *ends, color=GREEN, alpha=0.16, linewidth=0, zorder=1)
    for bound in (lower, upper):
        if bound is not None:
            axes.plot([bound, bound], edges, color=GREEN, linewidth=1.3, zorder=1.5)
    colour, marker, filled = _LOOKS[row.judgement.verdict]
    start, end = row.limits
    if start is not None or end is not None:
        bar = [view[0] if start is None else start, view[1] if end is None else end]
        axes.plot(bar, [middle] * 2, color=colour, linewidth=1.8, zorder=3)
    if row.points:
        axes.plot(
            row.points,
            [middle + 0.2 * row.height] * len(row.points),
            "o",
            color=colour,
            alpha=0.5,
            markersize=3.2,
            markeredgewidth=0,
            zorder=2.5,
        )
    if row.published is not None:
        axes.plot(row.published, middle, "D", **_PUBLISHED, zorder=3.5)
    if row.point is not None:
        axes.plot(row.point, middle, marker, **_face(colour, filled), zorder=4)


_LOOKS = {
    Verdict.PASS: (BLUE, "o", True),
    Verdict.FAIL: (VERMILLION, "X", True),
    Verdict.INCONCLUSIVE: (_UNDECIDED, "o", False),
    Verdict.BLOCKED: (_UNDECIDED, "o", False),
    Verdict.ERROR: (VERMILLION, "X", True),
}
"""Colour, marker, and whether it is filled."""

_PUBLISHED: dict[str, Any] = {
    "markersize": 6.5,
    "markerfacecolor": "none",
    "markeredgecolor": "#222222",
    "markeredgewidth": 1.2,
}


def _face(colour: str, filled: bool) -> dict[str, Any]:
    return {
        "markersize": 7.5 if filled else 6.5,
        "markerfacecolor": colour if filled else "white",
        "markeredgecolor": "white" if filled else colour,
        "markeredgewidth": 0.7 if filled else 1.6,
    }


def _legend(rows: Sequence[_Row]) -> list[Line2D | Patch]:
    """Return an entry for everything that is drawn."""

    def point(words: str, look: tuple[str, str, bool]) -> Line2D:
        colour, marker, filled = look
        return Line2D(
            [], [], linestyle="", marker=marker, label=words, color=colour, **_face(colour, filled)
        )

    entries: list[Line2D | Patch] = [
        point(words, _LOOKS[verdict])
        for words, verdict in (
            ("passed", Verdict.PASS),
            ("failed", Verdict.FAIL),
            ("undecided", Verdict.INCONCLUSIVE),
        )
        if any(row.point is not None and row.judgement.verdict is verdict for row in rows)
    ]
    if any(row.limits != (None, None) for row in rows):
        entries.append(Line2D([], [], color="#555555", linewidth=1.8, label="confidence limits"))
    drawn = [row for row in rows if row.points]
    if drawn:
        seed = Line2D([], [], linestyle="", marker="o", color="#999999", markersize=3.2)
        words = {"a setting" if row.judgement.settings else "a seed": None for row in drawn}
        seed.set_label(" or ".join(words))
        entries.append(seed)
    if any(row.bounds != (None, None) for row in rows):
        entries.append(Patch(facecolor=GREEN, alpha=0.3, label="expected"))
    if any(row.published is not None for row in rows):
        entries.append(Line2D([], [], linestyle="", marker="D", label="published", **_PUBLISHED))
    return entries
