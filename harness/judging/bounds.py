"""Whether values and limits meet the bounds of an expectation, rounding allowed for."""

from __future__ import annotations

from fractions import Fraction

from harness.experiment import Expectation
from harness.judging.inference import ROUNDING
from harness.judging.judgement import Judgement
from harness.rounding import reaches


def rounding_of_share(share: float) -> float:
    """Return how far rounding may move a share that is compared with this one."""
    return ROUNDING * min(share, 1 - share)


Rounding = tuple[Fraction, Fraction]
"""How far rounding may have moved a lower and an upper limit."""


def rounding_of_seed(known: Judgement, seed: int) -> Fraction:
    """Return how far rounding may have moved the value of a seed."""
    return known.rounding.get(seed, Fraction(0))


def within(expectation: Expectation, low: float, high: float, rounding: Rounding) -> bool:
    """Tell whether `low` meets the lower bound and `high` the upper one, rounding allowed for."""
    lower, upper = expectation.lower, expectation.upper
    return (lower is None or reaches(low, lower, rounding[0])) and (
        upper is None or reaches(-high, -upper, rounding[1])
    )
