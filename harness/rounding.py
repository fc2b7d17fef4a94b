"""How far rounding alone may move a number.

A number with a fraction is rarely what it is written as: 0.09 is stored as the nearest of the
numbers that a computer has, up to half a unit in its last place away. So 0.09 - 0.08 is a little
less than 0.01. What is compared here is compared with just that allowance, which grows and shrinks
with the numbers that take part.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TypeGuard


def is_finite_number(value: object) -> TypeGuard[float]:
    """Tell whether a value is a number that is finite, and neither text nor true or false."""
    try:
        return (
            isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        )
    except OverflowError:  # an integer beyond every floating-point number
        return False


def share_of(share: float, count: int) -> int:
    """Return floor(share * count) of the share as it is written: of 100, 0.29 is 29, not 28."""
    return math.floor(Fraction(str(share)) * count)


def half_unit(value: float) -> Fraction:
    """Return half a unit in the last place of a finite number.

    What the number stands for may be so far from it.
    """
    return Fraction(math.ulp(value)) / 2


def reaches(value: float, bound: float, rounding: Fraction) -> bool:
    """Tell whether a value is at least a bound, or below it by rounding alone.

    The comparison is exact. `rounding` is how far from the value what it stands for may be. A bound
    is as it is written, so it may be half a unit in its last place away from the number that stands
    for it here; whole numbers are stored as they are written.
    """
    if value >= bound:
        return True
    if not (math.isfinite(value) and math.isfinite(bound)):
        return False
    return Fraction(bound) - Fraction(value) <= rounding + as_written(bound)


def as_written(value: float) -> Fraction:
    """Return how far from a finite number what a person wrote may be: 0 for a whole number."""
    return Fraction(0) if float(value).is_integer() else half_unit(value)


def times_power_of_two(value: float, exponent: int) -> float:
    """Return `value * 2 ** exponent`, which changes no digit; infinite where it is too large."""
    try:
        return math.ldexp(value, exponent)
    except OverflowError:
        return math.copysign(math.inf, value)
