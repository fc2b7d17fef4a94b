"""Options that several commands share, and the records in which commands get their values."""

from __future__ import annotations

import dataclasses
import functools
import importlib.util
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import click

from harness.cli.entry import remember_store
from harness.experiment import Experiment, Json
from harness.spec.patch import parse_assignment
from harness.spec.problems import Problem

PATHS = click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
STORE = click.option(
    "--store",
    type=click.Path(path_type=Path),
    default=Path(".harness/store"),
    show_default=True,
    callback=remember_store,
    help="Folder of all runs.",
)
REPORTS = click.option(
    "--reports",
    type=click.Path(path_type=Path),
    help=(
        "Folder for reports.  [default: reports, or .harness/reports for a trial with --set,"
        " --seeds or --only]"
    ),
)


class Assignment(click.ParamType[Json]):
    """PATH=VALUE, as a merge patch."""

    name = "PATH=VALUE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Json:
        """Return the patch, or end with what is wrong."""
        try:
            return parse_assignment(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Seeds(click.ParamType[Json]):
    """Comma-separated seeds."""

    name = "LIST"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Json:
        """Return the seeds, or end with what is wrong."""
        try:
            return [int(seed) for seed in value.split(",")]
        except ValueError:
            self.fail(f"expected numbers such as 0,1,2, found {value!r}", param, ctx)


SET = click.option(
    "--set",
    "assignments",
    multiple=True,
    type=Assignment(),
    help=(
        "Change every specification, such as defaults.training.epochs=3.  A path starts at the"
        " current folder."
    ),
)
SEEDS = click.option("--seeds", type=Seeds(), help="Use these seeds, such as 0,1,2.")
ONLY = click.option(
    "--only",
    metavar="PATTERN",
    help=(
        "Only the runs whose names match, such as random (with all its cells) or 'random*', and"
        " what they start from."
    ),
)
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
ALLOW = click.option(
    "--allow",
    multiple=True,
    type=click.Choice(["blocked", "inconclusive", "stale"]),
    help="Do not let this verdict, or verdicts that rest on stale runs, change the exit code.",
)
KEEP_STALE = click.option(
    "--keep-stale",
    is_flag=True,
    help=(
        "Keep the runs that other code made; the verdicts that rest on them are marked, and are no"
        " plain pass."
    ),
)


PROCESSES = click.option(
    "-j",
    "--processes",
    type=click.IntRange(1, 256),
    help=(
        "Runs that go on side by side, each in a process with its share of the threads.  [default:"
        " 1; runs of small networks go on side by side in it, as many as there are CPUs]"
    ),
)


ALLOW_PYTHON = click.option(
    "--allow-python",
    is_flag=True,
    help=(
        "Let Python run that specifications name; without it such runs are blocked.  [default:"
        " allow_python below [tool.harness] in pyproject.toml]"
    ),
)


class Devices(click.ParamType[int | None]):
    """A number of devices, or all (None)."""

    name = "N|all"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> int | None:
        """Return the number, or end with what is wrong."""
        if value in ("all", None):
            return None
        if not str(value).isdecimal() or int(value) < 1:
            self.fail(f"expected a number from 1 on, or all, found {value!r}", param, ctx)
        return int(value)


DEVICES = click.option(
    "--devices",
    type=Devices(),
    default="1",
    show_default=True,
    help="Share every batch among so many devices; with JAX alone (KERAS_BACKEND=jax).",
)


def _with_tensorboard(
    _context: click.Context, _parameter: click.Parameter, folder: Path | None
) -> Path | None:
    if folder is not None and importlib.util.find_spec("tensorboard") is None:
        raise click.BadParameter(
            "TensorBoard is not installed: pip install 'reproduction-harness[tensorboard]'"
        )
    return folder


TENSORBOARD = click.option(
    "--tensorboard",
    type=click.Path(path_type=Path),
    callback=_with_tensorboard,
    help="Also write logs that TensorBoard shows to this folder.",
)


def options(*decorators: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return the decorator that adds all of these, in this order."""

    def decorate(function: Any) -> Any:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return decorate


def gathered(name: str, record: Callable[..., Any]) -> Callable[[Any], Any]:
    """Return the decorator that hands the values of some options to a command as one record.

    Args:
        name: The parameter of the command that gets the record.
        record: The dataclass, whose fields have the names of the options.
    """
    names = [field.name for field in dataclasses.fields(cast("Any", record))]

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(function)
        def command(**values: Any) -> None:
            own = record(**{each: values.pop(each) for each in names if each in values})
            function(**{name: own}, **values)

        return command

    return decorate


@dataclasses.dataclass(frozen=True)
class Selection:
    """The experiments of a command, as a person named and changed them, and where runs are kept."""

    paths: tuple[Path, ...]
    store: Path
    assignments: tuple[Json, ...] = ()
    seeds: Json = None
    allow_python: bool = False

    @property
    def changed(self) -> bool:
        """Tell whether the experiments are other ones than those in the files."""
        return bool(self.assignments or self.seeds)

    def load(self) -> tuple[Experiment, ...]:
        """Return the experiments.

        Raises:
            SpecError: with every fault of every file.
        """
        from harness.spec.load import load

        return load(self.paths, self.assignments, self.seeds, _warn, self.allow_python)

    def checked(self) -> tuple[tuple[Experiment, ...], tuple[Problem, ...]]:
        """Return the experiments that are valid, and every fault of the others."""
        from harness.spec.load import load_valid

        return load_valid(self.paths, self.assignments, self.seeds, _warn, self.allow_python)


SELECTION = options(PATHS, SET, SEEDS, STORE, ALLOW_PYTHON)
"""The options of a `Selection`."""

with_selection = gathered("selection", Selection)
"""Hands the values of these options to a command as one `selection`."""


def _warn(text: str) -> None:
    click.echo(f"warning: {text}", err=True)


def reports_folder(given: Path | None, trial: bool, experiments: Sequence[Experiment]) -> Path:
    """Return where reports go: those of a trial to a folder of their own.

    They replace others only where that is asked for. Then a warning says so; the report itself
    tells that it is of a trial, and by which command.
    """
    if given is None:
        return Path(".harness/reports" if trial else "reports")
    replaced = [
        each.name for each in experiments if trial and (given / f"{each.name}.json").exists()
    ]
    if replaced:
        click.echo(
            "warning: this is a trial (--set, --seeds or --only), whose reports replace those in"
            f" {given}: " + ", ".join(replaced),
            err=True,
        )
    return given
