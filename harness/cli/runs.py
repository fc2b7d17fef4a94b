"""The commands on the finished runs of the store."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli import moving
from harness.cli.completing import keys as complete_keys
from harness.cli.options import ALLOW_PYTHON, JSON, STORE, options
from harness.data.catalog import data_dir
from harness.errors import ERROR, FAIL, UNDECIDED
from harness.system.console import visible
from harness.words import plural

if TYPE_CHECKING:
    from harness.store.store import Store


@click.group()
def runs() -> None:
    """Look at the finished runs of the store, check and move them. A KEY may be shortened."""


for command in (moving.export, moving.import_, moving.prune):
    runs.add_command(command)


@runs.command("list")
@click.argument("pattern", default="")
@click.option(
    "--all", "everything", is_flag=True, help="Without PATTERN too, list more than the latest 1000."
)
@options(STORE, JSON)
def runs_list(pattern: str, everything: bool, store: Path, as_json: bool) -> None:
    """List the finished runs whose label has PATTERN in it, such as 'digits / random*seed 0'.

    Without PATTERN the latest 1000 are listed; with --json, or with --all, all of them.
    """
    from harness.cli.stored_runs import MOST_RUNS, stored_runs

    listing = stored_runs(store, pattern, None if everything or as_json else MOST_RUNS)
    if as_json:
        from harness.cli.documents import print_document, runs_document

        print_document("runs list", runs_document(listing, store))
    else:
        from harness.cli.tables import show_runs

        show_runs(listing, store)
    for fault in listing.faults:
        click.echo(visible(f"error: {fault}"), err=True)
    sys.exit(ERROR if listing.faults else 0)


@runs.command("show")
@click.argument("key", shell_complete=complete_keys)
@options(STORE, JSON)
def runs_show(key: str, store: Path, as_json: bool) -> None:
    """Print what a run was, what was measured and where, and what is kept of it, as JSON.

    It is JSON with and without --json.
    """
    from harness.cli.documents import print_document
    from harness.run_result import Detail
    from harness.store.state import why_stale
    from harness.store.store import Store

    origin, result = Store(store).finished(Store(store).find(key), Detail.NUMBERS)
    stale = why_stale(Store(store), result, origin.parent)
    kept = Store(store).kept(origin.key)
    made = {
        name: getattr(result, name)
        for name in ("environment", "seconds", "images_per_second", "parameters")
    }
    shown = {
        "key": origin.key,
        "run": asdict(origin),
        "measurements": result.measurements,
        "environment": made,
        "code": result.code.to_json() if result.code else None,
        "stale": stale,
        **kept,
    }
    print_document("runs show", shown)


@runs.command("path")
@click.argument("key", shell_complete=complete_keys)
@STORE
def runs_path(key: str, store: Path) -> None:
    """Print the folder of a run: weights, history, measurements."""
    from harness.store.store import Store

    click.echo(Store(store).folder(Store(store).find(key)).resolve())


@runs.command("remove")
@click.argument("keys", nargs=-1, required=True, shell_complete=complete_keys)
@click.option("--yes", is_flag=True, help="Do not ask.")
@STORE
def runs_remove(keys: tuple[str, ...], yes: bool, store: Path) -> None:
    """Remove runs, finished or not: what needs them is run again."""
    from harness.store.store import Store

    found = [Store(store).find(key, unfinished=True) for key in keys]
    if not yes:
        click.confirm(f"remove {plural(len(found), 'run')} for good?", abort=True)
    for key in found:
        Store(store).remove(key)


@runs.command("verify")
@click.argument("keys", nargs=-1, shell_complete=complete_keys)
@click.option(
    "--replay",
    "again",
    is_flag=True,
    help=(
        "Also repeat the first epochs and the end of a stale run of each program, and clear the"
        " mark of stale where that agrees with what is recorded."
    ),
)
@click.option(
    "--epochs",
    type=click.IntRange(1),
    default=3,
    show_default=True,
    help="How many epochs --replay repeats; it goes on to the next that was measured.",
)
@options(ALLOW_PYTHON, STORE)
def runs_verify(
    keys: tuple[str, ...], again: bool, epochs: int, allow_python: bool, store: Path
) -> None:
    """Compare the files of runs, all or those of KEYS, with their checksums.

    Exit codes: 0 all are as they were written, and with --replay none is stale any more; 1 a
    repetition came to something else; 3 some files are damaged; 4 some runs cannot be repeated
    here.
    """
    from harness.store.store import Store

    found = list(dict.fromkeys(Store(store).find(key) for key in keys)) or Store(store).keys()
    damaged = {key: damage for key in found if (damage := Store(store).damage(key))}
    for key, damage in damaged.items():
        click.echo(f"{key}: {'; '.join(damage)}")
    if damaged:
        click.echo(
            "to make them again: python -m harness runs remove KEY --store"
            f" {shlex.quote(str(store))}, then run"
        )
    click.echo(f"{len(found) - len(damaged)} of {len(found)} runs are as they were written")
    whole = [key for key in found if key not in damaged]
    code = _replay(whole, epochs, allow_python, Store(store)) if again else 0
    sys.exit(ERROR if damaged else code)


def _replay(keys: Sequence[str], epochs: int, allow_python: bool, store: Store) -> int:
    """Repeat what is stale of some runs, tell what came of each program, return the exit code."""
    from harness.runner.replay import replay, stale_programs

    code = cleared = 0
    programs = stale_programs(store, keys)
    for found in replay(store, programs, data_dir(), epochs, allow_python):
        runs = len(found.program.keys)
        what = f"agrees {found.agreement}" if found.agreement else f"stays stale: {found.message}"
        click.echo(
            visible(f"{found.program.label} ({plural(runs, 'run')} of this program): {what}")
        )
        cleared += runs if found.agreement else 0
        if not found.agreement:
            code = FAIL if found.differs or code == FAIL else UNDECIDED
    stale = sum(len(program.keys) for program in programs)
    click.echo(f"{cleared} of {stale} stale runs are cleared" if stale else "no run is stale")
    return code
