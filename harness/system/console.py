"""Text from anywhere, shown on a terminal: on one line, and nothing of it acts or hides."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # commands that only validate do not wait for it
    from rich.console import Console
    from rich.text import Text

_JOINERS = "\u200c\u200d"
"""They have no width, but letters of some scripts and some emoji need them."""

_BREAKS = "\t\n\v\f\r\u0085"
_UNSEEN = ("Cc", "Cf", "Cs")
_SPACES = ("Zl", "Zp", "Zs")
_UNDECODED = range(0xDC80, 0xDD00)
"""What Python makes of the bytes 80 to FF of a file's name that is not UTF-8."""


def visible(text: str) -> str:
    r"""Return text on one line, with all that a terminal would act on shown as escapes.

    The escape character becomes \x1b, line breaks and tabs become spaces. `##[` is parted: GitHub
    takes what follows it for a command to its runner, wherever in a line it stands.
    """
    if text.isprintable() and "##[" not in text:
        return text
    return "".join(map(_seen, text)).replace("##[", "## [")


def literal(text: str, style: str = "") -> Text:
    """Return text for a line or a cell of a table, without markup and emoji codes."""
    from rich.text import Text

    return Text(visible(text), style)


def say(console: Console, text: str, style: str = "") -> None:
    """Print text on a line of its own, however long it is."""
    console.print(literal(text, style), highlight=False, soft_wrap=True)


def _seen(sign: str) -> str:
    if sign.isprintable() or sign in _JOINERS:
        return sign
    category, number = unicodedata.category(sign), ord(sign)
    if sign in _BREAKS or category in _SPACES:
        return " "
    if category not in _UNSEEN:
        return sign
    if number in _UNDECODED:
        return f"\\x{number - 0xDC00:02x}"
    return (
        f"\\x{number:02x}"
        if number < 0x100
        else f"\\u{number:04x}"
        if number < 0x10000
        else f"\\U{number:08x}"
    )
