"""The commands on kept numbers."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.entry import tell
from harness.cli.options import PATHS, STORE, Selection, options
from harness.data import catalog
from harness.errors import ERROR, FAIL, UNDECIDED
from harness.system.console import visible

if TYPE_CHECKING:
    from harness.compare.baseline import Baseline, BaselineError
    from harness.compare.drift import BaselineComparison
    from harness.experiment import Experiment

    Kept = Baseline | BaselineError | None
    """The kept numbers, why they cannot be read, or nothing where none are kept."""

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
    """Show which stored numbers drifted from the kept ones.

    A number that some seed has on one side alone has drifted too. What changed since the numbers
    were kept (settings, code, packages) is told first. Exit codes: 0 none drifted; 1 some did; 3 a
    baseline cannot be read, or a run failed; 4 some numbers are not measured or not kept yet, are
    those of stale runs, or differ by more than the tolerance and maybe by chance.
    """
    sys.exit(_worst(_compared(*each) for each in _measured(paths, store, reports)))


@baseline.command()
@options(PATHS, STORE, FOLDER, click.option("--yes", is_flag=True, help="Do not ask."))
def update(paths: tuple[Path, ...], store: Path, reports: Path, yes: bool) -> None:
    """Show how the stored numbers differ from the kept ones, and keep them instead.

    Exit codes: 0 all that was measured is kept; 3 a baseline cannot be read or written, or
    something measured is no number that could be kept; 4 some runs are not measured yet, or are
    stale.
    """
    from harness.compare.baseline import BaselineError, demand_whole, path_of
    from harness.compare.baseline_file import write

    new: list[Baseline] = []
    codes: list[int] = []
    for experiment, kept, now in _measured(paths, store, reports):
        if isinstance(kept, BaselineError):
            codes.append(_code_of(kept))
        elif isinstance(now, int):
            codes.append(now)
        elif _show_changes(experiment, kept, now):
            try:
                demand_whole(now)
                new.append(now)
            except BaselineError as error:
                codes.append(_code_of(error))
    if new and not yes:
        click.confirm(f"keep the numbers of {', '.join(each.name for each in new)}?", abort=True)
    try:
        for each in new:
            write(each, path_of(each.name, reports))
            click.echo(f"written: {path_of(each.name, reports)}")
    except BaselineError as error:
        codes.append(_code_of(error))
    sys.exit(_worst(codes))


def _worst(codes: Iterable[int]) -> int:
    """Return the exit code of all experiments.

    An error goes before a drift, and that before what is not there.
    """
    found = set(codes)
    return next((code for code in (ERROR, FAIL, UNDECIDED) if code in found), 0)


def _code_of(error: BaselineError) -> int:
    """Tell an error, which ends no other experiment, and return its exit code."""
    tell(error)
    return error.exit_code


def _compared(experiment: Experiment, kept: Kept, now: Baseline | int) -> int:
    """Show what drifted in an experiment, and return the exit code."""
    from harness.compare.baseline import BaselineError, path_of
    from harness.compare.regression import compare_baselines

    if isinstance(kept, BaselineError):
        return _code_of(kept)
    if isinstance(now, int):
        return now
    if kept is None:
        click.echo(f"{experiment.name}: no baseline yet")
        return UNDECIDED
    found = compare_baselines(kept, now, experiment, path_of(experiment.name, Path()))
    click.echo(f"{experiment.name}: {found.counted}")
    for line in found.lines if found.message else ():
        click.echo(visible(line))
    return FAIL if found.drifted else UNDECIDED if found.uncertain else 0


def _measured(
    paths: tuple[Path, ...], store: Path, reports: Path
) -> Iterator[tuple[Experiment, Kept, Baseline | int]]:
    """Yield the experiments, each with the kept numbers and the stored ones.

    Where some are not stored, the exit code stands for them.
    """
    from harness.compare.baseline import BaselineError, measure, path_of, unfinished
    from harness.compare.baseline_file import read
    from harness.plan import make_plan
    from harness.run_result import Status
    from harness.runner.conclude import judge_stored
    from harness.store.store import Store
    from harness.system import machine

    experiments = Selection(paths, store).load()
    plan = make_plan(experiments, catalog.data_dir(), machine.gpus())
    for experiment in experiments:
        results = judge_stored(experiment, plan, Store(store), history=False).results
        missing = sorted(unfinished(results), key=lambda result: result.status is not Status.ERROR)
        if missing:
            first = missing[0]
            rest = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
            click.echo(f"{experiment.name}: {first.run}, seed {first.seed}{rest}: {first.reason}")
        kept: Kept
        try:
            kept = read(path_of(experiment.name, reports))
        except BaselineError as error:  # which ends no other experiment
            kept = error
        stale = [result for result in results if result.stale]
        if stale and not missing:
            why = f"{stale[0].run}, seed {stale[0].seed}: stale: {stale[0].stale}"
            click.echo(
                f"{experiment.name}: {len(stale)} of {len(results)} runs are stale; {why}; run them"
                " again"
            )
        code = ERROR if missing and missing[0].status is Status.ERROR else UNDECIDED
        yield experiment, kept, code if missing or stale else measure(experiment, results)


def _show_changes(experiment: Experiment, kept: Baseline | None, now: Baseline) -> bool:
    """Show what would change, and tell whether anything would."""
    from harness.compare.causes import setting_causes
    from harness.compare.drift_table import changes, drift_table, other_environment
    from harness.words import plural

    if kept is None:
        count = sum(map(len, now.values.values()))
        click.echo(
            f"{experiment.name}: no baseline yet; {count} numbers of"
            f" {plural(len(now.values), 'run')}"
        )
        return True
    if kept.values == now.values and kept.seeds == now.seeds and kept.settings == now.settings:
        click.echo(f"{experiment.name}: as it is kept")
        return False
    compared = _compare(experiment, kept, now)
    changed = changes(compared)
    click.echo(f"{experiment.name}: {len(changed)} of {plural(len(compared), 'mean')} changed")
    if changed:
        click.echo(drift_table(changed))
    if kept.seeds != now.seeds:
        click.echo(f"seeds: {list(kept.seeds)} -> {list(now.seeds)}")
    if not kept.settings:
        click.echo("the settings of the runs are kept now too")
    for line in [*setting_causes(kept.settings, now.settings), *other_environment(kept, now)]:
        click.echo(line)
    return True


def _compare(
    experiment: Experiment, kept: Baseline, now: Baseline
) -> tuple[BaselineComparison, ...]:
    from harness.compare.causes import runs_with_changed_settings
    from harness.compare.drift import compare

    return compare(
        kept, now, experiment.tolerances, runs_with_changed_settings(kept.settings, now.settings)
    )
