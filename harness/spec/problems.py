"""What is wrong with a specification, said so that a person can mend it."""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from harness.errors import INVALID, HarnessError
from harness.system.console import visible
from harness.words import agreeing, listed

MOST_FAULTS = 1000
"""So many faults of one file are looked for."""

_MOST_SHOWN = 100
"""So many faults of one file are printed."""

SET, SEEDS = "--set", "--seeds"
"""Options that change a specification: their faults have no line in a file."""

_ELSEWHERE = {"lr": "learning_rate", "wd": "l2", "weight_decay": "l2", "num_epochs": "epochs"}
"""What settings are called in other programs."""

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
        if str(self.path) in (SET, SEEDS):
            return visible(f"{self.path}{self._setting()}: {shortened(self.message, _LONGEST)}")
        place = f" at {shortened(self.pointer, 300)}" if self.pointer else ""
        text = f"{self.path}:{self.line}:{self.column}:{place} {shortened(self.message, _LONGEST)}"
        return visible(text)

    def _setting(self) -> str:
        """Return the path of a setting as an option writes it; seeds are what the option means."""
        names = [each.replace("~1", "/").replace("~0", "~") for each in self.pointer.split("/")[1:]]
        return f" {shortened('.'.join(names), 300)}" if str(self.path) == SET else ""


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
        yield f"{count:,} {agreeing(count, 'problem', 'problems')} found"


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


def nearest(found: str, names: Iterable[str], cutoff: float = 0.5) -> str | None:
    """Return the name that was probably meant, or None where none is near.

    That is the one whose words begin with its letters, as `learning_rate` for `lr`, or the most
    similar one. Among very many names none is looked for.

    Args:
        found: What was written.
        names: What may be.
        cutoff: From which similarity on a name is near, from 0 to 1, as difflib measures it.
    """
    known = list(names)
    if len(known) > _MOST_COMPARED:
        return None
    written = usual(found)
    if written in known:
        return written
    initials = {"".join(word[:1] for word in _alike(name).split("_")): name for name in known[::-1]}
    if len(written) > 1 and written == _alike(found) and written in initials:
        return initials[written]
    alike = {_alike(name): name for name in known[::-1]}
    similar = difflib.get_close_matches(written, alike, n=1, cutoff=cutoff)
    return alike[similar[0]] if similar else None


def usual(name: str) -> str:
    """Return the name that a setting has here, by one that it has elsewhere."""
    alike = _alike(name)
    return _ELSEWHERE.get(alike, alike)


def _alike(name: str) -> str:
    """Write a name as all ways of writing it: `Batch-Size` is `batch_size`."""
    return name.lower().replace("-", "_").replace(" ", "_")


def unknown(
    kind: str,
    found: str,
    allowed: Iterable[str],
    elsewhere: Callable[[], str | None] = lambda: None,
) -> str:
    """Say that a name is not known, which names are, and which of them is nearest.

    Of many names the first are listed. `elsewhere` gives what has this very name in another place.
    """
    names = list(allowed)
    found = shortened(found, 100)
    near = elsewhere() or nearest(found, names)
    guess = f"; did you mean {near!r}?" if near else ""
    return f"unknown {kind} {found!r}{guess} (allowed: {listed(names, _MOST_NAMES) or 'none'})"
