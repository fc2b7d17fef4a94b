"""What an invocation came to, case by case.

There is a case for each expectation, one for the runs that no expectation reads, and one for the
comparison with the kept numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.compare.regression import Regression
from harness.experiment import Expectation, Experiment
from harness.expression import runs_read
from harness.judging.check import Judgement, Mark, Verdict, stale_runs, verdict_of_runs
from harness.judging.exit_code import Allow
from harness.judging.timing import Statements
from harness.run_result import RunResult
from harness.spec.load import expectation_places
from harness.spec.problems import Place, SpecError

RUNS = "[runs]"
"""Names the case of the runs that no expectation reads; no expectation has such an id."""

BASELINE = "[baseline]"
"""Names the case of the comparison with the kept numbers; no expectation has such an id."""


@dataclass(frozen=True)
class Conclusion:
    """What came of one experiment; `report` is its Markdown, where one was written.

    `unwritten` says why one that was to be written is not there, `crash` what nobody foresaw and
    where its traceback lies. `regression` is the comparison with the kept numbers, where that was
    asked for. `statements` tell when the expectations were stated, None for a trial.
    """

    experiment: Experiment
    results: Sequence[RunResult]
    judgements: Sequence[Judgement]
    report: Path | None = None
    unwritten: str = ""
    crash: str = ""
    regression: Regression | None = None
    statements: Statements | None = None


@dataclass(frozen=True)
class Case:
    """One thing that passes or does not.

    `place` is its place in a specification. `seconds` is how long the runs trained that it rests on
    and no earlier case of the experiment does, so that the times of all cases add up. `judgement`
    is that of an expectation, `regression` the comparison with the kept numbers, each None for
    other cases. `stale` says which runs are stale and why, and is empty where none is.
    """

    id: str
    title: str
    place: Place
    verdict: Verdict
    message: str
    seconds: float
    judgement: Judgement | None
    stale: str = ""
    regression: Regression | None = None

    def passes(self, allow: Allow) -> bool:
        """Tell whether it passes; one that rests on stale runs does where that is allowed."""
        return self.verdict is Verdict.PASS and (not self.stale or Mark.STALE in allow)


@dataclass(frozen=True)
class Suite:
    """An experiment's conclusion and its cases."""

    conclusion: Conclusion
    cases: tuple[Case, ...]


def unread(experiment: Experiment) -> tuple[str, ...]:
    """Return the runs that no expectation reads: they count all the same."""
    read = {run for expectation in experiment.expectations for run in _read(expectation)}
    return tuple(name for name in experiment.runs if name not in read)


def suites(conclusions: Sequence[Conclusion]) -> tuple[Suite, ...]:
    """Return every case of every experiment; the files are read again for their places."""
    return tuple(Suite(conclusion, tuple(_cases(conclusion))) for conclusion in conclusions)


def places(experiment: Experiment) -> Mapping[str, Place]:
    """Return the place of each case in its specification, by its id.

    That is the start of the file for one that is not found any more, or came by --set.
    """
    start = Place(experiment.path, 1)
    try:
        found = expectation_places(experiment.path)
    except SpecError:  # edited since it was read
        found = {}
    return {RUNS: start, BASELINE: start} | {
        each.id: found.get(each.base or each.id, start) for each in experiment.expectations
    }


def case_of_runs(experiment: Experiment, results: Sequence[RunResult]) -> tuple[Verdict, str]:
    """Judge the runs that no expectation reads: a pass where all are done, else why not."""
    found = {(result.run, result.seed): result for result in results}
    seeds = (
        experiment.seeds[: experiment.seed_plan.first] if experiment.seed_plan else experiment.seeds
    )
    return verdict_of_runs(unread(experiment), seeds, found) or (Verdict.PASS, "")


def _read(expectation: Expectation) -> set[str]:
    return {*runs_read(expectation.metric, expectation.cells)}


def _cases(conclusion: Conclusion) -> Iterator[Case]:
    experiment, results = conclusion.experiment, conclusion.results
    where, counted = places(experiment), set[str]()
    for judgement in conclusion.judgements:
        expectation = judgement.expectation
        seconds = _seconds(_read(expectation), results, counted)
        yield Case(
            expectation.id,
            expectation.title,
            where[expectation.id],
            judgement.verdict,
            judgement.message,
            seconds,
            judgement,
            judgement.stale,
        )
    if rest := unread(experiment):
        verdict, message = case_of_runs(experiment, results)
        title = f"The runs that no expectation reads are done: {', '.join(rest)}"
        stale = stale_runs(
            rest, experiment.seeds, {(each.run, each.seed): each for each in results}
        )
        yield Case(
            RUNS,
            title,
            where[RUNS],
            verdict,
            message,
            _seconds(set(rest), results, counted),
            None,
            stale,
        )
    if conclusion.regression is not None:
        yield case_of_regression(conclusion.regression, where[BASELINE])


def case_of_regression(regression: Regression, place: Place) -> Case:
    """Return the case of the comparison with the kept numbers."""
    title = f"The numbers are those of {regression.path}"
    return Case(
        BASELINE, title, place, regression.verdict, regression.message, 0.0, None, "", regression
    )


def _seconds(runs: set[str], results: Sequence[RunResult], counted: set[str]) -> float:
    """Add up the runs that are not counted yet, and count them."""
    new = {
        result.key: result.seconds
        for result in results
        if result.run in runs and result.key not in counted
    }
    counted.update(new)
    return sum(new.values())
