"""The commands on kept numbers."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.entry import tell
from harness.cli.options import JSON, PATHS, STORE, Selection, options
from harness.data import catalog
from harness.errors import ERROR, FAIL, UNDECIDED
from harness.system.console import visible

if TYPE_CHECKING:
    from harness.compare.baseline import Baseline, BaselineError
    from harness.compare.drift import BaselineComparison
    from harness.compare.regression import Regression
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
@options(PATHS, STORE, FOLDER, JSON)
def compare(paths: tuple[Path, ...], store: Path, reports: Path, as_json: bool) -> None:
    """Show which stored numbers drifted from the kept ones.

    A number that some seed has on one side alone has drifted too. What changed since the numbers
    were kept (settings, code, packages) is told first. Exit codes: 0 none drifted; 1 some did; 3 a
    baseline cannot be read, or a run failed; 4 some numbers are not measured or not kept yet, are
    those of stale runs, or differ by more than the tolerance and maybe by chance.
    """
    from harness.cli.documents import alone, baseline_document, print_document

    with alone(as_json):
        found = [_compared(*each, reports) for each in _measured(paths, store, reports)]
    code = _worst(each.code for each in found)
    if as_json:
        conclusions = [(each.experiment, each.regression) for each in found]
        print_document("baseline compare", baseline_document(conclusions, code))
    sys.exit(code)


@dataclass(frozen=True)
class _NotMeasured:
    """The exit code where some runs of an experiment are not stored, and why."""

    code: int
    why: str


@dataclass(frozen=True)
class _Compared:
    """What the comparison of an experiment came to, and the exit code."""

    experiment: Experiment
    regression: Regression
    code: int


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
        elif isinstance(now, _NotMeasured):
            codes.append(now.code)
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


def _compared(
    experiment: Experiment, kept: Kept, now: Baseline | _NotMeasured, reports: Path
) -> _Compared:
    """Show what drifted in an experiment."""
    from rich.console import Console

    from harness.compare.baseline import BaselineError, path_of
    from harness.compare.drift_table import show_drift
    from harness.compare.regression import Regression, compare_baselines
    from harness.words import Verdict

    path = path_of(experiment.name, reports)
    if isinstance(kept, BaselineError):
        return _Compared(experiment, Regression(path, Verdict.ERROR, str(kept)), _code_of(kept))
    if isinstance(now, _NotMeasured):
        verdict = Verdict.ERROR if now.code == ERROR else Verdict.BLOCKED
        return _Compared(experiment, Regression(path, verdict, now.why), now.code)
    if kept is None:
        click.echo(f"{experiment.name}: no baseline yet")
        return _Compared(
            experiment, Regression(path, Verdict.BLOCKED, "no baseline yet"), UNDECIDED
        )
    found = compare_baselines(kept, now, experiment, path)
    click.echo(f"{experiment.name}: {found.counted}")
    for line in found.notes:
        click.echo(visible(line))
    if found.message:
        for line in found.changes:
            click.echo(visible(line))
        show_drift(Console(), found.moved)
    code = FAIL if found.drifted else UNDECIDED if found.uncertain else 0
    return _Compared(experiment, found, code)


def _measured(
    paths: tuple[Path, ...], store: Path, reports: Path
) -> Iterator[tuple[Experiment, Kept, Baseline | _NotMeasured]]:
    """Yield the experiments, each with the kept numbers and the stored ones.

    Where some are not stored, why they are not stands for them.
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
        why = ""
        results = judge_stored(experiment, plan, Store(store), history=False).results
        missing = sorted(unfinished(results), key=lambda result: result.status is not Status.ERROR)
        if missing:
            first = missing[0]
            rest = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
            why = f"{first.run}, seed {first.seed}{rest}: {first.reason}"
            click.echo(f"{experiment.name}: {why}")
        kept: Kept
        try:
            kept = read(path_of(experiment.name, reports))
        except BaselineError as error:  # which ends no other experiment
            kept = error
        stale = [result for result in results if result.stale]
        if stale and not missing:
            first = stale[0]
            why = (
                f"{len(stale)} of {len(results)} runs are stale; {first.run}, seed {first.seed}:"
                f" stale: {first.stale}; run them again"
            )
            click.echo(f"{experiment.name}: {why}")
        code = ERROR if missing and missing[0].status is Status.ERROR else UNDECIDED
        yield (
            experiment,
            kept,
            _NotMeasured(code, why) if missing or stale else measure(experiment, results),
        )


def _show_changes(experiment: Experiment, kept: Baseline | None, now: Baseline) -> bool:
    """Show what would change, and tell whether anything would."""
    from rich.console import Console

    from harness.compare.causes import setting_causes
    from harness.compare.drift import one_sided
    from harness.compare.drift_table import changes, other_environment, show_drift
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
        show_drift(Console(), changed)
    if kept.seeds != now.seeds:
        click.echo(f"seeds: {list(kept.seeds)} -> {list(now.seeds)}")
    if not kept.settings:
        click.echo("the settings of the runs are kept now too")
    alone = one_sided(kept, now)
    for names, words in ((alone.measured, "kept now too"), (alone.kept, "kept no more")):
        if names:
            click.echo(f"{words}: {', '.join(names)}")
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
