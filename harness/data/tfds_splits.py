"""Splits of TFDS and parts of them, as TFDS writes these, without TFDS: which examples they name.

A part is the name of a split, all of it or a slice: "train", "train[:80%]", "train[100:-50]";
several are joined by "+". Percentages are rounded to the nearest example. Nothing here imports
TensorFlow or NumPy.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.data.errors import Unfit, UnknownName

_BOUND = r"(-?\d+(?:\.\d+)?%|-?\d+)?"
_PART = re.compile(rf"([\w-]+)(?:\[(?!:\]){_BOUND}:{_BOUND}\])?", re.ASCII)


@dataclass(frozen=True)
class Part:
    """The examples of a split from `start` up to `stop`, which is left out."""

    split: str
    start: int
    stop: int


Parts = Sequence[Part]


def parts(written: str, sizes: Mapping[str, int], setting: str, place: str) -> Parts:
    """Return the parts that are written.

    Args:
        written: one or more parts.
        sizes: how many examples each split has.
        setting: where this is written, for messages.
        place: the folder of the splits, for messages.

    Raises:
        Unfit: there is no such split, or not so many examples, or none.
    """
    found = [_part(each.strip(), sizes, setting, place) for each in written.split("+")]
    if not count(found):
        raise Unfit((setting,), f"{place} is prepared without an example in its split {written}")
    return found


def count(these: Parts) -> int:
    """Return how many examples some parts have."""
    return sum(max(0, each.stop - each.start) for each in these)


def overlap(some: Parts, others: Parts) -> bool:
    """Tell whether an example is in both."""
    return any(
        one.split == other.split and max(one.start, other.start) < min(one.stop, other.stop)
        for one in some
        for other in others
    )


def _part(written: str, sizes: Mapping[str, int], setting: str, place: str) -> Part:
    found = _PART.fullmatch(written)
    name = found[1] if found else written
    if found is None or name not in sizes:
        raise UnknownName((setting,), "split", name, list(sizes), place)
    _, start, stop = found.groups()
    size = sizes[name]
    if len({bound.endswith("%") for bound in (start, stop) if bound}) > 1:
        raise Unfit((setting,), f"{written} mixes a percentage and a number of examples")
    bounds = (_bound(start, size) if start else 0, _bound(stop, size) if stop else size)
    if max(map(abs, bounds)) > size:
        raise Unfit((setting,), f"{written} leads beyond the {size:,} examples of {name}")
    return Part(name, *(bound + size if bound < 0 else bound for bound in bounds))


def _bound(written: str, size: int) -> int:
    if written.endswith("%"):
        return round(float(written[:-1]) * size / 100)
    return int(written)
