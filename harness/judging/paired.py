"""Compare two networks on the same test images by the images that only one of them gets right.

Of an image drawn at random, the first network alone is right with probability p10, the second alone
with probability p01. The difference of their accuracies is p10 - p01: images that both get right,
or both wrong, do not enter it. All limits here speak of these two networks on any images, and not
of networks of other seeds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr, bdtrc, gammaln, ndtri

from harness.judging.inference import Limits, share_limits

_ERROR_FOR_DISCORDANT = 0.02
"""The part of the error that goes into the limit of the share of discordant images, on which one
network alone is right.
"""

_GROWS_UP_TO = 0.5
"""Up to this share of discordant images, the probability of a difference is known to grow with the
share.
"""

_STEPS = 100
_PRECISION = 1e-9
"""How far below its exact place a limit may be found, as a share of the interval that is searched.
"""

_LEAST, _MOST = 1e-300, 1 - 1e-15
"""Smaller and larger probabilities are taken for these."""


@dataclass(frozen=True)
class Pairs:
    """How many of `images` the `first` network alone got right, and the `second` alone."""

    images: int
    first: int
    second: int

    @property
    def difference(self) -> float:
        """Return the accuracy of the first network minus that of the second."""
        return (self.first - self.second) / self.images


@dataclass(frozen=True)
class Pairing:
    """The pairs of each seed in turn, or the obstacle to comparing image by image."""

    pairs: tuple[Pairs, ...] = ()
    obstacle: str = ""


def count_pairs(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> Pairs:
    """Count the pairs of two networks from which images [n] each got right, in the same order.

    Raises:
        ValueError: the numbers of images differ.
    """
    if first.shape != second.shape:
        raise ValueError(f"{len(first)} and {len(second)} images are no pairs")
    alone = np.count_nonzero(first & ~second), np.count_nonzero(second & ~first)
    return Pairs(len(first), int(alone[0]), int(alone[1]))


def mcnemar(pairs: Pairs) -> float:
    """Return the two-sided p-value of McNemar's exact test that both accuracies are the same.

    Of the m images that one network alone gets right, the first one's are then binomial with m
    trials of probability 1/2 (McNemar 1947); the smaller tail counts twice, up to 1.
    """
    discordant = pairs.first + pairs.second
    return min(1.0, 2 * float(bdtr(min(pairs.first, pairs.second), discordant, 0.5)))


def difference_limits(pairs: Pairs, confidence: float) -> Limits:
    """Return the one-sided limits of p10 - p01; each holds with the stated confidence or more.

    Let S be the number of images that the first network alone gets right minus those that the
    second alone does, and psi = p10 + p01. The lower limit is the smallest difference d that the
    test with the statistic S does not reject, after Berger and Boos (1994): psi is at most its
    upper limit of Clopper and Pearson, at a 50th part of the error, and of all such psi the one
    counts that makes `P(S >= s; d, psi)` largest, at the rest of the error.

    That is the upper limit itself. By psi, with S' of one image fewer, the derivative of the
    probability is `n / 2 * (P(S' = s - 1) - P(S' = s))`. Up to psi = 1/2 the generating function of
    one image, `p10 z + (1 - psi) + p01 / z`, has real roots alone, so that S' + n - 1 is a sum of
    independent trials, which has its mode less than 1 from its mean (Darroch 1964), and from there
    on falls. So the probability grows with psi where s >= (n - 1) d + 2. No larger d is rejected
    than this allows.

    Where psi may be above 1/2, such psi are tested otherwise: both factors of `psi (2 p10 / psi -
    1)` get limits of Clopper and Pearson, the second among the images that one network alone gets
    right, and their errors add up (Bonferroni). The smaller of the two limits is that of all psi.
    """
    lower = _lower_limit(pairs, 1 - confidence)
    upper = -_lower_limit(Pairs(pairs.images, pairs.second, pairs.first), 1 - confidence)
    return lower, upper


def mean_limits(found: Sequence[Pairs], confidence: float) -> Limits:
    """Return the one-sided limits of the mean over several seeds' differences.

    Each seed's limits are taken at its part of the error, and their mean: by Bonferroni's
    inequality this holds although all seeds were tested on the same images.
    """
    each = [difference_limits(one, 1 - (1 - confidence) / len(found)) for one in found]
    return math.fsum(low for low, _ in each) / len(each), math.fsum(high for _, high in each) / len(
        each
    )


def _lower_limit(pairs: Pairs, error: float) -> float:
    discordant, error_for_discordant = pairs.first + pairs.second, _ERROR_FOR_DISCORDANT * error
    least, most = share_limits(discordant, pairs.images, 1 - error_for_discordant)
    limit = _lowest_difference(pairs, min(most, _GROWS_UP_TO), error - error_for_discordant)
    if most <= _GROWS_UP_TO:
        return limit
    split = 2 * share_limits(pairs.first, discordant, 1 - (error - error_for_discordant))[0] - 1
    return min(limit, split * (least if split > 0 else most))


def _lowest_difference(pairs: Pairs, most: float, error: float) -> float:
    """Return the smallest p10 - p01 that S does not reject where p10 + p01 is at most `most`.

    1 where it rejects all.
    """
    difference, high = pairs.first - pairs.second, most
    if pairs.images > 1:
        high = min(high, (difference - 2) / (pairs.images - 1))
    tail = _Tail.of(pairs.images, most)
    if high == most and tail.at_least(difference, most) <= error:
        return 1.0
    return _last_at_most(lambda expected: tail.at_least(difference, expected), -most, high, error)


def _last_at_most(
    rising: Callable[[float], float], low: float, high: float, wanted: float
) -> float:
    """Return about the last place where a rising function is at most `wanted`, never one after it.

    By the false position of the quantiles (Illinois): on that scale the function is nearly a line.
    """
    if high <= low:
        return low
    line, ends = _quantile(wanted), [low, high]
    heights = [_quantile(rising(end)) - line for end in ends]
    if heights[1] <= 0:
        return high
    if heights[0] > 0:
        return low
    before = None
    for _ in range(_STEPS):
        if ends[1] - ends[0] <= _PRECISION * (high - low):
            break
        middle = (ends[0] * heights[1] - ends[1] * heights[0]) / (heights[1] - heights[0])
        height = _quantile(rising(middle)) - line
        side = int(height > 0)
        ends[side], heights[side] = middle, height
        if side == before:
            heights[1 - side] /= 2
        before = side
    return ends[0]


def _quantile(probability: float) -> float:
    """Return the normal quantile of a probability, which is finite even for 0 and 1."""
    return float(ndtri(min(max(probability, _LEAST), _MOST)))


@dataclass(frozen=True)
class _Tail:
    """The distribution of the number of discordant images, each image being one with `share`.

    `counts` leaves out the least probable numbers, which have the probability `left_out` together;
    `weights` are the probabilities of the others.
    """

    share: float
    counts: NDArray[np.float64]
    weights: NDArray[np.float64]
    left_out: float

    @classmethod
    def of(cls, images: int, share: float) -> _Tail:
        mean, spread = images * share, 6 * math.sqrt(images * share * (1 - share)) + 20
        low, high = max(0, math.floor(mean - spread)), min(images, math.ceil(mean + spread))
        counts = np.arange(low, high + 1, dtype=np.float64)
        ways = gammaln(images + 1) - gammaln(counts + 1) - gammaln(images - counts + 1)
        weights = np.exp(ways + counts * math.log(share) + (images - counts) * math.log1p(-share))
        below = float(bdtr(low - 1, images, share)) if low else 0.0
        above = float(bdtrc(high, images, share)) if high < images else 0.0
        return cls(share, counts, weights, below + above)

    def at_least(self, difference: int, expected: float) -> float:
        """Return `P(S >= difference)` where p10 - p01 is `expected`, rounded up."""
        # Of m discordant images the first network gets k right and the second m - k, so that
        # k - (m - k) >= difference needs k >= (m + difference) / 2.
        needed = np.ceil((self.counts + difference) / 2)
        first = min(max((1 + expected / self.share) / 2, 0.0), 1.0)
        possible = (needed > 0) & (needed <= self.counts)
        tails = np.where(needed <= 0, 1.0, 0.0)
        images = self.counts[possible].astype(np.int64)
        tails[possible] = bdtrc(needed[possible] - 1, images, first)
        return float(self.weights @ tails) + self.left_out
