"""The finished runs of a store that a pattern names, for a table or a document."""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass

from harness.plan import Member
from harness.run_result import Detail, RunResult
from harness.runner.records import Record, measured
from harness.store.run_files import Origin
from harness.store.state import why_stale
from harness.store.store import DamagedRun, Store
from harness.words import run_label


@dataclass(frozen=True)
class StoredRun:
    """A finished run, the bytes of its files, and why it is stale, "" where it is not."""

    origin: Origin
    result: RunResult
    size: int
    stale: str

    @property
    def label(self) -> str:
        """Return what a person calls it."""
        return run_label(self.origin.experiment, self.origin.run, self.origin.seed)

    def record(self) -> Record:
        """Return this as a flat record."""
        member = Member(self.origin.experiment, self.origin.run, self.origin.seed)
        status, key = self.result.status.value, self.origin.key
        return {
            **measured(member, status, key, self.result.measurements),
            "seconds": self.result.seconds,
            "bytes": self.size,
            "stale": bool(self.stale),
            "reason": self.stale,
        }


def stored_runs(store: Store, pattern: str) -> tuple[list[StoredRun], list[str]]:
    """Look up the finished runs whose label has a pattern in it.

    Returns:
        The runs, and what is wrong with those that cannot be used: of those without the pattern,
        that it is not to be read what they are.

    Raises:
        StoreError: the store cannot be read.
    """
    found: list[StoredRun] = []
    faults: list[str] = []
    kept = store.keys()
    for key in kept:
        try:
            named = store.unchecked_origin(key) if pattern else None
            if named is not None and not matches(named, pattern):
                continue
            origin, result = store.finished(key, Detail.NUMBERS)
        except DamagedRun as error:
            faults.append(str(error))
            continue
        size = sum(path.lstat().st_size for path in store.folder(key).iterdir())
        found.append(StoredRun(origin, result, size, why_stale(store, result, origin.parent)))
    return found, faults


def matches(origin: Origin, pattern: str) -> bool:
    """Tell whether the label of a finished run has a pattern in it."""
    label = run_label(origin.experiment, origin.run, origin.seed)
    return fnmatch.fnmatchcase(label, f"*{pattern.replace('[', '[[]')}*")
