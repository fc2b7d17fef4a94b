"""Compare what was measured with what was expected: from results to judgements.

The metric expression is evaluated on the runs of one seed at a time. So the difference of two runs
is paired by seed, and the mean of a ratio is the mean of the seeds' ratios, not the ratio of two
means. The rules of a verdict are those of `judge`; the limits are in `harness.judging.inference`
and `harness.judging.image_limits`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from harness.experiment import Expectation, Experiment, RunSpec
from harness.expression import (
    Expression,
    Range,
    Reference,
    Value,
    evaluate,
    evaluate_ranges,
    in_cell,
    in_cells,
    parse,
    references,
)
from harness.final_metrics import names
from harness.judging.censoring import Censored, censored, decide_censored, sentences
from harness.judging.exit_code import VERDICT_OF_STATUS
from harness.judging.image_limits import by_test_images, limits_from_test_images
from harness.judging.judgement import InSetting, Judgement
from harness.judging.resolution import resolution, resolution_of_expression
from harness.judging.sequential import Design, judge_all
from harness.judging.settings import decide_settings, in_setting
from harness.judging.training_fit import note_on_settings, notes_on_unfitted
from harness.judging.verdicts import all_equal, decide
from harness.rounding import is_finite_number
from harness.run_result import Detail, RunResult, Status
from harness.words import Mark, Verdict, seeds_named

__all__ = ["Judgement", "Mark", "Verdict", "check", "judge"]


def check(experiment: Experiment, results: Sequence[RunResult]) -> tuple[Judgement, ...]:
    """Judge every expectation of an experiment, in the order of the specification.

    Raises:
        ExpressionError: a metric cannot be parsed.
    """
    found = {(result.run, result.seed): result for result in results}
    plan, seeds = experiment.seed_plan, experiment.seeds
    order = tuple(range(plan.most)) if plan else seeds

    def judge_at(expectation: Expectation, count: int) -> Judgement:
        return judge(expectation, order[:count], found, experiment.runs)

    design = Design(plan, experiment.control, len(seeds))
    judged = judge_all(design, experiment.expectations, judge_at)
    read = [runs_needed(each.expectation, experiment.runs) for each in judged]
    return tuple(
        replace(each, stale=stale_runs(of, seeds, found))
        for each, of in zip(judged, read, strict=True)
    )


def detail_needed(experiment: Experiment) -> dict[str, Detail]:
    """Return how much of each run of an experiment is looked at when it is judged."""
    plan, runs = experiment.seed_plan, experiment.runs
    fewest = plan.first if plan else len(experiment.seeds)
    by_images = {
        run
        for each in experiment.expectations
        if by_test_images(each, fewest)
        for run in runs_needed(each, runs)
    }
    return {run: Detail.IMAGES if run in by_images else Detail.NUMBERS for run in runs}


def runs_needed(expectation: Expectation, runs: Mapping[str, RunSpec]) -> tuple[str, ...]:
    """Return the runs that an expectation reads, also to compare others with them, each once."""
    found: dict[str, None] = {}
    for reference in _all_references(expectation):
        found[reference.run] = None
        for metric in runs[reference.run].metrics if reference.run in runs else ():
            if metric.partner is not None and reference.metric in names(metric).values():
                found[metric.partner] = None
    return tuple(found)


def _all_references(expectation: Expectation) -> list[Reference]:
    """Return what an expectation reads, of every cell that it speaks of."""
    metrics = in_cells(expectation.metric, expectation.cells)
    return [reference for each in metrics for reference in references(parse(each))]


def judge(
    expectation: Expectation,
    seeds: Sequence[int],
    results: Mapping[tuple[str, int], RunResult],
    runs: Mapping[str, RunSpec] = MappingProxyType({}),
) -> Judgement:
    """Judge one expectation from the results by (run, seed); the first rule that applies decides.

    1. A needed run ended in an error: `error`.
    2. A needed run is blocked, or not run yet, or a final metric of a finished one is not measured:
       `blocked`.
    3. A needed measurement does not exist, or a seed's value is not finite: `fail`. A measurement
       that stands for "not reached within the budget" does exist: it is known to be more
       (`harness.judging.censoring`). The expression is then enclosed by interval arithmetic, and
       the rules below give `pass` where they would for every value that is left open, `fail` where
       they would for every one, else `inconclusive`.
    4. Statistic `every` speaks of the seeds at hand: `pass` when each value is within the bounds,
       else `fail`.
    5. Statistic `worst` speaks of all seeds but the rarest: with k of n seeds within the bounds,
       `pass` when the lower limit of Clopper and Pearson on the share of such seeds is at least
       `share`, `fail` when the upper limit is below it, else `inconclusive`.
    6. Statistics `mean` and `median` speak of the mean and the median of all seeds, by a lower and
       an upper one-sided limit at `confidence`. `pass` when the lower limit is at or above the
       lower bound and the upper limit at or below the upper bound (a bound that is not set is met):
       with both bounds these are the two one-sided tests of equivalence (TOST, Schuirmann 1987),
       with one it is the one-sided test, in either case at level 1 - confidence. `fail` when the
       upper limit is below the lower bound or the lower limit above the upper bound. Otherwise, and
       where the seeds are too few for limits, `inconclusive`.

    7. Statistic `settings` speaks of all settings that a sample draws from, and rules 1 to 3 do not
       come before it: see `harness.judging.settings`.

    The limits of the median are `median_limits`. Those of the mean depend on the expectation's
    `interval`. `student_limits` and `bootstrap_limits` need two seeds and speak of other seeds,
    given the test images at hand: every seed sees the same ones. `binomial` and `paired`
    (`image_limits`, `paired_limits`) speak of other test images, given the networks at hand,
    however many seeds these come from.

    A bound is also met by a value that is beyond it by rounding alone. Every number that takes part
    stands for all numbers that round to it, and what that comes to in the expression and in the
    limits is allowed for (`harness.expression.evaluate`). So 0.09 - 0.08 is at least 0.01, and
    2e-15 is not at most 1e-15.

    Args:
        expectation: What is judged.
        seeds: The seeds that count.
        results: Those of all runs, by run and seed.
        runs: The experiment's, by name; they tell the number of test images where results do not.
    """
    if expectation.cells:
        return _judge_settings(expectation, seeds, results, runs)
    expression = parse(expectation.metric)
    needed = references(expression)
    measured = _collect(needed, seeds, results, runs)
    evaluated, gaps = _evaluate(expression, measured)
    values = {seed: value.number for seed, value in evaluated.items()}
    unfinished = _unfinished(expectation, seeds, results, runs)
    if unfinished is not None:
        verdict, message = unfinished
        return Judgement(expectation, verdict, values=values, message=message)
    if gaps or not (values or measured.ranges):
        message = _sentence(gaps or ["there are no seeds"])
        return Judgement(expectation, Verdict.FAIL, values=values, message=message)
    if measured.ranges:
        judgement = _judge_ranges(expectation, measured, evaluated)
    else:
        judgement = _judge_values(expectation, measured.known, evaluated, results, runs)
    notes = notes_on_unfitted(needed, seeds, results, runs)
    return replace(judgement, notes=(*judgement.notes, *notes))


def _evaluate(expression: Expression, measured: _Measured) -> tuple[dict[int, Value], list[str]]:
    """Return the finite value of each seed whose measurements are known, and all gaps."""
    evaluated = {seed: evaluate(expression, each) for seed, each in measured.known.items()}
    finite = {seed: value for seed, value in evaluated.items() if math.isfinite(value.number)}
    gaps = [
        f"seed {seed}: the expression has no finite value"
        for seed in evaluated
        if seed not in finite
    ]
    return finite, [*measured.gaps, *gaps]


def _judge_ranges(
    expectation: Expectation, measured: _Measured, evaluated: Mapping[int, Value]
) -> Judgement:
    """Judge where some measurements are censored."""
    ranges = _ranges(parse(expectation.metric), measured, evaluated)
    why = _sentence(list(sentences(measured.censored)))
    return decide_censored(expectation, ranges, measured.ranges.keys(), why)


def _ranges(
    expression: Expression, measured: _Measured, evaluated: Mapping[int, Value]
) -> dict[int, Range]:
    """Return what the expression may come to for each seed that has all measurements."""
    known = {
        seed: Range(value.number, value.number, value.rounding) for seed, value in evaluated.items()
    }
    return known | {
        seed: evaluate_ranges(expression, each) for seed, each in measured.ranges.items()
    }


def _judge_settings(
    expectation: Expectation,
    seeds: Sequence[int],
    results: Mapping[tuple[str, int], RunResult],
    runs: Mapping[str, RunSpec],
) -> Judgement:
    """Judge over the settings that a sample drew."""
    settings: dict[str, InSetting] = {}
    unfitted: list[str] = []
    for label in expectation.cells:
        expression = parse(in_cell(expectation.metric, label))
        needed = references(expression)
        measured = _collect(needed, seeds, results, runs)
        evaluated, gaps = _evaluate(expression, measured)
        found = in_setting(expectation, _ranges(expression, measured, evaluated), len(seeds))
        settings[label] = replace(found, holds=False) if gaps else found
        unfitted += [label] if any(notes_on_unfitted(needed, seeds, results, runs)) else []
    unfinished = _unfinished(expectation, seeds, results, runs)
    judged = decide_settings(expectation, settings, unfinished)
    return replace(judged, notes=(*judged.notes, *note_on_settings(unfitted, len(settings))))


def _judge_values(
    expectation: Expectation,
    known: Mapping[int, Mapping[Reference, float]],
    evaluated: Mapping[int, Value],
    results: Mapping[tuple[str, int], RunResult],
    runs: Mapping[str, RunSpec],
) -> Judgement:
    """Judge where the value of every seed is known."""
    values = {seed: value.number for seed, value in evaluated.items()}
    rounding = {seed: value.rounding for seed, value in evaluated.items()}
    images, pairing = limits_from_test_images(expectation, known, results, runs)
    step = None
    if all_equal(values, rounding):
        step = _resolution(parse(expectation.metric), known, results, runs)
    return decide(expectation, values, images, rounding, step, pairing)


def _resolution(
    expression: Expression,
    known: Mapping[int, Mapping[Reference, float]],
    results: Mapping[tuple[str, int], RunResult],
    runs: Mapping[str, RunSpec],
) -> float | None:
    """Return the most that the resolution of one measurement changes the expression.

    None where that is not known.
    """
    steps = {
        each: resolution(each, runs[each.run], [results[each.run, seed] for seed in known])
        if each.run in runs
        else None
        for each in references(expression)
    }
    return resolution_of_expression(expression, list(known.values()), steps)


def verdict_of_runs(
    runs: Iterable[str], seeds: Sequence[int], results: Mapping[tuple[str, int], RunResult]
) -> tuple[Verdict, str] | None:
    """Return the verdict and its message where a run is not done, None where all are.

    An error counts before a run that is blocked.
    """
    unfinished: dict[Verdict, dict[tuple[str, str], list[int]]] = {
        Verdict.ERROR: {},
        Verdict.BLOCKED: {},
    }
    for run in dict.fromkeys(runs):
        for seed in seeds:
            result = results.get((run, seed))
            status = result.status if result else Status.MISSING
            if status is not Status.DONE:
                reason = (result.reason if result else "") or _REASONS[status]
                unfinished[VERDICT_OF_STATUS[status]].setdefault((run, reason), []).append(seed)
    for verdict, found in unfinished.items():
        if found:
            return verdict, _sentence(
                [f"{run}, {seeds_named(of)}: {reason}" for (run, reason), of in found.items()]
            )
    return None


def _unfinished(
    expectation: Expectation,
    seeds: Sequence[int],
    results: Mapping[tuple[str, int], RunResult],
    runs: Mapping[str, RunSpec],
) -> tuple[Verdict, str] | None:
    """Return the verdict where a run is not done, or a number not measured; None where all are."""
    return verdict_of_runs(runs_needed(expectation, runs), seeds, results) or _unmeasured(
        _all_references(expectation), seeds, results
    )


def _unmeasured(
    needed: Sequence[Reference],
    seeds: Sequence[int],
    results: Mapping[tuple[str, int], RunResult],
) -> tuple[Verdict, str] | None:
    """Return that a final metric of a finished run is not measured, and why; None where all are."""
    found: dict[tuple[Reference, str], list[int]] = {}
    for reference in needed:
        for seed in seeds:
            why = results[reference.run, seed].unmeasured.get(reference.metric)
            if why is not None:
                found.setdefault((reference, why), []).append(seed)
    parts = [f"{each}, {seeds_named(of)}: {why}" for (each, why), of in found.items()]
    return (Verdict.BLOCKED, _sentence(parts)) if parts else None


def stale_runs(
    runs: Iterable[str], seeds: Sequence[int], results: Mapping[tuple[str, int], RunResult]
) -> str:
    """Say which of some runs are stale and why; an empty text where none is."""
    found: dict[tuple[str, str], list[int]] = {}
    for run in dict.fromkeys(runs):
        for seed in seeds:
            result = results.get((run, seed))
            if result is not None and result.stale:
                found.setdefault((run, result.stale), []).append(seed)
    return _sentence([f"{run}, {seeds_named(of)}: {why}" for (run, why), of in found.items()])


_REASONS = {
    Status.ERROR: "ended in an error",
    Status.BLOCKED: "blocked",
    Status.MISSING: "not run yet",
}


@dataclass(frozen=True)
class _Measured:
    """The measurements that an expectation needs, by seed.

    Args:
        known: Of each seed that has all of them, the values.
        ranges: Of each seed with a censored one, the smallest and largest value of each.
        censored: What is known of each censored measurement.
        gaps: A sentence on each measurement that does not exist or is not finite.
    """

    known: Mapping[int, Mapping[Reference, float]]
    ranges: Mapping[int, Mapping[Reference, tuple[float, float]]]
    censored: Mapping[tuple[Reference, int], Censored]
    gaps: Sequence[str]


def _collect(
    needed: Sequence[Reference],
    seeds: Sequence[int],
    results: Mapping[tuple[str, int], RunResult],
    runs: Mapping[str, RunSpec],
) -> _Measured:
    known: dict[int, dict[Reference, float]] = {}
    ranges: dict[int, dict[Reference, tuple[float, float]]] = {}
    open_: dict[tuple[Reference, int], Censored] = {}
    gaps: list[str] = []
    for seed in seeds:
        found: dict[Reference, tuple[float, float]] = {}
        for reference in needed:
            result = results.get((reference.run, seed))
            if result is None or result.status is not Status.DONE:
                continue
            if reference.metric in result.unmeasured:
                continue
            bound = censored(reference, result, runs.get(reference.run))
            if bound is not None:
                open_[reference, seed] = bound
                found[reference] = bound.least, math.inf
            elif gap := _gap(reference, seed, result):
                gaps.append(gap)
            else:
                value = result.measurements[reference.metric]
                assert value is not None
                found[reference] = value, value
        if len(found) < len(needed):
            continue
        if any((reference, seed) in open_ for reference in needed):
            ranges[seed] = found
        else:
            known[seed] = {reference: low for reference, (low, _) in found.items()}
    return _Measured(known, ranges, open_, gaps)


def _gap(reference: Reference, seed: int, result: RunResult) -> str:
    """Say why a finished run has no number for a reference; an empty text where it has one."""
    value = result.measurements.get(reference.metric)
    if value is None:
        return _missing_measurement(reference, seed)
    if not is_finite_number(value):
        return f"{reference.run}, seed {seed}: {reference.metric} is {value!r}"
    return ""


def _missing_measurement(reference: Reference, seed: int) -> str:
    why = "never fitted its training set, so it " if reference.metric.endswith("_to_fit") else ""
    return f"{reference.run}, seed {seed}, {why}has no {reference.metric}"


def _sentence(parts: Sequence[str]) -> str:
    return "; ".join(parts)
