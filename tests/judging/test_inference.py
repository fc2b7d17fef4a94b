"""Limits against printed tables and exact fractions, and simulated rates of wrong verdicts."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from statistics import NormalDist, fmean

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from harness.judging.inference import (
    LIKELY,
    MOST_SEEDS,
    Limits,
    bootstrap_limits,
    fewest_seeds,
    half_width,
    mean_power,
    median_limits,
    most_exceptions,
    sample_deviation,
    seeds_for_mean,
    seeds_for_share,
    share_limits,
    share_power,
    student_limits,
)

# Printed tables of Student's t, one-sided 95% (and 99%): degrees of freedom 1, 2, 4, 9.
T95 = {1: 6.3138, 2: 2.9200, 4: 2.1318, 9: 1.8331}
T99 = {2: 6.9646, 4: 3.7469}

# Printed tables of the sign test, one-sided 5% (and 1%): the largest count of the rarer sign that
# rejects.
SIGN05 = {5: 0, 6: 0, 7: 0, 8: 1, 9: 1, 10: 1, 11: 2, 12: 2, 13: 3, 15: 3, 16: 4, 20: 5, 25: 7}
SIGN01 = {7: 0, 8: 0, 9: 0, 10: 0, 11: 1, 12: 1, 13: 1, 14: 2, 15: 2, 20: 4}

# Sizes of samples for distribution-free tolerance limits, by confidence and share: the "59" of
# 95/95 and its kin.
WILKS = {
    (0.95, 0.9): 29,
    (0.95, 0.95): 59,
    (0.95, 0.99): 299,
    (0.9, 0.9): 22,
    (0.99, 0.95): 90,
    (0.99, 0.99): 459,
}


def binomial(most: int, count: int, probability: Fraction) -> Fraction:
    """The probability of at most `most` successes, by the sum of its terms."""
    terms = (
        math.comb(count, k) * probability**k * (1 - probability) ** (count - k)
        for k in range(most + 1)
    )
    return sum(terms, Fraction(0))


@pytest.mark.parametrize(("freedom", "quantile"), T95.items())
def test_the_half_width_uses_the_quantile_of_the_printed_table(
    freedom: int, quantile: float
) -> None:
    assert half_width(1.0, freedom + 1, 0.95) == pytest.approx(
        quantile / math.sqrt(freedom + 1), abs=5e-5
    )


@pytest.mark.parametrize(("freedom", "quantile"), T99.items())
def test_another_confidence_uses_its_own_quantile(freedom: int, quantile: float) -> None:
    assert half_width(2.0, freedom + 1, 0.99) == pytest.approx(
        2 * quantile / math.sqrt(freedom + 1), abs=1e-4
    )


def test_student_limits_of_one_two_three() -> None:
    # Mean 2, sample deviation 1, t = 2.91999: 2 -+ 2.91999 / sqrt(3) = 2 -+ 1.68585.
    assert student_limits([1.0, 2.0, 3.0], 0.95) == pytest.approx((0.31415, 3.68585), abs=1e-5)


def test_bootstrap_limits_of_one_two_three() -> None:
    # Of the 27 resamples, 1 has the mean 1, 3 have 4/3, 6 have 5/3, 7 have 2, and so on: 5% lie
    # below 4/3. The values are symmetric about their mean, so there is no bias and no acceleration
    # to correct for.
    assert bootstrap_limits([1.0, 2.0, 3.0], 0.95) == pytest.approx((4 / 3, 8 / 3))


@pytest.mark.parametrize("confidence", [0.9, 0.95])
@pytest.mark.parametrize("values", [(0.9, 0.913, 0.947, 0.95, 0.96), (1.0, 1.1, 1.25, 1.7, 3.1)])
def test_bootstrap_limits_are_those_of_all_resamples(
    values: Sequence[float], confidence: float
) -> None:
    """BCa (Efron 1987, equations 2.3 and 6.6) over all 5^5 resamples, instead of a draw of them."""
    means = sorted(fmean(resample) for resample in itertools.product(values, repeat=len(values)))
    centre, normal = fmean(values), NormalDist()
    below, same = sum(m < centre - 1e-9 for m in means), sum(abs(m - centre) < 1e-9 for m in means)
    bias = normal.inv_cdf((below + same / 2) / len(means))
    apart = [
        centre - v for v in values
    ]  # proportional to the jackknife's deviations, of the other sign
    skew = -sum(a**3 for a in apart) / (6 * sum(a**2 for a in apart) ** 1.5)

    def limit(level: float) -> float:
        z = bias + normal.inv_cdf(level)
        return float(np.quantile(means, normal.cdf(bias + z / (1 - skew * z))))

    spread = max(values) - min(values)
    expected = limit(1 - confidence), limit(confidence)
    assert bootstrap_limits(values, confidence) == pytest.approx(expected, abs=0.02 * spread)


def test_bootstrap_limits_are_the_same_every_time_and_in_any_order() -> None:
    values = [0.91, 0.97, 0.93, 0.9]
    assert bootstrap_limits(values, 0.95) == bootstrap_limits(sorted(values), 0.95)
    assert bootstrap_limits([0.1] * 3, 0.95) == (0.1, 0.1)
    assert bootstrap_limits([1.0, 2.0], 0.95) == (1.0, 2.0)


Few = st.lists(st.integers(0, 60), min_size=3, max_size=5)
"""How many of 60 images each of a few seeds gets right: ties are frequent."""


class TestBootstrapLimits:
    """The same data in another unit have the same limits in that unit."""

    @pytest.mark.parametrize(
        "values", [[342, 354, 354, 342], [342, 348, 354], [357, 351, 354], [1, 0, 0, 1, 1]]
    )
    def test_whole_counts_and_shares_agree(self, values: Sequence[int]) -> None:
        counts = bootstrap_limits([float(value) for value in values], 0.95)
        for unit in (1 / 360, 100 / 360, 1e-9, 1e9, 7.3):
            shares = bootstrap_limits([value * unit for value in values], 0.95)
            assert shares == pytest.approx([limit * unit for limit in counts], rel=1e-12)

    @settings(max_examples=60, deadline=None)
    @given(
        Few,
        st.sampled_from([1 / 60, 100 / 60, 1e-7, 1e7, 3.3]),
        st.sampled_from([0.0, 1.0, -0.999, 17.3]),
    )
    def test_any_unit_and_any_zero_agree(
        self, values: Sequence[int], unit: float, zero: float
    ) -> None:
        counts = bootstrap_limits([float(value) for value in values], 0.95)
        moved = bootstrap_limits([value * unit + zero * unit for value in values], 0.95)
        near = 1e-9 * unit * (abs(zero) + 60)
        assert moved == pytest.approx([limit * unit + zero * unit for limit in counts], abs=near)

    @settings(max_examples=60, deadline=None)
    @given(st.lists(st.floats(0.5, 1), min_size=2, max_size=5), st.integers(-900, 900))
    def test_powers_of_two_agree_to_the_last_bit(
        self, values: Sequence[float], exponent: int
    ) -> None:
        limits = bootstrap_limits(values, 0.95)
        scaled = bootstrap_limits([math.ldexp(value, exponent) for value in values], 0.95)
        assert scaled == tuple(math.ldexp(limit, exponent) for limit in limits)

    @settings(max_examples=40, deadline=None)
    @given(
        st.lists(st.integers(0, 10**6), min_size=2, max_size=8), st.sampled_from([0.9, 0.95, 0.99])
    )
    def test_where_no_sum_is_rounded_they_are_those_of_scipy(
        self, values: Sequence[int], confidence: float
    ) -> None:
        assume(min(values) < max(values))
        found = stats.bootstrap(
            (sorted(map(float, values)),),
            np.mean,
            confidence_level=2 * confidence - 1,
            method="BCa",
            n_resamples=9999,
            rng=np.random.default_rng(0),
        ).confidence_interval
        assert bootstrap_limits(values, confidence) == pytest.approx(
            (found.low, found.high), rel=1e-9, abs=1e-6
        )

    @pytest.mark.parametrize("size", [1.7e308, 1e-320, 5e-324])
    def test_the_largest_and_the_smallest_numbers_have_limits_between_them(
        self, size: float
    ) -> None:
        lower, upper = bootstrap_limits([-size, 0.0, size], 0.95)
        assert -size <= lower <= upper <= size
        assert bootstrap_limits([size, size], 0.95) == (size, size)


class TestSampleDeviation:
    """Without overflow, and exact for the same values."""

    @pytest.mark.parametrize("value", [1.7e308, 1e-320, 0.1, -0.0])
    def test_the_same_values_have_none(self, value: float) -> None:
        assert sample_deviation([value] * 3) == 0.0

    def test_it_may_be_too_large_for_a_number(self) -> None:
        assert sample_deviation([1.7e308, -1.7e308]) == math.inf
        assert sample_deviation([1e308, -1e308]) == pytest.approx(math.sqrt(2) * 1e308)
        assert sample_deviation([0.0, 2e-320]) == pytest.approx(math.sqrt(2) * 1e-320, rel=1e-3)


class TestHalfWidth:
    """Nothing overflows on the way."""

    def test_only_the_result_can_be_too_large(self) -> None:
        # t = 1.8331 with 9 degrees of freedom
        assert half_width(1.7e308, 10, 0.95) == pytest.approx(
            1.8331 / math.sqrt(10) * 1.7e308, rel=1e-4
        )
        assert half_width(1.7e308, 2, 0.95) == math.inf == half_width(math.inf, 10, 0.95)
        assert half_width(0.0, 2, 0.95) == 0.0


class TestMostExceptions:
    """The slack for rounding is relative: a probability of 1e-12 is no rounding error."""

    def test_a_confidence_of_almost_1(self) -> None:
        confidence = 1 - 2.0**-40
        assert most_exceptions(40, 0.5, confidence) == 0
        assert most_exceptions(39, 0.5, confidence) == -1
        assert fewest_seeds(0.5, confidence) == 40


class TestMeanPower:
    """It has no unit."""

    @pytest.mark.parametrize("unit", [1e-300, 1e-9, 1e9, 1e300])
    def test_a_unit_changes_nothing(self, unit: float) -> None:
        plain = mean_power(1.0, 2.0, 5, 0.95, lower=0.0, upper=9.0)
        assert mean_power(
            1.0 * unit, 2.0 * unit, 5, 0.95, lower=0.0, upper=9.0 * unit
        ) == pytest.approx(plain)

    def test_a_deviation_that_is_too_large_leaves_almost_none(self) -> None:
        assert mean_power(0.0, math.inf, 5, 0.95, lower=-1.0) <= 0.05 + 1e-3


@pytest.mark.parametrize(
    ("confidence", "count", "most"),
    [(0.95, *each) for each in SIGN05.items()] + [(0.99, *each) for each in SIGN01.items()],
)
def test_the_median_has_the_limits_of_the_sign_test(
    confidence: float, count: int, most: int
) -> None:
    values = [float(value) for value in range(count, 0, -1)]
    assert most_exceptions(count, 0.5, confidence) == most
    assert median_limits(values, confidence) == (most + 1, count - most)


@pytest.mark.parametrize(("count", "confidence"), [(1, 0.95), (4, 0.95), (6, 0.99), (1, 0.6)])
def test_too_few_values_have_no_limits_of_the_median(count: int, confidence: float) -> None:
    assert median_limits([0.9] * count, confidence) is None


@pytest.mark.parametrize("share", [Fraction(1, 10), Fraction(1, 2), Fraction(4, 5)])
@pytest.mark.parametrize("count", [1, 3, 5, 10, 29])
def test_the_most_exceptions_are_those_of_exact_fractions(count: int, share: Fraction) -> None:
    allowed = Fraction(1, 20)
    most = max((k for k in range(count) if binomial(k, count, share) <= allowed), default=-1)
    assert most_exceptions(count, float(share), 0.95) == most


def test_a_probability_on_the_edge_counts() -> None:
    # 1 / 2^5 = 1 - 0.96875
    assert most_exceptions(5, 0.5, 0.96875) == 0
    assert most_exceptions(5, 0.5, 0.969) == -1
    assert fewest_seeds(0.5, 0.96875) == 5


@pytest.mark.parametrize(("asked", "count"), WILKS.items())
def test_the_fewest_seeds_that_show_a_share(asked: tuple[float, float], count: int) -> None:
    confidence, share = asked
    assert fewest_seeds(share, confidence) == count
    assert most_exceptions(count, 1 - share, confidence) == 0
    assert most_exceptions(count - 1, 1 - share, confidence) == -1


@pytest.mark.parametrize(("successes", "trials"), [(1, 3), (3, 5), (9, 10)])
def test_share_limits_are_where_the_count_becomes_too_rare(successes: int, trials: int) -> None:
    lower, upper = share_limits(successes, trials, 0.95)
    assert 1 - float(binomial(successes - 1, trials, Fraction(lower))) == pytest.approx(
        0.05, abs=1e-9
    )
    assert float(binomial(successes, trials, Fraction(upper))) == pytest.approx(0.05, abs=1e-9)


@pytest.mark.parametrize(
    ("successes", "trials"), [(3, 5), (1252, 1297), (9999, 10_000), (45_123, 90_000)]
)
def test_share_limits_are_those_of_the_exact_binomial_test(successes: int, trials: int) -> None:
    both = stats.binomtest(successes, trials).proportion_ci(confidence_level=0.9, method="exact")
    assert share_limits(successes, trials, 0.95) == pytest.approx((both.low, both.high), abs=1e-9)


@pytest.mark.parametrize("trials", [1, 3, 5, 10, 1297])
def test_share_limits_of_all_and_of_none(trials: int) -> None:
    edge = 0.05 ** (1 / trials)
    assert share_limits(trials, trials, 0.95) == pytest.approx((edge, 1.0))
    assert share_limits(0, trials, 0.95) == pytest.approx((0.0, 1 - edge))


@pytest.mark.parametrize("count", [2, 3, 5, 10, 30])
@pytest.mark.parametrize("distance", [0.0, 0.3, 1.0, 2.5])
def test_the_power_against_one_bound_is_that_of_the_noncentral_t(
    count: int, distance: float
) -> None:
    beyond = stats.nct(count - 1, distance * math.sqrt(count)) if distance else stats.t(count - 1)
    expected = beyond.sf(stats.t.ppf(0.95, count - 1))
    assert mean_power(5 + 2 * distance, 2.0, count, 0.95, lower=5.0) == pytest.approx(
        expected, abs=5e-4
    )
    assert mean_power(5 - 2 * distance, 2.0, count, 0.95, upper=5.0) == pytest.approx(
        expected, abs=5e-4
    )


@pytest.mark.parametrize(("lower", "upper"), [(-1.0, 1.0), (-0.7, 1.5), (-3.0, 0.0)])
@pytest.mark.parametrize("count", [3, 5, 10])
def test_the_power_between_two_bounds_is_that_of_a_simulation(
    count: int, lower: float, upper: float
) -> None:
    low, high = limits_of_rows(normal(20_000, count))
    rate = np.mean((low >= lower) & (high <= upper))
    assert mean_power(0.0, 1.0, count, 0.95, lower, upper) == pytest.approx(
        rate, abs=4 * 0.5 / math.sqrt(20_000)
    )


@pytest.mark.parametrize(
    ("distance", "count"),
    # Tables of the power of the t-test: one sample, one-sided 5%, power 80%, by distance in
    # deviations.
    [
        (2.0, 4),
        (1.5, 5),
        (1.0, 8),
        (0.8, 12),
        (0.5, 27),
        (0.3, 71),
        (0.2, None),
        (0.0, None),
        (-1.0, None),
    ],
)
def test_the_number_of_seeds_for_a_mean_is_that_of_the_tables(
    distance: float, count: int | None
) -> None:
    assert seeds_for_mean(0.9 + distance * 0.02, 0.02, 0.95, lower=0.9) == count
    assert seeds_for_mean(0.9 - distance * 0.02, 0.02, 0.95, upper=0.9) == count


@pytest.mark.parametrize(
    ("lower", "upper"), [(-0.5, math.inf), (-math.inf, 1.0), (-1.0, 1.0), (-0.6, 2.0)]
)
def test_that_number_of_seeds_decides_in_four_of_five_cases_and_one_fewer_does_not(
    lower: float, upper: float
) -> None:
    needed = seeds_for_mean(0.0, 1.0, 0.95, lower, upper)
    assert needed is not None
    for count, above in ((needed, True), (needed - 1, False)):
        low, high = limits_of_rows(normal(40_000, count))
        rate = np.mean((low >= lower) & (high <= upper))
        assert (rate > LIKELY - 0.008) if above else (rate < LIKELY + 0.008)


def beta_binomial(successes: int, trials: int, first: int, second: int) -> Fraction:
    """Exact: C(n, k) B(k + a, n - k + b) / B(a, b) with whole numbers a and b."""

    def beta(a: int, b: int) -> Fraction:
        return Fraction(math.factorial(a - 1) * math.factorial(b - 1), math.factorial(a + b - 1))

    mixed = beta(successes + first, trials - successes + second) / beta(first, second)
    return math.comb(trials, successes) * mixed


class TestSharePower:
    """The probability of a decision, over all that the seeds at hand leave open."""

    @pytest.mark.parametrize("share", [Fraction(1, 2), Fraction(1, 10), Fraction(1, 5)])
    @pytest.mark.parametrize(
        ("seen", "count", "more"), [(0, 3, 15), (1, 5, 55), (2, 2, 3), (0, 28, 1), (3, 8, 40)]
    )
    def test_one_kind_is_a_sum_of_exact_fractions(
        self, seen: int, count: int, more: int, share: Fraction
    ) -> None:
        whole, allowed = count + more, Fraction(1, 20)
        decided = Fraction(0)
        for further in range(more + 1):
            beyond = seen + further
            rarer = binomial(beyond, whole, share) <= allowed
            as_frequent = binomial(whole - beyond, whole, 1 - share) <= allowed
            decided += beta_binomial(further, more, seen + 1, count - seen + 1) * (
                rarer or as_frequent
            )
        assert share_power([seen], count, more, float(share), 0.95) == pytest.approx(
            float(decided), abs=1e-12
        )

    def test_two_kinds_are_no_surer_than_a_simulation(self) -> None:
        # Of six seeds one is below and none above. What that leaves of the three shares is a
        # Dirichlet distribution.
        random = np.random.default_rng(20200613)
        decided = 0
        for shares in random.dirichlet([2, 1, 6], 20_000):
            below, above, _ = random.multinomial(24, shares)
            below += 1
            decided += max(below, above) <= SIGN30 or max(below, above) >= 30 - SIGN30
        power = share_power([1, 0], 6, 24, 0.5, 0.95)
        assert decided / 20_000 - 0.05 < power < decided / 20_000 + 0.012


SIGN30 = 10
"""Of 30 signs, the largest count of the rarer one that a one-sided 5% test rejects, as printed."""


class TestSeedsForShare:
    """Advice that keeps its promise, or none."""

    @pytest.mark.parametrize("share", [0.5, 0.1, 0.2])
    def test_a_single_seed_gives_none(self, share: float) -> None:
        assert seeds_for_share([0], 1, share, 0.95) is None
        assert seeds_for_share([1], 1, share, 0.95) is None

    @pytest.mark.parametrize(
        ("beyond", "count", "share"),
        [([0], 3, 0.5), ([1], 5, 0.5), ([0, 1], 7, 0.5), ([1], 2, 0.1), ([0], 28, 0.1)],
    )
    def test_it_is_the_first_number_that_likely_decides(
        self, beyond: Sequence[int], count: int, share: float
    ) -> None:
        needed = seeds_for_share(beyond, count, share, 0.95)
        assert needed is not None
        powers = [
            share_power(beyond, count, more, share, 0.95) for more in range(1, needed - count + 1)
        ]
        assert powers[-1] >= LIKELY
        assert max(powers[:-1], default=0.0) < LIKELY

    @pytest.mark.parametrize(
        ("share", "counts"), [(0.5, (2, 3, 4, 6, 9)), (0.1, (2, 4, 8, 12)), (0.2, (3, 5, 8))]
    )
    def test_who_follows_it_decides_in_four_of_five_cases(
        self, share: float, counts: Sequence[int]
    ) -> None:
        """Simulate populations of which any share is beyond the bound, all equally likely."""
        random = np.random.default_rng(20200613)
        for count in counts:
            advised = {
                seen: seeds_for_share([seen], count, share, 0.95) for seen in range(count + 1)
            }
            followed, decided = 0, 0
            for true in random.random(6000):
                seen = int(random.binomial(count, true))
                needed = advised[seen]
                if needed is None or self.decides(seen, count, share):
                    continue
                followed += 1
                decided += self.decides(
                    seen + int(random.binomial(needed - count, true)), needed, share
                )
            assert followed > 200, count
            assert decided / followed > LIKELY - 3 * math.sqrt(LIKELY * (1 - LIKELY) / followed), (
                count
            )

    @staticmethod
    def decides(beyond: int, count: int, share: float) -> bool:
        """The binomial tests of both sides, by another implementation than the code's."""
        rarer = stats.binom.cdf(beyond, count, share) <= 0.05
        return bool(rarer or stats.binom.cdf(count - beyond, count, 1 - share) <= 0.05)


Draws = NDArray[np.float64]
COUNTS = (3, 5, 10)


def normal(draws: int, count: int) -> Draws:
    return np.random.default_rng([20200613, draws, count]).normal(0.0, 1.0, (draws, count))


def exponential(draws: int, count: int) -> Draws:
    """A long tail upwards; the mean is 0."""
    return np.random.default_rng([20200613, draws, count]).exponential(1.0, (draws, count)) - 1


def accuracies(draws: int, count: int) -> Draws:
    """Shares of 1,297 images, as if seeds differed by the images alone; the mean is 0."""
    return (
        np.random.default_rng([20200613, draws, count]).binomial(1297, 0.965, (draws, count)) / 1297
        - 0.965
    )


def nearly_all_alike(draws: int, count: int) -> Draws:
    """Nine seeds of ten measure the same and one something lower; the mean is 0."""
    return np.where(
        np.random.default_rng([20200613, draws, count]).random((draws, count)) < 0.1, -0.9, 0.1
    )


def limits_of_rows(values: Draws) -> tuple[Draws, Draws]:
    """Student's limits of each row, by the quantile of another function than the code's."""
    count = values.shape[1]
    half = stats.t.ppf(0.95, count - 1) * stats.sem(values, axis=1)
    return values.mean(axis=1) - half, values.mean(axis=1) + half


def rates(
    values: Draws, limits: Callable[[Sequence[float], float], Limits | None], true: float
) -> tuple[float, float]:
    """Return how often the lower limit is at or above the truth, and the upper one below it.

    The first is a false pass, the second a false fail.
    """
    found = [limits(row, 0.95) or (-math.inf, math.inf) for row in values.tolist()]
    passes = np.mean([lower >= true - 1e-12 for lower, _ in found])
    return float(passes), float(np.mean([upper < true - 1e-12 for _, upper in found]))


def near(rate: float, draws: int) -> object:
    """The rate, give or take four deviations of the share of so many draws."""
    return pytest.approx(rate, abs=4 * math.sqrt(max(rate, 1e-3) * (1 - rate) / draws))


@pytest.mark.parametrize(
    ("population", "expected"),
    [
        (normal, {3: (0.05, 0.05), 5: (0.05, 0.05), 10: (0.05, 0.05)}),
        (accuracies, {3: (0.055, 0.044), 5: (0.055, 0.045), 10: (0.053, 0.045)}),
        (exponential, {3: (0.013, 0.16), 5: (0.012, 0.16), 10: (0.016, 0.135)}),
        # All seeds alike has the probability 0.9^n, and gives limits of no width.
        (nearly_all_alike, {3: (0.9**3, 0.001), 5: (0.9**5, 0.0), 10: (0.9**10, 0.012)}),
    ],
)
@pytest.mark.parametrize("count", COUNTS)
def test_student_limits_hold_as_promised_for_normal_values_and_for_others_as_documented(
    population: Callable[[int, int], Draws], expected: dict[int, tuple[float, float]], count: int
) -> None:
    passes, fails = rates(population(4000, count), student_limits, 0.0)
    assert passes == near(expected[count][0], 4000)
    assert fails == near(expected[count][1], 4000)


@pytest.mark.parametrize(
    ("width", "expected"), [(1.0, (0.013, 0.012, 0.021)), (4.0, (0.05, 0.05, 0.05))]
)
@pytest.mark.parametrize("count", COUNTS)
def test_on_the_edge_of_a_band_a_pass_is_as_rare_as_promised_or_rarer(
    count: int, width: float, expected: tuple[float, float, float]
) -> None:
    found = [student_limits(row, 0.95) for row in normal(4000, count).tolist()]
    passes = np.mean([lower >= 0 and upper <= width for lower, upper in found])
    assert passes == near(expected[COUNTS.index(count)], 4000)
    assert np.mean([upper < 0 for _, upper in found]) == near(0.05, 4000)


@pytest.mark.parametrize(("population", "median"), [(normal, 0.0), (exponential, math.log(2) - 1)])
@pytest.mark.parametrize(("count", "rate"), [(3, 0.0), (5, 1 / 32), (10, 11 / 1024)])
def test_the_limits_of_the_median_hold_whatever_the_distribution(
    population: Callable[[int, int], Draws], median: float, count: int, rate: float
) -> None:
    assert rates(population(4000, count), median_limits, median) == (
        near(rate, 4000),
        near(rate, 4000),
    )


@pytest.mark.parametrize("share", [0.5, 0.8, 0.9])
@pytest.mark.parametrize("count", COUNTS)
def test_the_limits_of_a_share_hold_with_at_least_the_confidence(count: int, share: float) -> None:
    """Exact: the probabilities of the counts whose limits exclude the share."""
    found = [share_limits(inside, count, 0.95) for inside in range(count + 1)]
    chance = stats.binom.pmf(np.arange(count + 1), count, share)
    passes = sum(p for p, (lower, _) in zip(chance, found, strict=True) if lower >= share)
    fails = sum(p for p, (_, upper) in zip(chance, found, strict=True) if upper < share)
    assert passes <= 0.05
    assert fails <= 0.05
    if share == 0.5:
        assert passes == pytest.approx({3: 0, 5: 1 / 32, 10: 11 / 1024}[count])


@pytest.mark.parametrize(
    ("population", "count", "passes", "fails"),
    [
        (normal, 3, 0.16, 0.16),
        (normal, 5, 0.10, 0.10),
        (normal, 10, 0.075, 0.075),
        (exponential, 5, 0.052, 0.20),
    ],
)
def test_bootstrap_limits_of_few_seeds_are_too_narrow_as_documented(
    population: Callable[[int, int], Draws], count: int, passes: float, fails: float
) -> None:
    assert rates(population(800, count), bootstrap_limits, 0.0) == (
        near(passes, 800),
        near(fails, 800),
    )


@pytest.mark.parametrize(("count", "rate"), [(3, 0.093), (5, 0.081)])
def test_to_look_again_with_the_advised_number_of_seeds_makes_a_false_pass_more_probable(
    count: int, rate: float
) -> None:
    values, passes = normal(2000, count + MOST_SEEDS), 0
    for row in values:
        lower, upper = student_limits(row[:count].tolist(), 0.95)
        if lower < 0 <= upper:
            mean, deviation = float(row[:count].mean()), float(row[:count].std(ddof=1))
            bounds = (0.0, math.inf) if mean >= 0 else (-math.inf, 0.0)
            needed = seeds_for_mean(mean, deviation, 0.95, *bounds) or count
            lower, upper = student_limits(row[: max(count, needed)].tolist(), 0.95)
        passes += lower >= 0
    assert passes / 2000 == near(rate, 2000)
