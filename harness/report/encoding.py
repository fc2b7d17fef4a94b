"""How the cells of matrices are told apart: by colour along one axis, by dashes along another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
from matplotlib.colors import to_hex

from harness.experiment import SAMPLE, cell_label
from harness.report.style import COLOURS, LINES, MARKERS, Look, series_style
from harness.spec.matrix import axis_number

_NEUTRAL = "#555555"
_FEWEST_SHADES = 3
_SHADES_UP_TO = 0.78
"""Where the colour map ends, before yellows that are too pale on white."""

_MOST_LABELS = 4
"""Up to so many labels, an axis of combinations ("a", "b", "a+b") has a colour each."""

Key = Mapping[str, str]


@dataclass(frozen=True)
class Factor:
    """What varies between series: its name, its labels in order, and the label of each series."""

    name: str
    labels: tuple[str, ...]
    of: tuple[str, ...]

    @property
    def ordered(self) -> bool:
        """Tell whether its labels are numbers, so that shades may go with them."""
        numbers = [axis_number(label) for label in self.labels]
        return len(numbers) >= _FEWEST_SHADES and None not in numbers


@dataclass(frozen=True)
class Encoding:
    """The look of every series, and what colours and dashes stand for.

    `legend` has a title and its entries for each axis, where several vary; else it is empty.
    """

    looks: tuple[Look, ...]
    legend: tuple[tuple[str, tuple[tuple[str, Look], ...]], ...] = ()


def encode(keys: Sequence[Key]) -> Encoding:
    """Return looks for series, each given by its label on every axis; no two look the same.

    But for those that differ in their draw of a sample alone: these look alike, without markers.
    One axis has a colour for each label, in shades where the labels are numbers; another has
    dashes and markers, a third markers alone. Where there is more than that, every series has a
    colour and dashes of its own.
    """
    if any(SAMPLE in key for key in keys):
        return _over_draws(keys)
    factors = _factors(keys)
    if not factors:
        return Encoding(tuple(series_style(index) for index in range(len(keys))))
    by_colour = max(factors, key=lambda factor: (factor.ordered, len(factor.labels)))
    rest = [factor for factor in factors if factor is not by_colour]
    rest.sort(key=lambda factor: len(factor.labels))
    dashed = rest.pop() if rest and len(rest[-1].labels) <= len(LINES) else None
    marked = rest.pop() if rest and len(rest[-1].labels) <= len(MARKERS) else None
    if rest or not (by_colour.ordered or len(by_colour.labels) <= len(COLOURS)):
        return Encoding(tuple(series_style(index) for index in range(len(keys))))
    colours = _colours(by_colour)
    looks = []
    for index in range(len(keys)):
        place = by_colour.labels.index(by_colour.of[index])
        dash = dashed.labels.index(dashed.of[index]) if dashed else 0
        mark = marked.labels.index(marked.of[index]) if marked else dash if dashed else place
        looks.append(Look(colours[place], LINES[dash], MARKERS[mark % len(MARKERS)]))
    if len(set(looks)) < len(looks):
        return Encoding(tuple(series_style(index) for index in range(len(keys))))
    if dashed is None:
        return Encoding(tuple(looks))
    legend = [(by_colour, [Look(colour, "-", "") for colour in colours])]
    marks = MARKERS if marked is None else ("",) * len(LINES)
    legend.append((dashed, [Look(_NEUTRAL, *each) for each in zip(LINES, marks, strict=False)]))
    if marked is not None:
        legend.append((marked, [Look(_NEUTRAL, "-", marker) for marker in MARKERS]))
    return Encoding(
        tuple(looks),
        tuple(
            (factor.name, tuple(zip(factor.labels, own, strict=False))) for factor, own in legend
        ),
    )


def _over_draws(keys: Sequence[Key]) -> Encoding:
    cells = [{axis: label for axis, label in key.items() if axis != SAMPLE} for key in keys]
    distinct = [dict(each) for each in dict.fromkeys(tuple(cell.items()) for cell in cells)]
    found = encode(distinct)
    looks = [found.looks[distinct.index(cell)]._replace(marker="") for cell in cells]
    entries = tuple(
        (cell_label(cell) or "a setting", look._replace(marker=""))
        for cell, look in zip(distinct, found.looks, strict=True)
    )
    return Encoding(tuple(looks), found.legend or (("settings", entries),))


def _factors(keys: Sequence[Key]) -> list[Factor]:
    """Return what varies between the series."""
    names = dict.fromkeys(name for key in keys for name in key)
    found = [_factor(name, [key.get(name, "") for key in keys]) for name in names]
    varying = [factor for factor in found if len(factor.labels) > 1]
    if len(varying) == 1 and not varying[0].ordered and len(varying[0].labels) > _MOST_LABELS:
        return _parts(varying[0]) or varying
    return varying


def _factor(name: str, of: Sequence[str]) -> Factor:
    return Factor(name, tuple(dict.fromkeys(of)), tuple(of))


def _parts(factor: Factor) -> list[Factor]:
    """Split an axis of combinations, such as "a", "b" and "a+b", in one part and all others."""
    parts = dict.fromkeys(
        part for label in factor.labels if "+" in label for part in label.split("+")
    )
    found: list[list[Factor]] = []
    for part in parts:
        others = [_without(label, part) for label in factor.of]
        there = [
            f"with {part}" if part in label.split("+") else f"without {part}" for label in factor.of
        ]
        split = [_factor(factor.name, others), _factor(part, there)]
        if len(split[0].labels) <= len(COLOURS) and len(split[1].labels) > 1:
            found.append(split)
    return min(found, key=lambda split: len(split[0].labels), default=[])


def _without(label: str, part: str) -> str:
    left = [each for each in label.split("+") if each != part]
    return "+".join(left) or "none"


def _colours(factor: Factor) -> tuple[str, ...]:
    if not factor.ordered:
        return COLOURS
    numbers = [axis_number(label) or 0.0 for label in factor.labels]
    ranks = np.argsort(np.argsort(numbers))
    shades = np.linspace(0.0, _SHADES_UP_TO, len(numbers))
    return tuple(to_hex(mpl.colormaps["viridis"](shades[rank])) for rank in ranks)
