"""Comparisons image by image, against enumeration of all that few images can give."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

import numpy as np
import pytest
from scipy import stats

from harness.judging import paired
from harness.judging.inference import share_limits
from harness.judging.paired import Pairs, difference_limits, mcnemar, mean_limits


@functools.cache
def every_outcome(images: int) -> list[Pairs]:
    return [Pairs(images, a, b) for a in range(images + 1) for b in range(images + 1 - a)]


def probabilities(images: int, first: float, second: float) -> np.ndarray:
    """Return the probability of each outcome, by the multinomial distribution."""
    counts = [
        [each.first, each.second, images - each.first - each.second]
        for each in every_outcome(images)
    ]
    found: np.ndarray = stats.multinomial.pmf(
        counts, images, [first, second, max(0.0, 1 - first - second)]
    )
    return found


def two_independent(found: Pairs, confidence: float, both: int) -> tuple[float, float]:
    """Return the limits of two independent test sets; `both` more images are right in each."""
    each = 1 - (1 - confidence) / 2
    one, other = (
        share_limits(both + alone, found.images, each) for alone in (found.first, found.second)
    )
    return one[0] - other[1], one[1] - other[0]


class TestPairs:
    """`count_pairs`."""

    def test_counts_the_images_that_one_network_alone_gets_right(self) -> None:
        first, second = (np.array(each, bool) for each in ([1, 1, 0, 0, 1], [1, 0, 1, 0, 0]))
        assert paired.count_pairs(first, second) == Pairs(5, 2, 1)
        assert paired.count_pairs(first, second).difference == pytest.approx(3 / 5 - 2 / 5)

    def test_images_of_different_numbers_are_no_pairs(self) -> None:
        with pytest.raises(ValueError, match="2 and 3 images are no pairs"):
            paired.count_pairs(np.ones(2, bool), np.ones(3, bool))


class TestMcnemar:
    """`mcnemar`."""

    @pytest.mark.parametrize(
        "found", [Pairs(50, 8, 1), Pairs(50, 3, 3), Pairs(50, 0, 6), Pairs(2000, 59, 86)]
    )
    def test_is_the_exact_test_of_a_fair_coin(self, found: Pairs) -> None:
        wanted = stats.binomtest(found.first, found.first + found.second, 0.5).pvalue
        assert mcnemar(found) == pytest.approx(wanted, rel=1e-12)
        assert mcnemar(Pairs(found.images, found.second, found.first)) == pytest.approx(
            wanted, rel=1e-12
        )

    def test_networks_that_agree_on_every_image_show_nothing(self) -> None:
        assert mcnemar(Pairs(100, 0, 0)) == 1


class TestDifferenceLimits:
    """`difference_limits`."""

    @pytest.mark.parametrize(
        ("images", "confidence"), [(1, 0.95), (5, 0.9), (12, 0.95), (30, 0.9), (30, 0.6)]
    )
    def test_no_difference_is_missed_more_often_than_stated(
        self, images: int, confidence: float
    ) -> None:
        lower = np.array([difference_limits(each, confidence)[0] for each in every_outcome(images)])
        grid = np.linspace(0, 1, 41)
        missed = [
            float(probabilities(images, first, second)[lower > first - second + 1e-9].sum())
            for first in grid
            for second in grid
            if first + second <= 1
        ]
        assert max(missed) <= 1 - confidence + 1e-9

    def test_the_probability_of_a_difference_is_largest_where_the_networks_differ_most(
        self,
    ) -> None:
        # What the limits rest on, by enumeration: over all shares of discordant images up to a
        # half.
        images, difference = 25, 6
        enough = np.array(
            [each.first - each.second >= difference for each in every_outcome(images)]
        )
        for expected in (-0.3, 0.0, 0.1, (difference - 2) / (images - 1)):
            shares = np.linspace(abs(expected), 0.5, 40)
            tails = [
                float(
                    probabilities(images, (share + expected) / 2, (share - expected) / 2)[
                        enough
                    ].sum()
                )
                for share in shares
            ]
            assert np.all(np.diff(tails) >= -1e-12)

    def test_networks_that_differ_on_most_images_have_the_limits_of_both_shares(self) -> None:
        found, error = Pairs(1000, 850, 5), 0.05
        share, split = (
            share_limits(855, 1000, 1 - 0.02 * error),
            share_limits(850, 855, 1 - 0.98 * error),
        )
        lower, upper = difference_limits(found, 1 - error)
        assert lower == pytest.approx(share[0] * (2 * split[0] - 1), abs=1e-9)
        assert upper == pytest.approx(share[1] * (2 * split[1] - 1), abs=1e-9)

    @pytest.mark.parametrize("found", every_outcome(9)[::3])
    def test_the_networks_exchanged_change_the_sign(self, found: Pairs) -> None:
        lower, upper = difference_limits(found, 0.95)
        exchanged = difference_limits(Pairs(found.images, found.second, found.first), 0.95)
        assert exchanged == pytest.approx((-upper, -lower), abs=1e-9)
        assert -1 <= lower <= found.difference <= upper <= 1

    @pytest.mark.parametrize(
        ("first", "second"),
        [
            (0.05, 0.05),
            (0.02, 0.005),
            (0.003, 0.0),
            (0.0, 0.0),
            (0.12, 0.02),
            (0.3, 0.15),
            (0.26, 0.24),
        ],
    )
    def test_simulated_networks_are_covered(self, first: float, second: float) -> None:
        random = np.random.default_rng(3)
        outcomes = random.multinomial(1300, [first, second, 1 - first - second], size=400)
        limits = [difference_limits(Pairs(1300, int(a), int(b)), 0.95) for a, b, _ in outcomes]
        missed = [
            np.mean([low > first - second for low, _ in limits]),
            np.mean([high < first - second for _, high in limits]),
        ]
        assert max(missed) <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 400)

    @pytest.mark.parametrize(
        "found", [Pairs(1297, 40, 20), Pairs(10_000, 450, 450), Pairs(10_000, 600, 300)]
    )
    def test_are_little_wider_than_the_normal_approximation_and_much_narrower_than_two_test_sets(
        self, found: Pairs
    ) -> None:
        apart = (found.first + found.second) / found.images - found.difference**2
        wald = 2 * stats.norm.ppf(0.95) * math.sqrt(apart / found.images)
        lower, upper = difference_limits(found, 0.95)
        assert wald < upper - lower < 1.3 * wald
        low, high = two_independent(found, 0.95, both=found.images * 7 // 10)
        assert upper - lower < 0.6 * (high - low)


class TestMeanLimits:
    """`mean_limits`."""

    def test_of_one_seed_are_its_own(self) -> None:
        assert mean_limits([Pairs(500, 30, 12)], 0.95) == difference_limits(
            Pairs(500, 30, 12), 0.95
        )

    def test_share_the_error_among_the_seeds(self) -> None:
        seeds: Sequence[Pairs] = [Pairs(500, 30, 12), Pairs(500, 25, 20)]
        one, other = (difference_limits(each, 0.975) for each in seeds)
        wanted = ((one[0] + other[0]) / 2, (one[1] + other[1]) / 2)
        assert mean_limits(seeds, 0.95) == pytest.approx(wanted, abs=1e-12)
