"""From the values of the seeds to a verdict: what each statistic claims, and when it is shown."""

from __future__ import annotations

import enum
import math
import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from harness import numbers
from harness.numbers import number, scale_of
from harness.spec.records import Expectation, Interval, Statistic
from harness.statistics import (
    MOST_SEEDS,
    Limits,
    bootstrap_limits,
    fewest_seeds,
    median_limits,
    seeds_for_mean,
    seeds_for_share,
    share_limits,
    student_limits,
)

ROUNDING = 1e-12
"""Bounds are met to within this, times max(1, |bound|): 0.09 - 0.08 is "at least 0.01"."""


class Verdict(enum.Enum):
    """What became of an expectation; only `PASS` says that it holds."""

    PASS = "pass"
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    BLOCKED = "blocked"
    ERROR = "error"


@dataclass(frozen=True)
class Judgement:
    """The verdict on one expectation and the numbers it rests on.

    `values` holds the finite value of every seed that has one. `mean` and `deviation` (sample
    deviation, `n - 1` in the denominator) are None unless every seed has a value; `deviation`
    also for a single seed. `median` is there where the statistic is the median.

    All limits are one-sided, each with the expectation's confidence. `interval` holds those of the
    mean or the median that decided, and is (None, None) where there are none; `share` those of the
    share of all seeds that is within the bounds, for the statistics worst and every; `images` those
    that the test images alone leave to the mean, where it is of a single seed or they decide, and
    the metric is a sum of test accuracies. `message` is empty for a pass.
    """

    expectation: Expectation
    verdict: Verdict
    mean: float | None = None
    deviation: float | None = None
    values: Mapping[int, float] = field(default_factory=dict)
    interval: tuple[float | None, float | None] = (None, None)
    message: str = ""
    median: float | None = None
    share: Limits | None = None
    images: Limits | None = None


def decide(expectation: Expectation, values: Mapping[int, float], images: Limits | None) -> Judgement:
    """Judge by the finite value of every seed; the rules are those of `harness.check.judge`.

    `images` are the limits that the test images alone leave to the mean of the values, as far as
    there are any: with the interval `binomial` they decide, and a single seed is shown with them.
    """
    measured = list(values.values())
    # Exact rational arithmetic: equal values give exactly their value and a deviation of 0.
    deviation = statistics.stdev(measured) if len(measured) > 1 else None
    known = Judgement(expectation, Verdict.INCONCLUSIVE, statistics.mean(measured), deviation, values, images=images)
    return _RULES[expectation.statistic](known)


def _every(known: Judgement) -> Judgement:
    outside = _outside(known)
    verdict = Verdict.FAIL if outside else Verdict.PASS
    message = f"outside the bounds: {', '.join(outside)}" if outside else ""
    return replace(known, verdict=verdict, share=_share(known), message=message)


def _worst(known: Judgement) -> Judgement:
    wanted, count, outside = known.expectation.share or 0.0, len(known.values), _outside(known)
    lower, upper = _share(known)
    known = replace(known, share=(lower, upper))
    if lower >= wanted - ROUNDING:
        return replace(known, verdict=Verdict.PASS)
    names = f" (outside: {', '.join(outside)})" if outside else ""
    limits = f"the {_percent(known.expectation.confidence)} confidence limits of the share of all seeds that are"
    message = (
        f"{count - len(outside)} of {count} seeds are within the bounds{names}; {limits}, "
        f"{lower:.1%} and {upper:.1%}, {{}} {_percent(wanted)}"
    )
    if upper < wanted - ROUNDING:
        return replace(known, verdict=Verdict.FAIL, message=message.format("are below"))
    return replace(known, message=f"{message.format('straddle')}; {_advice_on_share(known, wanted)}")


def _median(known: Judgement) -> Judgement:
    values, confidence = list(known.values.values()), known.expectation.confidence
    median = statistics.median(values)
    known = replace(known, median=median)
    limits = median_limits(values, confidence)
    if limits is not None:
        return _by_limits(known, limits, "median", median, lambda: _advice_on_median(known, median))
    fewest = fewest_seeds(0.5, confidence)
    message = f"a median has {_percent(confidence)} confidence limits from {fewest} seeds on"
    return replace(known, message=f"{message}; {_advice_on_median(known, median)}{_of_images(known)}")


def _mean(known: Judgement) -> Judgement:
    mean, deviation = known.mean, known.deviation
    assert mean is not None
    if known.expectation.interval is Interval.BINOMIAL:
        if known.images is None:
            return replace(
                known, message="the number of test images behind the metric is not known, so there are no limits"
            )
        return _by_limits(known, known.images, "mean", mean, lambda: "only more test images would narrow them")
    if deviation is None:
        message = "one seed says nothing about others; from two on can be told how many would decide"
        return replace(known, message=f"{message}{_of_images(known)}")
    limits = _LIMITS[known.expectation.interval](list(known.values.values()), known.expectation.confidence)
    return _by_limits(known, limits, "mean", mean, lambda: _advice_on_mean(known, mean, deviation))


_RULES = {Statistic.MEAN: _mean, Statistic.MEDIAN: _median, Statistic.WORST: _worst, Statistic.EVERY: _every}
_LIMITS = {Interval.STUDENT: student_limits, Interval.BOOTSTRAP: bootstrap_limits}


def _by_limits(known: Judgement, limits: Limits, name: str, value: float, advice: Callable[[], str]) -> Judgement:
    """Compare confidence limits with the bounds; `advice` is asked for where they straddle one."""
    expectation, (lower, upper) = known.expectation, limits
    known = replace(known, interval=limits)
    if _within(expectation, lower, upper):
        return replace(known, verdict=Verdict.PASS)
    shown = _shown_limits(known, limits)
    if not _within(expectation, upper, lower):
        message = f"the {name} {_shown(known, value)} is outside the bounds, and so are its {shown}"
        return replace(known, verdict=Verdict.FAIL, message=message)
    return replace(known, message=f"the {shown} straddle a bound; {advice()}")


def _advice_on_mean(known: Judgement, mean: float, deviation: float) -> str:
    lower, upper = _wanted(known.expectation, mean)
    needed = seeds_for_mean(mean, deviation, known.expectation.confidence, lower, upper)
    return f"{_would_decide(needed)}, if mean and deviation are as measured"


def _advice_on_median(known: Judgement, median: float) -> str:
    (lower, upper), values = _wanted(known.expectation, median), known.values.values()
    beyond = [statistics.mean(value < lower for value in values), statistics.mean(value > upper for value in values)]
    needed = seeds_for_share(beyond, 0.5, known.expectation.confidence)
    return f"{_would_decide(needed)}, if the share of seeds beyond a bound is as measured"


def _advice_on_share(known: Judgement, wanted: float) -> str:
    outside = len(_outside(known)) / len(known.values)
    exceptions, share = (outside, 1 - wanted) if 1 - outside >= wanted else (1 - outside, wanted)
    needed = seeds_for_share([exceptions], share, known.expectation.confidence)
    return f"{_would_decide(needed)}, if the share of seeds within the bounds is as measured"


def _would_decide(needed: int | None) -> str:
    return f"{'more than' if needed is None else 'about'} {needed or MOST_SEEDS} seeds would likely decide"


def _wanted(expectation: Expectation, centre: float) -> tuple[float, float]:
    """Return between what the limits must come to lie for the verdict that the centre foretells."""
    lower = -math.inf if expectation.lower is None else expectation.lower
    upper = math.inf if expectation.upper is None else expectation.upper
    if centre < lower:
        return -math.inf, lower
    return (upper, math.inf) if centre > upper else (lower, upper)


def _of_images(known: Judgement) -> str:
    """Say what the test images leave open of a single seed."""
    if known.images is None:
        return ""
    return f"; its test images alone leave {_shown(known, known.mean)} the {_shown_limits(known, known.images)}"


def _shown(known: Judgement, value: float | None) -> str:
    return number(value, scale_of(known.expectation.metric))


def _shown_limits(known: Judgement, found: Limits) -> str:
    shown = numbers.limits(found, known.mean, known.deviation, scale_of(known.expectation.metric))
    return f"{_percent(known.expectation.confidence)} confidence limits {shown}"


def _share(known: Judgement) -> Limits:
    count = len(known.values)
    return share_limits(count - len(_outside(known)), count, known.expectation.confidence)


def _outside(known: Judgement) -> list[str]:
    """Return each seed outside the bounds, with its value."""
    outside = {seed: v for seed, v in known.values.items() if not _within(known.expectation, v, v)}
    return [f"seed {seed} ({_shown(known, value)})" for seed, value in outside.items()]


def _within(expectation: Expectation, low: float, high: float) -> bool:
    """Say whether `low` meets the lower bound and `high` the upper one, where they are set."""
    return (expectation.lower is None or low >= expectation.lower - _slack(expectation.lower)) and (
        expectation.upper is None or high <= expectation.upper + _slack(expectation.upper)
    )


def _slack(bound: float) -> float:
    return ROUNDING * max(1.0, abs(bound))


def _percent(share: float) -> str:
    return f"{100 * share:.6g}%"
