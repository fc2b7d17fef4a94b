"""Text that is made to fit."""

from __future__ import annotations

import pytest

from harness.report.lettering import fitted, width_of


def test_a_line_of_a_known_font_has_a_known_width() -> None:
    # DejaVu Sans: "m" advances 1995 of 2048 units an em.
    assert width_of("m" * 10, 72.0) == pytest.approx(10 * 1995 / 2048, rel=0.06)
    assert width_of("", 9.0) == 0.0


def test_lines_are_filled_word_by_word_and_the_last_one_is_cut() -> None:
    text = "one two three four five six seven eight nine ten"
    lines = fitted(text, 1.2, 9.0, 2).split("\n")
    assert len(lines) == 2
    assert all(width_of(line, 9.0) <= 1.2 for line in lines)
    assert lines[1].endswith("\u2026")
    assert text.startswith(" ".join(lines).removesuffix("\u2026"))


@pytest.mark.parametrize("text", ["short", "x" * 300, "", "a\nb", "\u4e2d $x$"])
@pytest.mark.filterwarnings("error")
def test_any_text_fits(text: str) -> None:
    lines = fitted(text, 1.0, 9.0, 1).split("\n")
    assert len(lines) == 1
    assert width_of(lines[0], 9.0) <= 1.0
