"""Which files are specifications: what commands and the pytest plugin collect, and what not.

pytest loads this file in every session, also of projects that have nothing to do with the harness.
So it needs the standard library alone, and no file that it looks at may stop it.
"""

from __future__ import annotations

import fnmatch
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.system.files import read_bytes
from harness.words import listed

SCHEMA = "experiment.schema.json"

MOST_BYTES = 1 << 22
"""A specification is no larger; a larger file in a folder is data, and not looked into."""

MOST_EXTENDED = 32
"""So many files may a chain of `extends` have."""

LANGUAGE = frozenset(
    {
        "$schema",
        "extends",
        "name",
        "title",
        "question",
        "answer",
        "terms",
        "source",
        "requires",
        "seeds",
        "control",
    }
    | {"defaults", "runs", "expectations", "remarks", "figures", "baseline"}
)
"""The members that a specification may have."""

_OWN = LANGUAGE - {"$schema", "extends", "name", "title", "source", "runs"}
"""Those of them that hardly another kind of file has."""

_NOT_ENTERED = (
    "*.egg",
    ".*",
    "_darcs",
    "build",
    "CVS",
    "dist",
    "node_modules",
    "venv",
    "{arch}",
    "__pycache__",
)
"""Folders that pytest does not look into either, unless it is told to."""


@dataclass(frozen=True)
class Found:
    """What a folder has: its specifications, and how many other JSON files.

    `unread` is what could not be looked at, and why.
    """

    specifications: tuple[Path, ...]
    others: int
    unread: tuple[tuple[Path, str], ...]


def below(folder: Path) -> Found:
    """Look for specifications in a folder and the folders below it.

    Folders that are linked are entered too, each once.
    """
    unread: list[tuple[Path, str]] = []
    files = sorted(_candidates(folder, unread))
    specifications: list[Path] = []
    for file in files:
        try:
            text = read_bytes(file, MOST_BYTES) if file.stat().st_size <= MOST_BYTES else b""
        except OSError as error:
            unread.append((file, str(error.strerror)))
            continue
        if _meant(text, file, ()):
            specifications.append(file)
    return Found(tuple(specifications), len(files) - len(specifications), tuple(unread))


def _candidates(folder: Path, unread: list[tuple[Path, str]]) -> Iterator[Path]:
    def cannot_enter(error: OSError) -> None:
        unread.append((Path(str(error.filename)), str(error.strerror)))

    entered: set[str] = set()
    for at, folders, files in os.walk(folder, onerror=cannot_enter, followlinks=True):
        whole = os.path.realpath(at)
        if whole in entered or (at != os.fspath(folder) and not is_entered(Path(at))):
            folders.clear()
            continue
        entered.add(whole)
        folders.sort()
        yield from (Path(at, name) for name in files if is_looked_at(Path(name)))


def is_looked_at(path: Path) -> bool:
    """Tell by its name whether a file in a folder may be a specification.

    `_` marks one that others extend, a dot what is hidden.
    """
    return path.suffix == ".json" and not path.name.startswith(("_", "."))


def is_entered(folder: Path) -> bool:
    """Tell whether a folder in a folder is looked into.

    None is that is hidden, of other people's code or of builds.
    """
    if any(fnmatch.fnmatchcase(folder.name, pattern) for pattern in _NOT_ENTERED):
        return False
    return not os.path.lexists(folder / "pyvenv.cfg")


def is_specification(path: Path) -> bool:
    """Tell whether a JSON file is meant as a specification, valid or not.

    It names the schema, or has what every specification has, or extends one.
    """
    return _is_specification(path, ())


def _is_specification(path: Path, extended_by: tuple[str, ...]) -> bool:
    try:
        text = read_bytes(path, MOST_BYTES)
    except (
        OSError,
        ValueError,
    ):  # ValueError: the path holds a null character, or half of a character
        return False
    return _meant(text, path, extended_by)


def _meant(text: bytes, path: Path, extended_by: tuple[str, ...]) -> bool:
    if not any(word in text for word in (SCHEMA.encode(), b'"runs"', b'"extends"')):
        return False
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return _would_be(text)
    return isinstance(document, dict) and _has_its_shape(document, path, extended_by)


def _would_be(text: bytes) -> bool:
    """Tell whether what is no JSON would be a specification if it were."""
    runs_and_more = b'"runs"' in text and (
        b'"defaults"' in text or (b'"name"' in text and b'"title"' in text)
    )
    return (
        SCHEMA.encode() in text
        or b'"expectations"' in text
        or (runs_and_more and b'"format"' not in text)
    )


def _has_its_shape(document: Mapping[str, Any], path: Path, extended_by: tuple[str, ...]) -> bool:
    if _names_the_schema(document):
        return True
    if "format" in document:  # what the harness writes of an experiment
        return False
    members = document.keys()
    described = {"name", "title"} <= members or "expectations" in members or "defaults" in members
    if isinstance(document.get("runs"), dict) and described:
        return True
    base = document.get("extends")
    if not isinstance(base, str):
        return False
    # A few words of the language alone show that one is meant, also where its base is not there.
    own_words = members <= LANGUAGE and not members <= {"extends", "$schema"}
    return own_words or _extends_one(base, path, extended_by)


def _extends_one(base: str, path: Path, extended_by: tuple[str, ...]) -> bool:
    whole = os.path.realpath(path)
    if whole in extended_by:
        return False
    if len(extended_by) >= MOST_EXTENDED:
        return True  # so that the reader says that the chain is too long
    try:
        return _is_specification(path.parent / expanded(base), (*extended_by, whole))
    except RuntimeError:
        return False


def expanded(path: str) -> Path:
    """Return the path that a person writes, with a home folder for its `~`.

    `./~` is no home folder.

    Raises:
        RuntimeError: there is no such home folder.
    """
    return Path(path).expanduser() if path.startswith("~") else Path(path)


def _names_the_schema(document: Mapping[str, Any]) -> bool:
    return str(document.get("$schema")).rpartition("/")[2] == SCHEMA


def what_else(path: Path) -> str | None:
    """Say what a file is that somebody names and that is surely no specification.

    Returns:
        None where it is one or may be meant as one, or where its reader will say what is wrong with
        it.
    """
    try:
        document = json.loads(read_bytes(path, MOST_BYTES))
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(document, dict) or is_specification(path):
        return None
    if "format" in document:
        return f"it says of itself that its format is {str(document['format'])[:60]!r}"
    meant = (
        document.keys() <= LANGUAGE
        or document.keys() & _OWN
        or isinstance(document.get("runs"), dict)
    )
    members = listed([repr(name[:30]) for name in document], 5, "other members")
    return None if meant else f"it is an object with {members}"
