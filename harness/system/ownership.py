"""Which files the harness wrote, and so may replace; every other file is somebody's, and stays.

A file says itself who wrote it: JSON by its member `format`, Markdown and XML by a comment at
their start. An empty file holds nothing that could be lost.
"""

from __future__ import annotations

import enum
import json
import os
import re
import stat
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from harness.errors import INVALID, HarnessError
from harness.experiment import Json
from harness.system import files


class OverwriteError(HarnessError):
    """What the harness did not write would be replaced; the message says what, and what to do."""

    exit_code = INVALID


class Kind(enum.Enum):
    """What the harness writes, by the word that marks it."""

    RESULT = "result"
    BASELINE = "baseline"
    REPORT = "report"
    INDEX = "index"
    VERDICTS = "verdicts"
    JUNIT = "junit"
    EXPECTATIONS = "expectations"
    HISTORIES = "histories"
    SITE = "site"


_IN_WORDS = {
    Kind.RESULT: "holds the results of a report",
    Kind.BASELINE: "holds kept numbers, a baseline",
    Kind.REPORT: "is a report",
    Kind.INDEX: "is an index of reports",
    Kind.VERDICTS: "holds the verdicts that --json wrote",
    Kind.JUNIT: "is the XML that --junit wrote",
    Kind.EXPECTATIONS: "holds expectations as they were stated, with the time",
    Kind.HISTORIES: "holds the histories of a report's runs",
    Kind.SITE: "lists the files of a site of reports",
}
_FOREIGN = "was not written by this harness"

_LARGEST = 1 << 28
"""In bytes; nothing that the harness writes is larger."""

_FORMAT = re.compile(r"reproduction-harness ([a-z]+) \d+")
_COMMENT = re.compile(r"(?:<\?xml[^>]*\?>\s*)?<!-- reproduction-harness ([a-z]+) \d+:")

# What earlier versions wrote has no comment.
_OLDER_JUNIT = re.compile(
    r'<\?xml[^>]*\?>\s*<testsuites name="harness" tests="\d+" failures="\d+" errors="\d+" skipped='
)
_OLDER_MARKDOWN = re.compile(r"# [^\n]+\n\n\*\*")
_OLDER_LAST_SECTION = "\n## What the verdicts mean\n\n"
_OLDER_END = re.compile(r"(?:- \S+ (?:pass|fail|inconclusive|blocked|error): [^\n]+\n){5}")

_DESCRIPTORS = ("/dev/stdout", "/dev/stderr", "/dev/fd", "/proc")

_PROSE = ("", ".md", ".markdown", ".txt")
"""How the names of files end to which a summary can be appended."""


def comment(kind: Kind) -> str:
    """Return the comment that begins a file of Markdown or XML."""
    return f"<!-- reproduction-harness {kind.value} 1: written by a program, which replaces it -->"


def kind_of(content: bytes) -> Kind | None:
    """Return what the harness wrote a file as, or None where it did not write it."""
    try:
        text = content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        return None
    if text.lstrip().startswith("{"):
        document = _parsed(text)
        format_ = document.get("format") if isinstance(document, dict) else None
        found = _FORMAT.fullmatch(format_) if isinstance(format_, str) else None
    else:
        found = _COMMENT.match(text)
    if found is not None:
        return next((kind for kind in Kind if kind.value == found[1]), None)
    if _OLDER_JUNIT.match(text):
        return Kind.JUNIT
    end = text.rpartition(_OLDER_LAST_SECTION)[2]
    if _OLDER_MARKDOWN.match(text) and _OLDER_END.fullmatch(end):
        return Kind.INDEX if text.startswith("# Results\n") else Kind.REPORT
    return None


def in_the_way(path: Path, kind: Kind) -> str:
    """Say what would be lost where a file of a kind is to be written, "" where nothing would.

    Raises:
        OSError: what is there cannot be read.
    """
    content, why = _content(path)
    if why or not content or kind_of(content) is kind:
        return why
    return _described(content)


def refuse(path: Path, kind: Kind, what: str, advice: str) -> None:
    """Check that a file may be written: there is none, or an earlier one of its kind.

    Args:
        path: Of the file.
        kind: What will be written there.
        what: The same in words, such as "the report of tiny".
        advice: What a person can do instead.

    Raises:
        OverwriteError: something else is there, also at the end of a link.
        OSError: what is there cannot be read.
    """
    found = in_the_way(path, kind)
    if found:
        raise OverwriteError(f"{path} {found}, and {what} would replace it: {advice}")


def refuse_appending(path: Path, what: str, advice: str) -> None:
    """Check that Markdown may be appended to a file: there is none, or it is prose.

    Raises:
        OverwriteError: it is something else, which more text would spoil.
        OSError: it cannot be read.
    """
    found = _no_prose(path)
    if found:
        raise OverwriteError(f"{path} {found}, and {what} would be appended to it: {advice}")


def refuse_shared(named: Iterable[tuple[str, Path]]) -> None:
    """Check that no two outputs, each named in words, are one file, on any file system.

    Raises:
        OverwriteError: two are.
    """
    seen: dict[str, str] = {}
    for what, path in named:
        # To some file systems, capitals and the two ways to write an accent make no difference.
        place = unicodedata.normalize("NFC", os.path.realpath(path)).casefold()
        other = seen.setdefault(place, what)
        if other != what:
            raise OverwriteError(
                f"{what} and {other} would be written to one file, {path}: give each its own"
            )


def is_stream(path: Path) -> bool:
    """Tell whether a path is a terminal, a pipe or a device: it is written to, never replaced."""
    if any(path.absolute().is_relative_to(place) for place in _DESCRIPTORS):
        return True  # even one that leads to a file, to which others may write as well
    mode = _mode(path)
    return mode is not None and not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)


def is_folder(path: Path) -> bool:
    """Tell whether a path is known to be a folder: not where a folder above may not be entered."""
    mode = _mode(path)
    return mode is not None and stat.S_ISDIR(mode)


def _mode(path: Path) -> int | None:
    try:
        return path.stat().st_mode
    except (OSError, ValueError):
        return None


def _content(path: Path) -> tuple[bytes, str]:
    """Return the content of a file, or why it is no file of the harness.

    Returns:
        The content, empty where there is no file; and the reason, "" where there is none.
    """
    try:
        return files.read_bytes(path, _LARGEST), ""
    except (FileNotFoundError, NotADirectoryError):
        return b"", ""
    except files.TooLarge:
        return b"", _FOREIGN
    except (files.NotRegular, IsADirectoryError):
        return b"", "is a folder" if is_folder(path) else "is no regular file"


def _no_prose(path: Path) -> str:
    content, why = _content(path)
    if why or not content:
        return why
    if kind_of(content) is not None or _is_specification(content):
        return _described(content)
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return "is no Markdown"
    structured = text.lstrip().startswith("<?xml") or isinstance(_parsed(text), dict | list)
    return "is no Markdown" if structured or path.suffix.lower() not in _PROSE else ""


def _described(content: bytes) -> str:
    if _is_specification(content):
        return "is a specification"
    kind = kind_of(content)
    return _IN_WORDS[kind] if kind is not None else _FOREIGN


def _is_specification(content: bytes) -> bool:
    document = _parsed(content.decode("utf-8-sig", errors="replace"))
    if not isinstance(document, dict) or "format" in document:
        return False
    return "experiment.schema.json" in str(document.get("$schema")) or bool(
        document.keys() & {"runs", "extends", "defaults", "expectations"}
    )


def _parsed(text: str) -> Json:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
