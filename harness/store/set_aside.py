"""Stale runs that are kept out of the way until they have been made again."""

from __future__ import annotations

import os
from pathlib import Path

from harness.store.errors import REMOVE_IT, unwritable
from harness.store.layout import Layout
from harness.system.files import remove


def is_set_aside(layout: Layout, key: str) -> bool:
    """Tell whether a run was set aside, and was not made again."""
    return os.path.lexists(layout.stale(key))


def set_aside(layout: Layout, key: str) -> None:
    """Move a finished run out of the way, because it is made again.

    Raises:
        StoreError: it cannot be moved.
    """
    _move(layout, layout.finished(key), layout.stale(key))


def bring_back(layout: Layout, key: str) -> None:
    """Put a run that was set aside back, where it was not made again.

    Raises:
        StoreError: it cannot be moved.
    """
    if is_set_aside(layout, key) and not layout.is_finished(key):
        _move(layout, layout.stale(key), layout.finished(key))


def _move(layout: Layout, source: Path, target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if os.path.lexists(target):
            remove(target)
        source.rename(target)
    except FileNotFoundError:  # another process has moved it
        pass
    except OSError as error:
        raise unwritable(layout.root, error, REMOVE_IT) from error
