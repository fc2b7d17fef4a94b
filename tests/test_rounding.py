"""How far rounding moves numbers, against fractions of what was written."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.rounding import as_written, half_unit, is_finite_number, reaches, times_power_of_two

NOTHING = Fraction(0)


class TestIsFiniteNumber:
    """Whether a value can be computed with."""

    @pytest.mark.parametrize("value", [0, -3, 0.5, -0.0, 5e-324, 1.7e308, 10**300])
    def test_a_number_is_one(self, value: object) -> None:
        assert is_finite_number(value)

    @pytest.mark.parametrize(
        "value", [None, True, False, "1", [1], {}, math.nan, math.inf, -math.inf, 10**400]
    )
    def test_anything_else_is_none(self, value: object) -> None:
        assert not is_finite_number(value)


class TestHalfUnit:
    """What a decimal is away from the number that it is stored as."""

    @given(st.decimals(-(10**9), 10**9, allow_nan=False, places=12))
    def test_no_decimal_is_stored_further_away(self, decimal: object) -> None:
        stored = float(str(decimal))
        assert abs(Fraction(stored) - Fraction(str(decimal))) <= half_unit(stored)

    @pytest.mark.parametrize("value", [0.1, 1.0, 3e-310, 1.7e308])
    def test_it_reaches_half_way_to_the_next_number(self, value: float) -> None:
        assert half_unit(value) * 2 == Fraction(math.nextafter(value, math.inf)) - Fraction(value)


class TestAsWritten:
    """What a person writes."""

    def test_a_whole_number_is_stored_as_it_is_written(self) -> None:
        assert as_written(20000) == as_written(0.0) == as_written(-3.0) == 0
        assert as_written(0.1) == half_unit(0.1)


class TestReaches:
    """A value against a bound."""

    @pytest.mark.parametrize(
        ("value", "bound", "met"),
        [
            (1.0, 1.0, True),
            (1.0 - 2**-53, 1.0, False),
            (math.nextafter(0.1, 0), 0.1, False),
            (-0.0, 0.0, True),
            (math.inf, 1e308, True),
            (-math.inf, -1e308, False),
            (math.nan, 0.0, False),
            (0.0, math.nan, False),
        ],
    )
    def test_without_rounding_it_must_be_there(self, value: float, bound: float, met: bool) -> None:
        assert reaches(value, bound, NOTHING) is met

    def test_a_value_that_may_stand_for_the_bound_reaches_it(self) -> None:
        below = math.nextafter(0.1, 0)
        assert reaches(below, 0.1, half_unit(below))
        assert not reaches(math.nextafter(below, 0), 0.1, half_unit(below))


class TestTimesPowerOfTwo:
    """Without an exception."""

    def test_what_is_too_large_is_infinite(self) -> None:
        assert times_power_of_two(0.5, 1024) == 2.0**1023
        assert times_power_of_two(1.0, 1024) == math.inf
        assert times_power_of_two(-1.0, 1024) == -math.inf
        assert times_power_of_two(0.0, 5000) == 0.0
