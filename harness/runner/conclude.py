"""From what is stored to verdicts and reports.

That is the end of every invocation, and all of one that runs nothing.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from harness.ci.cases import Conclusion, case_of_runs
from harness.ci.outputs import Outputs, prepare, refuse_foreign, write
from harness.compare.drift_table import show_drift
from harness.compare.regression import Regression, compare_with_kept
from harness.errors import (
    ERROR,
    FAIL,
    INTERNAL,
    UNDECIDED,
    HarnessError,
    InternalError,
)
from harness.experiment import Experiment
from harness.judging.check import Judgement, Verdict, check, detail_needed
from harness.judging.exit_code import Allow, allowed, exit_code
from harness.plan import Plan
from harness.report import folder
from harness.report.statements import warnings
from harness.report.terminal import show_judgements
from harness.run_result import Detail, RunResult, Status
from harness.runner.invocation import Invocation
from harness.runner.looks import plan_as_it_stands
from harness.runner.stating import Ledgers, look_up
from harness.store.snapshot import Snapshot
from harness.store.state import member_state
from harness.store.store import Store, StoreError
from harness.system import files, machine
from harness.system.console import say
from harness.system.crash import internal_error
from harness.system.ownership import is_folder, is_stream, refuse_shared

_CODES = {
    Verdict.PASS: 0,
    Verdict.FAIL: FAIL,
    Verdict.ERROR: ERROR,
    Verdict.INCONCLUSIVE: UNDECIDED,
    Verdict.BLOCKED: UNDECIDED,
}
"""By what a comparison with kept numbers came to."""


def check_experiments(invocation: Invocation) -> int:
    """Judge what is stored, and write the reports where a folder is given; nothing is run.

    Returns:
        The exit code.

    Raises:
        StoreError: the reports or the outputs cannot be written.
        OverwriteError: they would replace what the harness did not write.
        InternalError: something that nobody foresaw happened to one of the experiments.
    """
    prepare_folders(invocation.experiments, invocation.reports, invocation.outputs)
    now, plan = plan_as_it_stands(
        invocation.experiments, invocation.data_dir, machine.gpus(), invocation.store
    )
    console = Console()
    return end(invocation, [conclude(invocation, each, plan, console) for each in now])


def prepare_folders(
    experiments: Sequence[Experiment], reports: Path | None, outputs: Outputs
) -> None:
    """See that everything can be written and replaces nothing foreign, before anything is trained.

    Raises:
        StoreError: something cannot be written.
        OverwriteError: something would replace what the harness did not write.
    """
    named = [pair for pair in outputs.named if not is_stream(pair[1])]
    if reports is not None:
        named += folder.outputs(reports, experiments)
    refuse_shared(named)
    refuse_foreign(outputs)
    if reports is not None:
        refuse_foreign_reports(reports, experiments)
        _prepare_reports(reports, experiments)
    prepare(outputs)


def refuse_foreign_reports(reports: Path, experiments: Sequence[Experiment]) -> None:
    """See that the reports of experiments, and their index, replace nothing foreign in a folder.

    Raises:
        OverwriteError: they would.
        StoreError: what is there cannot be read.
    """
    with _writing(reports):
        for experiment in experiments:
            folder.refuse_foreign(reports, experiment.name, folder.plot_files(experiment))
        folder.refuse_foreign_index(reports)


def conclude(
    invocation: Invocation, experiment: Experiment, plan: Plan, console: Console
) -> Conclusion:
    """Judge an experiment from what is stored, write its report, and show the verdicts.

    A report is written where a folder is given. One that cannot be written, and whatever nobody
    foresaw, is told at the end of the invocation: it stops no other experiment.
    """
    try:
        return _concluded(invocation, experiment, plan, console)
    except HarnessError:
        raise
    except Exception as error:
        return crashed(invocation, experiment, error)


def crashed(invocation: Invocation, experiment: Experiment, error: Exception) -> Conclusion:
    """Return the conclusion of an experiment that could not be judged: all of it is an error."""
    why = str(internal_error(error, invocation.store.root, f"{experiment.name} cannot be judged"))
    results = [
        RunResult(run, seed, "", Status.ERROR, reason=why)
        for run in experiment.runs
        for seed in experiment.seeds_of(run)
    ]
    judgements = [Judgement(each, Verdict.ERROR, message=why) for each in experiment.expectations]
    return Conclusion(experiment, results, judgements, crash=why)


def _concluded(
    invocation: Invocation, experiment: Experiment, plan: Plan, console: Console
) -> Conclusion:
    store, reports = invocation.store, invocation.reports
    conclusion = judge_stored(experiment, plan, store, reports is not None, invocation.ledgers)
    if reports is not None:
        try:
            conclusion = report(conclusion, reports)
        except HarnessError as error:
            conclusion = replace(conclusion, unwritten=str(error))
        except Exception as error:  # whatever a figure stumbles over
            what = f"the report of {experiment.name} cannot be made"
            why = str(internal_error(error, store.root, what))
            conclusion = replace(conclusion, crash=why)
    show_judgements(console, experiment, conclusion.judgements, conclusion.report)
    for line in warnings(conclusion.statements):
        say(console, f"warning: {line}")
    verdict, message = case_of_runs(experiment, conclusion.results)
    if verdict is Verdict.ERROR:  # no expectation tells of it, and it decides the exit code
        say(console, f"error: {message}")
    return conclusion


def judge_stored(
    experiment: Experiment, plan: Plan, store: Store, history: bool, ledgers: Ledgers | None = None
) -> Conclusion:
    """Judge an experiment from what is stored.

    `history` says whether the runs' histories are read, for a report; `ledgers` are None for a
    trial.
    """
    whole = dict.fromkeys(experiment.runs, Detail.HISTORY)
    results = results_of(experiment, plan, store, whole if history else detail_needed(experiment))
    stated = look_up(experiment, store, results, ledgers) if ledgers is not None else None
    return Conclusion(experiment, results, check(experiment, results), statements=stated)


def results_of(
    experiment: Experiment, plan: Plan, store: Store, details: Mapping[str, Detail]
) -> list[RunResult]:
    """Return how every run of an experiment stands; `details` are how much is read of each."""
    store = Snapshot.of(store)
    return [
        member_state(experiment, plan, member, store, details[member.run])
        for member in plan.members
        if member.experiment == experiment.name
    ]


def write_down(experiment: Experiment, plan: Plan, store: Store, ledgers: Ledgers) -> Sequence[str]:
    """Write down what an experiment expects, before a run of it starts.

    Returns:
        What is wrong with the ledger, a sentence each.

    Raises:
        StoreError: it cannot be written.
    """
    stated = look_up(
        experiment,
        store,
        results_of(experiment, plan, store, dict.fromkeys(experiment.runs, Detail.NUMBERS)),
        ledgers,
        starting=True,
    )
    return [*stated.faults, *stated.notes]


def report(conclusion: Conclusion, reports: Path) -> Conclusion:
    """Write an experiment's report, and the index of the folder that it is in.

    Raises:
        StoreError: they cannot be written.
        OverwriteError: they would replace what the harness did not write.
    """
    from harness.report.write import write_index, write_report  # matplotlib takes long to import

    with _writing(reports):
        judged = (conclusion.experiment, conclusion.results, conclusion.judgements)
        path = write_report(*judged, reports, statements=conclusion.statements)
        write_index(reports)
    return replace(conclusion, report=path)


def end(invocation: Invocation, conclusions: Sequence[Conclusion]) -> int:
    """Return the exit code, after what is to be written of all experiments is written.

    It is that of a fail, too, where an expectation was not stated before its results and that is
    asked for strictly.

    Raises:
        StoreError: something could not be written, a report among it.
        OverwriteError: a file came to be in the way meanwhile that the harness did not write.
        InternalError: something that nobody foresaw happened to an experiment or its report.
    """
    accepted, outputs = allowed(invocation.allow), invocation.outputs
    conclusions = [_held(each, outputs.baseline) for each in conclusions]
    unwritten = list(dict.fromkeys(each.unwritten for each in conclusions if each.unwritten))
    crashes = [each.crash for each in conclusions if each.crash]
    code = _code(conclusions, accepted, invocation.strict)
    code = INTERNAL if crashes else ERROR if unwritten else code
    write(outputs, conclusions, accepted, code)
    if crashes:
        raise InternalError("; ".join([*crashes, *unwritten]))
    if unwritten:
        raise StoreError("; ".join(unwritten))
    return code


def _code(conclusions: Sequence[Conclusion], accepted: Allow, strict: bool) -> int:
    """Return the exit code of the verdicts, of kept numbers, and of late statements."""
    results = [result for each in conclusions for result in each.results]
    code = exit_code(
        [judgement for each in conclusions for judgement in each.judgements],
        accepted,
        [result.status for result in results],
        any(result.stale for result in results),
    )
    regressions = [each.regression for each in conclusions if each.regression is not None]
    code = _with_drift(code, regressions, accepted)
    late = any(each.statements and not each.statements.in_time for each in conclusions)
    return FAIL if strict and late and code != ERROR else code


def _held(conclusion: Conclusion, baselines: Path | None) -> Conclusion:
    """Compare an experiment with its kept numbers, where there are some, and show what drifted."""
    if baselines is None or conclusion.crash:
        return conclusion
    found = compare_with_kept(conclusion.experiment, conclusion.results, baselines)
    said = found.message or f"{found.counted} (kept in {found.path})"
    console = Console()
    say(console, f"{conclusion.experiment.name}: baseline: {found.verdict.value}: {said}")
    for line in [*found.changes, *found.notes]:
        say(console, line)
    if found.moved:
        show_drift(console, found.moved)
    return replace(conclusion, regression=found)


def _with_drift(code: int, regressions: Sequence[Regression], accepted: Allow) -> int:
    """Return the exit code of verdicts and kept numbers together.

    An error goes first, a fail next, then what is undecided.
    """
    codes = {code} | {_CODES[each.verdict] for each in regressions if each.verdict not in accepted}
    return next(each for each in (ERROR, FAIL, UNDECIDED, 0) if each in codes)


def _prepare_reports(reports: Path, experiments: Sequence[Experiment]) -> None:
    with _writing(reports):
        reports.mkdir(parents=True, exist_ok=True)
        plots = [folder.plots_folder(reports, experiment.name) for experiment in experiments]
        for each in (reports, *filter(is_folder, plots)):
            files.sweep(each)
            tempfile.TemporaryFile(dir=each).close()


@contextlib.contextmanager
def _writing(reports: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"the reports {reports} cannot be written: {error.strerror}; choose another folder with"
            " --reports"
        ) from error
