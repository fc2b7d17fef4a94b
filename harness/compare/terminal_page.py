"""Show a difference to a person at a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from harness.compare.page import Page, Table
from harness.compare.significance import Outcome
from harness.system.console import literal, say
from harness.system.table import Column, show_table

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
            _show_table(console, table)
    console.print()
    say(console, page.summary, "bold")
    for sentence in page.footer:
        say(console, sentence, "dim")


def _show_table(console: Console, table: Table) -> None:
    columns = [
        Column(header, folds=index > 1, right=align == ">", leading=index < 2)
        for index, (header, align) in enumerate(zip(table.headers, table.align, strict=True))
    ]
    rows = [[_cell(cell) for cell in row] for row in table.rows]
    show_table(console, columns, rows)


def _cell(text: str) -> Text:
    colour = (
        _COLOURS.get(text.rpartition(" -> ")[2])
        if " -> " in text
        else _COLOURS.get(text.partition(",")[0])
    )
    return literal(text, colour or "")
