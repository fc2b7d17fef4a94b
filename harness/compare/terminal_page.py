"""Show a difference to a person at a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from harness.compare.page import Page, Table
from harness.compare.significance import Outcome
from harness.system.console import literal, say

_WIDE = 200
"""The columns of a page that no terminal shows."""

_COLOURS = {
    "pass": "green",
    "fail": "red",
    "error": "red",
    Outcome.CHANGED.value: "bold yellow",
    Outcome.ALIKE.value: "bold yellow",
}


def show(page: Page) -> None:
    """Show the page."""
    console = Console()
    if not console.is_terminal and console.width < _WIDE:
        console = Console(width=_WIDE)
    say(console, f"before: {page.before}")
    say(console, f"after:  {page.after}")
    for sentence in page.notes:
        say(console, sentence)
    for section in page.sections:
        console.print()
        say(
            console, f"{section.name}: {section.title}" if section.title else section.name, "italic"
        )
        for sentence in section.sentences:
            say(console, f"- {sentence}")
        for table in section.tables:
            console.print(_table(table))
    console.print()
    say(console, page.summary, "bold")
    for sentence in page.footer:
        say(console, sentence, "dim")


def _table(table: Table) -> RichTable:
    shown = RichTable(box=None, pad_edge=False, header_style="bold")
    for header, align in zip(table.headers, table.align, strict=True):
        shown.add_column(header, justify="right" if align == ">" else "left", overflow="fold")
    for row in table.rows:
        shown.add_row(*(_cell(cell) for cell in row))
    return shown


def _cell(text: str) -> Text:
    colour = (
        _COLOURS.get(text.rpartition(" -> ")[2])
        if " -> " in text
        else _COLOURS.get(text.partition(",")[0])
    )
    return literal(text, colour or "")
