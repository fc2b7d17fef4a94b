"""Locks: whoever works on a run, or keeps an event log, holds one."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from filelock import FileLock, Timeout

from harness.store.errors import REMOVE_IT, unwritable
from harness.store.layout import Layout


@contextlib.contextmanager
def hold(layout: Layout, name: str) -> Iterator[bool]:
    """Hold a lock; yields False where another process holds it.

    A dead process's lock is released by the operating system.

    Raises:
        StoreError: there can be no lock.
    """
    lock = FileLock(layout.lock(name))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        yield False
        return
    except OSError as error:
        raise unwritable(layout.root, error, REMOVE_IT) from error
    try:
        yield True
    finally:
        with contextlib.suppress(OSError):  # a file that stays behind holds nobody up
            lock.release()
