"""Tables for a person at a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.filesize import decimal
from rich.text import Text

from harness.cli.stored_runs import Listing, StoredRun
from harness.data import catalog
from harness.data.availability import Availability, availability, why_not_ready
from harness.experiment import Json
from harness.follow.events import Current, Session
from harness.follow.status import SessionStatus, age
from harness.follow.time_left import in_words, time_left
from harness.system.console import literal, say
from harness.system.table import Column, show_record, show_table
from harness.words import plural

_SHORT = 12
"""Characters of a key that a person is shown; any that begin one key alone name it."""


def show_runs(listing: Listing, root: Path) -> None:
    """Show finished runs, with what they reached and took."""
    columns = (
        Column("key", leading=True),
        Column("run", leading=True),
        *(Column(header, right=True) for header in ("train", "test", "seconds", "size")),
        Column(""),
    )
    console, runs = Console(), listing.runs
    if runs:
        show_table(console, columns, [_stored(each) for each in runs])
    for reason, count in Counter(each.stale for each in runs if each.stale).items():
        say(console, f"stale, {count} of them: {reason}")
    say(console, f"{len(runs)} runs in {root}")
    if listing.left_out:
        say(
            console,
            f"{plural(listing.left_out, 'older run')} not looked at: --all lists all, a PATTERN"
            " those that have it in their labels",
        )


def _stored(run: StoredRun) -> list[Text]:
    cells = (
        run.key[:_SHORT],
        run.label,
        *_accuracies(run.measurements),
        f"{run.seconds:.1f}",
        decimal(run.size),
        "stale" if run.stale else "",
    )
    return [literal(cell) for cell in cells]


def _accuracies(measured: Mapping[str, float | None]) -> Iterator[str]:
    for name in ("train_accuracy", "test_accuracy"):
        yield _percent(measured.get(name))


def _percent(value: float | None) -> str:
    return "" if value is None else f"{value:.2%}"


def show_standings(standings: Sequence[SessionStatus], root: Path) -> None:
    """Show the invocations that are at work on a store, what each does, and how long it takes."""
    console = Console()
    if not standings:
        say(console, f"no event log in {root}: nothing was run there yet")
    for each in standings:
        session = each.session
        say(console, f"{session.host}, process {session.pid}, {_life(session)}: {_progress(each)}")
        if session.alive and session.current:
            show_table(console, _CURRENT, [_row(run) for run in session.current])


_CURRENT = (
    Column("run"),
    Column("epoch"),
    Column("train", right=True),
    Column("test", right=True),
    Column("heard"),
)


def _row(run: Current) -> list[Text]:
    row = run.row or {}
    cells = (
        run.label,
        f"{row.get('epoch', 0)} of {run.epochs}",
        *_accuracies(row),
        f"{in_words(age(run.heard))} ago",
    )
    return [literal(cell) for cell in cells]


def _life(session: Session) -> str:
    if session.alive:
        return f"running for {in_words(age(session.started))}"
    return f"ended {in_words(age(session.heard))} ago ({session.ended or 'it was killed'})"


def _progress(standing: SessionStatus) -> str:
    others = {"failed": standing.failed, "blocked": standing.blocked}
    parts = [
        f"{standing.done} of {standing.total} runs done",
        *(f"{n} {what}" for what, n in others.items() if n),
    ]
    if standing.session.alive:
        parts.append(time_left(standing.seconds_left, standing.unknown))
    return ", ".join(parts)


def show_sources(data_dir: Path) -> None:
    """Show every data set, whether it is ready, and how to get it."""
    console = Console()
    rows: list[list[Text]] = []
    notes: list[str] = []
    for name, info in catalog.DATASETS.items():
        named_by = info.origin.named_by
        why_not = None if named_by else why_not_ready(name, {}, data_dir)
        ready = f"by {named_by}" if named_by else "no" if why_not else "yes"
        notes += [why_not] if why_not else []
        cells = (name, ready, info.title, info.size, info.licence)
        rows.append([literal(cell) for cell in cells])
    columns = (
        Column("name"),
        Column("ready"),
        *(Column(header, folds=True) for header in ("what", "size", "licence")),
    )
    show_table(console, columns, rows, literal(f"data folder: {data_dir}", "italic"))
    for note in notes:
        say(console, note)


def show_status(names: Sequence[str], data_dir: Path, parameters: Json | None = None) -> None:
    """Show of each data set what it is, where and how large it is, and what to do next.

    `parameters` are those of the one that is named, where some are given.
    """
    console = Console()
    for name in names:
        info, status = catalog.DATASETS[name], availability(name, data_dir, parameters)
        rows = [
            *_standing(status),
            ("size", info.size),
            ("licence", info.licence),
            ("cite", info.citation),
        ]
        console.print()
        caption = literal(f"{name}: {info.title}", "italic")
        show_record(console, [(label, literal(value)) for label, value in rows], caption)
        if status.next_step:
            say(console, f"next: {status.next_step}")


def _standing(status: Availability) -> Iterator[tuple[str, str]]:
    """Yield whether a data set is ready, and where it and its archives lie or must lie."""
    if status.folder is None:
        yield "ready", "by what a specification names; give it here with --set"
        return
    yield "ready", "no" if status.next_step else "yes"
    there = decimal(status.prepared_bytes) if status.prepared_bytes else "nothing there yet"
    yield "prepared", f"{status.folder} ({there})"
    if status.remark:
        yield "left out", status.remark
    for archive in status.archives:
        found = next((path for path in status.found if path.name == archive), None)
        places = ", ".join(map(str, status.searched)) or "HARNESS_ARCHIVES, which names no folder"
        yield (
            "archive",
            (
                f"{found} ({decimal(found.stat().st_size)})"
                if found
                else f"{archive}, not in {places}"
            ),
        )
