"""Compare what was measured with what was expected: expectations to verdicts.

For each seed the metric expression is evaluated on that seed's runs alone, so the difference of
two runs is a difference paired by seed. What then counts is defined in `judge`.
"""

from __future__ import annotations

import enum
import math
import statistics
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from scipy.special import stdtrit  # the quantile alone: scipy.stats takes most of a second to import

from harness.results import RunResult, Status
from harness.spec.expression import Expression, Reference, evaluate, parse, references
from harness.spec.records import Expectation, Experiment, Statistic

MOST_SEEDS = 100
"""Above this, the advice on the number of seeds only says "more than"."""

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
    also for a single seed. `interval` holds the two one-sided confidence limits of the mean,
    and is (None, None) where there are none. `message` is empty for a pass.
    """

    expectation: Expectation
    verdict: Verdict
    mean: float | None = None
    deviation: float | None = None
    values: Mapping[int, float] = field(default_factory=dict)
    interval: tuple[float | None, float | None] = (None, None)
    message: str = ""


def check(experiment: Experiment, results: Sequence[RunResult]) -> tuple[Judgement, ...]:
    """Judge every expectation of an experiment, in the order of the specification.

    Raises `harness.spec.expression.ExpressionError` for a metric that cannot be parsed.
    """
    found = {(result.run, result.seed): result for result in results}
    return tuple(judge(expectation, experiment.seeds, found) for expectation in experiment.expectations)


def judge(expectation: Expectation, seeds: Sequence[int], results: Mapping[tuple[str, int], RunResult]) -> Judgement:
    """Judge one expectation from the results by (run, seed); the first rule that applies decides.

    1. A needed run ended in an error: `error`.
    2. A needed run is blocked, or not run yet: `blocked`.
    3. A needed measurement does not exist, or a seed's value is not finite: `fail`.
    4. Statistic `every`: `pass` when every seed's value is within the bounds, else `fail`.
    5. Statistic `mean` of one seed: `inconclusive`.
    6. Statistic `mean`: with the mean m and the sample deviation s of n seeds, and t the Student
       quantile at `confidence` for n - 1 degrees of freedom, the one-sided confidence limits are
       m - t s / sqrt(n) and m + t s / sqrt(n). `pass` when the lower limit is at or above the
       lower bound and the upper limit at or below the upper bound (a bound that is not set is
       met): with both bounds these are the two one-sided tests (TOST, Schuirmann 1987), with one
       it is the one-sided t-test, in either case at level 1 - confidence. `fail` when the upper
       limit is below the lower bound or the lower limit above the upper bound. Else
       `inconclusive`.
    """
    expression = parse(expectation.metric)
    needed = references(expression)
    absent = _verdict_of_runs(needed, seeds, results)
    values, gaps = _values(expression, needed, seeds, results)
    if absent is not None:
        return Judgement(expectation, absent[0], values=values, message=absent[1])
    if gaps or not values:
        return Judgement(expectation, Verdict.FAIL, values=values, message=_sentence(gaps or ["there are no seeds"]))
    return (
        _judge_every(expectation, values)
        if expectation.statistic is Statistic.EVERY
        else _judge_mean(expectation, values)
    )


def confidence_limits(values: Sequence[float], confidence: float) -> tuple[float, float]:
    """Return the lower and the upper one-sided Student-t confidence limit of the mean.

    Each limit alone holds with probability `confidence`, for values drawn from a normal
    distribution; the two together make an interval of confidence 2 * confidence - 1.
    At least two values are needed.
    """
    mean, half = statistics.mean(values), half_width(statistics.stdev(values), len(values), confidence)
    return mean - half, mean + half


def half_width(deviation: float, count: int, confidence: float) -> float:
    """Return `t(confidence, count - 1) * deviation / sqrt(count)`."""
    return float(stdtrit(count - 1, confidence)) * deviation / math.sqrt(count)


def seeds_to_decide(deviation: float, distance: float, confidence: float) -> int | None:
    """Return the smallest number of seeds whose half-width is below `distance`; None above `MOST_SEEDS`."""
    counts = range(2, MOST_SEEDS + 1)
    return next((count for count in counts if half_width(deviation, count, confidence) < distance), None)


def exit_code(judgements: Iterable[Judgement], allow: Collection[Verdict] = (), statuses: Iterable[Status] = ()) -> int:
    """Return the exit code of `run` and `check` for the judgements of all experiments.

    3 for an error; else 1 for a fail; else 4 where something is blocked or inconclusive and not
    in `allow`; else 0. An error goes before a fail because it leaves the answer unknown.
    `statuses` are those of all runs, so that runs count which no expectation reads: an error is
    an error, and blocked or missing runs are blocked.
    Raises ValueError when `allow` names anything but blocked and inconclusive.
    """
    if set(allow) - {Verdict.BLOCKED, Verdict.INCONCLUSIVE}:
        raise ValueError("only blocked and inconclusive can be allowed")
    verdicts = {judgement.verdict for judgement in judgements} | {_AS_VERDICT[status] for status in statuses}
    if Verdict.ERROR in verdicts:
        return 3
    if Verdict.FAIL in verdicts:
        return 1
    return 4 if verdicts - {Verdict.PASS} - set(allow) else 0


_AS_VERDICT = {
    Status.DONE: Verdict.PASS,
    Status.BLOCKED: Verdict.BLOCKED,
    Status.MISSING: Verdict.BLOCKED,
    Status.ERROR: Verdict.ERROR,
}


def _verdict_of_runs(
    needed: Sequence[Reference], seeds: Sequence[int], results: Mapping[tuple[str, int], RunResult]
) -> tuple[Verdict, str] | None:
    """Return the verdict and message where a needed run is not done, or None."""
    unfinished: dict[Verdict, dict[tuple[str, str], list[int]]] = {Verdict.ERROR: {}, Verdict.BLOCKED: {}}
    for run in dict.fromkeys(reference.run for reference in needed):
        for seed in seeds:
            result = results.get((run, seed))
            status = result.status if result else Status.MISSING
            if status is not Status.DONE:
                reason = (result.reason if result else "") or _REASONS[status]
                unfinished[_AS_VERDICT[status]].setdefault((run, reason), []).append(seed)
    for verdict, runs in unfinished.items():
        if runs:
            return verdict, _sentence([f"{run}, {_seeds(seeds)}: {reason}" for (run, reason), seeds in runs.items()])
    return None


_REASONS = {Status.ERROR: "ended in an error", Status.BLOCKED: "blocked", Status.MISSING: "not run yet"}


def _values(
    expression: Expression,
    needed: Sequence[Reference],
    seeds: Sequence[int],
    results: Mapping[tuple[str, int], RunResult],
) -> tuple[dict[int, float], list[str]]:
    """Return the finite value by seed, and what stands in the way of a value for the others."""
    values: dict[int, float] = {}
    gaps: list[str] = []
    for seed in seeds:
        measured: dict[Reference, float] = {}
        for reference in needed:
            result = results.get((reference.run, seed))
            if result is not None and result.status is Status.DONE:
                value = result.measurements.get(reference.metric)
                if value is None:
                    gaps.append(_absence(reference, seed))
                elif not math.isfinite(value):
                    gaps.append(f"{reference.run}, seed {seed}: {reference.metric} is {value}")
                else:
                    measured[reference] = value
        if len(measured) == len(set(needed)):
            value = evaluate(expression, measured)
            if math.isfinite(value):
                values[seed] = value
            else:
                gaps.append(f"seed {seed}: the expression has no finite value")
    return values, gaps


def _absence(reference: Reference, seed: int) -> str:
    why = "never fitted its training set, so it " if reference.metric.endswith("_to_fit") else ""
    return f"{reference.run}, seed {seed}, {why}has no {reference.metric}"


def _judge_every(expectation: Expectation, values: Mapping[int, float]) -> Judgement:
    numbers = list(values.values())
    outside = {seed: value for seed, value in values.items() if not _within(expectation, value, value)}
    listed = ", ".join(f"seed {seed} ({value:.5g})" for seed, value in outside.items())
    return Judgement(
        expectation,
        Verdict.FAIL if outside else Verdict.PASS,
        statistics.mean(numbers),
        statistics.stdev(numbers) if len(numbers) > 1 else None,
        values,
        message=f"outside the bounds: {listed}" if outside else "",
    )


def _judge_mean(expectation: Expectation, values: Mapping[int, float]) -> Judgement:
    numbers = list(values.values())
    # Exact rational arithmetic: equal values give exactly their value and a deviation of 0.
    mean = statistics.mean(numbers)
    if len(numbers) == 1:
        message = "one seed gives no interval; add seeds or use statistic every"
        return Judgement(expectation, Verdict.INCONCLUSIVE, mean, None, values, message=message)
    deviation = statistics.stdev(numbers)
    lower, upper = confidence_limits(numbers, expectation.confidence)
    limits = f"{100 * expectation.confidence:.6g}% confidence limits {lower:.5g} and {upper:.5g}"
    if _within(expectation, lower, upper):
        verdict, message = Verdict.PASS, ""
    elif not _within(expectation, upper, lower):
        verdict, message = Verdict.FAIL, f"the mean {mean:.5g} is outside the bounds, and so are its {limits}"
    else:
        verdict, message = (
            Verdict.INCONCLUSIVE,
            f"the {limits} straddle a bound; {_advice(expectation, mean, deviation)}",
        )
    return Judgement(expectation, verdict, mean, deviation, values, (lower, upper), message)


def _within(expectation: Expectation, low: float, high: float) -> bool:
    """Say whether `low` meets the lower bound and `high` the upper one, where they are set."""
    return (expectation.lower is None or low >= expectation.lower - _slack(expectation.lower)) and (
        expectation.upper is None or high <= expectation.upper + _slack(expectation.upper)
    )


def _slack(bound: float) -> float:
    return ROUNDING * max(1.0, abs(bound))


def _advice(expectation: Expectation, mean: float, deviation: float) -> str:
    bounds = [bound for bound in (expectation.lower, expectation.upper) if bound is not None]
    needed = seeds_to_decide(deviation, min(abs(mean - bound) for bound in bounds), expectation.confidence)
    number = f"more than {MOST_SEEDS}" if needed is None else f"about {needed}"
    return f"at this deviation {number} seeds would likely decide"


def _seeds(seeds: Sequence[int]) -> str:
    return f"seed {seeds[0]}" if len(seeds) == 1 else f"seeds {', '.join(map(str, seeds))}"


def _sentence(parts: Sequence[str]) -> str:
    return "; ".join(parts)
