"""Tables in CSV files: numbers in columns, and a column with the class of each row.

A file is UTF-8 text as RFC 4180 has it, with the names of its columns in the first line. Nothing
here imports TensorFlow or NumPy.
"""

from __future__ import annotations

import csv
import functools
import io
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness.data.digests import Signature, reason, signature_of
from harness.data.errors import DataError, Unfit, UnknownName
from harness.system import files
from harness.words import agreeing, listed

_LARGEST = 3.4028234663852886e38
"""The largest number of float32."""

_MOST_NAMED = 3

Row = tuple[int, list[str]]
"""The cells of a row, and the line that it ends in."""


@dataclass(frozen=True)
class Reading:
    """How a table is read.

    Args:
        label: the column with the classes.
        columns: the columns that are inputs, in their order; None: all others, as the file has
            them.
        delimiter: what stands between two cells.
    """

    label: str
    columns: tuple[str, ...] | None = None
    delimiter: str = ","

    @classmethod
    def of(cls, parameters: Mapping[str, Any]) -> Reading:
        """Return what the parameters of a data set say."""
        columns = parameters.get("columns")
        return cls(
            parameters["label"],
            tuple(columns) if columns is not None else None,
            parameters.get("delimiter", ","),
        )


@dataclass(frozen=True)
class Table:
    """What a file holds: `columns` numbers a row, one row after the other, and a label each."""

    columns: tuple[str, ...]
    numbers: array[float]
    labels: tuple[str, ...]


Read = Callable[[Path, Reading], Table]
"""Reads the table in a file."""


def look_at(path: Path, reading: Reading) -> Table:
    """Return the table in a file; one that did not change since is not read again.

    Raises:
        DataError: it cannot be read, or has no such table.
    """
    return _looked_at(path, signature_of(str(path)), reading)


@functools.lru_cache(maxsize=4)
def _looked_at(path: Path, _signature: Signature, reading: Reading) -> Table:
    return parse(path, _content(path), reading)


def parse(path: Path, content: bytes, reading: Reading) -> Table:
    """Return the table that the bytes of a file are.

    Raises:
        Unfit: it does not have a column that is named.
        DataError: it is no table, or has cells that are missing or no numbers; the first are named
            with their lines.
    """
    rows = _rows(path, content, reading.delimiter)
    header = next(rows, (1, []))[1]
    for fault in unfit(path, header, reading):
        raise fault
    columns = _columns(path, header, reading)
    numbers, labels, faults = array("d"), [], []
    places, label = [header.index(name) for name in columns], header.index(reading.label)
    for line, cells in rows:
        wrong = list(_faults(cells, header, [*places, label], label))
        faults += [f"{path}:{line}: {fault}" for fault in wrong]
        if not wrong:
            numbers.extend(float(cells[place]) for place in places)
            labels.append(cells[label])
    _check(path, faults, labels)
    return Table(columns, numbers, tuple(labels))


def both(paths: Sequence[Path], reading: Reading, read: Read) -> tuple[Table, Table | None]:
    """Return the table for training, and that for testing where there is one, of equal columns.

    Args:
        paths: the files, of which there are one or two.
        reading: how the first is read.
        read: reads a file.

    Raises:
        DataError: they cannot be read, or have different columns.
    """
    train = read(paths[0], reading)
    if len(paths) == 1:
        return train, None
    if reading.columns is None:
        headers = [header_of(path, reading.delimiter) for path in paths]
        alone = sorted(set(headers[0]) ^ set(headers[1]))
        if alone:
            raise DataError(
                f"{paths[1]} has other columns than {paths[0]}: {listed(alone, _MOST_NAMED)} "
                f"{agreeing(len(alone), 'is', 'are')} in one of them only"
            )
    return train, read(paths[1], replace(reading, columns=train.columns))


def unfit(path: Path, header: Sequence[str], reading: Reading) -> Iterator[Unfit]:
    """Yield the settings that name columns which a file does not have."""
    if reading.label not in header:
        yield UnknownName(("label",), "column", reading.label, header, str(path))
    for place, name in enumerate(reading.columns or ()):
        if name not in header:
            yield UnknownName(("columns", place), "column", name, header, str(path))
        elif name == reading.label:
            yield Unfit(("columns", place), f"the column {name} is the label, and no input")


def header_of(path: Path, delimiter: str) -> Sequence[str]:
    """Return the names of the columns of a file; one that did not change is not read again.

    Raises:
        DataError: it cannot be read.
    """
    return _header_of(path, signature_of(str(path)), delimiter)


@functools.lru_cache(maxsize=4)
def _header_of(path: Path, _signature: Signature, delimiter: str) -> Sequence[str]:
    return next(_rows(path, _content(path), delimiter), (1, []))[1]


def _content(path: Path) -> bytes:
    try:
        return files.read_bytes(path)
    except OSError as error:
        raise DataError(f"cannot read {path}: {reason(error)}") from error


def _rows(path: Path, content: bytes, delimiter: str) -> Iterator[Row]:
    """Yield the rows of a file that are not empty."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DataError(f"{path}:{line}: this is no UTF-8 text: save the file as UTF-8") from error
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        yield from ((reader.line_num, cells) for cells in reader if cells)
    except csv.Error as error:
        raise DataError(f"{path}:{reader.line_num}: this is no CSV ({error})") from error


def _columns(path: Path, header: Sequence[str], reading: Reading) -> tuple[str, ...]:
    """Return the names of the columns that are inputs."""
    twice = next((name for name in header if header.count(name) > 1), None)
    if twice is not None:
        raise DataError(f"{path}:1: two columns are called {twice!r}: give each its own name")
    columns = reading.columns or tuple(name for name in header if name != reading.label)
    if "" in columns:
        raise DataError(
            f"{path}:1: column {header.index('') + 1} has no name: name it, remove it, or list the "
            "columns that are inputs"
        )
    if not columns:
        raise DataError(f"{path}:1: no column besides {reading.label} can be an input")
    return columns


def _faults(
    cells: Sequence[str], header: Sequence[str], places: Sequence[int], label: int
) -> Iterator[str]:
    """Yield what is wrong with the cells of a row at some places."""
    if len(cells) != len(header):
        yield f"this row has {len(cells)} cells, the first line {len(header)}"
        return
    for place in places:
        if not cells[place].strip():
            yield f"{header[place]} is missing"
        elif place == label and len(cells[place].splitlines()) > 1:
            yield f"{header[place]} has more than one line: it cannot name a class"
        elif place != label and not _is_number(cells[place]):
            yield f"{header[place]} is {cells[place]!r}: that is no finite number"


def _is_number(cell: str) -> bool:
    """Tell whether a cell is a number of float32; one with `_` is, for Python alone."""
    try:
        return "_" not in cell and abs(float(cell)) <= _LARGEST
    except ValueError:
        return False


def _check(path: Path, faults: Sequence[str], labels: Sequence[str]) -> None:
    if faults:
        more = len(faults) - _MOST_NAMED
        rest = [f"and {more:,} more like these"] if more > 0 else []
        raise DataError("; ".join([*faults[:_MOST_NAMED], *rest]))
    if not labels:
        raise DataError(f"{path} has no row")
