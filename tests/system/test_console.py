"""Text that nobody vouches for, on a terminal."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from rich.table import Table

from harness.system.console import literal, say, visible


class TestVisible:
    """One line, of which everything is seen."""

    @pytest.mark.parametrize(
        ("text", "shown"),
        [
            ("plain, 96.4 ± 0.3% ✓ 中 é", "plain, 96.4 ± 0.3% ✓ 中 é"),
            ("x\n::stop-commands::t", "x ::stop-commands::t"),
            ("a\tb\rc\x0bd\x0ce\x85f\u2028g\u2029h\u00a0i", "a b c d e f g h i"),
            ("\x1b[31mred\x1b]0;title\x07", "\\x1b[31mred\\x1b]0;title\\x07"),
            ("\x9b31m \x7f \x00", "\\x9b31m \\x7f \\x00"),
            (
                "\u202eevil\u202c \u2066i\u2069 \u200f \ufeff",
                "\\u202eevil\\u202c \\u2066i\\u2069 \\u200f \\ufeff",
            ),
            ("\U000e0041", "\\U000e0041"),
            ("image\udcff.png", "image\\xff.png"),
            ("\ud800", "\\ud800"),
            ("a ##[error]b", "a ## [error]b"),
            ("👩\u200d💻", "👩\u200d💻"),
        ],
    )
    def test_what_a_terminal_would_act_on_is_an_escape(self, text: str, shown: str) -> None:
        assert visible(text) == shown


def test_neither_markup_nor_emoji_codes_are_interpreted() -> None:
    output = io.StringIO()
    console = Console(file=output, width=40)
    say(console, "[none] [bold]x[/] :warning: " + "long " * 20)
    table = Table("cell", box=None)
    table.add_row(literal("[none] [/] :warning:"))
    console.print(table)
    first, *rest = output.getvalue().splitlines()
    assert first == "[none] [bold]x[/] :warning: " + "long " * 20
    assert "[none] [/] :warning:" in "\n".join(rest)
