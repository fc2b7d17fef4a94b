"""One invocation, start to end: run, check, report, and the exit code."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from harness import machine
from harness.check import Judgement, Verdict, check, exit_code
from harness.plan import Member, Plan, make_plan
from harness.report.write import write_index, write_report
from harness.results import RunResult
from harness.runner.backend import import_backend, prepare_backend
from harness.runner.interrupt import stoppable
from harness.runner.progress import Display
from harness.runner.side import beside, threads_each
from harness.runner.standing import standing
from harness.spec.records import Experiment
from harness.store import Store, StoreError
from harness.terminal import show_judgements


def run_experiments(
    experiments: Sequence[Experiment],
    selected: Callable[[Plan, Member], bool],
    store: Store,
    data_dir: Path,
    reports: Path,
    allow: Sequence[str],
    processes: int = 1,
) -> int:
    """Run what is not done, experiment by experiment, each with its report as soon as it is through.

    Where `processes` is more than one, the others work through the runs of all experiments meanwhile.

    Returns:
        The exit code.

    Raises:
        StoreError: the store or the reports cannot be written.
        KeyboardInterrupt: a stop was asked for.
    """
    store.prepare()
    _prepare_reports(reports)
    machine.revision()
    import_backend()
    prepare_backend(threads_each(processes))
    from harness.runner import local

    plan = make_plan(experiments, data_dir, local.gpus())
    chosen = _with_parents(plan, [key for member, key in plan.members.items() if selected(plan, member)])
    console = Console()
    conclusions: list[_Conclusion] = []
    waiting = [key for key in plan.runs if key in chosen and not store.done(key)]
    with stoppable() as stop, beside(processes, plan, waiting, store, data_dir):
        for experiment in experiments:
            keys = [key for key in _keys(plan, experiment) if key in chosen]
            with Display(console, len(keys)) as display:
                try:
                    local.execute(local.Work(plan, store, data_dir, display, stop), keys)
                except local.Interrupted:
                    raise KeyboardInterrupt from None
            conclusions.append(_conclude(experiment, plan, store, reports, console))
    return _exit_code(conclusions, allow)


def check_experiments(
    experiments: Sequence[Experiment], store: Store, data_dir: Path, reports: Path | None, allow: Sequence[str]
) -> int:
    """Judge what is stored, and write the reports where a folder is given; nothing is run.

    Raises:
        StoreError: the reports cannot be written.
    """
    if reports is not None:
        _prepare_reports(reports)
    plan = make_plan(experiments, data_dir, machine.gpus())
    console = Console()
    return _exit_code([_conclude(experiment, plan, store, reports, console) for experiment in experiments], allow)


def _prepare_reports(folder: Path) -> None:
    """See that reports can be written, before anything is trained."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise StoreError(
            f"the reports {folder} cannot be written: {error.strerror}; choose another folder with --reports"
        ) from error


def _keys(plan: Plan, experiment: Experiment) -> list[str]:
    """Return an experiment's runs, each once, parents first."""
    own = {key for member, key in plan.members.items() if member.experiment == experiment.name}
    return [key for key in plan.runs if key in own]


def _with_parents(plan: Plan, keys: Sequence[str]) -> set[str]:
    found: set[str] = set()
    for key in keys:
        following: str | None = key
        while following is not None and following not in found:
            found.add(following)
            following = plan.runs[following].parent
    return found


def _results(experiment: Experiment, plan: Plan, store: Store) -> list[RunResult]:
    return [
        standing(plan, key, member.run, member.seed, store)
        for member, key in plan.members.items()
        if member.experiment == experiment.name
    ]


@dataclass(frozen=True)
class _Conclusion:
    results: Sequence[RunResult]
    judgements: Sequence[Judgement]


def _conclude(experiment: Experiment, plan: Plan, store: Store, reports: Path | None, console: Console) -> _Conclusion:
    results = _results(experiment, plan, store)
    judgements = check(experiment, results)
    report = None
    if reports is not None:
        report = write_report(experiment, results, judgements, reports)
        write_index(reports)
    show_judgements(console, experiment, judgements, report)
    return _Conclusion(results, judgements)


def _exit_code(conclusions: Sequence[_Conclusion], allow: Sequence[str]) -> int:
    return exit_code(
        [judgement for each in conclusions for judgement in each.judgements],
        [Verdict(name) for name in allow],
        [result.status for each in conclusions for result in each.results],
    )
