"""Compare what was measured with what was expected: from results to judgements.

The metric expression is evaluated on the runs of one seed at a time. So the difference of two runs
is paired by seed, and the mean of a ratio is the mean of the seeds' ratios, not the ratio of two
means. The rules of a verdict are those of `judge`; the limits are in `harness.judging.inference`
and `harness.judging.image_limits`.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from harness.experiment import Expectation, Experiment, RunSpec
from harness.expression import (
    Expression,
    Range,
    Reference,
    evaluate,
    evaluate_ranges,
    parse,
    references,
)
from harness.judging.censoring import Censored, censored, sentences
from harness.judging.image_limits import limits_from_test_images
from harness.judging.resolution import one_step, step
from harness.judging.sequential import Design, judgements
from harness.judging.training_fit import notes_on_unfitted
from harness.judging.verdicts import Judgement, agree, decide, decide_censored
from harness.rounding import is_finite_number
from harness.run_result import RunResult, Status
from harness.words import Mark, Verdict

__all__ = ["Judgement", "Mark", "Verdict", "check", "exit_code", "judge"]


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
    judged = judgements(design, experiment.expectations, judge_at)
    return tuple(replace(each, stale=_stale(each.expectation, seeds, found)) for each in judged)


def _stale(
    expectation: Expectation, seeds: Sequence[int], results: Mapping[tuple[str, int], RunResult]
) -> str:
    return stale_runs([each.run for each in references(parse(expectation.metric))], seeds, results)


def judge(
    expectation: Expectation,
    seeds: Sequence[int],
    results: Mapping[tuple[str, int], RunResult],
    runs: Mapping[str, RunSpec] = MappingProxyType({}),
) -> Judgement:
    """Judge one expectation from the results by (run, seed); the first rule that applies decides.

    1. A needed run ended in an error: `error`.
    2. A needed run is blocked, or not run yet: `blocked`.
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
    expression = parse(expectation.metric)
    needed = references(expression)
    absent = verdict_of_runs([reference.run for reference in needed], seeds, results)
    measured = _measured(needed, seeds, results, runs)
    evaluated = {seed: evaluate(expression, found) for seed, found in measured.known.items()}
    finite = {seed: value for seed, value in evaluated.items() if math.isfinite(value.number)}
    gaps = [
        *measured.gaps,
        *(
            f"seed {seed}: the expression has no finite value"
            for seed in evaluated
            if seed not in finite
        ),
    ]
    values = {seed: value.number for seed, value in finite.items()}
    if absent is not None:
        return Judgement(expectation, absent[0], values=values, message=absent[1])
    if gaps or not (values or measured.ranges):
        return Judgement(
            expectation,
            Verdict.FAIL,
            values=values,
            message=_sentence(gaps or ["there are no seeds"]),
        )
    notes = tuple(notes_on_unfitted(needed, seeds, results, runs))
    if measured.ranges:
        ranges = {
            seed: Range(value.number, value.number, value.rounding)
            for seed, value in finite.items()
        }
        ranges |= {
            seed: evaluate_ranges(expression, found) for seed, found in measured.ranges.items()
        }
        why = _sentence(list(sentences(measured.censored)))
        judgement = decide_censored(expectation, ranges, measured.ranges.keys(), why)
        return replace(judgement, notes=(*judgement.notes, *notes))
    images, pairing = limits_from_test_images(expectation, measured.known, results, runs)
    rounding = {seed: value.rounding for seed, value in finite.items()}
    one = (
        _step(needed, measured.known, results, runs, expression)
        if agree(values, rounding)
        else None
    )
    judgement = decide(expectation, values, images, rounding, one, pairing)
    return replace(judgement, notes=(*judgement.notes, *notes))


def _step(
    needed: Sequence[Reference],
    known: Mapping[int, Mapping[Reference, float]],
    results: Mapping[tuple[str, int], RunResult],
    runs: Mapping[str, RunSpec],
    expression: Expression,
) -> float | None:
    """Return the most that one resolution step of a measurement changes the expression.

    None where that is not known.
    """
    steps = {
        each: step(each, runs[each.run], [results[each.run, seed] for seed in known])
        if each.run in runs
        else None
        for each in needed
    }
    return one_step(expression, list(known.values()), steps)


Allow = Collection[Verdict | Mark]
"""What does not change an exit code: verdicts, and marks that verdicts may bear."""

ALLOWABLE = (Verdict.BLOCKED.value, Verdict.INCONCLUSIVE.value, Mark.STALE.value)
"""The words for what can be allowed."""


def allowed(words: Iterable[str]) -> list[Verdict | Mark]:
    """Return what some of the words `ALLOWABLE` allow."""
    return [Mark(word) if word == Mark.STALE.value else Verdict(word) for word in words]


def exit_code(
    judgements: Iterable[Judgement],
    allow: Allow = (),
    statuses: Iterable[Status] = (),
    stale: bool = False,
) -> int:
    """Return the exit code of `run` and `check` for the judgements of all experiments.

    3 for an error; else 1 for a fail; else 4 where something is blocked, inconclusive or stale and
    not in `allow`; else 0. An error goes before a fail because it leaves the answer unknown.

    Args:
        judgements: Those of all experiments.
        allow: What counts as a pass.
        statuses: Those of all runs, so that runs count which no expectation reads: an error is an
            error, and blocked or missing runs are blocked.
        stale: Whether any of the runs is stale.

    Raises:
        ValueError: `allow` names anything but blocked, inconclusive and stale.
    """
    if {each.value for each in allow} - set(ALLOWABLE):
        raise ValueError("only blocked, inconclusive and stale can be allowed")
    judgements = list(judgements)
    marks = (
        {Mark.STALE} if stale or any(judgement.stale for judgement in judgements) else set[Mark]()
    )
    verdicts = {judgement.verdict for judgement in judgements} | {
        _AS_VERDICT[status] for status in statuses
    }
    if Verdict.ERROR in verdicts:
        return 3
    if Verdict.FAIL in verdicts:
        return 1
    return 4 if (verdicts - {Verdict.PASS} | marks) - set(allow) else 0


_AS_VERDICT = {
    Status.DONE: Verdict.PASS,
    Status.BLOCKED: Verdict.BLOCKED,
    Status.MISSING: Verdict.BLOCKED,
    Status.ERROR: Verdict.ERROR,
}


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
                unfinished[_AS_VERDICT[status]].setdefault((run, reason), []).append(seed)
    for verdict, found in unfinished.items():
        if found:
            return verdict, _sentence(
                [f"{run}, {_seeds(of)}: {reason}" for (run, reason), of in found.items()]
            )
    return None


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
    return _sentence([f"{run}, {_seeds(of)}: {why}" for (run, why), of in found.items()])


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


def _measured(
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
            value = result.measurements.get(reference.metric)
            more = censored(reference, result, runs.get(reference.run))
            if more is not None:
                open_[reference, seed] = more
                found[reference] = more.least, math.inf
            elif value is None:
                gaps.append(_absence(reference, seed))
            elif not is_finite_number(value):
                gaps.append(f"{reference.run}, seed {seed}: {reference.metric} is {value!r}")
            else:
                found[reference] = value, value
        if len(found) < len(needed):
            continue
        if any((reference, seed) in open_ for reference in needed):
            ranges[seed] = found
        else:
            known[seed] = {reference: low for reference, (low, _) in found.items()}
    return _Measured(known, ranges, open_, gaps)


def _absence(reference: Reference, seed: int) -> str:
    why = "never fitted its training set, so it " if reference.metric.endswith("_to_fit") else ""
    return f"{reference.run}, seed {seed}, {why}has no {reference.metric}"


def _seeds(seeds: Sequence[int]) -> str:
    return f"seed {seeds[0]}" if len(seeds) == 1 else f"seeds {', '.join(map(str, seeds))}"


def _sentence(parts: Sequence[str]) -> str:
    return "; ".join(parts)
