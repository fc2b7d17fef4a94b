"""The commands; what they do lies in the floors below."""

from __future__ import annotations

import contextlib
import fnmatch
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.data import catalog
from harness.spec.patch import merge_patch, parse_assignment
from harness.spec.problems import SpecError
from harness.spec.records import Experiment, Json

if TYPE_CHECKING:
    from harness.plan import Member, Plan

# What takes longer to import is imported by the command that needs it: help answers at once.

INVALID, ERROR, INTERRUPTED = 2, 3, 130

_PATHS = click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
_STORE = click.option(
    "--store",
    type=click.Path(path_type=Path),
    default=Path(".harness/store"),
    show_default=True,
    help="Folder of all runs.",
)
_REPORTS = click.option(
    "--reports",
    type=click.Path(path_type=Path),
    help="Folder for reports.  [default: reports, or .harness/reports for a trial with --set, --seeds or --only]",
)


class _Assignment(click.ParamType[Json]):
    """PATH=VALUE, as a merge patch."""

    name = "PATH=VALUE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Json:
        try:
            return parse_assignment(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class _Seeds(click.ParamType[Json]):
    """Comma-separated seeds, as a merge patch."""

    name = "LIST"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Json:
        try:
            return {"seeds": [int(seed) for seed in value.split(",")]}
        except ValueError:
            self.fail(f"expected numbers such as 0,1,2, found {value!r}", param, ctx)


_SET = click.option(
    "--set",
    "assignments",
    multiple=True,
    type=_Assignment(),
    help="Change every specification, such as defaults.training.epochs=3.",
)
_SEEDS = click.option("--seeds", type=_Seeds(), help="Use these seeds, such as 0,1,2.")
_ONLY = click.option(
    "--only", metavar="PATTERN", help="Only the runs whose names match, such as 'random*', and what they start from."
)
_ALLOW = click.option(
    "--allow",
    multiple=True,
    type=click.Choice(["blocked", "inconclusive"]),
    help="Do not let this verdict change the exit code.",
)


_PROCESSES = click.option(
    "-j",
    "--processes",
    type=click.IntRange(1, 256),
    default=1,
    show_default=True,
    help="Runs that go on side by side, each in a process with its share of the threads.",
)


def _options(*decorators: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def decorate(function: Any) -> Any:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return decorate


_SELECTION = _options(_PATHS, _SET, _SEEDS, _STORE)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(package_name="reproduction-harness")
def main() -> None:
    """Run experiments that are written as JSON specifications, and check what they are expected to show.

    Exit codes of run and check: 0 all pass; 1 a fail; 2 invalid specification or usage; 3 an error;
    4 nothing failed, but something is blocked or inconclusive.
    """


def _load(paths: Iterable[Path], assignments: Sequence[Json], seeds: Json) -> tuple[Experiment, ...]:
    from harness.spec.load import load

    try:
        return load(paths, [*assignments, *([seeds] if seeds else [])])
    except SpecError as error:
        click.echo(str(error), err=True)
        count = len(error.problems)
        click.echo(f"{count} problem{'s' if count != 1 else ''} found", err=True)
        sys.exit(INVALID)


@main.command()
@_options(_PATHS, _SET)
def validate(paths: tuple[Path, ...], assignments: tuple[Json, ...]) -> None:
    """Check specifications; every fault is told with its place, and what is allowed there."""
    experiments = _load(paths, assignments, None)
    runs = sum(len(experiment.runs) * len(experiment.seeds) for experiment in experiments)
    click.echo(f"{len(experiments)} specification{'s' if len(experiments) != 1 else ''} valid, {runs} runs")


@main.command()
@_SELECTION
def plan(paths: tuple[Path, ...], assignments: tuple[Json, ...], seeds: Json, store: Path) -> None:
    """Show the runs, what each starts from, which are done, shared or blocked, and what they cost."""
    from harness import machine
    from harness.plan import make_plan
    from harness.store import Store
    from harness.terminal import show_plan

    experiments = _load(paths, assignments, seeds)
    show_plan(experiments, make_plan(experiments, catalog.data_dir(), machine.gpus()), Store(store))


@main.command()
@_options(_SELECTION, _ONLY, _REPORTS, _ALLOW, _PROCESSES)
def run(
    paths: tuple[Path, ...],
    assignments: tuple[Json, ...],
    seeds: Json,
    store: Path,
    only: str | None,
    reports: Path | None,
    allow: tuple[str, ...],
    processes: int,
) -> None:
    """Run what is not done yet, check the expectations and write the reports."""
    experiments = _load(paths, assignments, seeds)
    if only is not None and not any(_matches(only, name) for experiment in experiments for name in experiment.runs):
        names = dict.fromkeys(name for experiment in experiments for name in experiment.runs)
        raise click.BadParameter(f"no run is named like {only!r}; there are {', '.join(names)}", param_hint="'--only'")
    trial = bool(assignments or seeds or only)
    folder = reports or Path(".harness/reports" if trial else "reports")
    from harness.runner.session import run_experiments
    from harness.store import Store

    selected = _selector(only)
    try:
        with _explained():
            code = run_experiments(experiments, selected, Store(store), catalog.data_dir(), folder, allow, processes)
            sys.exit(code)
    except KeyboardInterrupt:
        click.echo("interrupted: finished runs are kept; the same command goes on where this one stopped", err=True)
        sys.exit(INTERRUPTED)


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    """End with a sentence where a folder cannot be written."""
    from harness.store import StoreError

    try:
        yield
    except StoreError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(ERROR)


def _selector(only: str | None) -> Callable[[Plan, Member], bool]:
    return lambda plan, member: only is None or _matches(only, member.run)


def _matches(pattern: str, name: str) -> bool:
    """Tell whether a run's name is the pattern, or fits it; a cell's brackets are no character class."""
    return fnmatch.fnmatchcase(name, pattern.replace("[", "[[]"))


@main.command()
@_options(_SELECTION, _ALLOW)
def check(
    paths: tuple[Path, ...], assignments: tuple[Json, ...], seeds: Json, store: Path, allow: tuple[str, ...]
) -> None:
    """Judge the stored runs again, without training."""
    from harness.runner.session import check_experiments
    from harness.store import Store

    experiments = _load(paths, assignments, seeds)
    sys.exit(check_experiments(experiments, Store(store), catalog.data_dir(), None, allow))


@main.command()
@_options(_SELECTION, _REPORTS)
def report(
    paths: tuple[Path, ...], assignments: tuple[Json, ...], seeds: Json, store: Path, reports: Path | None
) -> None:
    """Write the reports of the stored runs again, without training."""
    from harness.runner.session import check_experiments
    from harness.store import Store

    experiments = _load(paths, assignments, seeds)
    folder = reports or Path(".harness/reports" if assignments or seeds else "reports")
    with _explained():
        check_experiments(experiments, Store(store), catalog.data_dir(), folder, ())


@main.group()
def runs() -> None:
    """Look at the finished runs of the store, check their files, remove them. A KEY may be shortened."""


@runs.command("list")
@click.argument("pattern", default="")
@_STORE
def runs_list(pattern: str, store: Path) -> None:
    """List the finished runs whose label has PATTERN in it, such as 'digits / random*seed 0'."""
    from harness.store import Store
    from harness.terminal import show_runs

    show_runs(Store(store), pattern)


@runs.command("show")
@click.argument("key")
@_STORE
def runs_show(key: str, store: Path) -> None:
    """Print what a run was, what was measured and where, as JSON."""
    from harness.store import Store

    with _explained():
        folder = Store(store).folder(Store(store).find(key))
        parts = {name: json.loads((folder / f"{name}.json").read_text()) for name in _RECORDS}
        click.echo(json.dumps({"key": folder.name, **parts}, indent=2))


_RECORDS = ("run", "measurements", "environment")


@runs.command("path")
@click.argument("key")
@_STORE
def runs_path(key: str, store: Path) -> None:
    """Print the folder of a run: weights, history, measurements."""
    from harness.store import Store

    with _explained():
        click.echo(Store(store).folder(Store(store).find(key)).resolve())


@runs.command("remove")
@click.argument("keys", nargs=-1, required=True)
@click.option("--yes", is_flag=True, help="Do not ask.")
@_STORE
def runs_remove(keys: tuple[str, ...], yes: bool, store: Path) -> None:
    """Remove runs: what needs them is run again."""
    from harness.store import Store

    with _explained():
        found = [Store(store).find(key) for key in keys]
        if not yes:
            click.confirm(f"remove {len(found)} run{'s' if len(found) != 1 else ''} for good?", abort=True)
        for key in found:
            Store(store).remove(key)


@runs.command("verify")
@click.argument("keys", nargs=-1)
@_STORE
def runs_verify(keys: tuple[str, ...], store: Path) -> None:
    """Compare the files of runs, all or those of KEYS, with their checksums."""
    from harness.store import Store

    with _explained():
        found = [Store(store).find(key) for key in keys] or Store(store).keys()
        damaged = {key: damage for key in found if (damage := Store(store).damage(key))}
    for key, damage in damaged.items():
        click.echo(f"{key}: {'; '.join(damage)}")
    click.echo(f"{len(found) - len(damaged)} of {len(found)} runs are as they were written")
    sys.exit(ERROR if damaged else 0)


@main.group()
def data() -> None:
    """See which data sets there are, and bring in those that are not."""


@data.command("list")
def data_list() -> None:
    """List the data sets, whether each is ready, and its size and licence."""
    from harness.terminal import show_sources

    show_sources(catalog.data_dir())


@data.command("status")
@click.argument("names", nargs=-1, type=click.Choice(sorted(catalog.SOURCES)))
def data_status(names: tuple[str, ...]) -> None:
    """Tell of the data sets NAMES (of all) what each is, where it lies, how large it is, and what to do next."""
    from harness.terminal import show_status

    show_status(names or tuple(catalog.SOURCES), catalog.data_dir())


@data.command("import")
@click.argument("name", type=click.Choice(sorted(catalog.ARCHIVES)))
@click.argument("archive", type=click.Path(path_type=Path))
def data_import(name: str, archive: Path) -> None:
    """Unpack an ARCHIVE of the data set NAME into the data folder, after checking its SHA-256."""
    from harness.data.archives import import_archive

    _or_exit(lambda: import_archive(name, archive, catalog.data_dir()))


@data.command("prepare")
@click.argument("name", type=click.Choice(sorted(catalog.SOURCES)))
@click.option("--set", "assignments", multiple=True, type=_Assignment(), help="Its parameters, such as size=64.")
def data_prepare(name: str, assignments: tuple[Json, ...]) -> None:
    """Prepare the data set NAME: download one of TFDS's catalogue, or read the archives that a person has brought."""
    parameters = _parameters(name, assignments)
    from harness.runner.backend import import_backend

    import_backend()
    from harness.data.sources import prepare

    _or_exit(lambda: prepare(name, parameters, catalog.data_dir()))


def _parameters(name: str, assignments: Sequence[Json]) -> Json:
    """Return what is particular to the data set NAME, defaults filled in."""
    from harness.spec import schema

    definition, dataset = schema.definition("dataset"), {"name": name}
    for assignment in assignments:
        dataset = merge_patch(dataset, assignment)
    for pointer, message in schema.faults("dataset", dataset):
        if pointer:
            raise click.BadParameter(f"at {pointer[0]} {message}", param_hint="'--set'")
    filled = schema.fill_defaults(definition, dataset)
    return {key: value for key, value in filled.items() if key not in definition["properties"]}


def _or_exit(act: Callable[[], object]) -> None:
    from harness.data.records import DataError

    try:
        act()
        click.echo("ready")
    except DataError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(ERROR)
