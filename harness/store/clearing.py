"""What is removed from a store: runs that a person gives up, and what dead processes left."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Sequence

from harness.store import locks
from harness.store.errors import REMOVE_IT, StoreError, unwritable
from harness.store.layout import LOCKS, MEASURED, REPLAYS, RUNS, STALE, UNFINISHED, Layout
from harness.system.files import alive, remove, sweep, temporary_path

_EARLIER = re.compile(r"\.(probe-|.+\.removed\.)(?P<pid>\d+)")
"""Temporary names of earlier versions: a probe of the folder, a run that was being removed."""


def remove_run(layout: Layout, key: str) -> None:
    """Remove all that there is of a run, finished or not.

    Raises:
        StoreError: it cannot be removed.
    """
    folder = layout.finished(key)
    removed = temporary_path(folder.with_name(f"{key}.removed"))
    try:
        if layout.is_finished(key):
            # Renamed first: a run that is half removed must not look finished.
            folder.rename(removed)
            remove(removed)
        for path in (
            layout.unfinished(key),
            layout.stale(key),
            layout.replay(key),
            layout.measured(key),
        ):
            if os.path.lexists(path):
                remove(path)
    except OSError as error:
        raise StoreError(
            f"the run {key} cannot be removed from the store {layout.root}: "
            f"{error.filename or folder}: {error.strerror}"
        ) from error


def drop_weights(layout: Layout, key: str, names: Sequence[str]) -> None:
    """Remove files with weights of a finished run, which stays as old as it is.

    Raises:
        StoreError: they cannot be removed.
    """
    folder = layout.finished(key)
    try:
        before = folder.stat()
        for name in names:
            (folder / name).unlink(missing_ok=True)
        os.utime(folder, ns=(before.st_atime_ns, before.st_mtime_ns))
    except OSError as error:
        raise unwritable(layout.root, error, REMOVE_IT) from error


def sweep_store(layout: Layout) -> None:
    """Remove what processes of this machine that are certainly dead left half done.

    What processes of other machines left is left to these machines.
    """
    for folder in (
        layout.root,
        *(layout.root / name for name in (RUNS, UNFINISHED, LOCKS, REPLAYS)),
    ):
        sweep(folder)
        with contextlib.suppress(OSError):
            for path in list(folder.iterdir()):
                found = _EARLIER.fullmatch(path.name)
                if found and not alive(int(found["pid"])):
                    remove(path)
    for name in (UNFINISHED, MEASURED):
        for key in layout.keys(name):
            sweep(layout.root / name / key)
    for name in (UNFINISHED, STALE):
        for key in layout.keys(name):
            if layout.is_finished(key):  # the process died when the finished run was in its place
                _remove_obsolete(layout, name, key)


def _remove_obsolete(layout: Layout, name: str, key: str) -> None:
    with contextlib.suppress(StoreError, OSError), locks.hold(layout, key) as held:
        if held and layout.is_finished(key):
            remove(layout.root / name / key)
