"""What each look spends: against printed tables and by simulation."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from harness.experiment import SeedPlan
from harness.judging.alpha_spending import bonferroni_levels, spent_error, student_levels

SIZES = (3, 6, 9, 12, 15, 18, 20)
Floats = NDArray[np.float64]


class TestSpent:
    """What is spent by a share of the seeds."""

    # Printed for a one-sided error of 0.025 and five equal looks, such as in Jennison and Turnbull
    # (2000), chapter 7.
    @pytest.mark.parametrize(
        ("fraction", "printed"),
        [(0.2, 0.0), (0.4, 0.0004), (0.6, 0.0038), (0.8, 0.0122), (1.0, 0.025)],
    )
    def test_it_is_the_printed_one(self, fraction: float, printed: float) -> None:
        assert spent_error(fraction, 0.025) == pytest.approx(printed, abs=5e-5)


class TestShares:
    """What each look spends."""

    @pytest.mark.parametrize("alpha", [0.05, 0.01, 0.4])
    @pytest.mark.parametrize("sizes", [SIZES, (2, 100), (2, 3), (5,)])
    def test_they_add_up_to_all_that_may_be_spent(
        self, sizes: tuple[int, ...], alpha: float
    ) -> None:
        assert sum(bonferroni_levels(sizes, alpha)) == pytest.approx(alpha, rel=1e-12)

    def test_a_look_that_would_spend_next_to_nothing_spends_nothing(self) -> None:
        assert bonferroni_levels((2, 100), 0.05) == (0.0, 0.05)


class TestStudentLevels:
    """The level of Student's test at each look."""

    def test_a_single_look_has_all(self) -> None:
        assert student_levels((7,), 0.05) == (0.05,)

    def test_of_many_seeds_they_are_nearly_the_printed_ones_of_normal_values(self) -> None:
        # Boundaries of Lan and DeMets for five equal looks, a one-sided error of 0.025, by every
        # program for them.
        printed = [stats.norm.sf(z) for z in (4.877, 3.357, 2.680, 2.290, 2.031)]
        assert student_levels((20, 40, 60, 80, 100), 0.025)[1:] == pytest.approx(
            printed[1:], rel=0.06
        )

    @pytest.mark.parametrize("sizes", [(2, 3), (2, 3, 4, 5), SIZES, (3, 20)])
    @pytest.mark.parametrize("alpha", [0.05, 0.2])
    def test_every_look_spends_its_share_in_simulations_of_normal_values(
        self, sizes: tuple[int, ...], alpha: float
    ) -> None:
        count = 200_000
        crossed = _crossed(np.random.default_rng(1).normal(size=(count, sizes[-1])), sizes, alpha)
        for look, size in enumerate(sizes):
            wanted = 2 * stats.norm.sf(stats.norm.isf(alpha / 2) / math.sqrt(size / sizes[-1]))
            found = float(crossed[:, : look + 1].any(axis=1).mean())
            assert found == pytest.approx(wanted, abs=4 * math.sqrt(wanted / count) + 1e-9)

    @pytest.mark.long
    @pytest.mark.parametrize("first", [2, 3, 5])
    @pytest.mark.parametrize("most", [7, 20, 60])
    @pytest.mark.parametrize("step", [1, 3, 10])
    def test_they_keep_the_level_to_a_few_parts_of_ten_thousand(
        self, first: int, most: int, step: int
    ) -> None:
        sizes, count, found = SeedPlan(first, most, step).sizes, 100_000, 0.0
        for seed in range(20):
            drawn = np.random.default_rng(seed).normal(size=(count, most))
            found += float(_crossed(drawn, sizes, 0.05).any(axis=1).mean()) / 20
        assert found == pytest.approx(0.05, abs=6e-4)  # four deviations of two million trials

    def test_finer_cells_change_them_little(self) -> None:
        assert student_levels(SIZES, 0.05) == pytest.approx(
            student_levels(SIZES, 0.05, 1200), rel=0.01
        )

    @given(st.integers(2, 5), st.integers(1, 8), st.integers(1, 4), st.floats(1e-4, 0.45))
    @settings(max_examples=20, deadline=None)
    def test_they_lie_between_bonferroni_s_and_all_that_is_spent(
        self, first: int, more: int, step: int, alpha: float
    ) -> None:
        sizes = SeedPlan(first, first + more, step).sizes
        for level, share, all_ in zip(
            student_levels(sizes, alpha, 60),
            bonferroni_levels(sizes, alpha),
            itertools.accumulate(bonferroni_levels(sizes, alpha)),
            strict=True,
        ):
            assert share <= level <= all_


def _crossed(drawn: Floats, sizes: tuple[int, ...], alpha: float) -> NDArray[np.bool_]:
    """Tell for each trial and look whether Student's lower limit is above 0."""
    levels = student_levels(sizes, alpha)
    return np.stack(
        [
            limits_at_level(drawn[:, :n], level)[0] > 0
            for n, level in zip(sizes, levels, strict=True)
        ],
        axis=1,
    )


def limits_at_level(drawn: Floats, level: float) -> tuple[Floats, Floats]:
    if level == 0:
        infinite = np.full(len(drawn), math.inf)
        return -infinite, infinite
    count = drawn.shape[1]
    half = stats.t.isf(level, count - 1) * drawn.std(axis=1, ddof=1) / math.sqrt(count)
    return drawn.mean(axis=1) - half, drawn.mean(axis=1) + half
