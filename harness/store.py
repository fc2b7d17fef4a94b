"""Finished and unfinished runs on disk: written atomically, locked while worked on.

A finished run is the folder `runs/KEY` with `run.json` (what was run), `history.csv` (a row a
measured epoch), `measurements.json`, `environment.json`, `final.weights.h5` (plain Keras loads it),
for two-dimensional inputs `decision_grid.npz`, and `SHA256SUMS` of them all (`sha256sum -c` reads
it). It appears whole or not at all. An unfinished
run is `unfinished/KEY` with its last checkpoints, or with `error.json`.
"""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout

from harness.data.loaded import loaded_from_json
from harness.results import RunResult, Status
from harness.spec.records import Json

Row = Mapping[str, float]
Writer = Callable[[Path], None]

WEIGHTS = "final.weights.h5"
CHECKSUMS = "SHA256SUMS"
DECISION_GRID = "decision_grid.npz"
_CHECKPOINTS = ("checkpoint.npz", "checkpoint.previous.npz")
_COUNTS = ("epoch", "step")


class StoreError(Exception):
    """The store cannot be written or read; the message says where and why."""


@dataclass(frozen=True)
class Checkpoint:
    """An unfinished run's last state: arrays by name, and the history so far."""

    arrays: Mapping[str, np.ndarray[Any, Any]]
    history: Sequence[Row]


class Store:
    """The folder that holds all runs, by content key."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def prepare(self) -> None:
        """Make the folder and see that it can be written.

        Raises:
            StoreError: it cannot.
        """
        probe = self.root / f".probe-{os.getpid()}"
        try:
            for folder in ("runs", "unfinished", "locks"):
                (self.root / folder).mkdir(parents=True, exist_ok=True)
            probe.write_bytes(b"")
            probe.unlink()
        except OSError as error:
            raise StoreError(
                f"the store {self.root} cannot be written: {error.strerror}; choose another folder with --store"
            ) from error

    @property
    def events(self) -> Path:
        """Return the folder of the event logs."""
        return self.root / "events"

    def folder(self, key: str) -> Path:
        """Return where the finished run lies, or will lie."""
        return self.root / "runs" / key

    def _unfinished(self, key: str) -> Path:
        return self.root / "unfinished" / key

    def done(self, key: str) -> bool:
        """Tell whether the run is finished."""
        return (self.folder(key) / "measurements.json").is_file()

    def find(self, start: str) -> str:
        """Return the key of the one finished run whose key begins with `start`.

        Raises:
            StoreError: none does, or several do.
        """
        found = [key for key in self.keys() if key.startswith(start)]
        if len(found) != 1:
            what = f"{len(found)} runs" if found else "no run"
            raise StoreError(f"{what} in the store {self.root} has a key that begins with {start!r}")
        return found[0]

    def keys(self) -> list[str]:
        """Return the keys of all finished runs."""
        return sorted(path.parent.name for path in (self.root / "runs").glob("[!.]*/measurements.json"))

    def records(self) -> dict[str, Json]:
        """Return what was run, the `run.json` of every finished run that can be read, by its key."""
        found = {}
        for key in self.keys():
            with contextlib.suppress(OSError, ValueError):
                found[key] = json.loads((self.folder(key) / "run.json").read_text())
        return found

    def damage(self, key: str) -> list[str]:
        """Return what is wrong with a finished run's files, by their checksums; empty where nothing is."""
        folder = self.folder(key)
        try:
            lines = (folder / CHECKSUMS).read_text().splitlines()
        except FileNotFoundError:
            return [f"it was written without {CHECKSUMS}"]
        except (OSError, ValueError) as error:
            return [f"{CHECKSUMS} cannot be read: {error}"]
        wanted = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
        there = {path.name for path in folder.iterdir()} - {CHECKSUMS}
        return [
            *(f"{name} is missing" for name in sorted(wanted.keys() - there)),
            *(f"{name} does not belong there" for name in sorted(there - wanted.keys())),
            *(f"{name} is damaged" for name in sorted(there & wanted.keys()) if _sha256(folder / name) != wanted[name]),
        ]

    def remove(self, key: str) -> None:
        """Forget a run, finished or not.

        Raises:
            StoreError: it cannot be removed.
        """
        try:
            if self.folder(key).exists():
                # Renamed first: a run that is half removed must not look finished.
                away = self.root / "runs" / f".{key}.removed.{os.getpid()}"
                self.folder(key).rename(away)
                shutil.rmtree(away)
            if self._unfinished(key).exists():
                shutil.rmtree(self._unfinished(key))
        except OSError as error:
            raise StoreError(f"the run {key} cannot be removed from the store {self.root}: {error.strerror}") from error

    def lock_file(self, name: str) -> Path:
        """Return the file whose lock `lock` takes."""
        return self.root / "locks" / f"{name}.lock"

    @contextlib.contextmanager
    def lock(self, key: str) -> Iterator[bool]:
        """Hold the run while it is worked on; yields False where another process holds it.

        A dead process's lock is released by the operating system.

        Raises:
            StoreError: there can be no lock.
        """
        lock = FileLock(self.lock_file(key))
        try:
            lock.acquire(timeout=0)
        except Timeout:
            yield False
            return
        except OSError as error:
            raise self._unwritable(error) from error
        try:
            yield True
        finally:
            with contextlib.suppress(OSError):  # a file that stays behind holds nobody up
                lock.release()

    @contextlib.contextmanager
    def _writing(self, key: str) -> Iterator[Path]:
        """Yield the unfinished run's folder; an operating-system error becomes a StoreError."""
        folder = self._unfinished(key)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            yield folder
        except OSError as error:
            raise self._unwritable(error) from error

    def _unwritable(self, error: OSError) -> StoreError:
        return StoreError(f"the store {self.root} cannot be written: {error.strerror or error}")

    def save_checkpoint(self, key: str, checkpoint: Checkpoint) -> None:
        """Replace the run's checkpoint, atomically; the one before is kept for the case that this one is damaged.

        Raises:
            StoreError: it cannot be written.
        """
        history = np.frombuffer(json.dumps(list(checkpoint.history)).encode(), np.uint8)

        def write(path: Path) -> None:
            with path.open("wb") as file:
                np.savez(
                    file, allow_pickle=False, **{f"state/{k}": v for k, v in checkpoint.arrays.items()}, history=history
                )

        with self._writing(key) as folder:
            temporary = _written(folder / _CHECKPOINTS[0], write)
            with contextlib.suppress(FileNotFoundError):
                (folder / _CHECKPOINTS[0]).replace(folder / _CHECKPOINTS[1])
            temporary.replace(folder / _CHECKPOINTS[0])

    def load_checkpoint(self, key: str) -> Checkpoint | None:
        """Return the run's last checkpoint that is whole."""
        found = (self._checkpoint(self._unfinished(key) / name) for name in _CHECKPOINTS)
        return next((checkpoint for checkpoint in found if checkpoint is not None), None)

    def _checkpoint(self, path: Path) -> Checkpoint | None:
        try:
            with np.load(path, allow_pickle=False) as stored:
                arrays = {name.removeprefix("state/"): stored[name] for name in stored.files if name != "history"}
                return Checkpoint(arrays, json.loads(stored["history"].tobytes()))
        except Exception:  # zipfile and NumPy answer damage with about ten kinds of exceptions
            return None

    def save_error(self, key: str, message: str, trace: str = "") -> None:
        """Record why the run failed, and drop its checkpoint, so that the next attempt starts over.

        Raises:
            StoreError: it cannot be written.
        """
        with self._writing(key) as folder:
            for name in _CHECKPOINTS:
                (folder / name).unlink(missing_ok=True)
            _replace(folder / "error.json", _text(_json({"message": message, "trace": trace})))

    def error(self, key: str) -> str | None:
        """Return why the last attempt failed, or None."""
        try:
            message: str = json.loads((self._unfinished(key) / "error.json").read_text())["message"]
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return message

    def failed_since(self, key: str, moment: float) -> bool:
        """Tell whether an attempt failed after a moment, in seconds since the epoch."""
        try:
            return (self._unfinished(key) / "error.json").stat().st_mtime >= moment
        except OSError:
            return False

    def forget_error(self, key: str) -> None:
        """Drop the record of a failure, because the run is tried again."""
        with self._writing(key) as folder:
            (folder / "error.json").unlink(missing_ok=True)

    def progress(self, key: str) -> int | None:
        """Return the epoch that an unfinished run has reached, or None."""
        checkpoint = self.load_checkpoint(key)
        return int(checkpoint.history[-1]["epoch"]) if checkpoint and checkpoint.history else None

    def finish(
        self,
        key: str,
        *,
        run: Json,
        history: Sequence[Row],
        measurements: Mapping[str, float | None],
        environment: Mapping[str, Json],
        files: Mapping[str, Writer],
    ) -> None:
        """Write the finished run, atomically; `files` are further files, each written by its function.

        Raises:
            StoreError: it cannot be written.
        """
        writers = {
            **files,
            "run.json": _text(_json(run)),
            "history.csv": _text(_csv(history)),
            "environment.json": _text(_json(environment)),
            "measurements.json": _text(_json(measurements)),
        }
        temporary = self.root / "runs" / f".{key}.{os.getpid()}"
        with self._writing(key):
            for left in temporary.parent.glob(f".{key}.*"):  # by processes that were killed: the run is locked
                shutil.rmtree(left, ignore_errors=True)
            try:
                temporary.mkdir(parents=True)
                for name, write in writers.items():
                    write(temporary / name)
                sums = "".join(f"{_sha256(temporary / name)}  {name}\n" for name in writers)
                (temporary / CHECKSUMS).write_text(sums)
                for name in (*writers, CHECKSUMS):
                    _sync(temporary / name)
                _sync(temporary)
                shutil.rmtree(self.folder(key), ignore_errors=True)  # there only where it is damaged
                temporary.rename(self.folder(key))
                _sync(self.root / "runs")
            finally:
                shutil.rmtree(temporary, ignore_errors=True)
        shutil.rmtree(self._unfinished(key), ignore_errors=True)

    def result(self, key: str, run: str, seed: int, blocked: str | None = None, history: bool = True) -> RunResult:
        """Return what is known of a run: finished, failed, blocked or missing; `history` says whether its is read."""
        if not self.done(key):
            error = self.error(key)
            if error is not None:
                return RunResult(run, seed, key, Status.ERROR, error)
            if blocked is not None:
                return RunResult(run, seed, key, Status.BLOCKED, blocked)
            return RunResult(run, seed, key, Status.MISSING, "not run yet")
        folder = self.folder(key)
        try:
            environment = json.loads((folder / "environment.json").read_text())
            return RunResult(
                run,
                seed,
                key,
                Status.DONE,
                measurements=dict(**json.loads((folder / "measurements.json").read_text())),
                history=_columns((folder / "history.csv").read_text()) if history else {},
                environment=environment["environment"],
                seconds=environment["seconds"],
                images_per_second=environment["images_per_second"],
                parameters=environment["parameters"],
                weights=folder / WEIGHTS,
                decision_grid=folder / DECISION_GRID if (folder / DECISION_GRID).is_file() else None,
                data=loaded_from_json(environment["data"]) if "data" in environment else None,
            )
        except (OSError, ValueError, LookupError, TypeError) as error:
            return RunResult(run, seed, key, Status.ERROR, f"its record {folder} cannot be read: {error}")


def _json(value: Json) -> str:
    return json.dumps(value, indent=2, allow_nan=False) + "\n"


def _csv(rows: Sequence[Row]) -> str:
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue()


def _columns(text: str) -> dict[str, list[float]]:
    rows = list(csv.DictReader(io.StringIO(text)))
    return {name: [int(row[name]) if name in _COUNTS else float(row[name]) for row in rows] for name in rows[0]}


def _text(text: str) -> Writer:
    def write(path: Path) -> None:
        path.write_text(text)

    return write


def _replace(path: Path, write: Writer) -> None:
    _written(path, write).replace(path)


def _written(path: Path, write: Writer) -> Path:
    """Write a file beside `path`, down to the disk, and return it."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    write(temporary)
    _sync(temporary)
    return temporary


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
