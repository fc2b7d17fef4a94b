"""Tell whether two sets of seeds differ by more than chance.

Every random decision of a run is drawn from its seed, so the same seed under two settings or two
revisions is a matched pair. Where the seeds of one side are all among those of the other, they are
compared in pairs: the paired t-test. It holds whatever the two have in common, and where they have
much in common (initial weights, the order of the examples) it finds what Welch's test would not.
Other seeds are independent of each other: Welch's t-test, which does not assume equal deviations.
Numbers that are the same are not tested.

Nor are numbers that every seed changed by the very same amount, or that are constant on each side:
there is no deviation to test by. Such a change counts, as that of a single seed does, and says so.
As a p-value of 0 it would pass for the surest of all, though two seeds may agree by chance (of n
signs all are the same in 2 of 2^n cases), and each such value would loosen the correction of the
others.

Of many differences some are large by chance, so the p-values of all of them are corrected together
by the procedure of Benjamini and Hochberg (1995): of those that are called changed, the share of
false ones is expected to be at most the level. It holds where the tests are independent or depend
positively on one another, as the metrics of a run do.
"""

from __future__ import annotations

import enum
import math
import statistics
import warnings
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TypeVar

from harness.judging.inference import sample_deviation
from harness.rounding import is_finite_number, times_power_of_two

ROUNDING = 1e-12
"""Numbers are the same within this share of the largest of them."""

Values = Mapping[int, float | None]
"""A number by seed; None, or what is not finite, where a finished run has none."""

Place = TypeVar("Place", bound=Hashable)


class Method(enum.Enum):
    """How a difference was tested."""

    PAIRED = "paired"
    WELCH = "welch"


class Outcome(enum.Enum):
    """The result of a comparison; `SAME` and `CHANCE` are no change."""

    SAME = "same"
    CHANCE = "within chance"
    CHANGED = "changed"
    UNTESTED = "one seed"
    ALIKE = "changed alike by all seeds"
    EXISTENCE = "other seeds have it"

    @property
    def changes(self) -> bool:
        """Tell whether this counts as a change: all that cannot be put down to chance does."""
        return self not in (Outcome.SAME, Outcome.CHANCE)


@dataclass(frozen=True)
class Sample:
    """The numbers of one side: mean and sample deviation are None where there are too few."""

    count: int
    mean: float | None
    deviation: float | None


@dataclass(frozen=True)
class Comparison:
    """A number before and after.

    `difference` is the mean after minus the mean before; `half_width` that of its two-sided
    Student-t confidence interval, not corrected for other comparisons. `p` is two-sided, `adjusted`
    corrected. `gained` and `lost` are the seeds, finished on both sides, that have the number on
    the one side alone; `otherwise` those that have none on either side, but another reason for it,
    such as NaN.
    """

    before: Sample
    after: Sample
    outcome: Outcome
    method: Method | None = None
    difference: float | None = None
    half_width: float | None = None
    p: float | None = None
    adjusted: float | None = None
    gained: tuple[int, ...] = ()
    lost: tuple[int, ...] = ()
    otherwise: tuple[int, ...] = ()

    @property
    def existence_changed(self) -> bool:
        """Tell whether a seed has the number on one side only, or none for another reason."""
        return bool(self.gained or self.lost or self.otherwise)


def compare_all(
    pairs: Mapping[Place, tuple[Values, Values]],
    confidence: float,
    sizes: Mapping[Place, float] = MappingProxyType({}),
) -> dict[Place, Comparison]:
    """Compare many numbers before and after, and correct their p-values together.

    The level is 1 - confidence. `sizes` are those of the numbers that some were computed from.
    """
    found = {
        place: compare(before, after, confidence, sizes.get(place, 0.0))
        for place, (before, after) in pairs.items()
    }
    tested = [place for place, comparison in found.items() if comparison.p is not None]
    adjusted = _correct([p for place in tested if (p := found[place].p) is not None])
    for place, p in zip(tested, adjusted, strict=True):
        found[place] = _corrected_outcome(found[place], p, 1 - confidence)
    return found


def compare(before: Values, after: Values, confidence: float, size: float = 0.0) -> Comparison:
    """Compare one number before and after; a tested one is `CHANCE` until it is corrected.

    `size` is that of the largest number that these were computed from: the rounding of a difference
    is that of what it is a difference of.
    """
    there, then = _numbers(before), _numbers(after)
    first, second, pairs = _comparable(before, after)
    both = sorted(before.keys() & after.keys())
    comparison = Comparison(
        _sample(first),
        _sample(second),
        Outcome.SAME,
        gained=tuple(seed for seed in both if seed not in there and seed in then),
        lost=tuple(seed for seed in both if seed in there and seed not in then),
        otherwise=tuple(
            seed
            for seed in both
            if seed not in there and seed not in then and repr(before[seed]) != repr(after[seed])
        ),
    )
    same = Outcome.EXISTENCE if comparison.existence_changed else Outcome.SAME
    if not first or not second:
        return replace(comparison, outcome=Outcome.EXISTENCE if first or second else same)
    comparison = replace(comparison, difference=statistics.mean(second) - statistics.mean(first))
    if _is_same(first, second, pairs, size):
        return replace(comparison, outcome=same)
    if min(len(first), len(second)) < 2:
        return replace(comparison, outcome=Outcome.UNTESTED)
    if _has_no_variation(first, second, pairs):
        return replace(comparison, outcome=Outcome.ALIKE)
    # The squares of very large numbers are infinite, and those of very small ones zero. Scaling by
    # a power of two avoids that and changes no digit.
    exponent = _exponent(first, second)
    first, second = _scaled(first, second, exponent)
    half_width, p = (_paired if pairs else _welch)(first, second, confidence)
    if not math.isfinite(half_width + p):
        return replace(comparison, outcome=Outcome.UNTESTED)
    return replace(
        comparison,
        outcome=Outcome.CHANCE,
        method=Method.PAIRED if pairs else Method.WELCH,
        half_width=times_power_of_two(half_width, exponent),
        p=p,
    )


def _numbers(values: Values) -> dict[int, float]:
    return {seed: value for seed, value in values.items() if is_finite_number(value)}


def _comparable(before: Values, after: Values) -> tuple[list[float], list[float], bool]:
    """Return the numbers of both sides to compare, by seed, and whether they are pairs."""
    pairs = before.keys() <= after.keys() or after.keys() <= before.keys()
    there = [_numbers(side) for side in (before, after)]
    both = there[0].keys() & there[1].keys()
    if pairs and both:
        there = [{seed: side[seed] for seed in sorted(both)} for side in there]
    return list(there[0].values()), list(there[1].values()), pairs and bool(both)


def _sample(values: Sequence[float]) -> Sample:
    return Sample(
        len(values),
        statistics.mean(values) if values else None,
        sample_deviation(values) if len(values) > 1 else None,
    )


def _is_same(first: Sequence[float], second: Sequence[float], pairs: bool, size: float) -> bool:
    if pairs:
        return all(_close(a, b, size) for a, b in zip(first, second, strict=True))
    return _close(min(*first, *second), max(*first, *second), size)


def _close(first: float, second: float, size: float) -> bool:
    return math.isclose(first, second, rel_tol=ROUNDING, abs_tol=ROUNDING * size)


def _exponent(first: Sequence[float], second: Sequence[float]) -> int:
    """Return that of the power of two by which no number is larger than 1."""
    return math.frexp(max(map(abs, [*first, *second])))[1]


def _scaled(
    first: Sequence[float], second: Sequence[float], exponent: int
) -> tuple[list[float], list[float]]:
    return [math.ldexp(value, -exponent) for value in first], [
        math.ldexp(value, -exponent) for value in second
    ]


def _has_no_variation(first: Sequence[float], second: Sequence[float], pairs: bool) -> bool:
    """Tell whether nothing varies, so that there is nothing to test by.

    That is a shift that all pairs share, or a constant on each side.
    """
    first, second = _scaled(first, second, _exponent(first, second))
    if pairs:
        differences = [b - a for a, b in zip(first, second, strict=True)]
        return _close(min(differences), max(differences), 1.0)
    return _close(min(first), max(first), 1.0) and _close(min(second), max(second), 1.0)


def _paired(
    first: Sequence[float], second: Sequence[float], confidence: float
) -> tuple[float, float]:
    """Return half-width and p-value by the paired t-test of numbers up to 1."""
    from scipy.stats import ttest_rel  # which takes most of a second to import

    # SciPy warns of differences that are nearly the same.
    with warnings.catch_warnings(action="ignore", category=RuntimeWarning):
        return _result(ttest_rel(second, first), confidence)


def _welch(
    first: Sequence[float], second: Sequence[float], confidence: float
) -> tuple[float, float]:
    """Return half-width and p-value by Welch's t-test of numbers up to 1."""
    from scipy.stats import ttest_ind

    with warnings.catch_warnings(action="ignore", category=RuntimeWarning):
        return _result(ttest_ind(second, first, equal_var=False), confidence)


def _result(found: object, confidence: float) -> tuple[float, float]:
    interval = found.confidence_interval(confidence)  # type: ignore[attr-defined]
    return float(interval.high - interval.low) / 2, float(found.pvalue)  # type: ignore[attr-defined]


def _correct(p_values: Sequence[float]) -> list[float]:
    if not p_values:
        return []
    from scipy.stats import false_discovery_control

    return [float(p) for p in false_discovery_control(p_values, method="bh")]


def _corrected_outcome(comparison: Comparison, adjusted: float, level: float) -> Comparison:
    changed = adjusted <= level * (1 + ROUNDING)
    existence = Outcome.EXISTENCE if comparison.existence_changed else Outcome.CHANCE
    return replace(comparison, adjusted=adjusted, outcome=Outcome.CHANGED if changed else existence)
