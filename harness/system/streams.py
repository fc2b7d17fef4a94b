"""The standard streams of a process: printing never ends it, whatever becomes of a stream."""

from __future__ import annotations

import codecs
import io
import os
import select
import sys
import unicodedata
from typing import TextIO

_SUBSTITUTES = {
    "✓": "+",
    "✗": "x",
    "⊘": "-",
    "·": ".",
    "±": "+-",
    "\u00d7": "x",
    "→": "->",
    "≤": "<=",
    "≥": ">=",
    "\u2013": "-",
    "\u2014": "-",
    "…": "...",
    "\u201c": '"',
    "\u201d": '"',
    "\u2018": "'",
    "\u2019": "'",
    "•": "*",
    "\u00a0": " ",
}
_PLAIN = "harness.plain"
_STANDARD = 2
"""The last of the descriptors that every program expects to be open: standard error."""


def prepare() -> None:
    """Let nothing that is printed from now on end this process.

    A character that an encoding lacks is written as a plain one. What is written to a stream
    whose reader has gone (`| head`), whose terminal has gone or whose disk is full is dropped.
    """
    _open_what_is_closed()
    codecs.register_error(_PLAIN, _plainly)
    sys.stdout = _prepared(sys.stdout)
    sys.stderr = _prepared(sys.stderr)


def plain(text: str, encoding: str) -> str:
    """Return text with readable substitutes for the characters that an encoding lacks.

    A character without a substitute becomes its number.
    """
    codecs.register_error(_PLAIN, _plainly)
    return text.encode(encoding, _PLAIN).decode(encoding)


class _Lasting(io.FileIO):
    """A descriptor that takes whatever it is given, and drops it where it cannot be written."""

    def write(self, data: object, /) -> int:
        while True:
            try:
                written: int | None = super().write(data)  # type: ignore[arg-type]
            except OSError:
                return memoryview(data).nbytes  # type: ignore[arg-type]
            if written is not None:
                return written
            select.select([], [self], [])  # it does not wait by itself


class _Ascii(io.TextIOWrapper):
    """Text in ASCII. Click, where it finds bytes below such a stream, writes UTF-8 into them."""

    buffer = None  # type: ignore[assignment]


def _prepared(stream: TextIO) -> TextIO:
    """Return a lasting stream to the same place; one that is none of the system's stays."""
    if not isinstance(stream, io.TextIOWrapper) or not isinstance(
        stream.buffer, io.BufferedWriter | io.FileIO
    ):
        return stream
    try:
        stream.flush()
        descriptor = stream.fileno()
    except (OSError, ValueError):
        return stream
    ascii_alone = codecs.lookup(stream.encoding).name == "ascii"
    return (_Ascii if ascii_alone else io.TextIOWrapper)(
        io.BufferedWriter(_Lasting(descriptor, "wb", closefd=False)),
        encoding=stream.encoding,
        errors=_PLAIN,
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )


def _open_what_is_closed() -> None:
    """Open the standard descriptors that the process was started without.

    Otherwise the next file that it opens would get their output.
    """
    while True:
        descriptor = os.open(os.devnull, os.O_RDWR)
        if descriptor > _STANDARD:
            os.close(descriptor)
            return


def _plainly(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    missing = error.object[error.start : error.end]
    return "".join(_substitute(sign, error.encoding) for sign in missing), error.end


def _substitute(sign: str, encoding: str) -> str:
    letters = _SUBSTITUTES.get(sign) or unicodedata.normalize("NFKD", sign)
    shown = "".join(letter for letter in letters if _has(encoding, letter))
    return shown or sign.encode("ascii", "backslashreplace").decode()


def _has(encoding: str, letter: str) -> bool:
    try:
        letter.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True
