"""The commands on specifications: validate, plan, run, measure, check, report."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.executors import with_executor
from harness.cli.options import (
    ALLOW,
    JSON,
    KEEP_STALE,
    ONLY,
    PATHS,
    REPORTS,
    SELECTION,
    SET,
    Selection,
    gathered,
    options,
    reports_folder,
    with_selection,
)
from harness.cli.outputs import with_outputs
from harness.data import catalog
from harness.errors import INTERRUPTED, INVALID
from harness.experiment import Experiment, Json
from harness.system.console import visible
from harness.words import plural

if TYPE_CHECKING:
    from harness.ci.outputs import Outputs
    from harness.runner.executor import Executor
    from harness.runner.invocation import Invocation


_REPORTS = Path("reports")
"""Where reports lie, and the ledgers beside them, unless another folder is named."""


@click.command()
@options(PATHS, SET, JSON)
def validate(paths: tuple[Path, ...], assignments: tuple[Json, ...], as_json: bool) -> None:
    """Check specifications; every fault is told with its place, and what is allowed there."""
    selection = Selection(paths, Path(), assignments)
    if as_json:
        from harness.cli.documents import print_document, validate_document

        valid, problems = selection.checked()
        print_document("validate", validate_document(valid, problems))
        sys.exit(INVALID if problems else 0)
    experiments = selection.load()
    runs = sum(len(experiment.runs) * len(experiment.seeds) for experiment in experiments)
    click.echo(f"{plural(len(experiments), 'specification')} valid, {runs} runs")


@click.command()
@SELECTION
@click.option(
    "--all", "everything", is_flag=True, help="Show every run, also where there are many."
)
@JSON
@with_selection
def plan(selection: Selection, everything: bool, as_json: bool) -> None:
    """Show the runs: what each starts from, whether it is done, stale or blocked, what it costs.

    Of many runs, a row a specification is shown: how many runs stand how, and the hours that are
    left by what runs like them took.
    """
    from harness.cli.plan_table import show_plan
    from harness.runner.costs import all_next_looks
    from harness.runner.looks import plan_all, stage
    from harness.runner.standings import standings
    from harness.store.snapshot import Snapshot
    from harness.system import machine

    experiments, kept = selection.load(), Snapshot(selection.store)
    whole = plan_all(experiments, catalog.data_dir(), machine.gpus())
    stages = [stage(experiment, whole, kept) for experiment in experiments]
    following = [each.following for each in stages]
    narrowed = whole.narrowed(following)
    found, pace = standings(following, narrowed, kept)
    looks = all_next_looks(stages, whole, kept)
    if as_json:
        from harness.cli.documents import plan_document, print_document

        print_document("plan", plan_document(found, narrowed, kept, looks))
        return
    show_plan(found, narrowed, kept, pace, everything)
    for sentence in looks:
        click.echo(visible(sentence))


@dataclass(frozen=True)
class _Wanted:
    """Which runs are wanted, and what is done with their results."""

    only: str | None
    reports: Path | None
    allow: tuple[str, ...]
    keep_stale: bool
    tensorboard: Path | None


@click.command()
@options(SELECTION, ONLY, REPORTS, ALLOW, KEEP_STALE)
@with_executor
@with_outputs
@with_selection
@gathered("wanted", _Wanted)
def run(selection: Selection, wanted: _Wanted, executor: Executor, outputs: Outputs) -> None:
    """Run what is not done yet or stale, check the expectations and write the reports.

    Stale is what was made by other code.
    """
    from harness.runner.session import run_experiments
    from harness.runner.stating import Ledgers

    experiments = selection.load()
    if wanted.only is not None:
        experiments = _of_some_runs(experiments, wanted.only)
    trial = selection.changed or wanted.only is not None
    # With --only it is the same experiment still, and all that it expects was stated.
    ledgers = None if selection.changed else Ledgers(wanted.reports or _REPORTS, write=True)
    invocation = replace(
        _invocation(selection, experiments),
        only=wanted.only,
        keep_stale=wanted.keep_stale,
        reports=reports_folder(wanted.reports, trial, experiments),
        tensorboard=wanted.tensorboard,
        outputs=outputs,
        ledgers=ledgers,
        allow=wanted.allow,
    )
    try:
        sys.exit(run_experiments(invocation, executor))
    except KeyboardInterrupt:
        click.echo(
            "interrupted: finished runs are kept; the same command goes on where this one stopped",
            err=True,
        )
        sys.exit(INTERRUPTED)


def _of_some_runs(experiments: Sequence[Experiment], only: str) -> tuple[Experiment, ...]:
    """Return the experiments as trials of the runs whose names fit a pattern."""
    from harness.runner.invocation import matches, no_match

    names = dict.fromkeys(name for experiment in experiments for name in experiment.runs)
    if not any(matches(only, name) for name in names):
        raise click.BadParameter(no_match(only, names), param_hint="'--only'")
    return tuple(replace(each, trial=(*each.trial, "--only", only)) for each in experiments)


@click.command()
@SELECTION
@with_selection
def measure(selection: Selection) -> None:
    """Measure the final metrics that finished runs lack, without training.

    What was measured before counts while the runs' files and the code that measured them are the
    same.
    """
    from harness.runner.looks import plan_as_it_stands
    from harness.runner.measure import Measuring, missing
    from harness.store.store import Store
    from harness.system import machine

    store = Store(selection.store)
    experiments, plan = plan_as_it_stands(
        selection.load(), catalog.data_dir(), machine.gpus(), store
    )
    wanted = missing(experiments, plan, store)
    Measuring(plan, store, catalog.data_dir(), lambda text: click.echo(visible(text))).measure(
        wanted
    )
    click.echo(f"{plural(len(wanted), 'final metric')} measured")


@click.command()
@options(SELECTION, ALLOW)
@click.option(
    "--strict", is_flag=True, help="Fail unless every expectation was stated before its results."
)
@with_outputs
@with_selection
def check(selection: Selection, allow: tuple[str, ...], strict: bool, outputs: Outputs) -> None:
    """Judge the stored runs again, without training."""
    from harness.runner.conclude import check_experiments
    from harness.runner.stating import Ledgers

    if strict and selection.changed:
        raise click.UsageError(
            "what a trial (--set, --seeds) expects was never stated: leave these out with --strict"
        )
    invocation = replace(
        _looking(selection, selection.load()),
        outputs=outputs,
        ledgers=None if selection.changed else Ledgers(_REPORTS),
        allow=allow,
        strict=strict,
    )
    sys.exit(check_experiments(invocation))


@click.command()
@options(SELECTION, REPORTS)
@with_selection
def report(selection: Selection, reports: Path | None) -> None:
    """Write the reports of the stored runs again, without training."""
    from harness.runner.conclude import check_experiments
    from harness.runner.stating import Ledgers

    experiments = selection.load()
    folder = reports_folder(reports, selection.changed, experiments)
    ledgers = None if selection.changed else Ledgers(folder, write=True)
    check_experiments(replace(_looking(selection, experiments), reports=folder, ledgers=ledgers))


def _invocation(selection: Selection, experiments: Sequence[Experiment]) -> Invocation:
    from harness.runner.invocation import Invocation
    from harness.store.store import Store

    return Invocation(experiments, Store(selection.store), catalog.data_dir())


def _looking(selection: Selection, experiments: Sequence[Experiment]) -> Invocation:
    """Return an invocation that makes no run."""
    from harness.store.snapshot import Snapshot

    return replace(_invocation(selection, experiments), store=Snapshot(selection.store))
