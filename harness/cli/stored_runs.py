"""The finished runs of a store that a pattern names, for a table or a document."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.plan import Member
from harness.run_result import Detail, Status
from harness.runner.records import Record, measured
from harness.store.snapshot import Snapshot
from harness.store.state import why_stale
from harness.store.store import DamagedRun, Store
from harness.words import run_label

MOST_RUNS = 1_000
"""So many runs are listed where no pattern names them: the latest."""


@dataclass(frozen=True)
class StoredRun:
    """What is listed of a finished run: no more, as there may be very many.

    `size` are the bytes of its files, `stale` says why it is stale, "" where it is not.
    """

    key: str
    member: Member
    measurements: Mapping[str, float | None]
    seconds: float
    size: int
    stale: str

    @property
    def label(self) -> str:
        """Return what a person calls it."""
        return run_label(self.member.experiment, self.member.run, self.member.seed)

    def record(self) -> Record:
        """Return this as a flat record."""
        return {
            **measured(self.member, Status.DONE.value, self.key, self.measurements),
            "seconds": self.seconds,
            "bytes": self.size,
            "stale": bool(self.stale),
            "reason": self.stale,
        }


@dataclass(frozen=True)
class Listing:
    """Finished runs of a store, by their keys.

    `faults` say what is wrong with those that cannot be used: of those without the pattern, that it
    is not to be read what they are. `left_out` counts runs that were not looked at.
    """

    runs: Sequence[StoredRun]
    faults: Sequence[str]
    left_out: int = 0


def stored_runs(root: Path, pattern: str, most: int | None = None) -> Listing:
    """Look up the finished runs whose label has a pattern in it.

    Args:
        root: The folder of the store.
        pattern: What is looked for; "" is in every label.
        most: How many are looked at, the latest, where the pattern is ""; None for all.

    Raises:
        StoreError: the store cannot be read.
    """
    store = Snapshot(root, keeps_runs=False)
    found: list[StoredRun] = []
    faults: list[str] = []
    keys, left_out = _looked_at(store, pattern, most)
    for key in keys:
        try:
            origin, result = store.finished(key, Detail.NUMBERS)
            found.append(
                StoredRun(
                    key,
                    Member(origin.experiment, origin.run, origin.seed),
                    result.measurements,
                    result.seconds,
                    store.size(key),
                    why_stale(store, result, origin.parent),
                )
            )
        except DamagedRun as error:
            faults.append(str(error))
    return Listing(found, faults, left_out)


def _looked_at(store: Store, pattern: str, most: int | None) -> tuple[list[str], int]:
    """Return the keys of the runs that are looked at, sorted, and how many others are left out."""
    if pattern:
        # One that says nothing of itself may be the one that is asked for.
        named = (key for key, label in store.labels() if label is None or matches(label, pattern))
        return list(named), 0
    kept = store.keys()
    if most is None or len(kept) <= most:
        return kept, 0
    latest = sorted(store.latest(most))
    return latest, len(kept) - len(latest)


def matches(label: str, pattern: str) -> bool:
    """Tell whether the label of a finished run has a pattern in it."""
    return fnmatch.fnmatchcase(label, f"*{pattern.replace('[', '[[]')}*")
