"""Confidence limits and numbers of seeds: pure functions of numbers, each with its definition.

Every limit here is one-sided and holds alone with the stated confidence. A lower and an upper one
together make an interval of confidence 2 * confidence - 1; a test against two bounds by the two of
them is that of the two one-sided tests (TOST), at level 1 - confidence.
"""

from __future__ import annotations

import bisect
import functools
import math
import statistics
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

# scipy.stats would take most of a second to import.
from scipy.special import bdtr, betaincinv, betaln, gammaincinv, ndtr, stdtrit

from harness.rounding import times_power_of_two

Limits = tuple[float, float]
"""A lower and an upper one-sided confidence limit."""

MOST_SEEDS = 100
"""Advice goes no further than this number of seeds."""

LIKELY = 0.8
"""The probability of a verdict at which a number of seeds would "likely decide"."""

ROUNDING = 1e-12
"""How far rounding may move a probability, as a share of it."""

_TIED = 1e-9
"""Resamples whose mean differs from that of the values by no more than this share of their range
have the same mean.
"""

_RESAMPLES = 9999
_RESAMPLING_SEED = 0
_PARTS = 256
"""Equally likely parts of the distribution of a deviation: enough for three decimals of a power."""


def student_limits(values: Sequence[float], confidence: float) -> Limits:
    """Return Student's limits `m -+ t s / sqrt(n)` of the population's mean; at least two values.

    They hold exactly for values drawn from a normal distribution, and nearly so for the mean of
    many values of any other.
    """
    mean, half = (
        statistics.mean(values),
        half_width(sample_deviation(values), len(values), confidence),
    )
    return mean - half, mean + half


def sample_deviation(values: Sequence[float]) -> float:
    """Return the deviation of at least two values, with `n - 1` in the denominator.

    Infinite where it is too large for a float.
    """
    try:
        return statistics.stdev(values)  # exact but for the rounding of the result
    except OverflowError:
        return math.inf


def half_width(deviation: float, count: int, confidence: float) -> float:
    """Return `t(confidence, count - 1) * deviation / sqrt(count)`; infinite where too large."""
    fraction, exponent = math.frexp(deviation)  # so that nothing overflows on the way
    width = float(stdtrit(count - 1, confidence)) * fraction / math.sqrt(count)
    return times_power_of_two(width, exponent)


def bootstrap_limits(values: Sequence[float], confidence: float) -> Limits:
    """Return the bootstrap limits of the mean (BCa, Efron 1987); at least two values.

    The same values give the same limits, in whatever order and unit: the bias is counted from how
    many resamples have a smaller mean than the values, and half of those that have the same mean.
    Which means are the same is decided relative to the range of the values, not by how sums happen
    to be rounded.

    No limit lies beyond the smallest or the largest value, so the limits of few values are too
    narrow: with three of them the mean of the population is beyond all of them in one case of eight
    on either side, if it is their median.
    """
    ordered = [Fraction(value) for value in sorted(values)]
    smallest, largest = ordered[0], ordered[-1]
    if smallest == largest:
        return float(smallest), float(largest)
    from scipy.stats import bootstrap

    mean, width = sum(ordered) / len(ordered), largest - smallest
    found = bootstrap(
        ([float((value - mean) / width) for value in ordered],),
        _mean_or_tied,
        n_resamples=_RESAMPLES,
        vectorized=True,
        confidence_level=2 * confidence - 1,
        method="BCa",
        rng=np.random.default_rng(_RESAMPLING_SEED),
    ).confidence_interval

    def limit(found: float, otherwise: Fraction) -> float:
        # At a confidence of almost 1 no resample is left to correct by, and the limit is NaN.
        there = mean + width * Fraction(found) if math.isfinite(found) else otherwise
        return float(min(max(there, smallest), largest))

    return limit(float(found.low), smallest), limit(float(found.high), largest)


def _mean_or_tied(values: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    """Return the means of resamples of values whose mean is 0; 0 where they are tied with it."""
    means = np.mean(values, axis=axis)
    return np.where(np.abs(means) < _TIED, 0.0, means)


def median_limits(values: Sequence[float], confidence: float) -> Limits | None:
    """Return the limits of the median that hold for every distribution; None for too few values.

    With k the largest number for which a binomial count of n trials of probability 1/2 is at most k
    with probability 1 - confidence or less, they are the (k + 1)-th smallest and the (k + 1)-th
    largest value (the sign test turned into limits). They err on the side of more confidence, as
    the counts are whole numbers.

    Source: Conover, Practical Nonparametric Statistics, 1999, section 3.2.
    """
    exceptions = most_exceptions(len(values), 0.5, confidence)
    ordered = sorted(values)
    return (ordered[exceptions], ordered[-1 - exceptions]) if exceptions >= 0 else None


def share_limits(successes: int, trials: int, confidence: float) -> Limits:
    """Return the limits of a probability by Clopper and Pearson (1934), exact for a binomial count.

    They are quantiles of the beta distribution: of (x, n - x + 1) at 1 - confidence and of
    (x + 1, n - x) at confidence; 0 and 1 where no trial succeeded or all did. Where all did, the
    lower one is `(1 - confidence) ** (1 / n)`. They err on the side of more confidence, as the
    counts are whole numbers.
    """
    failures = trials - successes
    lower = float(betaincinv(successes, failures + 1, 1 - confidence)) if successes else 0.0
    upper = float(betaincinv(successes + 1, failures, confidence)) if failures else 1.0
    return lower, upper


def most_exceptions(count: int, share: float, confidence: float) -> int:
    """Return how many of `count` seeds may be exceptions and still show them rarer than `share`.

    It is the largest k for which a binomial count of `count` trials of probability `share` is at
    most k with probability 1 - confidence or less; -1 where even no exceptions would not show it.
    """
    # A confidence is rounded: what it stands for is up to half a unit in its last place away.
    rare = (1 - confidence) * (1 + ROUNDING) + math.ulp(confidence) / 2
    return int(np.count_nonzero(_binomial(count, share) <= rare)) - 1


def fewest_seeds(share: float, confidence: float) -> int:
    """Return the fewest seeds that, all within the bounds, show that at least `share` of all are.

    It is the smallest n with `share ** n <= 1 - confidence` (Wilks 1941).
    """
    return math.ceil(math.log1p(-confidence) / math.log(share) * (1 - ROUNDING))


def mean_power(
    mean: float,
    deviation: float,
    count: int,
    confidence: float,
    lower: float = -math.inf,
    upper: float = math.inf,
) -> float:
    """Return the probability that Student's limits of `count` normal values lie within the bounds.

    `mean` and `deviation` (above 0) are the population's. Of the sample, the deviation s is
    independent of the mean, and given s the probability is `max(0, Phi((upper - h - mean) / e) -
    Phi((lower + h - mean) / e))` with `e = deviation / sqrt(n)` and `h = t s / sqrt(n)`. What is
    returned is its mean over s, where (n - 1) (s / deviation)^2 has the chi-square distribution
    with n - 1 degrees of freedom. With one bound this is the power of the t-test (noncentral t),
    with two that of the two one-sided tests (Phillips 1990).
    """
    half = half_width(1.0, count, confidence) * _deviations(count - 1)
    ends = (_standardized(bound, mean, deviation) for bound in (lower, upper))
    below, above = (
        math.sqrt(count) * (end + sign * half) for end, sign in zip(ends, (1, -1), strict=True)
    )
    return float(np.mean(np.maximum(ndtr(above) - ndtr(below), 0.0)))


def _standardized(bound: float, mean: float, deviation: float) -> float:
    """Return how many deviations a bound is above the mean."""
    if math.isinf(bound):
        return bound
    return 0.0 if math.isinf(deviation) else (bound - mean) / deviation


def share_power(
    beyond: Sequence[int], count: int, more: int, share: float, confidence: float
) -> float:
    """Return how probable it is that `more` seeds decide whether exceptions are rarer than `share`.

    It is decided where so few of all seeds are exceptions that every kind is shown to be rarer, or
    so many that one kind is shown not to be. What share of all seeds is of a kind is not known:
    before the first seed every division into the kinds and the rest is equally likely (Laplace),
    and the probability is a mean over what the seeds at hand leave of that. The further exceptions
    of a kind then have a beta-binomial distribution. The result is a lower bound.

    Args:
        beyond: How many of the `count` seeds were exceptions, one number a kind.
        count: The seeds at hand.
        more: The further seeds.
        share: The share that exceptions are compared with.
        confidence: That of the decision.
    """
    whole = count + more
    few, many = (
        most_exceptions(whole, share, confidence),
        whole - most_exceptions(whole, 1 - share, confidence),
    )
    missed, refuted = 0.0, 0.0
    for seen in beyond:
        further = _beta_binomial(more, seen + 1, count - seen + len(beyond))
        missed += float(further[max(0, few - seen + 1) :].sum())
        refuted += float(further[max(0, many - seen) :].sum()) if many <= whole else 0.0
    shown = max(0.0, 1 - missed) if few >= 0 else 0.0  # the union is at most the sum (Bonferroni)
    return min(1.0, shown + refuted)


def _beta_binomial(trials: int, first: float, second: float) -> NDArray[np.float64]:
    """Return the probabilities of 0, 1, ..., `trials` successes of beta-distributed probability."""
    successes = np.arange(trials + 1, dtype=np.float64)
    ways = -np.log1p(trials) - betaln(successes + 1, trials - successes + 1)
    found: NDArray[np.float64] = np.exp(
        ways + betaln(successes + first, trials - successes + second) - betaln(first, second)
    )
    return found


def seeds_for_mean(
    mean: float,
    deviation: float,
    confidence: float,
    lower: float = -math.inf,
    upper: float = math.inf,
) -> int | None:
    """Return the smallest number of seeds whose power is `LIKELY`; None above `MOST_SEEDS`.

    The power is that of `mean_power`: it grows with the number of seeds.
    """
    counts = range(2, MOST_SEEDS + 1)
    place = bisect.bisect_left(
        counts,
        LIKELY,
        key=lambda count: mean_power(mean, deviation, count, confidence, lower, upper),
    )
    return counts[place] if place < len(counts) else None


def seeds_for_share(
    beyond: Sequence[int], count: int, share: float, confidence: float
) -> int | None:
    """Return the fewest seeds, those at hand included, whose `share_power` is `LIKELY`.

    None above `MOST_SEEDS`, and from a single seed, which leaves almost everything open. A somewhat
    larger number may have less power, as the allowed exceptions are whole numbers.
    """
    if count < 2:
        return None
    counts = range(count + 1, MOST_SEEDS + 1)
    return next(
        (
            each
            for each in counts
            if share_power(beyond, count, each - count, share, confidence) >= LIKELY
        ),
        None,
    )


@functools.cache
def _binomial(count: int, probability: float) -> NDArray[np.float64]:
    """Return the probabilities that a binomial count is at most 0, 1, ..., count - 1."""
    below: NDArray[np.float64] = bdtr(np.arange(count, dtype=np.float64), count, probability)
    return below


@functools.cache
def _deviations(freedom: int) -> NDArray[np.float64]:
    """Return the middles of equally likely parts of a sample deviation (the population's is 1)."""
    middles = (np.arange(_PARTS) + 0.5) / _PARTS
    squares: NDArray[np.float64] = 2 * gammaincinv(freedom / 2, middles) / freedom
    return np.sqrt(squares)
