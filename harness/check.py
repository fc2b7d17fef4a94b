"""Compare what was measured with what was expected: expectations to verdicts.

For each seed the metric expression is evaluated on that seed's runs alone, so the difference of
two runs is a difference paired by seed, and the mean of a ratio is the mean of the seeds' ratios,
not the ratio of two means. What then counts is defined in `judge`, and the limits in
`harness.statistics` and `harness.images`.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from types import MappingProxyType

from harness.images import of_test_images
from harness.results import RunResult, Status
from harness.rounding import is_finite_number
from harness.spec.expression import Reference, evaluate, parse, references
from harness.spec.records import Expectation, Experiment, RunSpec
from harness.verdicts import Judgement, Verdict, decide

__all__ = ["Judgement", "Verdict", "check", "exit_code", "judge"]


def check(experiment: Experiment, results: Sequence[RunResult]) -> tuple[Judgement, ...]:
    """Judge every expectation of an experiment, in the order of the specification.

    Raises `harness.spec.expression.ExpressionError` for a metric that cannot be parsed.
    """
    found = {(result.run, result.seed): result for result in results}
    return tuple(judge(each, experiment.seeds, found, experiment.runs) for each in experiment.expectations)


def judge(
    expectation: Expectation,
    seeds: Sequence[int],
    results: Mapping[tuple[str, int], RunResult],
    runs: Mapping[str, RunSpec] = MappingProxyType({}),
) -> Judgement:
    """Judge one expectation from the results by (run, seed); the first rule that applies decides.

    1. A needed run ended in an error: `error`.
    2. A needed run is blocked, or not run yet: `blocked`.
    3. A needed measurement does not exist, or a seed's value is not finite: `fail`.
    4. Statistic `every` speaks of the seeds at hand: `pass` when each value is within the bounds,
       else `fail`.
    5. Statistic `worst` speaks of all seeds, but for the rarest: with k of n seeds within the bounds,
       `pass` when the lower limit of Clopper and Pearson on the share of all seeds that are is at
       least `share`, `fail` when the upper limit is below it, else `inconclusive`.
    6. Statistics `mean` and `median` speak of the mean and the median of all seeds, by a lower and an
       upper one-sided limit at `confidence`. `pass` when the lower limit is at or above the lower
       bound and the upper limit at or below the upper bound (a bound that is not set is met): with
       both bounds these are the two one-sided tests of equivalence (TOST, Schuirmann 1987), with
       one it is the one-sided test, in either case at level 1 - confidence. `fail` when the upper
       limit is below the lower bound or the lower limit above the upper bound. Else, and where the
       seeds are too few for limits, `inconclusive`.

    The limits of the median are `median_limits`. Those of the mean are, by the expectation's
    `interval`, `student_limits` or `bootstrap_limits`, for which two seeds are needed, or, for
    `binomial` and `paired`, `image_limits` and `paired_limits`: these speak of other test images, and
    of the networks at hand as they are, however many seeds they come from. All others speak of other
    seeds, and of the test images at hand as they are: every seed sees the same.

    A bound is met, too, by what is beyond it by rounding alone: every number that takes part stands for any that is
    nearest to it, and what that comes to in the expression, and in the limits, is allowed for
    (`harness.spec.expression.evaluate`). So 0.09 - 0.08 is at least 0.01, and 2e-15 is not at most 1e-15.

    `runs` are the experiment's, from which the number of test images is known where the results
    do not record it.
    """
    expression = parse(expectation.metric)
    needed = references(expression)
    absent = verdict_of_runs([reference.run for reference in needed], seeds, results)
    measured, gaps = _measured(needed, seeds, results)
    evaluated = {seed: evaluate(expression, found) for seed, found in measured.items()}
    finite = {seed: value for seed, value in evaluated.items() if math.isfinite(value.number)}
    gaps += [f"seed {seed}: the expression has no finite value" for seed in evaluated if seed not in finite]
    values = {seed: value.number for seed, value in finite.items()}
    if absent is not None:
        return Judgement(expectation, absent[0], values=values, message=absent[1])
    if gaps or not values:
        return Judgement(expectation, Verdict.FAIL, values=values, message=_sentence(gaps or ["there are no seeds"]))
    images, pairing = of_test_images(expectation, measured, results, runs)
    rounding = {seed: value.rounding for seed, value in finite.items()}
    return decide(expectation, values, images, rounding, pairing)


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


def verdict_of_runs(
    runs: Iterable[str], seeds: Sequence[int], results: Mapping[tuple[str, int], RunResult]
) -> tuple[Verdict, str] | None:
    """Return the verdict and message where one of the runs is not done, an error before what is blocked, or None."""
    unfinished: dict[Verdict, dict[tuple[str, str], list[int]]] = {Verdict.ERROR: {}, Verdict.BLOCKED: {}}
    for run in dict.fromkeys(runs):
        for seed in seeds:
            result = results.get((run, seed))
            status = result.status if result else Status.MISSING
            if status is not Status.DONE:
                reason = (result.reason if result else "") or _REASONS[status]
                unfinished[_AS_VERDICT[status]].setdefault((run, reason), []).append(seed)
    for verdict, found in unfinished.items():
        if found:
            return verdict, _sentence([f"{run}, {_seeds(of)}: {reason}" for (run, reason), of in found.items()])
    return None


_REASONS = {Status.ERROR: "ended in an error", Status.BLOCKED: "blocked", Status.MISSING: "not run yet"}


def _measured(
    needed: Sequence[Reference], seeds: Sequence[int], results: Mapping[tuple[str, int], RunResult]
) -> tuple[dict[int, dict[Reference, float]], list[str]]:
    """Return all that is needed of each seed that has it, and what stands in the way for the others."""
    measured: dict[int, dict[Reference, float]] = {}
    gaps: list[str] = []
    for seed in seeds:
        found: dict[Reference, float] = {}
        for reference in needed:
            result = results.get((reference.run, seed))
            if result is not None and result.status is Status.DONE:
                value = result.measurements.get(reference.metric)
                if value is None:
                    gaps.append(_absence(reference, seed))
                elif not is_finite_number(value):
                    gaps.append(f"{reference.run}, seed {seed}: {reference.metric} is {value!r}")
                else:
                    found[reference] = value
        if len(found) == len(needed):
            measured[seed] = found
    return measured, gaps


def _absence(reference: Reference, seed: int) -> str:
    why = "never fitted its training set, so it " if reference.metric.endswith("_to_fit") else ""
    return f"{reference.run}, seed {seed}, {why}has no {reference.metric}"


def _seeds(seeds: Sequence[int]) -> str:
    return f"seed {seeds[0]}" if len(seeds) == 1 else f"seeds {', '.join(map(str, seeds))}"


def _sentence(parts: Sequence[str]) -> str:
    return "; ".join(parts)
