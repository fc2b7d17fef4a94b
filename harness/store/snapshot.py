"""A store that is taken to stay as it is while a command looks at it: nothing is read twice."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from harness.run_result import Code, Detail, RunResult
from harness.store.run_files import Origin
from harness.store.store import DamagedRun, Store


class Snapshot(Store):
    """What of a store was looked at, by a command or while runs of a plan are looked through.

    A run that is not finished yet is looked for again. Without `keeps_runs`, what was found out of
    runs is kept, but not they: for commands that look once at very many.
    """

    def __init__(self, root: Path, keeps_runs: bool = True) -> None:
        super().__init__(root)
        self._keeps_runs = keeps_runs
        self._read: dict[tuple[str, Detail], tuple[Origin, RunResult] | DamagedRun] = {}
        self._labels: tuple[tuple[str, str | None], ...] | None = None
        self._codes: dict[tuple[tuple[str, str], ...], Code] = {}
        self._memories: dict[tuple[int, ...], tuple[object, dict[str, str]]] = {}

    @classmethod
    def of(cls, store: Store) -> Snapshot:
        """Return a store as it is looked at from now on, or as it is looked at already."""
        return store if isinstance(store, Snapshot) else cls(store.root)

    def labels(self) -> Iterable[tuple[str, str | None]]:
        """Give the keys of all finished runs, and how each seems to be called, as found first."""
        if self._labels is None:
            self._labels = tuple(super().labels())
        return self._labels

    def finished(self, key: str, detail: Detail) -> tuple[Origin, RunResult]:
        """Return what a finished run was and what came of it, as it was found the first time.

        What was read in more detail is given too. A history is large, and is read again.

        Raises:
            DamagedRun: a file is not as it was written.
        """
        if detail is Detail.HISTORY or not self._keeps_runs:
            return super().finished(key, detail)
        kept = (each for each in Detail if each >= detail and (key, each) in self._read)
        detail = next(kept, detail)
        if (key, detail) not in self._read:
            self._read[key, detail] = self._first(key, detail)
        found = self._read[key, detail]
        if isinstance(found, DamagedRun):
            raise found
        return found

    def _first(self, key: str, detail: Detail) -> tuple[Origin, RunResult] | DamagedRun:
        try:
            origin, result = super().finished(key, detail)
        except DamagedRun as error:
            return error
        return origin, replace(result, code=self._shared(result.code))

    def _shared(self, code: Code | None) -> Code | None:
        """Return the one record of what made a run; many runs were made by the same."""
        if code is None:
            return None
        return self._codes.setdefault((*code.modules.items(), *code.packages.items()), code)

    def memory(self, *subjects: object) -> dict[str, str]:
        """Return what was found out of the runs under some subjects, to be added to."""
        return self._memories.setdefault(tuple(map(id, subjects)), (subjects, {}))[1]
