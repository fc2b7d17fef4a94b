"""The commands on kept numbers."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.options import ERROR, PATHS, STORE, load_or_exit, options
from harness.console import visible
from harness.data import catalog

if TYPE_CHECKING:
    from harness.report.baseline import Baseline, Comparison
    from harness.spec.records import Experiment

DRIFTED, BLOCKED = 1, 4

FOLDER = click.option(
    "--reports",
    type=click.Path(path_type=Path),
    default=Path("reports"),
    show_default=True,
    help="Folder of the kept numbers.",
)


@click.group()
def baseline() -> None:
    """Keep measured numbers as <name>.baseline.json, and see what drifts from them."""


@baseline.command()
@options(PATHS, STORE, FOLDER)
def compare(paths: tuple[Path, ...], store: Path, reports: Path) -> None:
    """Show which stored numbers drifted from the kept ones; exit code 1 if any, 4 if some cannot be compared."""
    from harness.report.drift import drift_table

    code = 0
    for experiment, kept, now in _measured(paths, store, reports):
        if kept is None or now is None:
            if now is not None:
                click.echo(f"{experiment.name}: no baseline yet")
            code = code or BLOCKED
            continue
        compared = _compare(experiment, kept, now)
        drifted = [each for each in compared if each.drifted]
        click.echo(f"{experiment.name}: {len(drifted)} of {len(compared)} numbers drifted")
        if drifted:
            click.echo(drift_table(drifted))
            code = DRIFTED
    sys.exit(code)


@baseline.command()
@options(PATHS, STORE, FOLDER, click.option("--yes", is_flag=True, help="Do not ask."))
def update(paths: tuple[Path, ...], store: Path, reports: Path, yes: bool) -> None:
    """Show how the stored numbers differ from the kept ones, and keep them instead."""
    from harness.report.baseline import BaselineError, path_of, write

    new: list[Baseline] = []
    code = 0
    for experiment, kept, now in _measured(paths, store, reports):
        if now is None:
            code = BLOCKED
        elif _show_changes(experiment, kept, now):
            new.append(now)
    if new and not yes:
        click.confirm(f"keep the numbers of {', '.join(each.name for each in new)}?", abort=True)
    try:
        for each in new:
            write(each, path_of(each.name, reports))
            click.echo(f"written: {path_of(each.name, reports)}")
    except BaselineError as error:
        click.echo(visible(f"error: {error}"), err=True)
        sys.exit(ERROR)
    sys.exit(code)


def _measured(
    paths: tuple[Path, ...], store: Path, reports: Path
) -> Iterator[tuple[Experiment, Baseline | None, Baseline | None]]:
    """Yield the experiments, each with the kept numbers and the stored ones; None where it has not all of them."""
    from harness import machine
    from harness.plan import make_plan
    from harness.report.baseline import BaselineError, measure, path_of, read, unfinished
    from harness.runner.conclude import judge_stored
    from harness.store import Store

    experiments = load_or_exit(paths, (), None)
    plan = make_plan(experiments, catalog.data_dir(), machine.gpus())
    for experiment in experiments:
        results = judge_stored(experiment, plan, Store(store), history=False).results
        missing = unfinished(results)
        if missing:
            first = missing[0]
            rest = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
            click.echo(f"{experiment.name}: {first.run}, seed {first.seed}{rest}: {first.reason}")
        try:
            kept = read(path_of(experiment.name, reports))
        except BaselineError as error:
            click.echo(visible(f"error: {error}"), err=True)
            sys.exit(ERROR)
        yield experiment, kept, None if missing else measure(experiment, results)


def _show_changes(experiment: Experiment, kept: Baseline | None, now: Baseline) -> bool:
    """Show what would change, and tell whether anything would."""
    from harness.report.drift import changes, drift_table, other_environment
    from harness.report.outcome import plural

    if kept is None:
        count = sum(map(len, now.values.values()))
        click.echo(f"{experiment.name}: no baseline yet; {count} numbers of {plural(len(now.values), 'run')}")
        return True
    if kept.values == now.values and kept.seeds == now.seeds:
        click.echo(f"{experiment.name}: as it is kept")
        return False
    compared = _compare(experiment, kept, now)
    changed = changes(compared)
    click.echo(f"{experiment.name}: {len(changed)} of {plural(len(compared), 'mean')} changed")
    if changed:
        click.echo(drift_table(changed))
    if kept.seeds != now.seeds:
        click.echo(f"seeds: {list(kept.seeds)} -> {list(now.seeds)}")
    for line in other_environment(kept, now):
        click.echo(line)
    return True


def _compare(experiment: Experiment, kept: Baseline, now: Baseline) -> tuple[Comparison, ...]:
    from harness.report.baseline import compare

    return compare(kept, now, experiment.tolerances)
