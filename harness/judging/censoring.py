"""Judge measurements that stand for "not reached within the budget".

A run that never fitted its training set has no number of epochs to fit, but something is known of
it: the number is larger than the epochs that were trained. Such a measurement is censored. An
expectation that reads it passes only where it would pass for every value that is left open, and
fails only where it would fail for every one.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from harness.experiment import Expectation, Interval, RunSpec, Statistic, StopRule, Training
from harness.expression import Range, Reference
from harness.judging.bounds import Rounding, rounding_of_seed, rounding_of_share, within
from harness.judging.inference import Limits, half_width, median_limits, share_limits
from harness.judging.judgement import Judgement
from harness.metrics import METRICS
from harness.rounding import is_finite_number
from harness.run_result import RunResult
from harness.words import Verdict, agreeing, percent, seeds_named

_COUNTS = {"epochs": "epochs", "steps": "steps", "epochs_to_fit": "epochs", "steps_to_fit": "steps"}
"""The metrics that may be censored, and what each counts."""

_ROUNDING = 1e-9
"""An accuracy this far below that of a stopping rule still meets it: both are shares of a
whole number of examples.
"""


@dataclass(frozen=True)
class Censored:
    """A measurement that is known to be `least` or more.

    Args:
        least: The smallest value that is left open.
        spent: The epochs or steps that were trained.
        why: What was not reached, as a clause of a sentence.
    """

    least: float
    spent: float
    why: str


def censored(reference: Reference, result: RunResult, run: RunSpec | None) -> Censored | None:
    """Return what is known of a censored measurement, None for one that is not censored.

    Censored are the epochs and the steps to fit, where the training set was never fitted, and the
    epochs and steps of a run whose stopping rule was not met. The last epoch is always measured, so
    what was not reached by then takes at least one epoch more.
    """
    count = _COUNTS.get(reference.metric)
    measured = result.measurements
    if count is None or reference.metric not in measured:
        return None
    spent, epochs = measured.get(count), measured.get("epochs")
    if not is_finite_number(spent) or not is_finite_number(epochs):
        return None
    cut = run is not None and run.settings.training.epochs is None
    more = spent / epochs if epochs > 0 else 1
    if cut:  # within an epoch, perhaps: what was not reached may be so at its end
        more = 1 if count == "steps" else 0
    least = spent + more
    if reference.metric != count:
        never = measured[reference.metric] is None
        return Censored(least, spent, "it never fitted its training set") if never else None
    why = _unmet(run.settings.training, result) if run is not None else None
    return Censored(least, spent, why) if why else None


def _unmet(training: Training, result: RunResult) -> str | None:
    """Say which stopping rule a run did not meet; None where it has none, or met it."""
    rule = training.stop_when
    if rule is not None:
        return next(_unreached(rule, result), None)
    if training.early_stopping is not None and _spent(training, result):
        return "its early stopping did not end it"
    return None


def _spent(training: Training, result: RunResult) -> bool:
    """Tell whether a run spent its budget."""
    count, most = ("epochs", training.epochs) if training.epochs else ("steps", training.steps)
    trained = result.measurements.get(count)
    return is_finite_number(trained) and most is not None and trained >= most


def _unreached(rule: StopRule, result: RunResult) -> Iterator[str]:
    """Say of each accuracy that a stopping rule wants and that was not reached which it is."""
    for metric, wanted in (
        ("train_accuracy", rule.train_accuracy),
        ("validation_accuracy", rule.validation_accuracy),
    ):
        accuracy = result.measurements.get(metric)
        if wanted is None:
            continue
        if not (is_finite_number(accuracy) and accuracy >= wanted - _ROUNDING):
            yield f"it did not reach the {percent(wanted)} {METRICS[metric].title} to stop at"


def sentences(found: Mapping[tuple[Reference, int], Censored]) -> Iterator[str]:
    """Yield a sentence on each censored measurement; seeds with the same one share it."""
    together: dict[tuple[Reference, str, float], list[int]] = {}
    for (reference, seed), each in found.items():
        together.setdefault((reference, each.why, each.spent), []).append(seed)
    for (reference, why, spent), seeds in together.items():
        count = _COUNTS[reference.metric]
        unit = agreeing(spent, count.removesuffix("s"), count)
        yield (
            f"{reference.run}, {seeds_named(seeds)}: {why} in {spent:,.0f} {unit}, so"
            f" {reference.metric} is known to be more, and not how much"
        )


Ends = Sequence[tuple[float, float]]
"""The smallest and the largest value that each seed leaves open; they may be infinite."""


def student_ends(ends: Ends, factor: float) -> tuple[float, float]:
    """Return the smallest lower and the largest upper limit `m -+ factor * s` over all open values.

    Both lie at corners, where each value is at one of its ends: the lower limit is a concave
    function of the values and the upper one a convex function. With many open values their
    deviation is bounded instead, which gives wider limits.
    """
    lows, highs = [low for low, _ in ends], [high for _, high in ends]
    if not all(map(math.isfinite, [*lows, *highs])):
        # An open value that grows moves the mean by a share of it, but the deviation by more: both
        # limits are infinite, unless the factor is small.
        return -math.inf, math.inf
    lower, upper = math.inf, -math.inf
    for corner in _corners(ends):
        mean = math.fsum(corner) / len(corner)
        half = factor * math.sqrt(
            math.fsum((value - mean) ** 2 for value in corner) / (len(corner) - 1)
        )
        lower, upper = min(lower, mean - half), max(upper, mean + half)
    if math.isfinite(lower):
        return lower, upper
    count = len(ends)
    half = factor * (max(highs) - min(lows)) / 2 * math.sqrt(count / (count - 1))
    return math.fsum(lows) / count - half, math.fsum(highs) / count + half


_MOST_CORNERS = 4096


def _corners(ends: Ends) -> Iterator[list[float]]:
    """Yield every choice of an end for each open value; nothing where there are too many."""
    places = [index for index, (low, high) in enumerate(ends) if low != high]
    if 2 ** len(places) > _MOST_CORNERS:
        return
    for choice in range(2 ** len(places)):
        corner = [low for low, _ in ends]
        for bit, index in enumerate(places):
            corner[index] = ends[index][choice >> bit & 1]
        yield corner


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
        return lower >= wanted - rounding_of_share(wanted)
    limits = _limits_for_all(known, ranges)
    return limits is not None and within(expectation, *limits, _widest(known))


def _fails_for_all(known: Judgement, ranges: Mapping[int, Range]) -> bool:
    expectation = known.expectation
    possible = [seed for seed, each in ranges.items() if not _range_outside(known, seed, each)]
    if expectation.statistic is Statistic.EVERY:
        return len(possible) < len(ranges)
    if expectation.statistic is Statistic.WORST:
        wanted = expectation.share or 0.0
        _, upper = share_limits(len(possible), len(ranges), expectation.confidence)
        return upper < wanted - rounding_of_share(wanted)
    limits = _limits_for_all(known, ranges)
    return limits is not None and not within(expectation, limits[1], limits[0], _widest(known))


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
        # No limit by resampling lies beyond the smallest and the largest value.
        return min(lows), max(highs)
    factor = half_width(1.0, count, expectation.confidence)
    return student_ends(list(zip(lows, highs, strict=True)), factor)


def _range_within(known: Judgement, seed: int, each: Range) -> bool:
    return within(
        known.expectation,
        each.low,
        each.high,
        (rounding_of_seed(known, seed), rounding_of_seed(known, seed)),
    )


def _range_outside(known: Judgement, seed: int, each: Range) -> bool:
    return not within(
        known.expectation,
        each.high,
        each.low,
        (rounding_of_seed(known, seed), rounding_of_seed(known, seed)),
    )


def _widest(known: Judgement) -> Rounding:
    widest = max(known.rounding.values(), default=Fraction(0))
    return widest, widest
