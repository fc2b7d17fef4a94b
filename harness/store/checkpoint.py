"""The file of a checkpoint: an `.npz` of arrays, followed by a digest.

The digest is of all bytes and of the run's key. The check values of a zip archive guard what its
members hold, not their names, types and shapes: of single bits changed there, some give other
arrays. With the digest no changed bit passes, and no checkpoint of another run.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from harness.system import files

Row = Mapping[str, float]

_HISTORY = "history"
_STATE = "state/"
_DIGITS = 64
"""The length of a SHA-256 in hex.

Plain NumPy reads the file too: such digits cannot be taken for the end of an archive.
"""

_PIECE = 1 << 20


@dataclass(frozen=True)
class Checkpoint:
    """An unfinished run's last state: arrays by name, and the history so far."""

    arrays: Mapping[str, np.ndarray[Any, Any]]
    history: Sequence[Row]


def write(path: Path, key: str, checkpoint: Checkpoint) -> None:
    """Write the checkpoint of a run.

    Raises:
        OSError: it cannot be written.
    """
    arrays = {f"{_STATE}{name}": array for name, array in checkpoint.arrays.items()}
    arrays[_HISTORY] = np.frombuffer(json.dumps(list(checkpoint.history)).encode(), np.uint8)
    with path.open("w+b") as file:
        np.savez(file, allow_pickle=False, **arrays)
        length = file.seek(0, os.SEEK_END)
        digits = _digest(file, length, key)
        file.seek(length)
        file.write(digits)


def read(path: Path, key: str) -> Checkpoint | None:
    """Return the checkpoint of a run, None where there is none that is as it was written."""
    try:
        with files.open_regular(path) as file:
            length = file.seek(0, os.SEEK_END) - _DIGITS
            if length < 0 or _digest(file, length, key) != file.read():
                return None
            file.seek(0)
            with np.load(file, allow_pickle=False) as stored:
                arrays = {
                    name.removeprefix(_STATE): stored[name]
                    for name in stored.files
                    if name != _HISTORY
                }
                return Checkpoint(arrays, _rows(stored[_HISTORY].tobytes()))
    # Where there is no archive, zipfile and NumPy raise about ten kinds of exceptions.
    except Exception:
        return None


def _digest(file: BinaryIO, length: int, key: str) -> bytes:
    """Digest the first `length` bytes of a file, and leave it positioned after them."""
    digest = hashlib.sha256(key.encode())
    file.seek(0)
    for begin in range(0, length, _PIECE):
        digest.update(file.read(min(_PIECE, length - begin)))
    return digest.hexdigest().encode()


def _rows(text: bytes) -> list[Row]:
    rows: list[Row] = json.loads(text)
    if not all(
        "epoch" in row and all(isinstance(value, int | float) for value in row.values())
        for row in rows
    ):
        raise ValueError("a history has numbers alone, an epoch among them")
    return rows
