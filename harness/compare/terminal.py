"""A difference for a person at a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.table import Table as RichTable

from harness.compare.page import Page, Table
from harness.compare.significance import Outcome

_WIDE = 200
"""Columns of a page that no terminal shows."""

_COLOURS = {"pass": "green", "fail": "red", "error": "red", Outcome.CHANGED.value: "bold yellow"}


def show(page: Page) -> None:
    """Show the page."""
    console = Console()
    if not console.is_terminal and console.width < _WIDE:
        console = Console(width=_WIDE)

    def say(text: str, style: str | None = None) -> None:
        console.print(text, style=style, markup=False, highlight=False, soft_wrap=True)

    say(f"before: {page.before}\nafter:  {page.after}")
    for sentence in page.alone:
        say(sentence)
    for section in page.sections:
        say(f"\n{section.name}: {section.title}" if section.title else f"\n{section.name}", "italic")
        for sentence in section.sentences:
            say(f"- {sentence}")
        for table in section.tables:
            console.print(_table(table))
    say(f"\n{page.summary}", "bold")
    for sentence in page.footer:
        say(sentence, "dim")


def _table(table: Table) -> RichTable:
    shown = RichTable(box=None, pad_edge=False, header_style="bold")
    for header, align in zip(table.headers, table.align, strict=True):
        shown.add_column(header, justify="right" if align == ">" else "left", overflow="fold")
    for row in table.rows:
        shown.add_row(*(_cell(cell) for cell in row))
    return shown


def _cell(text: str) -> str:
    colour = _COLOURS.get(text.rpartition(" -> ")[2]) if " -> " in text else _COLOURS.get(text.partition(",")[0])
    return f"[{colour}]{escape(text)}[/]" if colour else escape(text)
