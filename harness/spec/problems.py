"""What is wrong with a specification, said so that a person can mend it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from harness.console import visible


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
        place = f" at {self.pointer}" if self.pointer else ""
        return visible(f"{self.path}:{self.line}:{self.column}:{place} {self.message}")


class SpecError(Exception):
    """One or more specifications are not valid; `problems` lists every fault found."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(map(str, self.problems)))


def unknown(kind: str, found: str, allowed: Iterable[str]) -> str:
    """Say that a name is not known, which names are, and which of them is nearest."""
    names = list(allowed)
    nearest = difflib.get_close_matches(found, names, n=1, cutoff=0.5)
    guess = f"; did you mean {nearest[0]!r}?" if nearest else ""
    listed = ", ".join(names) if names else "none"
    return f"unknown {kind} {found!r}{guess} (allowed: {listed})"
