"""Random numbers as pure functions of (run seed, purpose, epoch, example index).

The numbers are the raw stream of NumPy's Philox4x64-10 bit generator, which is fixed by its
publication (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011) and does not
change between NumPy versions as the distributions of `numpy.random.Generator` may. A counter
based generator has no state to carry: any example's numbers can be computed alone, in any order,
on any machine.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv, ndtri

WORDS_PER_BLOCK = 4
"""Philox4x64 yields four 64-bit words for each value of its counter."""


@dataclass(frozen=True)
class Stream:
    """The random numbers that a run draws for one purpose in one epoch."""

    seed: int
    purpose: str
    epoch: int = 0


def raw(stream: Stream, first: int, count: int, width: int) -> NDArray[np.uint64]:
    """Return random words for the example indices `first` to `first + count - 1`.

    Row j belongs to example index `first + j` and is the same however a range of indices is split.
    The key is (seed, first 64 bits of SHA-256 of the purpose); example index e owns the counters
    (1 + e * ceil(width / 4), 0, epoch, 0) and the following ceil(width / 4) - 1: so a stream should
    always be asked for the same width.

    Returns:
        uint64 [count, width].

    Raises:
        ValueError: an argument is negative.
    """
    if min(stream.seed, stream.epoch, first, count, width) < 0:
        raise ValueError("seed, epoch, first, count and width must not be negative")
    blocks = -(-width // WORDS_PER_BLOCK)
    # NumPy adds one to the counter before the first block: the stream starts at counter 1.
    counter = np.array([first * blocks, 0, stream.epoch, 0], dtype=np.uint64)
    key = np.array([stream.seed, _purpose_key(stream.purpose)], dtype=np.uint64)
    words = np.random.Philox(key=key, counter=counter).random_raw(count * blocks * WORDS_PER_BLOCK)
    return np.asarray(words, dtype=np.uint64).reshape(count, blocks * WORDS_PER_BLOCK)[:, :width]


def uniforms(stream: Stream, first: int, count: int, width: int) -> NDArray[np.float64]:
    """Return uniform numbers in [0, 1): the multiples of 2^-53, each equally likely.

    Returns:
        float64 [count, width], for the example indices `first` to `first + count - 1`.
    """
    words = raw(stream, first, count, width)
    return (words >> np.uint64(11)).astype(np.float64) * 2.0**-53


def integers(stream: Stream, first: int, count: int, width: int, bound: int) -> NDArray[np.int64]:
    """Return uniform integers in [0, bound): floor(bound * uniform).

    The probability of a value differs from 1 / bound by less than 2^-52.

    Returns:
        int64 [count, width], for the example indices `first` to `first + count - 1`.

    Raises:
        ValueError: the bound is below 1 or above 2^53.
    """
    if not 1 <= bound <= 2**53:
        raise ValueError(f"the bound must lie between 1 and 2^53: {bound}")
    return np.floor(uniforms(stream, first, count, width) * bound).astype(np.int64)


def normals(stream: Stream, first: int, count: int, width: int) -> NDArray[np.float64]:
    """Return standard normal numbers, by the inverse distribution function.

    The uniform numbers lie in the middle of 2^52 equal cells of (0, 1), so that 0 and 1, where
    the inverse is infinite, never occur. The inverse is SciPy's `ndtri`.

    Returns:
        float64 [count, width], for the example indices `first` to `first + count - 1`.
    """
    words = raw(stream, first, count, width)
    # 52 bits and not 53: the middle of the last of 2^53 cells would round up to 1.
    return np.asarray(ndtri(((words >> np.uint64(12)) + 0.5) * 2.0**-52), dtype=np.float64)


def betas(uniform: NDArray[np.float64], alpha: float) -> NDArray[np.float64]:
    """Return numbers of the distribution Beta(alpha, alpha), by the inverse distribution function.

    Each is made of one uniform number in [0, 1), so that no draw depends on another, as draws by
    rejection would. The inverse is SciPy's `betaincinv`.

    Returns:
        float64, of the shape of `uniform`, from 0 to 1.
    """
    return np.asarray(betaincinv(alpha, alpha, uniform), dtype=np.float64)


def permutation(stream: Stream, n: int) -> NDArray[np.int64]:
    """Return a uniform permutation of 0 to n - 1, int64 [n]: the order of n random words.

    Equal words, which occur with probability below n^2 * 2^-65, keep their order.
    """
    return np.argsort(raw(stream, 0, 1, n)[0], kind="stable").astype(np.int64)


def at(draw: Callable[[int, int], NDArray[Any]], indices: NDArray[np.integer[Any]]) -> NDArray[Any]:
    """Return the random numbers of any example indices, in their order.

    Args:
        draw: `draw(first, count)` gives those of a range, as `raw` and what is built on it do; it
            is asked once for every run of consecutive indices.
        indices: integers [b].

    Returns:
        An array [b, ...].
    """
    if not len(indices):
        return draw(0, 0)
    bounds = [0, *(np.flatnonzero(np.diff(indices) != 1) + 1).tolist(), len(indices)]
    rows = [draw(int(indices[start]), end - start) for start, end in itertools.pairwise(bounds)]
    return rows[0] if len(rows) == 1 else np.concatenate(rows)


def _purpose_key(purpose: str) -> int:
    return int.from_bytes(hashlib.sha256(purpose.encode()).digest()[:8], "little")
