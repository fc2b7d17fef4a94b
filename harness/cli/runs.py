"""The commands on the finished runs of the store."""

from __future__ import annotations

import json
import shlex
import sys
from dataclasses import asdict
from pathlib import Path

import click

from harness.cli.completing import keys as complete_keys
from harness.cli.options import ERROR, STORE, explained
from harness.console import visible


@click.group()
def runs() -> None:
    """Look at the finished runs of the store, check their files, remove them. A KEY may be shortened."""


@runs.command("list")
@click.argument("pattern", default="")
@STORE
def runs_list(pattern: str, store: Path) -> None:
    """List the finished runs whose label has PATTERN in it, such as 'digits / random*seed 0'."""
    from harness.store import Store
    from harness.terminal import show_runs

    with explained():
        faults = show_runs(Store(store), pattern)
    for fault in faults:
        click.echo(visible(f"error: {fault}"), err=True)
    sys.exit(ERROR if faults else 0)


@runs.command("show")
@click.argument("key", shell_complete=complete_keys)
@STORE
def runs_show(key: str, store: Path) -> None:
    """Print what a run was, what was measured and where, and what is kept of it, as JSON."""
    from harness.store import Store

    with explained():
        origin, result = Store(store).finished(Store(store).find(key), history=False)
        kept = Store(store).kept(origin.key)
    made = {name: getattr(result, name) for name in ("environment", "seconds", "images_per_second", "parameters")}
    shown = {"key": origin.key, "run": asdict(origin), "measurements": result.measurements, "environment": made, **kept}
    click.echo(json.dumps(shown, indent=2))


@runs.command("path")
@click.argument("key", shell_complete=complete_keys)
@STORE
def runs_path(key: str, store: Path) -> None:
    """Print the folder of a run: weights, history, measurements."""
    from harness.store import Store

    with explained():
        click.echo(Store(store).folder(Store(store).find(key)).resolve())


@runs.command("remove")
@click.argument("keys", nargs=-1, required=True, shell_complete=complete_keys)
@click.option("--yes", is_flag=True, help="Do not ask.")
@STORE
def runs_remove(keys: tuple[str, ...], yes: bool, store: Path) -> None:
    """Remove runs, finished or not: what needs them is run again."""
    from harness.store import Store

    with explained():
        found = [Store(store).find(key, unfinished=True) for key in keys]
        if not yes:
            click.confirm(f"remove {len(found)} run{'s' if len(found) != 1 else ''} for good?", abort=True)
        for key in found:
            Store(store).remove(key)


@runs.command("verify")
@click.argument("keys", nargs=-1, shell_complete=complete_keys)
@STORE
def runs_verify(keys: tuple[str, ...], store: Path) -> None:
    """Compare the files of runs, all or those of KEYS, with their checksums."""
    from harness.store import Store

    with explained():
        found = list(dict.fromkeys(Store(store).find(key) for key in keys)) or Store(store).keys()
        damaged = {key: damage for key in found if (damage := Store(store).damage(key))}
    for key, damage in damaged.items():
        click.echo(f"{key}: {'; '.join(damage)}")
    if damaged:
        click.echo(f"to make them again: python -m harness runs remove KEY --store {shlex.quote(str(store))}, then run")
    click.echo(f"{len(found) - len(damaged)} of {len(found)} runs are as they were written")
    sys.exit(ERROR if damaged else 0)
