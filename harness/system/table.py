"""Tables of text: one row a line, and in a terminal no wider than it is.

Where no terminal shows a table, it is as wide as it needs to be: what reads it, such as `grep` or
`awk`, finds a whole row on every line. In a terminal that is too narrow, columns of words are
folded between words; where even that does not fit, every row becomes a short list.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.text import Text

from harness.system.console import literal

_GAP = 2
"""Blanks between two columns."""

_TALLEST = 3
"""A cell is folded to at most so many lines."""

_INDENT = 2


@dataclass(frozen=True)
class Column:
    """A column: its header, whether its cells are folded between words, whether they end at right.

    The cells of a `leading` column name the row: they are its first line where it becomes a list.
    """

    header: str
    folds: bool = False
    right: bool = False
    leading: bool = False


def columns_of(console: Console) -> int | None:
    """Return how many columns a terminal has, None where no terminal shows what is printed."""
    try:
        if not console.file.isatty():
            return None
    except ValueError:  # it is closed
        return None
    if console.is_dumb_terminal:  # rich takes 80 for granted there
        return shutil.get_terminal_size().columns
    return console.width


def show_table(
    console: Console,
    columns: Sequence[Column],
    rows: Sequence[Sequence[Text]],
    caption: Text | None = None,
) -> None:
    """Print a table: aligned, else with folded cells, else as lists, whatever fits.

    The first column leads where none is marked as leading. A caption stands above the headers.
    """
    if not any(each.leading for each in columns):
        first = columns[0]
        columns = [Column(first.header, first.folds, first.right, leading=True), *columns[1:]]
    width = columns_of(console)
    if caption is not None:
        _put(console, _folded(console, caption, width))
    _put(console, _lines(console, columns, rows, width))


def show_record(
    console: Console, pairs: Sequence[tuple[str, Text]], caption: Text | None = None
) -> None:
    """Print what is known of one thing, a label and a text a line."""
    width = columns_of(console)
    if caption is not None:
        _put(console, _folded(console, caption, width))
    label = max((Text(name).cell_len for name, _ in pairs), default=0)
    start = _INDENT + label + _GAP
    for name, text in pairs:
        folded = _folded(console, text, None if width is None else width - start)
        first = Text(" " * _INDENT).append(name.ljust(label + _GAP))
        _put(console, _hanging(first, folded, start))


def show_names(console: Console, names: Iterable[str]) -> None:
    """Print names on an indented line: in a terminal on several, none of them broken."""
    width = columns_of(console)
    items = [literal(name) for name in names]
    commas = [each.append(",") for each in items[:-1]] + items[-1:]
    _put(console, _packed(console, commas, width, 1))


def _put(console: Console, lines: Iterable[Text]) -> None:
    """Print lines as they are, in one go: one by one they take ten times as long."""
    whole = Text()
    for line in lines:
        line.rstrip()
        whole.append_text(line).append("\n")
    console.print(whole, end="", soft_wrap=True, highlight=False)


def _lines(
    console: Console, columns: Sequence[Column], rows: Sequence[Sequence[Text]], width: int | None
) -> Iterator[Text]:
    headers = [Text(each.header, "bold") for each in columns]
    natural = _widest([headers, *rows])
    if width is None or _taken(natural) <= width:
        yield from (_line(cells, natural, columns) for cells in (headers, *rows))
        return
    narrow = _narrowed(columns, [headers, *rows], natural, width)
    if narrow is None:
        for row in rows:
            yield from _listed(console, columns, row, width)
        return
    for cells in (headers, *rows):
        yield from _folded_row(console, columns, cells, narrow)


def _widest(rows: Sequence[Sequence[Text]]) -> list[int]:
    return [max(cell.cell_len for cell in column) for column in zip(*rows, strict=True)]


def _taken(widths: Sequence[int]) -> int:
    return sum(widths) + _GAP * (len(widths) - 1)


def _narrowed(
    columns: Sequence[Column], rows: Sequence[Sequence[Text]], natural: list[int], width: int
) -> list[int] | None:
    """Return widths with which a table fits and no word is broken, None where there are none."""
    least = [
        max(_least(cell, tallest=_TALLEST) for cell in cells) if column.folds else whole
        for column, cells, whole in zip(columns, zip(*rows, strict=True), natural, strict=True)
    ]
    if _taken(least) > width:
        return None
    widths = list(natural)
    while _taken(widths) > width:
        room = [have - need for have, need in zip(widths, least, strict=True)]
        widths[room.index(max(room))] -= 1
    return widths


def _least(cell: Text, tallest: int) -> int:
    """Return the least width at which a text takes at most so many lines and no word is broken."""
    words = [Text(word).cell_len for word in cell.plain.split()]
    width = max(words, default=0)
    while _height(words, width) > tallest:
        width += 1
    return width


def _height(words: Sequence[int], width: int) -> int:
    lines, used = 0, width
    for word in words:
        if lines and used + 1 + word <= width:
            used += 1 + word
        else:
            lines, used = lines + 1, word
    return lines


def _line(cells: Sequence[Text], widths: Sequence[int], columns: Sequence[Column]) -> Text:
    line = Text()
    for cell, width, column in zip(cells, widths, columns, strict=True):
        blanks = " " * (width - cell.cell_len)
        if column.right:
            line.append(blanks).append_text(cell)
        else:
            line.append_text(cell).append(blanks)
        line.append(" " * _GAP)
    return line


def _folded_row(
    console: Console, columns: Sequence[Column], cells: Sequence[Text], widths: Sequence[int]
) -> Iterator[Text]:
    folded = [
        list(_folded(console, cell, width)) or [Text()]
        for cell, width in zip(cells, widths, strict=True)
    ]
    for index in range(max(map(len, folded))):
        parts = [lines[index] if index < len(lines) else Text() for lines in folded]
        yield _line(parts, widths, columns)


def _folded(console: Console, text: Text, width: int | None) -> list[Text]:
    """Fold a text between words; only a word that is wider than all is broken."""
    if width is None or text.cell_len <= width:
        return [text.copy()]
    found = list(text.wrap(console, max(width, 1), overflow="fold"))
    for line in found:
        line.rstrip()
    return found


def _hanging(first: Text, lines: Sequence[Text], indent: int) -> Iterator[Text]:
    for index, line in enumerate(lines):
        yield (first if index == 0 else Text(" " * indent)).append_text(line)


def _listed(
    console: Console, columns: Sequence[Column], row: Sequence[Text], width: int
) -> Iterator[Text]:
    """Yield a row as a list: what names it, and below it every other cell with its header."""
    names, items = list[Text](), list[Text]()
    for column, cell in zip(columns, row, strict=True):
        if column.leading:
            names.append(Text(cell.plain, "bold"))
        elif cell:
            items.append(Text(f"{column.header}: " if column.header else "").append_text(cell))
    whole = Text(" " * _GAP).join(names)
    if whole.cell_len <= width:
        yield whole
    else:
        yield from _folded(console, names[0], width)
        items = names[1:] + items
    yield from _packed(console, items, width, _GAP)


def _packed(console: Console, items: Sequence[Text], width: int | None, gap: int) -> Iterator[Text]:
    """Yield indented lines with as many items each as fit; an item is broken only between words."""
    line = Text()
    for item in items:
        if not line:
            line = item.copy()
        elif width is None or _INDENT + line.cell_len + gap + item.cell_len <= width:
            line.append(" " * gap).append_text(item)
        else:
            yield from _indented(console, line, width)
            line = item.copy()
    if line:
        yield from _indented(console, line, width)


def _indented(console: Console, line: Text, width: int | None) -> Iterator[Text]:
    """Yield an indented line, or several where it is a single item that is too long."""
    if width is None or _INDENT + line.cell_len <= width:
        yield Text(" " * _INDENT).append_text(line)
        return
    folded = _folded(console, line, width - 2 * _INDENT)
    yield from _hanging(Text(" " * _INDENT), folded, 2 * _INDENT)
