"""A property of the language for a person at a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from harness.authoring.explain import Child, Entry

_WIDE = 400
"""Columns where no terminal has an end: a line stays a line for the next program."""


def show(entry: Entry) -> None:
    """Show what an entry says, coloured and folded at a terminal, plain elsewhere."""
    console = Console(highlight=False)
    if console.is_terminal:
        _print(entry, console)
        start = f"{entry.path}." if entry.path else ""
        if entry.kinds or entry.children:
            console.print(Text(f"\npython -m harness explain {start}NAME tells more", "dim"))
        return
    wide = Console(highlight=False, width=_WIDE)
    with wide.capture() as captured:
        _print(entry, wide)
    for line in captured.get().splitlines():  # without the blanks that fill the columns
        print(line.rstrip())


def _print(entry: Entry, console: Console) -> None:
    if entry.path:
        console.print(Text(entry.path, "bold"), Text(entry.title, "italic"))
    console.print(Text(entry.description))
    facts = list(_facts(entry))
    if facts:
        console.print()
        console.print(_grid(facts))
    for heading, children in (("kinds", entry.kinds), ("properties", entry.children)):
        if children:
            console.print()
            console.print(Text(heading, "bold"))
            console.print(_members(children))


def _facts(entry: Entry) -> Iterator[tuple[str, Text]]:
    if entry.where:
        yield "where", Text(entry.where)
    if entry.type:
        yield "type", Text(", ".join([entry.type, *entry.limits]))
    meanings = [f"{value}: {meaning}" if meaning else value for value, meaning in entry.allowed]
    if any(meaning for _, meaning in entry.allowed):
        yield from (
            ("allowed" if index == 0 else "", Text(line)) for index, line in enumerate(meanings)
        )
    elif meanings:
        yield "allowed", Text(", ".join(meanings))
    if entry.required:
        yield "default", Text("none: it must be given")
    elif entry.default:
        yield "default", Text(entry.default, "cyan")
    if entry.example:
        yield "example", Text(entry.example, "cyan")
    if entry.setting:
        yield "option", Text(entry.setting, "cyan")


def _grid(rows: Sequence[tuple[str, Text]]) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim")
    grid.add_column(overflow="fold")
    for label, value in rows:
        grid.add_row(label, value)
    return grid


def _members(children: Sequence[Child]) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold", no_wrap=True)
    if any(child.type for child in children):
        grid.add_column(style="dim", no_wrap=True)
        grid.add_column(style="cyan", no_wrap=True)
    grid.add_column()
    for child in children:
        own = [child.type, child.default] if any(each.type for each in children) else []
        grid.add_row(*(Text(cell) for cell in (f"  {child.name}", *own, child.sentence)))
    return grid
