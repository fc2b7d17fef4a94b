"""From the values of the seeds to a verdict: what each statistic claims, and when it is shown."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from types import MappingProxyType
from typing import NamedTuple

from harness import units
from harness.experiment import Expectation, Interval, Statistic
from harness.expression import Range
from harness.judging.censoring import student_ends
from harness.judging.inference import (
    MOST_SEEDS,
    ROUNDING,
    Limits,
    bootstrap_limits,
    fewest_seeds,
    half_width,
    median_limits,
    sample_deviation,
    seeds_for_mean,
    seeds_for_share,
    share_limits,
    student_limits,
)
from harness.judging.paired import Pairing, mcnemar
from harness.rounding import reaches
from harness.units import number, scale_of, scale_of_difference
from harness.words import Verdict

_EVALUATED = Fraction(1, 2**50)
"""How far the few operations of computing limits may move them, as a share of the larger one."""


@dataclass(frozen=True)
class Look:
    """One of the planned looks at the seeds.

    `confidence` is that of its limits, chosen so that all looks together keep the stated one.
    """

    number: int
    looks: int
    seeds: int
    most: int
    confidence: float

    @property
    def words(self) -> str:
        """Return which look it is."""
        return f"look {self.number} of {self.looks}, with {self.seeds} of at most {self.most} seeds"

    @property
    def percent(self) -> str:
        """Return the confidence of its limits."""
        shown = _percent(self.confidence)
        return shown if shown != "100%" else "more than 99.999%"


@dataclass(frozen=True)
class Judgement:
    """The verdict on one expectation and the numbers it rests on.

    All limits are one-sided, each with the expectation's confidence.

    Args:
        expectation: What is judged.
        verdict: What became of it.
        mean: None unless every seed has a value.
        deviation: The sample deviation, `n - 1` in the denominator; None also for a single seed.
        values: The finite value of every seed that has one.
        interval: The limits of the mean or the median that decided; (None, None) without any.
        message: Why it is no pass; empty for a pass.
        median: Set where the statistic is the median.
        share: The limits of the share of all seeds within the bounds, for `worst` and `every`.
        images: The limits that the test images alone leave to the mean, where it is of a single
            seed or they decide, and the metric is a sum of test accuracies.
        rounding: How far from each seed's value, by rounding alone, what it stands for may be.
        stale: Which of the runs that it rests on are stale and why; empty where none is.
        step: Where all seeds agree, the most that one resolution step of a measurement changes the
            value of a seed; None where that is not known.
        censored: The smallest and largest value of each seed that has none because something was
            not reached within the budget.
        notes: Sentences without which the verdict, even a pass, would mislead.
        look: The one that it rests on, where seeds are added look after look.
        adjusted: The confidence of the limits, where the experiment controls all expectations
            together.
        pairing: The pairs of images that the limits `images` are from, or why there are none.
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
    rounding: Mapping[int, Fraction] = field(default_factory=dict, repr=False)
    stale: str = ""
    step: float | None = field(default=None, repr=False)
    censored: Mapping[int, Limits] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    look: Look | None = None
    adjusted: float | None = None
    pairing: Pairing = field(default=Pairing(), repr=False)


def decide(
    expectation: Expectation,
    values: Mapping[int, float],
    images: Limits | None,
    rounding: Mapping[int, Fraction] = MappingProxyType({}),
    step: float | None = None,
    pairing: Pairing = Pairing(),  # noqa: B008
) -> Judgement:
    """Judge by the finite value of every seed, after the rules of `harness.judging.check.judge`.

    Args:
        expectation: What is judged.
        values: One a seed.
        images: The limits that the test images alone leave to the mean, if any. With the intervals
            `binomial` and `paired` they decide, and a single seed is shown with them.
        rounding: How far each value may be moved by rounding.
        step: The most that one resolution step of a measurement changes a value, as far as it is
            known; it counts where all seeds agree (`agree`).
        pairing: What `images` were computed from.
    """
    measured = list(values.values())
    known = Judgement(
        expectation,
        Verdict.INCONCLUSIVE,
        statistics.mean(
            measured
        ),  # exact but for the rounding of the result, so equal values give their value
        sample_deviation(measured) if len(measured) > 1 else None,
        values,
        images=images,
        rounding=rounding,
        step=step,
        pairing=pairing,
    )
    return _RULES[expectation.statistic](known)


def agree(values: Mapping[int, float], rounding: Mapping[int, Fraction]) -> bool:
    """Tell whether several seeds have the same value, but for rounding, and so no deviation."""
    if len(values) < 2:
        return False
    apart = Fraction(max(values.values())) - Fraction(min(values.values()))
    return apart <= 2 * max(rounding.values(), default=Fraction(0))


def decide_censored(
    expectation: Expectation, ranges: Mapping[int, Range], open_seeds: Collection[int], why: str
) -> Judgement:
    """Judge by the range of each seed, `open_seeds` being those with a censored value.

    A pass holds for every value that is left open, and so does a fail; else the verdict is
    inconclusive. `why` tells what was not reached.
    """
    known = Judgement(
        expectation,
        Verdict.INCONCLUSIVE,
        values={seed: each.low for seed, each in ranges.items() if seed not in open_seeds},
        censored={seed: (ranges[seed].low, ranges[seed].high) for seed in open_seeds},
        rounding={seed: each.rounding for seed, each in ranges.items()},
    )
    if _passes_for_all(known, ranges):
        return replace(known, verdict=Verdict.PASS, notes=(f"{why}; it passes whatever that is",))
    if _fails_for_all(known, ranges):
        return replace(known, verdict=Verdict.FAIL, message=f"{why}; it fails whatever that is")
    mean = expectation.statistic is Statistic.MEAN
    advice = (
        "; a mean of what has no end has no limits, the statistics median, worst and every need"
        " none"
    )
    endless = mean and not all(
        map(math.isfinite, (end for each in ranges.values() for end in (each.low, each.high)))
    )
    return replace(known, message=f"unknown: {why}, and that decides{advice if endless else ''}")


def _passes_for_all(known: Judgement, ranges: Mapping[int, Range]) -> bool:
    expectation = known.expectation
    inside = [seed for seed, each in ranges.items() if _range_within(known, seed, each)]
    if expectation.statistic is Statistic.EVERY:
        return len(inside) == len(ranges)
    if expectation.statistic is Statistic.WORST:
        wanted = expectation.share or 0.0
        lower, _ = share_limits(len(inside), len(ranges), expectation.confidence)
        return lower >= wanted - _slack(wanted)
    limits = _limits_for_all(known, ranges)
    return limits is not None and _within(expectation, *limits, _widest(known))


def _fails_for_all(known: Judgement, ranges: Mapping[int, Range]) -> bool:
    expectation = known.expectation
    possible = [seed for seed, each in ranges.items() if not _range_outside(known, seed, each)]
    if expectation.statistic is Statistic.EVERY:
        return len(possible) < len(ranges)
    if expectation.statistic is Statistic.WORST:
        wanted = expectation.share or 0.0
        _, upper = share_limits(len(possible), len(ranges), expectation.confidence)
        return upper < wanted - _slack(wanted)
    limits = _limits_for_all(known, ranges)
    return limits is not None and not _within(expectation, limits[1], limits[0], _widest(known))


def _limits_for_all(known: Judgement, ranges: Mapping[int, Range]) -> Limits | None:
    """Return the smallest lower and the largest upper limit over all open values, or None."""
    expectation, count = known.expectation, len(ranges)
    lows, highs = [each.low for each in ranges.values()], [each.high for each in ranges.values()]
    if expectation.statistic is Statistic.MEDIAN:
        lower, upper = (median_limits(ends, expectation.confidence) for ends in (lows, highs))
        return None if lower is None or upper is None else (lower[0], upper[1])
    if count < 2 or expectation.interval is Interval.BINOMIAL:
        return None
    if expectation.interval is Interval.BOOTSTRAP:
        return min(lows), max(
            highs
        )  # no limit by resampling lies beyond the smallest and the largest value
    factor = half_width(1.0, count, expectation.confidence)
    return student_ends(list(zip(lows, highs, strict=True)), factor)


def _range_within(known: Judgement, seed: int, each: Range) -> bool:
    return _within(
        known.expectation, each.low, each.high, (_rounding(known, seed), _rounding(known, seed))
    )


def _range_outside(known: Judgement, seed: int, each: Range) -> bool:
    return not _within(
        known.expectation, each.high, each.low, (_rounding(known, seed), _rounding(known, seed))
    )


def _widest(known: Judgement) -> Rounding:
    widest = max(known.rounding.values(), default=Fraction(0))
    return widest, widest


def _slack(share: float) -> float:
    return ROUNDING * min(share, 1 - share)


def _every(known: Judgement) -> Judgement:
    outside = _outside(known)
    verdict = Verdict.FAIL if outside else Verdict.PASS
    message = f"outside the bounds: {', '.join(outside)}" if outside else ""
    return replace(known, verdict=verdict, share=_share(known), message=message)


def _worst(known: Judgement) -> Judgement:
    wanted, count, outside = known.expectation.share or 0.0, len(known.values), _outside(known)
    lower, upper = _share(known)
    known = replace(known, share=(lower, upper))
    slack = _slack(wanted)
    if lower >= wanted - slack:
        return replace(known, verdict=Verdict.PASS)
    names = f" (outside: {', '.join(outside)})" if outside else ""
    limits = (
        f"the {_percent(known.expectation.confidence)} confidence limits of the share of all seeds"
        " that are"
    )
    message = (
        f"{count - len(outside)} of {count} seeds are within the bounds{names}; {limits}, "
        f"{lower:.1%} and {upper:.1%}, {{}} {_percent(wanted)}"
    )
    if upper < wanted - slack:
        return replace(known, verdict=Verdict.FAIL, message=message.format("are below"))
    return replace(
        known, message=f"{message.format('straddle')}; {_advice_on_share(known, wanted)}"
    )


def _median(known: Judgement) -> Judgement:
    values, confidence = list(known.values.values()), known.expectation.confidence
    median = statistics.median(values)
    known = replace(known, median=median)
    limits = median_limits(values, confidence)
    if limits is not None:
        rounding = _of_values(known, limits)
        return _by_limits(
            known, limits, rounding, _Centre("median", median), lambda: _advice_on_median(known)
        )
    fewest = fewest_seeds(0.5, confidence)
    message = f"a median has {_percent(confidence)} confidence limits from {fewest} seeds on"
    return replace(known, message=f"{message}; {_advice_on_median(known)}{_of_images(known)}")


def _mean(known: Judgement) -> Judgement:
    mean, deviation = known.mean, known.deviation
    assert mean is not None
    if known.expectation.interval in (Interval.BINOMIAL, Interval.PAIRED):
        if known.images is None:
            return replace(
                known,
                message=(
                    "the number of test images behind the metric is not known, so there are no"
                    " limits"
                ),
            )
        narrower = f"only more test images would narrow them{_of_pairs(known)}"
        return _by_limits(
            known,
            known.images,
            _moved(known, known.images, 2.0),
            _Centre("mean", mean),
            lambda: narrower,
        )
    if deviation is None:
        message = (
            "one seed says nothing about others; from two on can be told how many would decide"
        )
        return replace(known, message=f"{message}{_of_images(known)}")
    count, confidence = len(known.values), known.expectation.confidence
    limits = _LIMITS[known.expectation.interval](list(known.values.values()), confidence)
    # Values that move by no more than d move their mean by d and their deviation by sqrt(n / (n -
    # 1)) d, no more.
    factor = 1 + half_width(math.sqrt(count / (count - 1)), count, confidence)
    rounding = _moved(known, limits, factor)
    if agree(known.values, known.rounding):
        known, limits = _of_equal_seeds(known, limits)
        advice = "seeds that all agree do not tell how many would decide"
        return _by_limits(known, limits, rounding, _Centre("mean", mean), lambda: advice)
    return _by_limits(
        known,
        limits,
        rounding,
        _Centre("mean", mean),
        lambda: _advice_on_mean(known, mean, deviation),
    )


def _of_equal_seeds(known: Judgement, limits: Limits) -> tuple[Judgement, Limits]:
    """Widen limits of no width to what the resolution of the measurement leaves, and say so.

    Had one of n seeds been a step r away, the deviation would be r / sqrt(n), the smallest above
    zero, and Student's limits t r / n from the mean. That no seed was away cannot bring them
    nearer. Nor are they nearer than one step: so much a single image would have made.
    """
    count, step = len(known.values), known.step
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


Rounding = tuple[Fraction, Fraction]
"""How far rounding may have moved a lower and an upper limit."""


def _of_values(known: Judgement, limits: Limits) -> Rounding:
    """Return the rounding of limits that are values of seeds."""
    lower, upper = (
        max(_rounding(known, seed) for seed, value in known.values.items() if value == limit)
        for limit in limits
    )
    return lower, upper


def _moved(known: Judgement, limits: Limits, factor: float) -> Rounding:
    """Return the rounding of limits that move by at most `factor` times as much as the values."""
    values = max((_rounding(known, seed) for seed in known.values), default=Fraction(0))
    size = max(
        (abs(Fraction(limit)) for limit in limits if math.isfinite(limit)), default=Fraction(0)
    )
    moved = values * Fraction(factor) + size * _EVALUATED
    return moved, moved


def _rounding(known: Judgement, seed: int) -> Fraction:
    return known.rounding.get(seed, Fraction(0))


def _by_limits(
    known: Judgement, limits: Limits, rounding: Rounding, centre: _Centre, advice: Callable[[], str]
) -> Judgement:
    """Compare confidence limits with the bounds; `advice` is called where they straddle one."""
    expectation, (lower, upper) = known.expectation, limits
    if math.isnan(lower) or math.isnan(upper):
        return replace(known, message="the numbers are too large for confidence limits")
    known = replace(known, interval=limits)
    if _within(expectation, lower, upper, rounding):
        return replace(known, verdict=Verdict.PASS)
    shown = _shown_limits(known, limits)
    if not _within(expectation, upper, lower, (rounding[1], rounding[0])):
        value = _shown(known, centre.value)
        message = f"the {centre.name} {value} is outside the bounds, and so are its {shown}"
        return replace(known, verdict=Verdict.FAIL, message=message)
    return replace(known, message=f"the {shown} straddle a bound; {advice()}")


def _advice_on_mean(known: Judgement, mean: float, deviation: float) -> str:
    lower, upper = _wanted(known.expectation, mean)
    needed = seeds_for_mean(mean, deviation, known.expectation.confidence, lower, upper)
    return f"{_would_decide(needed)}, if mean and deviation are as measured"


def _advice_on_median(known: Judgement) -> str:
    bounds, values = (known.expectation.lower, known.expectation.upper), known.values.values()
    beyond = [sum(value < bounds[0] for value in values)] if bounds[0] is not None else []
    beyond += [sum(value > bounds[1] for value in values)] if bounds[1] is not None else []
    return _advice_on_seeds(known, beyond, 0.5)


def _advice_on_share(known: Judgement, wanted: float) -> str:
    return _advice_on_seeds(known, [len(_outside(known))], 1 - wanted)


def _advice_on_seeds(known: Judgement, beyond: Sequence[int], share: float) -> str:
    """Say how many seeds would likely decide whether exceptions are rarer than a share."""
    count = len(known.values)
    needed = seeds_for_share(beyond, count, share, known.expectation.confidence)
    if needed is not None:
        return (
            f"{needed} seeds in all would likely decide, by all that these leave open of the share"
            " beyond a bound"
        )
    if count < 2:
        return "a single seed does not tell how many would decide"
    return f"these seeds do not tell that even {MOST_SEEDS} would likely decide"


def _would_decide(needed: int | None) -> str:
    return (
        f"{'more than' if needed is None else 'about'} {needed or MOST_SEEDS} seeds would likely"
        " decide"
    )


def _wanted(expectation: Expectation, centre: float) -> tuple[float, float]:
    """Return the interval that the limits must lie in for the verdict that the centre foretells."""
    lower = -math.inf if expectation.lower is None else expectation.lower
    upper = math.inf if expectation.upper is None else expectation.upper
    if centre < lower:
        return -math.inf, lower
    return (upper, math.inf) if centre > upper else (lower, upper)


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
    return f"{_percent(known.expectation.confidence)} confidence limits {shown}"


def _share(known: Judgement) -> Limits:
    count = len(known.values)
    return share_limits(count - len(_outside(known)), count, known.expectation.confidence)


def _outside(known: Judgement) -> list[str]:
    """Return each seed outside the bounds, with its value."""
    inside = {
        seed: _within(
            known.expectation, value, value, (_rounding(known, seed), _rounding(known, seed))
        )
        for seed, value in known.values.items()
    }
    return [
        f"seed {seed} ({_shown(known, value)})"
        for seed, value in known.values.items()
        if not inside[seed]
    ]


def _within(expectation: Expectation, low: float, high: float, rounding: Rounding) -> bool:
    """Tell whether `low` meets the lower bound and `high` the upper one, rounding allowed for."""
    lower, upper = expectation.lower, expectation.upper
    return (lower is None or reaches(low, lower, rounding[0])) and (
        upper is None or reaches(-high, -upper, rounding[1])
    )


def _percent(share: float) -> str:
    return f"{100 * share:.6g}%"
