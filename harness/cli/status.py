"""The command that looks at a store on which others work."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from harness.cli.options import STORE, options
from harness.errors import ERROR
from harness.system.console import visible


@click.command()
@options(STORE, click.option("--json", "as_json", is_flag=True, help="As JSON, for programs."))
def status(store: Path, as_json: bool) -> None:
    """Tell which invocations of run are at work on the store, and how far they are.

    It is told on what each is at work, and how long all will take. Their event logs, JSON lines,
    are in the folder events of the store.
    """
    from harness.cli.tables import show_standings
    from harness.follow.events import unreadable
    from harness.follow.status import as_json as json_of
    from harness.follow.status import session_statuses
    from harness.store.snapshot import Snapshot

    kept = Snapshot(store)
    found, faults = session_statuses(kept), unreadable(kept)
    if as_json:
        click.echo(json_of(found))
    else:
        show_standings(found, store)
    for fault in faults:
        click.echo(visible(f"error: {fault}"), err=True)
    sys.exit(ERROR if faults else 0)
