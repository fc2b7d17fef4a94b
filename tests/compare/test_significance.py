"""Against numbers that were worked out by hand, or by integrating the t-distribution's density."""

from __future__ import annotations

import math

import numpy as np
import pytest

from harness.compare.significance import Comparison, Method, Outcome, Values, compare, compare_all


def p_of(t: float, freedom: float) -> float:
    """Both tails of Student's t, by Simpson's rule on its density."""
    constant = math.gamma((freedom + 1) / 2) / (
        math.sqrt(freedom * math.pi) * math.gamma(freedom / 2)
    )
    x = np.linspace(0, t, 200_001)
    y = constant * (1 + x**2 / freedom) ** (-(freedom + 1) / 2)
    weights = np.full(x.size, 2.0)
    weights[1::2] = 4
    weights[[0, -1]] = 1
    return float(1 - 2 * (x[1] - x[0]) / 3 * (weights @ y))


def numbers(*values: float | None, first: int = 0) -> Values:
    return dict(enumerate(values, first))


def only(before: Values, after: Values, confidence: float = 0.95) -> Comparison:
    return compare_all({"it": (before, after)}, confidence)["it"]


def test_the_same_seeds_are_pairs() -> None:
    # Differences 1, 2, 3: mean 2, deviation 1, t = 2 / (1 / sqrt 3) = 3.4641 with two degrees of
    # freedom, for which p = 1 - t / sqrt(t^2 + 2) = 1 - sqrt(12 / 14) = 0.07418; the 97.5% quantile
    # is 4.30265.
    found = only(numbers(1, 5, 2), numbers(2, 7, 5))
    assert (found.method, found.outcome) == (Method.PAIRED, Outcome.CHANCE)
    assert (found.before.mean, found.after.mean, found.difference) == pytest.approx(
        (8 / 3, 14 / 3, 2)
    )
    assert found.p == pytest.approx(1 - math.sqrt(12 / 14), rel=1e-9)
    assert found.half_width == pytest.approx(4.302652730 / math.sqrt(3), rel=1e-8)
    assert found.adjusted == found.p
    # At a level of 10% it is no chance.
    assert only(numbers(1, 5, 2), numbers(2, 7, 5), 0.9).outcome is Outcome.CHANGED


def test_pairs_find_what_the_spread_between_seeds_hides() -> None:
    paired = only(numbers(0.90, 0.93, 0.96), numbers(0.91, 0.9401, 0.9699))
    apart = only(numbers(0.90, 0.93, 0.96), numbers(0.91, 0.9401, 0.9699, first=3))
    assert (paired.outcome, apart.outcome) == (Outcome.CHANGED, Outcome.CHANCE)
    assert paired.difference == pytest.approx(0.01) == apart.difference


def test_other_seeds_are_compared_by_welch() -> None:
    # Means 2 and 6, variances 1 and 4 of 3 and 4 seeds: the error is sqrt(1/3 + 1) and t = 4 /
    # sqrt(4/3) = 3.4641; the degrees of freedom are (4/3)^2 / ((1/3)^2 / 2 + 1^2 / 3) = 4.5714.
    after = numbers(6 - math.sqrt(6), 6, 6, 6 + math.sqrt(6), first=10)
    found = only(numbers(1, 2, 3), after)
    assert found.method is Method.WELCH
    assert (found.before.count, found.after.count) == (3, 4)
    assert found.difference == pytest.approx(4)
    assert found.p == pytest.approx(p_of(math.sqrt(12), 32 / 7), rel=1e-6)
    assert found.half_width is not None
    assert p_of(found.half_width / math.sqrt(4 / 3), 32 / 7) == pytest.approx(0.05, abs=1e-6)
    assert found.outcome is Outcome.CHANGED


def test_seeds_that_were_added_do_not_blur_the_pairs() -> None:
    found = only(numbers(1, 5, 2), numbers(2, 7, 5, 100, 200))
    assert (found.method, found.before.count, found.after.count) == (Method.PAIRED, 3, 3)
    assert found.difference == pytest.approx(2)
    # Where each side has seeds of its own, all of them count.
    found = only(numbers(1, 5, 2), numbers(2, 7, 5, first=1))
    assert (found.method, found.before.count, found.after.count) == (Method.WELCH, 3, 3)


@pytest.mark.parametrize(
    ("before", "after", "outcome", "p"),
    [
        (numbers(1, 2, 3), numbers(1, 2, 3), Outcome.SAME, None),
        (numbers(0.1 + 0.2, 1e9), numbers(0.3, 1e9 + 1e-6), Outcome.SAME, None),
        (numbers(1.0, 1.0), numbers(1.0, 1.0, first=2), Outcome.SAME, None),
        (numbers(1), numbers(1), Outcome.SAME, None),
        (numbers(1), numbers(1.001), Outcome.UNTESTED, None),
        (numbers(1), numbers(1, 2, 3), Outcome.SAME, None),
        (numbers(1), numbers(4, 2, 3, first=1), Outcome.UNTESTED, None),
        (numbers(400, 400), numbers(300, 300), Outcome.ALIKE, None),
        (numbers(1, 2, 3), numbers(1.5, 2.5, 3.5), Outcome.ALIKE, None),
        (numbers(400, 400), numbers(300, 300, first=2), Outcome.ALIKE, None),
        (numbers(1e-15, 1e-15), numbers(5e-13, 5e-13), Outcome.ALIKE, None),
        (numbers(0.0, 0.0), numbers(-0.0, -0.0), Outcome.SAME, None),
        (numbers(5e-324, 1e-323), numbers(5e-324, 1e-323), Outcome.SAME, None),
        (numbers(), numbers(), Outcome.SAME, None),
        (numbers(None, None), numbers(None, None), Outcome.SAME, None),
        (numbers(None, None), numbers(1, 2), Outcome.EXISTENCE, None),
        (numbers(1, 2, 3), numbers(1, None, 3), Outcome.EXISTENCE, None),
        (numbers(1, None), numbers(None, 2), Outcome.UNTESTED, None),
        (numbers(1, 2, 3), numbers(1, math.nan, 3), Outcome.EXISTENCE, None),
        (numbers(1, math.nan, 3), numbers(1, 2, 3), Outcome.EXISTENCE, None),
        (numbers(math.nan, math.nan), numbers(1, 2), Outcome.EXISTENCE, None),
        (numbers(math.nan, math.inf), numbers(math.nan, math.inf), Outcome.SAME, None),
        (numbers(None, 1), numbers(math.nan, 1), Outcome.EXISTENCE, None),
        (numbers(math.inf, 1), numbers(-math.inf, 1), Outcome.EXISTENCE, None),
    ],
)
def test_what_needs_no_test(
    before: Values, after: Values, outcome: Outcome, p: float | None
) -> None:
    found = only(before, after)
    assert (found.outcome, found.p) == (outcome, p)
    assert found.outcome.changes == (outcome is not Outcome.SAME)


def test_seeds_whose_number_came_or_went_are_told() -> None:
    found = compare(numbers(1, None, 3, 4), numbers(1, 2, None, 5), 0.95)
    assert (found.gained, found.lost) == ((1,), (2,))
    assert (found.before.count, found.difference) == (
        2,
        0.5,
    )  # the pairs that both have: 1, 1 and 4, 5


def test_p_values_are_corrected_together() -> None:
    # p-values 0.01, 0.02, 0.03 and 0.5 of four tests: sorted, each times 4 over its rank, and none
    # above the next.
    def shifted(p: float) -> tuple[Values, Values]:
        t = math.sqrt(2 * (1 - p) ** 2 / (1 - (1 - p) ** 2))  # for two degrees of freedom
        mean = t / math.sqrt(3)
        return numbers(0, 0, 0), numbers(mean - 1, mean, mean + 1)

    pairs = {str(p): shifted(p) for p in (0.5, 0.02, 0.01, 0.03)} | {
        "same": (numbers(1, 2), numbers(1, 2))
    }
    found = compare_all(pairs, 0.95)
    assert {place: each.adjusted for place, each in found.items()} == {
        "0.01": pytest.approx(0.04),
        "0.02": pytest.approx(0.04),
        "0.03": pytest.approx(0.04),
        "0.5": pytest.approx(0.5),
        "same": None,
    }
    assert [place for place, each in found.items() if each.outcome is Outcome.CHANGED] == [
        "0.02",
        "0.01",
        "0.03",
    ]
    # Alone, 0.03 would be a change at 5%; beside nine that are none, it is not.
    many = {"it": shifted(0.03)} | {str(index): shifted(0.9) for index in range(9)}
    assert compare_all(many, 0.95)["it"].adjusted == pytest.approx(0.3)
    assert compare_all(many, 0.95)["it"].outcome is Outcome.CHANCE


class TestSeedsThatAgree:
    """Where nothing varies there is no test: such a change is marked, and corrects no other."""

    @pytest.mark.parametrize("first", [0, 2])
    def test_others_are_corrected_as_if_it_were_not_there(self, first: int) -> None:
        tested = {
            "a": (numbers(1, 5, 2, 4), numbers(2, 7, 5, 4.5)),
            "b": (numbers(1, 2, 3, 5), numbers(1.2, 1.9, 3.4, 5.1)),
        }
        alike = {
            str(index): (numbers(400, 400), numbers(300 - index, 300 - index, first=first))
            for index in range(9)
        }
        alone, beside = compare_all(tested, 0.95), compare_all(tested | alike, 0.95)
        assert {place: beside[place] for place in tested} == alone
        assert {beside[place].outcome for place in alike} == {Outcome.ALIKE}
        assert Outcome.ALIKE.changes

    def test_it_has_no_probability_and_no_interval(self) -> None:
        found = only(numbers(0.5, 0.75), numbers(0.625, 0.875))
        assert (found.difference, found.half_width, found.p, found.adjusted, found.method) == (
            0.125,
            *[None] * 4,
        )

    def test_seeds_that_came_or_went_are_told_beside_it(self) -> None:
        found = only(numbers(1, 2, None), numbers(2, 3, 4))
        assert (found.outcome, found.gained) == (Outcome.ALIKE, (2,))


@pytest.mark.parametrize("exponent", [-1070, -500, 500, 1020])
@pytest.mark.parametrize("first", [0, 3])
def test_the_largest_and_the_smallest_numbers_are_tested_as_any_are(
    exponent: int, first: int
) -> None:
    before, after = (1.0, 5.0, 2.0), (2.0, 7.0, 5.0)
    plain = only(numbers(*before), numbers(*after, first=first))
    large, larger = ([math.ldexp(value, exponent) for value in side] for side in (before, after))
    found = only(numbers(*large), numbers(*larger, first=first))
    assert (found.p, found.outcome) == (plain.p, plain.outcome)
    assert plain.half_width is not None
    assert found.half_width == pytest.approx(
        math.ldexp(plain.half_width, exponent), rel=0.2 if exponent < -1000 else 1e-12
    )


def test_a_difference_and_a_deviation_that_are_too_large_are_infinite() -> None:
    found = only(numbers(1.7e308, 1.6e308), numbers(-1.7e308, -1.5e308))
    assert (found.outcome, found.difference) == (Outcome.CHANGED, -math.inf)
    assert only(numbers(1.7e308, -1.7e308), numbers(0.0, 1.0)).before.deviation == math.inf


def test_what_is_a_difference_is_the_same_within_the_rounding_of_what_it_is_of() -> None:
    # (0.94 + 0.96) / 2 - 0.95, exactly and as it may be rounded
    before, after = numbers(0.0, 0.0), numbers(1e-16, 1e-16)
    assert compare(before, after, 0.95).outcome is not Outcome.SAME
    assert compare(before, after, 0.95, size=0.96).outcome is Outcome.SAME
