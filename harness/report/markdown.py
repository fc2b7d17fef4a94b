"""Write GitHub Markdown from untrusted text: whatever a specification says stays text."""

from __future__ import annotations

import html
import json
import os
import re
from collections.abc import Sequence
from urllib.parse import quote

from tabulate import tabulate

_SPECIAL = re.compile(r"[\\`*\[\]~$#]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
_BLOCK_START = re.compile(r"^(\d{1,9})([.)])(?=\s|$)|^([-+=:])")
_ALIGNMENT = {"<": "left", ">": "right", "^": "center"}


def escape(text: str) -> str:
    """Return text that reads the same in a paragraph, a heading, a link or a table cell.

    Line breaks and control characters become spaces; what could start markup is escaped, HTML
    and the table's bars by entities.
    """
    line = _line(text)
    line = _SPECIAL.sub(lambda match: "\\" + match[0], line)
    line = html.escape(line, quote=False).replace("|", "&#124;")
    return _BLOCK_START.sub(
        lambda match: f"{match[1]}\\{match[2]}" if match[1] else f"\\{match[3]}", line
    )


def _line(text: str) -> str:
    """Return text on one line, with spaces for what cannot be printed."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def unbroken(text: str) -> str:
    """Return text without line breaks, so that a number keeps its deviation and its unit."""
    return text.replace(" ", "\u00a0")


def code(text: str) -> str:
    """Return text as inline code."""
    if (
        not text
        or text != " ".join(text.split())
        or not text.isprintable()
        or "`" in text
        or "|" in text
    ):
        return f"<code>{escape(text)}</code>"
    return f"`{text}`"


def link(text: str, address: str | None) -> str:
    """Return a link, or the text alone where the address is not one of the web."""
    if address is None or not address.startswith(("https://", "http://")):
        return escape(text)
    return f"[{escape(text)}](<{quote(address, safe=':/?#@!$&()*+,;=%~._-', errors='replace')}>)"


def file_link(text: str, path: str, anchor: str = "", below: str = "") -> str:
    """Return a link to a file of any name, and to an anchor in it.

    `below` is the address of the file's folder.
    """
    return f"[{escape(text)}]({below}{quote(os.fsencode(path))}{anchor})"


def anchor(name: str) -> str:
    """Return a place that links lead to; `name` has only letters, digits and hyphens."""
    return f'<a id="{name}"></a>'


def anchor_link(text: str, name: str) -> str:
    """Return a link to an anchor of the same page."""
    return f"[{escape(text)}](#{name})"


def table(headers: Sequence[str], rows: Sequence[Sequence[str]], align: str = "") -> str:
    """Return a table of cells that are Markdown already; `align` holds one of `<>^` a column."""
    alignment = [_ALIGNMENT[mark] for mark in align or "<" * len(headers)]
    return tabulate(
        rows, headers, tablefmt="pipe", disable_numparse=True, colalign=alignment if rows else None
    )


def fence(text: str, language: str = "") -> str:
    """Return a block of code, fenced by more backticks than the text has in a row.

    What cannot be printed is written as JSON writes it, so that a document keeps its meaning.
    """
    text = "\n".join(map(_printable, text.split("\n")))
    ticks = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{ticks}{language}\n{text}\n{ticks}"


def _printable(line: str) -> str:
    return (
        line
        if line.isprintable()
        else "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in line)
    )


def details(summary: str, body: str) -> str:
    """Return a body that is folded until the reader opens it."""
    # Markdown is not read within an HTML block, so the summary is escaped as HTML.
    shown = html.escape(_line(summary), quote=False)
    return f"<details>\n<summary>{shown}</summary>\n\n{body}\n\n</details>"


def bullets(items: Sequence[str]) -> str:
    """Return a list of items that are Markdown already."""
    return "\n".join(f"- {item}" for item in items)
