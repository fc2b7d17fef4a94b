"""The commands on specifications: validate, plan, run, check, report."""

from __future__ import annotations

import fnmatch
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.executors import with_executor
from harness.cli.options import (
    ALLOW,
    DEVICES,
    INTERRUPTED,
    KEEP_STALE,
    ONLY,
    PATHS,
    PROCESSES,
    REPORTS,
    SELECTION,
    SET,
    TENSORBOARD,
    explained,
    load_or_exit,
    options,
    reports_folder,
)
from harness.cli.outputs import with_outputs
from harness.data import catalog
from harness.experiment import Json
from harness.words import plural

if TYPE_CHECKING:
    from harness.ci.outputs import Outputs
    from harness.plan import Member, Plan
    from harness.runner.cluster.needs import Asked


_REPORTS = Path("reports")
"""Where reports lie, and the ledgers beside them, unless another folder is named."""


@click.command()
@options(PATHS, SET)
def validate(paths: tuple[Path, ...], assignments: tuple[Json, ...]) -> None:
    """Check specifications; every fault is told with its place, and what is allowed there."""
    experiments = load_or_exit(paths, assignments, None)
    runs = sum(len(experiment.runs) * len(experiment.seeds) for experiment in experiments)
    click.echo(f"{plural(len(experiments), 'specification')} valid, {runs} runs")


@click.command()
@SELECTION
def plan(paths: tuple[Path, ...], assignments: tuple[Json, ...], seeds: Json, store: Path) -> None:
    """Show the runs, what each starts from, which are done, stale, shared or blocked, and what they
    cost.
    """
    from harness.cli.tables import show_looks, show_plan
    from harness.runner.looks import plan_all, stage
    from harness.store.store import Store
    from harness.system import machine

    experiments, kept = load_or_exit(paths, assignments, seeds), Store(store)
    with explained():
        whole = plan_all(experiments, catalog.data_dir(), machine.gpus())
        stages = [stage(experiment, whole, kept) for experiment in experiments]
        following = [each.following for each in stages]
        show_plan(following, whole.narrowed(following), kept)
        show_looks(stages, whole, kept)


@click.command()
@options(SELECTION, ONLY, REPORTS, ALLOW, KEEP_STALE, PROCESSES, DEVICES, TENSORBOARD)
@with_executor
@with_outputs
def run(
    paths: tuple[Path, ...],
    assignments: tuple[Json, ...],
    seeds: Json,
    store: Path,
    only: str | None,
    reports: Path | None,
    allow: tuple[str, ...],
    keep_stale: bool,
    processes: int,
    devices: int | None,
    tensorboard: Path | None,
    cluster: Asked | None,
    outputs: Outputs,
) -> None:
    """Run what is not done yet or was made by other code, check the expectations and write the
    reports.
    """
    if devices != 1 and processes > 1:
        raise click.UsageError(
            "--devices shares every batch and --processes whole runs: give one of them"
        )
    experiments = load_or_exit(paths, assignments, seeds)
    if only is not None and not any(
        _matches(only, name) for experiment in experiments for name in experiment.runs
    ):
        names = dict.fromkeys(name for experiment in experiments for name in experiment.runs)
        raise click.BadParameter(
            f"no run is named like {only!r}; there are {', '.join(names)}", param_hint="'--only'"
        )
    if only is not None:
        experiments = tuple(
            replace(each, trial=(*each.trial, "--only", only)) for each in experiments
        )
    trial = bool(assignments or seeds or only)
    folder = reports_folder(reports, trial, experiments)
    from harness.runner.session import run_experiments, run_on_cluster
    from harness.runner.stating import Ledgers
    from harness.store.store import Store

    # With --only it is the same experiment still, and all that it expects was stated.
    ledgers = None if assignments or seeds else Ledgers(reports or _REPORTS, write=True)
    common = (experiments, _selector(only), Store(store), catalog.data_dir(), folder, allow)
    try:
        with explained():
            if cluster is not None:
                sys.exit(
                    run_on_cluster(*common, cluster, tensorboard, outputs, keep_stale, ledgers)
                )
            code = run_experiments(
                *common,
                processes,
                tensorboard,
                outputs,
                devices=devices,
                keep_stale=keep_stale,
                ledgers=ledgers,
            )
            sys.exit(code)
    except KeyboardInterrupt:
        click.echo(
            "interrupted: finished runs are kept; the same command goes on where this one stopped",
            err=True,
        )
        sys.exit(INTERRUPTED)


def _selector(only: str | None) -> Callable[[Plan, Member], bool]:
    return lambda plan, member: only is None or _matches(only, member.run)


def _matches(pattern: str, name: str) -> bool:
    """Tell whether a run's name is the pattern, or fits it; a cell's brackets are no character
    class.
    """
    return fnmatch.fnmatchcase(name, pattern.replace("[", "[[]"))


@click.command()
@options(SELECTION, ALLOW)
@click.option(
    "--strict", is_flag=True, help="Fail unless every expectation was stated before its results."
)
@with_outputs
def check(
    paths: tuple[Path, ...],
    assignments: tuple[Json, ...],
    seeds: Json,
    store: Path,
    allow: tuple[str, ...],
    strict: bool,
    outputs: Outputs,
) -> None:
    """Judge the stored runs again, without training."""
    from harness.runner.conclude import check_experiments
    from harness.runner.stating import Ledgers
    from harness.store.store import Store

    trial = bool(assignments or seeds)
    if strict and trial:
        raise click.UsageError(
            "what a trial (--set, --seeds) expects was never stated: leave these out with --strict"
        )
    ledgers = None if trial else Ledgers(_REPORTS)
    experiments = load_or_exit(paths, assignments, seeds)
    with explained():
        common = (Store(store), catalog.data_dir(), None, allow, outputs)
        sys.exit(check_experiments(experiments, *common, ledgers, strict))


@click.command()
@options(SELECTION, REPORTS)
def report(
    paths: tuple[Path, ...],
    assignments: tuple[Json, ...],
    seeds: Json,
    store: Path,
    reports: Path | None,
) -> None:
    """Write the reports of the stored runs again, without training."""
    from harness.runner.conclude import check_experiments
    from harness.runner.stating import Ledgers
    from harness.store.store import Store

    experiments = load_or_exit(paths, assignments, seeds)
    trial = bool(assignments or seeds)
    folder = reports_folder(reports, trial, experiments)
    ledgers = None if trial else Ledgers(folder, write=True)
    with explained():
        check_experiments(
            experiments, Store(store), catalog.data_dir(), folder, (), ledgers=ledgers
        )
