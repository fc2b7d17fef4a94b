"""How much of the allowed error each of several planned looks at the seeds may spend.

Every look may spend only a part of the error (Lan and DeMets 1983), by the function that imitates
O'Brien and Fleming's boundary: almost nothing at first, nearly all at the end.
"""

from __future__ import annotations

import functools
import itertools
import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri, stdtr

Floats = NDArray[np.float64]

_CELLS = 400
"""The number of cells that the angle is divided into: they move no probability of a false verdict
by more than 0.0001.
"""

_LEAST = 1e-12
"""A smaller level is not spent: a confidence so near to 1 has too few digits left."""


def spent_error(fraction: float, alpha: float) -> float:
    """Return how much of a one-sided error `alpha` is spent at a `fraction` of the seeds.

    It is `2 - 2 Phi(z / sqrt(fraction))`, with z the quantile of `1 - alpha / 2` (Lan and DeMets
    1983, alpha_1).
    """
    return alpha if fraction >= 1 else float(2 * ndtr(ndtri(alpha / 2) / math.sqrt(fraction)))


@functools.cache
def bonferroni_levels(sizes: tuple[int, ...], alpha: float) -> tuple[float, ...]:
    """Return the share of the error that each look spends: a level for any test, whatever it is.

    By Bonferroni's inequality the looks are wrong together with a probability of at most `alpha`. A
    look that would spend almost nothing spends nothing, and the next one has its share.
    """
    found: list[float] = []
    for size in sizes:
        more = spent_error(size / sizes[-1], alpha) - math.fsum(found)
        found.append(more if more >= _LEAST else 0.0)
    return tuple(found)


@functools.cache
def student_levels(sizes: tuple[int, ...], alpha: float, cells: int = _CELLS) -> tuple[float, ...]:
    """Return the level of Student's one-sided test at each look, for which all looks spend `alpha`.

    The levels are exact for normal values; no normal approximation is made. Let the population's
    mean be at the bound, and u the cosine of the angle between the first n values and the vector of
    ones, so that `t = sqrt(n - 1) u / sqrt(1 - u^2)`. The direction of n normal values does not
    depend on their length, so that what is next depends on the past by u alone: with phi the angle
    of the next value against the former ones,

        u' = (sqrt(n) u cos(phi) + sin(phi)) / sqrt(n + 1),    sqrt(n) tan(phi) is Student's with n
        freedoms.

    The distribution of the angle among those that no look has decided is carried on from seed to
    seed, as Armitage, McPherson and Rowe (1969) do it for a known deviation (see also Jennison and
    Turnbull 1991). Two one-sided tests (TOST) at these levels pass where both do, which is no more
    often than one does.

    Args:
        sizes: The numbers of seeds at the looks, rising, from 2 on.
        alpha: The error that all looks may make together, on one side.
        cells: Into how many cells the angle is divided.
    """
    edges = np.linspace(0.0, math.pi, cells + 1)
    middles = (edges[1:] + edges[:-1]) / 2
    share = bonferroni_levels(sizes, alpha)
    found = [share[0]]
    mass = np.diff(np.maximum(_probability_of_angles(sizes[0], edges), share[0]))
    for look, (before, size) in enumerate(itertools.pairwise(sizes), start=1):
        for count in range(before, size - 1):
            mass = np.diff(mass @ _probability_of_reaching(count, middles[:, None], edges[None, :]))
        below = mass @ _probability_of_reaching(size - 1, middles[:, None], edges[None, :])
        boundary = _boundary(mass, middles, size - 1, share[look])
        level = float(_probability_of_angles(size, np.array([boundary]))[0]) if share[look] else 0.0
        # The cells make the level inexact, but it lies between Bonferroni's and all that is spent.
        found.append(min(max(level, share[look]), math.fsum(share[: look + 1])))
        mass = np.diff(np.maximum(below, share[look]))
    return tuple(found)


def _probability_of_angles(count: int, angles: Floats) -> Floats:
    """Return the probability that the angle of `count` values to the ones is at most each of these.

    The values have the mean 0.
    """
    inside = np.clip(angles, 1e-300, math.pi - 1e-15)
    found: Floats = stdtr(count - 1, -math.sqrt(count - 1) / np.tan(inside))
    return found


_PHI = np.linspace(-math.pi / 2, math.pi / 2, 4097)


def _probability_of_reaching(count: int, angles: Floats, ends: Floats) -> Floats:
    """Return the probability that one value more brings each angle to at most each end.

    `angles` are those of `count` values.
    """
    along = math.sqrt(count) * np.cos(angles)
    middle = np.arctan2(1.0, along)
    half = np.arccos(np.clip(np.cos(ends) * math.sqrt(count + 1) / np.hypot(along, 1.0), -1.0, 1.0))
    below = stdtr(count, math.sqrt(count) * np.tan(_PHI))
    below[0], below[-1] = 0.0, 1.0
    high, low, around = (np.interp(phi, _PHI, below) for phi in _ends_of_phi(middle, half))
    # Both ends of the range of phi are the same direction, up to its sign: what is beyond one end
    # enters at the other.
    found: Floats = high - low + around
    return found


def _ends_of_phi(middle: Floats, half: Floats) -> tuple[Floats, Floats, Floats]:
    return middle + half, middle - half, middle + half - 2 * math.pi


def _boundary(mass: Floats, angles: Floats, count: int, share: float) -> float:
    """Return the angle that one value more reaches with probability `share`, found by bisection."""
    low, high = 0.0, math.pi
    for _ in range(60):
        middle = (low + high) / 2
        reached = float(mass @ _probability_of_reaching(count, angles, np.array(middle)))
        low, high = (middle, high) if reached < share else (low, middle)
    return low
