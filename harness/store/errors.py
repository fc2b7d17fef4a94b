"""What goes wrong with a store, in words that say where and what to do."""

from __future__ import annotations

import errno
import shlex
from pathlib import Path

from harness.errors import HarnessError

_OCCUPIED = (errno.EISDIR, errno.ENOTDIR, errno.EEXIST)
"""Something else lies where a file or a folder is to be written."""

REMOVE_IT = "remove what lies there"


class StoreError(HarnessError):
    """The store cannot be written or read; the message says where and why."""


class DamagedRun(StoreError):
    """A finished run cannot be used; the message names the file, and what to do."""


def way_out(root: Path, key: str) -> str:
    """Say how a run of a store that cannot be used is made again."""
    command = f"python -m harness runs remove {key} --store {shlex.quote(str(root))}"
    return f"remove the run ({command}), then run it again"


def unwritable(root: Path, error: OSError, advice: str) -> StoreError:
    """Return the error of a store that cannot be written.

    Args:
        root: The folder of the store.
        error: What the operating system said.
        advice: What to do where something else lies in the place of what is to be written.
    """
    place = f" ({error.filename})" if isinstance(error.filename, str) else ""
    advised = f"; {advice}" if error.errno in _OCCUPIED else ""
    return StoreError(
        f"the store {root} cannot be written: {error.strerror or error}{place}{advised}"
    )
