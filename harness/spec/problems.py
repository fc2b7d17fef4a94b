"""What is wrong with a specification, said so that a person can mend it."""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from harness.errors import INVALID, HarnessError
from harness.system.console import visible
from harness.words import listed

MOST_FAULTS = 1000
"""So many faults of one file are looked for."""

_MOST_SHOWN = 100
"""So many faults of one file are printed."""

UNKNOWN_PROPERTY = "unknown property"
"""With this a message begins that a setting is not known at all."""

_MOST_NAMES = 50
"""So many allowed names are listed."""

_MOST_COMPARED = 200
"""Among so many names the nearest is looked for, which takes long among thousands."""

_LONGEST = 2000
"""Characters of what is printed of one fault."""


class Place(NamedTuple):
    """A line of a file, from 1."""

    path: Path
    line: int


@dataclass(frozen=True, order=True)
class Problem:
    """One fault: where it stands, what was found and what is allowed."""

    path: Path
    line: int
    column: int
    pointer: str
    message: str

    def __str__(self) -> str:
        place = f" at {shortened(self.pointer, 300)}" if self.pointer else ""
        text = f"{self.path}:{self.line}:{self.column}:{place} {shortened(self.message, _LONGEST)}"
        return visible(text)


class SpecError(HarnessError):
    """One or more specifications are not valid; `problems` lists every fault found.

    Its text has a line for each, of the first hundred of a file.
    """

    exit_code = INVALID

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(_lines(self.problems)))

    def lines(self) -> Iterator[str]:
        """Yield the faults, as in the text, and how many there are."""
        yield from _lines(self.problems)
        count = len(self.problems)
        yield f"{count:,} problem{'s' if count != 1 else ''} found"


def _lines(problems: Iterable[Problem]) -> Iterator[str]:
    for path, of_file in itertools.groupby(problems, key=lambda problem: problem.path):
        found = list(of_file)
        yield from map(str, found[:_MOST_SHOWN])
        if len(found) > _MOST_SHOWN:
            least = "at least " if len(found) >= MOST_FAULTS else ""
            yield f"{path}: and {least}{len(found) - _MOST_SHOWN:,} more"


def shortened(text: str, most: int) -> str:
    """Return a text of at most so many characters; what is left out of its middle is three dots."""
    if len(text) <= most:
        return text
    half = (most - 3) // 2
    return f"{text[:half]}...{text[len(text) - half :]}"


def nearest(found: str, names: Iterable[str]) -> str | None:
    """Return the name that was probably meant, or None where none is near.

    That is the most similar one, or the one whose words begin with its letters: `lr` is near to
    `learning_rate`. Among very many names none is looked for.
    """
    known = list(names)
    if len(known) > _MOST_COMPARED:
        return None
    written = _alike(found)
    alike = {_alike(name): name for name in reversed(known)}
    similar = difflib.get_close_matches(written, alike, n=1, cutoff=0.5)
    if similar:
        return alike[similar[0]]
    initials = {"".join(word[:1] for word in name.split("_")): name for name in reversed(known)}
    return initials.get(written) if len(written) > 1 else None


def _alike(name: str) -> str:
    """Write a name as all ways of writing it: `Batch-Size` is `batch_size`."""
    return name.lower().replace("-", "_").replace(" ", "_")


def unknown(kind: str, found: str, allowed: Iterable[str]) -> str:
    """Say that a name is not known, which names are, and which of them is nearest.

    Of many names the first are listed.
    """
    names = list(allowed)
    found = shortened(found, 100)
    near = nearest(found, names)
    guess = f"; did you mean {near!r}?" if near else ""
    return f"unknown {kind} {found!r}{guess} (allowed: {listed(names, _MOST_NAMES) or 'none'})"
