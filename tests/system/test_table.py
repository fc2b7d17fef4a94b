"""Tables: whole where a program reads them, and no wider than a terminal is."""

from __future__ import annotations

import io
from collections.abc import Sequence

import pytest
from rich.console import Console
from rich.text import Text

from harness.system.table import Column, columns_of, show_names, show_record, show_table

COLUMNS = (Column("run"), Column("what", folds=True), Column("steps", right=True))
ROWS = (
    ("adversarial[augmentation+momentum]", "it starts from the confusion set", "3,200"),
    ("one", "", "10"),
)


class Terminal(io.StringIO):
    """A terminal, as far as one can ask."""

    def isatty(self) -> bool:
        """Say that it is one."""
        return True


def shown(file: io.StringIO, width: int, rows: Sequence[Sequence[str]] = ROWS) -> list[str]:
    console = Console(file=file, width=width, color_system=None)
    show_table(console, COLUMNS, [[Text(cell) for cell in row] for row in rows])
    return file.getvalue().splitlines()


@pytest.mark.parametrize("width", [1, 40, 400])
@pytest.mark.parametrize("force", ["FORCE_COLOR", "TTY_COMPATIBLE"])
def test_a_row_is_a_line_where_there_is_no_terminal(
    monkeypatch: pytest.MonkeyPatch, width: int, force: str
) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    monkeypatch.setenv(force, "1")
    assert shown(io.StringIO(), width) == [
        "run                                 what                              steps",
        "adversarial[augmentation+momentum]  it starts from the confusion set  3,200",
        "one                                                                      10",
    ]


def test_words_are_folded_where_a_terminal_is_too_narrow() -> None:
    assert shown(Terminal(), 60) == [
        "run                                 what               steps",
        "adversarial[augmentation+momentum]  it starts from     3,200",
        "                                    the confusion set",
        "one                                                       10",
    ]


def test_rows_become_lists_where_that_does_not_suffice() -> None:
    assert shown(Terminal(), 45) == [
        "adversarial[augmentation+momentum]",
        "  what: it starts from the confusion set",
        "  steps: 3,200",
        "one",
        "  steps: 10",
    ]


@pytest.mark.parametrize("width", range(34, 90))
def test_no_line_is_wider_than_the_terminal_and_no_name_is_broken(width: int) -> None:
    lines = shown(Terminal(), width)
    assert max(map(len, lines)) <= width
    assert any(ROWS[0][0] in line for line in lines)


@pytest.mark.parametrize("width", [3, 10, 20])
def test_only_what_is_wider_than_the_terminal_is_broken(width: int) -> None:
    lines = shown(Terminal(), width)
    assert max(map(len, lines)) <= max(width, 5)  # an indent and three letters
    assert "".join("".join(lines).split()).startswith(ROWS[0][0])


def test_wide_letters_are_counted_as_two() -> None:
    lines = shown(io.StringIO(), 80, [("中中", "x", "1"), ("abcd", "y", "2")])
    assert lines == ["run   what  steps", "中中  x         1", "abcd  y         2"]


def test_a_terminal_that_can_do_nothing_has_the_width_that_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("COLUMNS", "60")
    assert columns_of(Console(file=Terminal())) == 60
    assert columns_of(Console(file=io.StringIO())) is None


def test_names_are_never_broken() -> None:
    file = Terminal()
    names = ["random[none]", "one", "m[l2]\x1b"]
    show_names(Console(file=file, width=20, color_system=None), names)
    assert file.getvalue() == "  random[none], one,\n  m[l2]\\x1b\n"


def test_a_record_hangs_on_its_labels() -> None:
    pairs = [("size", Text("60,000 images of 10 classes")), ("licence", Text("none"))]
    file = Terminal()
    show_record(Console(file=file, width=30, color_system=None), pairs, Text("mnist"))
    assert file.getvalue().splitlines() == [
        "mnist",
        "  size     60,000 images of 10",
        "           classes",
        "  licence  none",
    ]
