"""Ticks whose labels never run into one another, and numbers that need no note at the axis' end."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FixedFormatter, FixedLocator, MaxNLocator, NullFormatter
from matplotlib.transforms import Bbox

_MOST_TICKS = 7
_STEPS = (1, 2, 2.5, 5, 10)
_GAP_ACROSS, _GAP_UP = 0.07, 0.02  # inches
_PLAIN_POWERS = range(-3, 5)
_MANY, _TINY = 1e6, 1e-4
_MOST_DECIMALS = 12
_LEAST_FACTOR = 1.1

Ticks = list[tuple[float, str]]


def settle(figure: Figure) -> None:
    """Give every axis of a figure ticks whose labels keep apart; the last step before it is saved.

    Axes that name their ticks themselves keep them, but for labels that would hide the one before.
    """
    figure.draw_without_rendering()  # so that the panels have their places
    for axes in figure.axes:
        if axes.get_visible():
            axes.set(xlim=axes.get_xlim(), ylim=axes.get_ylim())  # ticks shall not move them
            for axis in (axes.xaxis, axes.yaxis):
                _settle(axes, axis)


def _settle(axes: Axes, axis: Axis) -> None:
    low, high = sorted(map(float, axis.get_view_interval()))
    if isinstance(axis.get_major_locator(), FixedLocator):
        _thin_named(axis)
        return
    if not len(axis.get_majorticklocs()) or not math.isfinite(high - low) or low == high:
        return
    if axis.get_scale() == "log" and high < _LEAST_FACTOR * low:
        low, high = low / _LEAST_FACTOR, high * _LEAST_FACTOR
        (axes.set_xlim if axis is axes.xaxis else axes.set_ylim)(low, high)
    candidates = {"log": _logarithmic, "symlog": _from_zero}.get(axis.get_scale(), _linear)
    marks = axis.get_minorticklocs()
    minor = [mark for mark in marks if low <= mark <= high and axis.get_scale() != "linear"]
    for ticks in candidates(axis, low, high):
        axis.set_major_locator(FixedLocator([place for place, _ in ticks]))
        axis.set_major_formatter(FixedFormatter([text for _, text in ticks]))
        if not _overlap(axis):
            break
    axis.set_minor_locator(FixedLocator(minor))
    axis.set_minor_formatter(NullFormatter())


def _linear(_axis: Axis, low: float, high: float) -> Iterator[Ticks]:
    """Yield ever fewer ticks at round numbers."""
    for most in range(_MOST_TICKS, 0, -1):
        places = MaxNLocator(most, steps=_STEPS, min_n_ticks=1).tick_values(low, high)
        inside = [float(place) for place in places if _inside(place, low, high)]
        yield list(zip(inside, labels(inside), strict=True))
    yield [(low, labels([low])[0])]


def _logarithmic(_axis: Axis, low: float, high: float) -> Iterator[Ticks]:
    """Yield ever fewer ticks at powers of ten, or at round numbers between two of them."""
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    powers = list(range(first, last + 1))
    if len(powers) < 2:
        for digits in ((1, 2, 3, 5, 7), (1, 2, 5), (1, 3), (1,), (2,), (5,)):
            places = [
                digit * 10.0**power for power in range(first - 1, last + 1) for digit in digits
            ]
            inside = [place for place in places if _inside(place, low, high)]
            if len(inside) > 1:
                yield list(zip(inside, map(_digits, inside), strict=True))
        yield from _linear(_axis, low, high)
    for stride in range(1, len(powers) + 1):
        yield [(10.0**power, power_of_ten(power, powers)) for power in powers[::stride]]


def _from_zero(axis: Axis, low: float, high: float) -> Iterator[Ticks]:
    """Yield zero and powers of ten, those next to zero left out first."""
    start = float(axis.get_transform().linthresh)  # type: ignore[attr-defined]
    first, last = round(math.log10(start)), math.floor(math.log10(high) + 1e-9)
    powers = list(range(first, last + 1))
    zero = [(0.0, "0")] if low <= 0.0 <= high else []
    for stride in range(1, len(powers) + 1):
        for skipped in range(min(2, len(powers))):
            kept = powers[skipped::stride]
            yield [*zero, *((10.0**power, power_of_ten(power, powers)) for power in kept)]
    yield zero


def labels(places: Sequence[float]) -> list[str]:
    """Return numbers as an axis shows them, all with as many decimals as tell them apart."""
    largest = max(map(abs, places), default=0.0)
    if largest >= _MANY or 0.0 < largest < _TINY:
        return [_digits(place) for place in places]
    for decimals in range(_MOST_DECIMALS):
        if all(math.isclose(round(place, decimals), place, abs_tol=1e-9) for place in places):
            break
    return [
        f"{place + 0.0:,.{decimals}f}".replace("-0", "0", 1)
        if round(place, decimals) == 0.0
        else f"{place:,.{decimals}f}"
        for place in places
    ]


def _digits(value: float) -> str:
    """Return a number of any size, a power of ten where it is far from one."""
    if value == 0.0:
        return "0"
    power = math.floor(math.log10(abs(value)) + 1e-12)
    if power in _PLAIN_POWERS:
        return f"{value:,.10g}"
    digits = f"{value / 10.0**power:.6g}"
    return f"{digits}e{power}"


def power_of_ten(power: int, beside: Sequence[int]) -> str:
    """Return a power of ten, in full where all beside it are near one."""
    if all(each in _PLAIN_POWERS for each in beside):
        return f"{10.0**power:,.10g}"
    return rf"$\mathdefault{{10^{{{power}}}}}$"


def _inside(place: float, low: float, high: float) -> bool:
    slack = 1e-9 * (high - low)
    return low - slack <= place <= high + slack


def _thin_named(axis: Axis) -> None:
    """Empty the labels that would run into the last one that is shown."""
    axis.set_minor_formatter(NullFormatter())
    shown: Bbox | None = None
    texts = [text.get_text() for text in axis.get_majorticklabels()]
    for index, box in enumerate(_boxes(axis)):
        if box is not None and shown is not None and _near(axis, shown, box):
            texts[index] = ""
        elif box is not None:
            shown = box
    axis.set_major_formatter(FixedFormatter(texts))


def _overlap(axis: Axis) -> bool:
    boxes = [box for box in _boxes(axis) if box is not None]
    return any(_near(axis, one, other) for one, other in itertools.pairwise(boxes))


def _boxes(axis: Axis) -> list[Bbox | None]:
    """Return where each label of a tick is, None where it has none, in the order of the axis."""
    return [
        label.get_window_extent() if label.get_text() and label.get_visible() else None
        for label in axis.get_majorticklabels()
    ]


def _near(axis: Axis, one: Bbox, other: Bbox) -> bool:
    dots = axis.get_figure(root=True).dpi  # type: ignore[union-attr]
    across, up = dots * _GAP_ACROSS, dots * _GAP_UP
    grown = Bbox.from_extents(one.x0 - across, one.y0 - up, one.x1 + across, one.y1 + up)
    return bool(grown.overlaps(other))


def in_thousands(largest: float) -> tuple[float, str]:
    """Return by what counts are divided on an axis that goes so far, and the word for it."""
    if not np.isfinite(largest) or largest < 10_000.0:
        return 1.0, ""
    return (1000.0, "thousand ") if largest < _MANY else (1_000_000.0, "million ")
