"""Draw what is expected of a run beside what it measured: bounds, and published values."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes

from harness.experiment import Experiment
from harness.expression import ExpressionError, Reference, parse
from harness.report.style import GREEN, is_share, plot_factor

_NEAR = 0.6
"""How far beyond an axis a bound may lie, as a share of its length, for the axis to reach to it."""

_MARGIN = 0.04
_AT_THE_END = 0.045


@dataclass(frozen=True)
class Target:
    """What one expectation says of a metric of a run, a share in percent.

    `least` and `most` are the ends of what is possible.
    """

    lower: float | None
    upper: float | None
    published: float | None
    least: float = -math.inf
    most: float = math.inf

    @property
    def numbers(self) -> list[float]:
        """Return the numbers that it has."""
        return [each for each in (self.lower, self.upper, self.published) if each is not None]


@dataclass(frozen=True)
class Spot:
    """Where targets are drawn: from `start` to `end`, along the axis across that of the metric.

    `edge` says that these are shares of the panel, not numbers of its axis. `colour` is that of the
    diamond.
    """

    start: float
    end: float
    targets: Sequence[Target]
    edge: bool = False
    colour: str = "#222222"


def targets(experiment: Experiment, metric: str) -> Mapping[str, Sequence[Target]]:
    """Return what is expected of a metric itself, by run; what is expected of others is not."""
    found: dict[str, list[Target]] = {}
    factor = plot_factor(metric)
    for expectation in experiment.expectations:
        try:
            expression = parse(expectation.metric)
        except ExpressionError:
            continue
        if isinstance(expression, Reference) and expression.metric == metric:
            ends = (expectation.lower, expectation.upper, expectation.published)
            lower, upper, published = (None if end is None else factor * end for end in ends)
            possible = (0.0, factor) if is_share(metric) else (-math.inf, math.inf)
            target = Target(lower, upper, published, *possible)
            if target.numbers and target not in found.get(expression.run, []):
                found.setdefault(expression.run, []).append(target)
    return found


def at_the_end(lines: Iterable[tuple[str, Sequence[Target]]]) -> list[Spot]:
    """Return the places of what is expected of several lines in the end: at the panel's right.

    Each line comes with its colour; what several expect alike is drawn once, in the first's.
    """
    colours: dict[Target, str] = {}
    for colour, of_line in lines:
        for target in of_line:
            colours.setdefault(target, colour)
    return [
        Spot(1.0 - _AT_THE_END, 1.0, [target], True, colour) for target, colour in colours.items()
    ]


def draw_targets(axes: Axes, spots: Iterable[Spot], *, across: bool = False) -> None:
    """Draw a green band for bounds and an open diamond for a published value.

    The axis is made longer for published values, and for bounds that are not far from it. `across`
    tells that the metric is on the horizontal axis.
    """
    drawn = [spot for spot in spots if spot.targets]
    if not drawn:
        return
    view = _view(axes, drawn, across)
    for spot in drawn:
        for target in spot.targets:
            _draw(axes, spot, target, view, across)
    (axes.set_xlim if across else axes.set_ylim)(*view)


def _view(axes: Axes, spots: Sequence[Spot], across: bool) -> tuple[float, float]:
    low, high = axes.get_xlim() if across else axes.get_ylim()
    length = high - low
    log = (axes.get_xscale() if across else axes.get_yscale()) == "log"
    for target in (target for spot in spots for target in spot.targets):
        for number in target.numbers:
            if log:
                low, high = (
                    (min(low, 0.8 * number), max(high, 1.25 * number))
                    if number > 0.0
                    else (low, high)
                )
            elif (
                number == target.published or -_NEAR * length < number - low < (1 + _NEAR) * length
            ):
                low = min(low, number - _MARGIN * length)
                high = max(high, number + _MARGIN * length)
    return low, high


def _draw(axes: Axes, spot: Spot, target: Target, view: tuple[float, float], across: bool) -> None:
    of_panel = axes.get_xaxis_transform() if across else axes.get_yaxis_transform()
    transform = of_panel if spot.edge else axes.transData
    fill = axes.fill_betweenx if across else axes.fill_between
    lines = axes.vlines if across else axes.hlines
    ends = [spot.start, spot.end]
    if (target.lower, target.upper) != (None, None):
        lower = max(view[0], target.least) if target.lower is None else target.lower
        upper = min(view[1], target.most) if target.upper is None else target.upper
        fill(
            ends,
            lower,
            upper,
            color=GREEN,
            alpha=0.16,
            linewidth=0,
            zorder=0.6,
            transform=transform,
        )
    bounds = [bound for bound in (target.lower, target.upper) if bound is not None]
    lines(bounds, spot.start, spot.end, color=GREEN, linewidth=1.3, zorder=0.8, transform=transform)
    if target.published is not None:
        middle = (spot.start + spot.end) / 2
        place = (target.published, middle) if across else (middle, target.published)
        axes.scatter(
            *place,
            marker="D",
            s=26 if spot.edge else 34,
            facecolor="none",
            edgecolor=spot.colour,
            linewidth=1.1,
            zorder=3.5,
            transform=transform,
            clip_on=False,
        )
