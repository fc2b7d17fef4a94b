"""Inputs that are read a few rows at a time, and when they are brought into memory whole."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.data.records import Indices, Inputs, Rows, Split

LARGEST_IN_MEMORY = 2**31
"""Bytes of a split's raw inputs, after randomization, up to which they are held in memory.

There, with TensorFlow's copy of them, they take twice as much. More are read, and randomized,
again whenever they are asked for. What comes out is the same.
"""

BLOCK_BYTES = 4_000_000
"""What eight bytes for every value of a block of rows may take: such are the random numbers that
are drawn for it. Small enough for a processor's cache, large enough to vectorize."""

MOST_THREADS = 4
"""Threads, one a core at most, that make the blocks of what is brought into memory whole, each a
block at a time. More would wait for one another: only NumPy's part of the work goes on side by
side."""


@dataclass(frozen=True, eq=False)
class Chosen:
    """The rows of `whole` at some of its indices."""

    whole: Inputs
    indices: Indices

    @property
    def shape(self) -> tuple[int, ...]:
        """Those of the chosen rows."""
        return len(self.indices), *self.whole.shape[1:]

    @property
    def dtype(self) -> np.dtype[Any]:
        """As of the whole."""
        return self.whole.dtype

    def take(self, indices: Indices) -> NDArray[Any]:
        """The rows at these places among the chosen ones."""
        return take(self.whole, self.indices[indices])


@dataclass(frozen=True, eq=False)
class Changed:
    """Rows made from those of `source`, of which row i is made from row i mod len(source).

    `change(rows, indices)` gives the new rows [b, ...] of the indices [b], made from the array
    `rows` [b, ...], which it may write into. It is asked for a block of rows at a time, by several
    threads at once, and must not depend on which rows are made together.
    """

    source: Inputs
    count: int
    change: Callable[[NDArray[Any], Indices], NDArray[Any]]

    @property
    def shape(self) -> tuple[int, ...]:
        """As of the source, but for the number of rows."""
        return self.count, *self.source.shape[1:]

    @property
    def dtype(self) -> np.dtype[Any]:
        """As of the source."""
        return self.source.dtype

    def take(self, indices: Indices) -> NDArray[Any]:
        """Make the rows of these indices."""
        places = list(_blocks(len(indices), self.shape))
        if len(places) <= 1:
            return self._made(indices)
        made = np.empty((len(indices), *self.shape[1:]), self.dtype)
        for place in places:
            made[place] = self._made(indices[place])
        return made

    def _made(self, indices: Indices) -> NDArray[Any]:
        return self.change(take(self.source, indices % self.source.shape[0]), indices)


def take(inputs: Inputs, indices: Indices) -> NDArray[Any]:
    """The rows of the indices [b], in that order; a new array [b, ...]."""
    return inputs.take(indices, axis=0) if isinstance(inputs, np.ndarray) else inputs.take(indices)


def whole(inputs: Inputs) -> NDArray[Any]:
    """Return all inputs as an array; the array itself where they are one.

    Blocks of rows are made by several threads at once (see MOST_THREADS); which makes which does
    not matter.
    """
    if isinstance(inputs, np.ndarray):
        return inputs
    array = np.empty(inputs.shape, inputs.dtype)

    def fill(place: slice) -> None:
        array[place] = inputs.take(np.arange(place.start, place.stop))

    with ThreadPoolExecutor(min(MOST_THREADS, os.cpu_count() or 1)) as threads:
        for _ in threads.map(fill, _blocks(inputs.shape[0], inputs.shape)):
            pass  # raises what the first of the blocks that failed raised
    return array


def materialized(split: Split) -> Split:
    """Return the same split, with its inputs in memory if they are small enough for it."""
    if isinstance(split.inputs, np.ndarray) or _bytes(split.inputs) > LARGEST_IN_MEMORY:
        return split
    return Split(whole(split.inputs), split.labels)


def _blocks(count: int, shape: tuple[int, ...]) -> Iterator[slice]:
    """Cut `count` rows of inputs of this shape into blocks of BLOCK_BYTES."""
    rows = max(1, BLOCK_BYTES // (8 * math.prod(shape[1:])))
    for first in range(0, count, rows):
        yield slice(first, min(first + rows, count))


def _bytes(inputs: Rows) -> int:
    return math.prod(inputs.shape) * inputs.dtype.itemsize
