"""Runs that are not finished: their last two checkpoints, or why they failed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from harness.store import checkpoint as checkpoints
from harness.store.checkpoint import Checkpoint
from harness.store.checksums import kept_weights
from harness.store.errors import unwritable, way_out
from harness.store.formats import json_file
from harness.store.layout import Layout
from harness.system.files import Writer, read_bytes, replace, sync
from harness.system.json_value import WrongForm, parse

_CHECKPOINTS = ("checkpoint.npz", "checkpoint.previous.npz")
_ERROR = "error.json"


@contextlib.contextmanager
def writing(layout: Layout, key: str) -> Iterator[Path]:
    """Yield the unfinished run's folder to write in.

    Raises:
        StoreError: for every error of the operating system meanwhile.
    """
    folder = layout.unfinished(key)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield folder
    except OSError as error:
        raise unwritable(layout.root, error, way_out(layout.root, key)) from error


def save_checkpoint(layout: Layout, key: str, checkpoint: Checkpoint) -> None:
    """Replace the run's checkpoint, atomically.

    The one before is kept for the case that this one is damaged.

    Raises:
        StoreError: it cannot be written.
    """
    with writing(layout, key) as folder:
        newest, previous = (folder / name for name in _CHECKPOINTS)

        def write(path: Path) -> None:
            checkpoints.write(path, key, checkpoint)
            with contextlib.suppress(FileNotFoundError):
                newest.replace(previous)

        replace(newest, write)


def save_weights(layout: Layout, key: str, epoch: int, write: Writer) -> None:
    """Keep the weights after an epoch until the run is finished, atomically.

    Raises:
        StoreError: they cannot be written.
    """
    with writing(layout, key) as folder:
        path = folder / kept_weights(epoch)
        temporary = path.with_name(f".{path.name}")  # Keras wants the end of the name
        write(temporary)
        sync(temporary)
        temporary.replace(path)


def weights(layout: Layout, key: str, epoch: int) -> Path:
    """Return the file with the weights after an epoch of a run that is not finished.

    It may not be there.
    """
    return layout.unfinished(key) / kept_weights(epoch)


def load_checkpoint(layout: Layout, key: str) -> Checkpoint | None:
    """Return the run's last checkpoint that is as it was written, None where none is."""
    folder = layout.unfinished(key)
    found = (checkpoints.read(folder / name, key) for name in _CHECKPOINTS)
    return next((checkpoint for checkpoint in found if checkpoint is not None), None)


def epoch_reached(layout: Layout, key: str) -> int | None:
    """Return the epoch of the run's last checkpoint, None where it has none."""
    checkpoint = load_checkpoint(layout, key)
    return int(checkpoint.history[-1]["epoch"]) if checkpoint and checkpoint.history else None


def save_error(layout: Layout, key: str, message: str, trace: str) -> None:
    """Record why the run failed, and drop its checkpoints, so that the next attempt starts over.

    Raises:
        StoreError: it cannot be written.
    """
    with writing(layout, key) as folder:
        for name in _CHECKPOINTS:
            (folder / name).unlink(missing_ok=True)
        replace(folder / _ERROR, json_file({"message": message, "trace": trace}))


def error(layout: Layout, key: str) -> str | None:
    """Return why the last attempt failed, or None."""
    path = layout.unfinished(key) / _ERROR
    try:
        return parse(read_bytes(path)).member("message").text()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, WrongForm) as error:
        why = getattr(error, "strerror", None) or error
        return (
            f"its last attempt failed; the reason in {path} cannot be read: {why};"
            f" {way_out(layout.root, key)}"
        )


def failed_since(layout: Layout, key: str, moment: float) -> bool:
    """Tell whether an attempt failed after a moment, in seconds since 1970."""
    try:
        return (layout.unfinished(key) / _ERROR).stat().st_mtime >= moment
    except OSError:
        return False


def forget_error(layout: Layout, key: str) -> None:
    """Drop the record of a failure, because the run is tried again.

    Raises:
        StoreError: it cannot be removed.
    """
    with writing(layout, key) as folder:
        (folder / _ERROR).unlink(missing_ok=True)
