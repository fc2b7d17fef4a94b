"""From what is stored to verdicts and reports: the end of every invocation, and all of one that runs nothing."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from harness import machine
from harness.check import Verdict, check, exit_code
from harness.ci.cases import Conclusion, case_of_runs
from harness.ci.outputs import NOTHING, Outputs, prepare, write
from harness.plan import Plan, make_plan
from harness.runner.standing import standing
from harness.spec.records import Experiment
from harness.store import Store, StoreError
from harness.terminal import show_judgements


def check_experiments(
    experiments: Sequence[Experiment],
    store: Store,
    data_dir: Path,
    reports: Path | None,
    allow: Sequence[str],
    outputs: Outputs = NOTHING,
) -> int:
    """Judge what is stored, and write the reports where a folder is given; nothing is run.

    Returns:
        The exit code.

    Raises:
        StoreError: the reports or the outputs cannot be written.
    """
    prepare_folders(reports, outputs)
    plan = make_plan(experiments, data_dir, machine.gpus())
    console = Console()
    return end([conclude(experiment, plan, store, reports, console) for experiment in experiments], allow, outputs)


def prepare_folders(reports: Path | None, outputs: Outputs) -> None:
    """See that everything can be written, before anything is trained.

    Raises:
        StoreError: something cannot.
    """
    if reports is not None:
        _prepare_reports(reports)
    prepare(outputs)


def conclude(experiment: Experiment, plan: Plan, store: Store, reports: Path | None, console: Console) -> Conclusion:
    """Judge an experiment from what is stored, write its report where a folder is given, and show the verdicts."""
    conclusion = judge_stored(experiment, plan, store, history=reports is not None)
    if reports is not None:
        conclusion = report(conclusion, reports)
    show_judgements(console, experiment, conclusion.judgements, conclusion.report)
    verdict, message = case_of_runs(experiment, conclusion.results)
    if verdict is Verdict.ERROR:  # no expectation tells of it, and it decides the exit code
        console.print(f"error: {message}", markup=False, highlight=False, soft_wrap=True)
    return conclusion


def judge_stored(experiment: Experiment, plan: Plan, store: Store, history: bool) -> Conclusion:
    """Judge an experiment from what is stored; `history` says whether the runs' histories are read, for a report."""
    results = [
        standing(plan, key, member.run, member.seed, store, history)
        for member, key in plan.members.items()
        if member.experiment == experiment.name
    ]
    return Conclusion(experiment, results, check(experiment, results))


def report(conclusion: Conclusion, folder: Path) -> Conclusion:
    """Write an experiment's report, and the index of the folder that it is in.

    Raises:
        StoreError: they cannot be written.
    """
    from harness.report.write import write_index, write_report  # matplotlib takes long to import

    with _writing(folder):
        path = write_report(conclusion.experiment, conclusion.results, conclusion.judgements, folder)
        write_index(folder)
    return replace(conclusion, report=path)


def end(conclusions: Sequence[Conclusion], allow: Sequence[str], outputs: Outputs) -> int:
    """Return the exit code, after what is to be written of all experiments is written."""
    allowed = [Verdict(name) for name in allow]
    code = exit_code(
        [judgement for each in conclusions for judgement in each.judgements],
        allowed,
        [result.status for each in conclusions for result in each.results],
    )
    write(outputs, conclusions, allowed, code)
    return code


def _prepare_reports(folder: Path) -> None:
    with _writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()


@contextlib.contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"the reports {folder} cannot be written: {error.strerror}; choose another folder with --reports"
        ) from error
