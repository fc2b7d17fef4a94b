"""Where things lie in the folder of a store."""

from __future__ import annotations

import contextlib
import heapq
import os
from dataclasses import dataclass
from pathlib import Path

from harness.store.errors import StoreError

RUNS = "runs"
UNFINISHED = "unfinished"
STALE = "stale"
REPLAYS = "replays"
LOCKS = "locks"
EVENTS = "events"
MEASURED = "measured"


@dataclass(frozen=True)
class Layout:
    """The paths of a store, by the keys of its runs."""

    root: Path

    def finished(self, key: str) -> Path:
        """Return the folder of a finished run, whether or not it is there."""
        return self.root / RUNS / key

    def unfinished(self, key: str) -> Path:
        """Return the folder of a run that is not finished: its checkpoints, or its error."""
        return self.root / UNFINISHED / key

    def stale(self, key: str) -> Path:
        """Return the folder to which a stale run is moved while it is made again."""
        return self.root / STALE / key

    def replay(self, key: str) -> Path:
        """Return the file that tells of a repetition of a run."""
        return self.root / REPLAYS / f"{key}.json"

    def measured(self, key: str) -> Path:
        """Return the folder of what was measured of a finished run."""
        return self.root / MEASURED / key

    def lock(self, name: str) -> Path:
        """Return the file of a lock."""
        return self.root / LOCKS / f"{name}.lock"

    @property
    def events(self) -> Path:
        """Return the folder of the event logs."""
        return self.root / EVENTS

    def is_finished(self, key: str) -> bool:
        """Tell whether a run was finished, usable or not."""
        return os.path.lexists(self.finished(key))

    def latest(self, most: int) -> list[str]:
        """Return the keys of the runs that were finished last, at most so many, the last first."""
        moments = []
        with contextlib.suppress(OSError), os.scandir(self.root / RUNS) as entries:
            for each in entries:
                with contextlib.suppress(OSError):  # it is removed meanwhile
                    moments.append((each.stat().st_mtime_ns, each.name))
        return [name for _, name in heapq.nlargest(most, moments) if not name.startswith(".")]

    def keys(self, folder: str) -> list[str]:
        """Return the keys of the runs in one of the store's folders, sorted.

        Raises:
            StoreError: the folder cannot be read.
        """
        path = self.root / folder
        try:
            return sorted(each.name for each in path.iterdir() if not each.name.startswith("."))
        except FileNotFoundError:
            return []
        except OSError as error:
            raise StoreError(
                f"the store {self.root} cannot be read: {path}: {error.strerror}; choose another"
                " folder with --store"
            ) from error
