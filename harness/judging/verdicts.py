"""From the values of the seeds to a verdict: what each statistic claims, and when it is shown."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping
from dataclasses import replace
from fractions import Fraction
from types import MappingProxyType
from typing import NamedTuple

from harness import units
from harness.experiment import Expectation, Interval, Statistic
from harness.judging.advice import advise_on_mean, advise_on_median, advise_on_share
from harness.judging.bounds import Rounding, rounding_of_seed, rounding_of_share, within
from harness.judging.inference import (
    Limits,
    bootstrap_limits,
    fewest_seeds,
    half_width,
    median_limits,
    sample_deviation,
    share_limits,
    student_limits,
)
from harness.judging.judgement import Judgement
from harness.judging.paired import Pairing, mcnemar
from harness.units import number, scale_of, scale_of_difference
from harness.words import Verdict, percent

_EVALUATED = Fraction(1, 2**50)
"""How far the few operations of computing limits may move them, as a share of the larger one."""


def decide(
    expectation: Expectation,
    values: Mapping[int, float],
    images: Limits | None,
    rounding: Mapping[int, Fraction] = MappingProxyType({}),
    resolution: float | None = None,
    pairing: Pairing = Pairing(),  # noqa: B008
) -> Judgement:
    """Judge by the finite value of every seed, after the rules of `harness.judging.check.judge`.

    Args:
        expectation: What is judged.
        values: One a seed.
        images: The limits that the test images alone leave to the mean, if any. With the intervals
            `binomial` and `paired` they decide, and a single seed is shown with them.
        rounding: How far each value may be moved by rounding.
        resolution: The most that the resolution of one measurement changes a value, as far as it
            is known; it counts where all seeds agree (`all_equal`).
        pairing: What `images` were computed from.
    """
    measured = list(values.values())
    # The mean is exact but for the rounding of the result, so equal values give their value.
    known = Judgement(
        expectation,
        Verdict.INCONCLUSIVE,
        statistics.mean(measured),
        sample_deviation(measured) if len(measured) > 1 else None,
        values,
        images=images,
        rounding=rounding,
        resolution=resolution,
        pairing=pairing,
    )
    return _RULES[expectation.statistic](known)


def all_equal(values: Mapping[int, float], rounding: Mapping[int, Fraction]) -> bool:
    """Tell whether several seeds have the same value, but for rounding, and so no deviation."""
    if len(values) < 2:
        return False
    spread = Fraction(max(values.values())) - Fraction(min(values.values()))
    return spread <= 2 * max(rounding.values(), default=Fraction(0))


def _every(known: Judgement) -> Judgement:
    outside = _outside(known)
    verdict = Verdict.FAIL if outside else Verdict.PASS
    message = f"outside the bounds: {', '.join(outside)}" if outside else ""
    return replace(known, verdict=verdict, share=_share(known), message=message)


def _worst(known: Judgement) -> Judgement:
    wanted, count, outside = known.expectation.share or 0.0, len(known.values), _outside(known)
    lower, upper = _share(known)
    known = replace(known, share=(lower, upper))
    slack = rounding_of_share(wanted)
    if lower >= wanted - slack:
        return replace(known, verdict=Verdict.PASS)
    names = f" (outside: {', '.join(outside)})" if outside else ""
    limits = (
        f"the {percent(known.expectation.confidence)} confidence limits of the share of all seeds"
        " that are"
    )
    message = (
        f"{count - len(outside)} of {count} seeds are within the bounds{names}; {limits}, "
        f"{lower:.1%} and {upper:.1%}, {{}} {percent(wanted)}"
    )
    if upper < wanted - slack:
        return replace(known, verdict=Verdict.FAIL, message=message.format("are below"))
    return replace(
        known,
        message=f"{message.format('straddle')}; {advise_on_share(known, len(outside), wanted)}",
    )


def _median(known: Judgement) -> Judgement:
    values, confidence = list(known.values.values()), known.expectation.confidence
    median = statistics.median(values)
    known = replace(known, median=median)
    limits = median_limits(values, confidence)
    if limits is not None:
        rounding = _of_values(known, limits)
        return _by_limits(
            known, limits, rounding, _Centre("median", median), lambda: advise_on_median(known)
        )
    fewest = fewest_seeds(0.5, confidence)
    message = f"a median has {percent(confidence)} confidence limits from {fewest} seeds on"
    return replace(known, message=f"{message}; {advise_on_median(known)}{_of_images(known)}")


def _mean(known: Judgement) -> Judgement:
    assert known.mean is not None
    centre = _Centre("mean", known.mean)
    if known.expectation.interval in (Interval.BINOMIAL, Interval.PAIRED):
        return _mean_over_test_images(known, centre)
    if known.deviation is None:
        message = (
            "one seed says nothing about others; from two on can be told how many would decide"
        )
        return replace(known, message=f"{message}{_of_images(known)}")
    return _mean_over_seeds(known, centre, known.deviation)


def _mean_over_test_images(known: Judgement, centre: _Centre) -> Judgement:
    if known.images is None:
        return replace(
            known,
            message=(
                "the number of test images behind the metric is not known, so there are no limits"
            ),
        )
    rounding = _moved(known, known.images, 2.0)
    advice = f"only more test images would narrow them{_of_pairs(known)}"
    return _by_limits(known, known.images, rounding, centre, lambda: advice)


def _mean_over_seeds(known: Judgement, centre: _Centre, deviation: float) -> Judgement:
    count, confidence = len(known.values), known.expectation.confidence
    limits = _LIMITS[known.expectation.interval](list(known.values.values()), confidence)
    # Values that move by at most d move their mean by at most d, and their deviation by at most
    # sqrt(n / (n - 1)) d.
    factor = 1 + half_width(math.sqrt(count / (count - 1)), count, confidence)
    rounding = _moved(known, limits, factor)
    if all_equal(known.values, known.rounding):
        known, limits = _of_equal_seeds(known, limits)
        advice = "seeds that all agree do not tell how many would decide"
        return _by_limits(known, limits, rounding, centre, lambda: advice)
    return _by_limits(
        known, limits, rounding, centre, lambda: advise_on_mean(known, centre.value, deviation)
    )


def _of_equal_seeds(known: Judgement, limits: Limits) -> tuple[Judgement, Limits]:
    """Widen limits of no width to what the resolution of the measurement leaves, and say so.

    Had one of n seeds been a step r away, the deviation would be r / sqrt(n), the smallest above
    zero, and Student's limits t r / n from the mean. That no seed was away cannot bring them
    nearer. Nor are they nearer than one step: so much a single image would have made.
    """
    count, step = len(known.values), known.resolution
    if step is None:
        note = (
            "the seeds agree to the last digit, and the resolution of the measurement is not known"
        )
        return (
            replace(
                known, notes=(*known.notes, f"{note}: limits of no width rest on these seeds alone")
            ),
            limits,
        )
    if step == 0.0:
        return known, limits
    half = max(step, half_width(step / math.sqrt(count), count, known.expectation.confidence))
    scale = scale_of_difference(scale_of(known.expectation.metric))
    shown = f"{step * scale.factor:.3g}"
    unit = scale.unit.removesuffix("s") if shown == "1" else scale.unit
    note = "the seeds agree to the last digit: limits rest on the resolution of the measurement"
    known = replace(known, notes=(*known.notes, f"{note}, one step of which is {shown}{unit}"))
    return known, (limits[0] - half, limits[1] + half)


_RULES = {
    Statistic.MEAN: _mean,
    Statistic.MEDIAN: _median,
    Statistic.WORST: _worst,
    Statistic.EVERY: _every,
}
_LIMITS = {Interval.STUDENT: student_limits, Interval.BOOTSTRAP: bootstrap_limits}


class _Centre(NamedTuple):
    """The statistic that limits are around."""

    name: str
    value: float


def _of_values(known: Judgement, limits: Limits) -> Rounding:
    """Return the rounding of limits that are values of seeds."""
    lower, upper = (
        max(rounding_of_seed(known, seed) for seed, value in known.values.items() if value == limit)
        for limit in limits
    )
    return lower, upper


def _moved(known: Judgement, limits: Limits, factor: float) -> Rounding:
    """Return the rounding of limits that move by at most `factor` times as much as the values."""
    values = max((rounding_of_seed(known, seed) for seed in known.values), default=Fraction(0))
    size = max(
        (abs(Fraction(limit)) for limit in limits if math.isfinite(limit)), default=Fraction(0)
    )
    moved = values * Fraction(factor) + size * _EVALUATED
    return moved, moved


def _by_limits(
    known: Judgement, limits: Limits, rounding: Rounding, centre: _Centre, advice: Callable[[], str]
) -> Judgement:
    """Compare confidence limits with the bounds; `advice` is called where they straddle one."""
    expectation, (lower, upper) = known.expectation, limits
    if math.isnan(lower) or math.isnan(upper):
        return replace(known, message="the numbers are too large for confidence limits")
    known = replace(known, interval=limits)
    if within(expectation, lower, upper, rounding):
        return replace(known, verdict=Verdict.PASS)
    shown = _shown_limits(known, limits)
    if not within(expectation, upper, lower, (rounding[1], rounding[0])):
        value = _shown(known, centre.value)
        message = f"the {centre.name} {value} is outside the bounds, and so are its {shown}"
        return replace(known, verdict=Verdict.FAIL, message=message)
    return replace(known, message=f"the {shown} straddle a bound; {advice()}")


def _of_images(known: Judgement) -> str:
    """Say what the test images leave open of a single seed."""
    if known.images is None:
        return ""
    shown = f"{_shown(known, known.mean)} the {_shown_limits(known, known.images)}"
    return f"; its test images alone leave {shown}{_of_pairs(known)}"


def _of_pairs(known: Judgement) -> str:
    """Say what the pairs of images are that limits come from, or why there are none."""
    if known.pairing.obstacle:
        return f", not in pairs of images, as {known.pairing.obstacle}"
    if len(known.pairing.pairs) != 1:
        return ""
    (found,) = known.pairing.pairs
    return (
        f", in pairs: of {found.images:,} images one network alone is right on {found.first:,}, the"
        f" other alone on {found.second:,} (McNemar's exact test: p = {mcnemar(found):.2g}); of"
        " these networks, not of other seeds"
    )


def _shown(known: Judgement, value: float | None) -> str:
    return number(value, scale_of(known.expectation.metric))


def _shown_limits(known: Judgement, found: Limits) -> str:
    shown = units.limits(found, known.mean, known.deviation, scale_of(known.expectation.metric))
    return f"{percent(known.expectation.confidence)} confidence limits {shown}"


def _share(known: Judgement) -> Limits:
    count = len(known.values)
    return share_limits(count - len(_outside(known)), count, known.expectation.confidence)


def _outside(known: Judgement) -> list[str]:
    """Return each seed outside the bounds, with its value."""
    inside = {
        seed: within(
            known.expectation,
            value,
            value,
            (rounding_of_seed(known, seed), rounding_of_seed(known, seed)),
        )
        for seed, value in known.values.items()
    }
    return [
        f"seed {seed} ({_shown(known, value)})"
        for seed, value in known.values.items()
        if not inside[seed]
    ]
