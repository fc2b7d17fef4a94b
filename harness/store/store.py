"""Finished and unfinished runs on disk: written atomically, locked while worked on.

A finished run is the folder `runs/KEY` with `run.json` (what was run), `history.csv` (a row a
measured epoch), `measurements.json`, `environment.json`, `final.weights.h5` (plain Keras loads it),
`predictions.npz` (`harness.store.predictions`), for two-dimensional inputs `decision_grid.npz`, and
`SHA256SUMS` of them all (`sha256sum -c` reads it). It appears whole or not at all, and every file
of it is compared with its checksum when it is read (`harness.store.run_files`). A run whose files
are not as they were written is an error until a person removes it: nothing is trained again over
what a person may want to look at. An unfinished run is `unfinished/KEY` with its last checkpoints,
or with `error.json`. A run that was made by other code is `stale/KEY` while it is made again, and
`replays/KEY.json` tells that a repetition of it agreed.
"""

from __future__ import annotations

import contextlib
import csv
import errno
import io
import json
import os
import re
import shlex
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from dataclasses import replace as replaced
from pathlib import Path

from filelock import FileLock, Timeout

from harness.errors import HarnessError
from harness.experiment import Json
from harness.run_result import Code, RunResult, Status
from harness.store import checkpoint as checkpoints
from harness.store import run_files
from harness.store.checkpoint import Checkpoint, Row
from harness.store.run_files import CHECKSUMS, DECISION_GRID, WEIGHTS, Damaged, Origin
from harness.store.staleness import code
from harness.system.files import (
    Writer,
    alive,
    read_bytes,
    remove,
    replace,
    sha256,
    sweep,
    sync,
    temporary_beside,
)
from harness.system.typed import WrongForm, parse

__all__ = [
    "CHECKSUMS",
    "DECISION_GRID",
    "WEIGHTS",
    "Checkpoint",
    "DamagedRun",
    "Replay",
    "Store",
    "StoreError",
    "Writer",
    "sha256",
]

_CHECKPOINTS = ("checkpoint.npz", "checkpoint.previous.npz")
_ERROR = "error.json"
_ASIDE = "stale"
_REPLAYS = "replays"
_EARLIER = re.compile(r"\.(probe-|.+\.removed\.)(?P<pid>\d+)")
"""What a process of an earlier version wrote to see whether it could, and a run that it was
removing.
"""
_IN_THE_WAY = (errno.EISDIR, errno.ENOTDIR, errno.EEXIST)


class StoreError(HarnessError):
    """The store cannot be written or read; the message says where and why."""


class DamagedRun(StoreError):
    """A finished run cannot be used; the message names the file, and what to do."""


@dataclass(frozen=True)
class Replay:
    """A repetition of a run's first epochs and of its last measurements, which came to what is
    recorded of it.

    `code` is what repeated it, `when` an ISO 8601 time, `epochs` how many were repeated,
    `agreement` how exactly they agree, and `run` the key of the run that was repeated: this one, or
    another seed of the same program.
    """

    code: Code
    when: str
    epochs: int
    agreement: str
    run: str


class Store:
    """The folder that holds all runs, by content key."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def prepare(self) -> None:
        """Make the folder, see that it can be written, and clear away what dead processes left half
        done in it.

        Raises:
            StoreError: it cannot be written.
        """
        try:
            for folder in ("runs", "unfinished", "locks"):
                (self.root / folder).mkdir(parents=True, exist_ok=True)
                probe = temporary_beside(self.root / folder / "probe")
                probe.write_bytes(b"")
                probe.unlink()
        except OSError as error:
            raise StoreError(
                f"the store {self.root} cannot be written: {error.strerror}; choose another folder"
                " with --store"
            ) from error
        self._sweep()

    def _sweep(self) -> None:
        """Remove what processes of this machine that are certainly dead left; another machine's is
        left to it.
        """
        for folder in (
            self.root,
            *(self.root / name for name in ("runs", "unfinished", "locks", _REPLAYS)),
        ):
            sweep(folder)
            with contextlib.suppress(OSError):
                for path in list(folder.iterdir()):
                    found = _EARLIER.fullmatch(path.name)
                    if found and not alive(int(found["pid"])):
                        remove(path)
        for key in self._names("unfinished"):
            sweep(self._unfinished(key))
        for name in ("unfinished", _ASIDE):
            for key in self._names(name):
                if self.done(key):  # the process died after the run was in its place
                    self._forget(name, key)

    def _forget(self, name: str, key: str) -> None:
        with contextlib.suppress(StoreError, OSError), self.lock(key) as held:
            if held and self.done(key):
                remove(self.root / name / key)

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
        """Tell whether the run was finished; `fault` tells whether it can be used."""
        return os.path.lexists(self.folder(key))

    def find(self, start: str, unfinished: bool = False) -> str:
        """Return the key of the one finished run, or else of the `unfinished` one, whose key begins
        with `start`.

        Raises:
            StoreError: none does, or several do.
        """
        found = [key for key in self.keys() if key.startswith(start)]
        if unfinished and not found:
            found = [key for key in self._names("unfinished") if key.startswith(start)]
        if len(found) != 1:
            what = f"{len(found)} runs" if found else "no run"
            raise StoreError(
                f"{what} in the store {self.root} has a key that begins with {start!r}"
            )
        return found[0]

    def keys(self) -> list[str]:
        """Return the keys of all finished runs, whether or not they can be used.

        Raises:
            StoreError: the folder of the runs cannot be read.
        """
        return self._names("runs")

    def _names(self, folder: str) -> list[str]:
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

    def moment(self, key: str) -> float:
        """Return when a run was finished, in seconds since the epoch.

        Raises:
            StoreError: its folder is gone.
        """
        try:
            return self.folder(key).stat().st_mtime
        except OSError as error:
            raise StoreError(
                f"{self.folder(key)} cannot be read: {error.strerror}; {self.way_out(key)}"
            ) from error

    def origins(self) -> dict[str, Origin]:
        """Return what was run, of every finished run of which that can be read, by its key."""
        found = {}
        for key in self.keys():
            with contextlib.suppress(DamagedRun):
                found[key] = self.origin(key)
        return found

    def origin(self, key: str) -> Origin:
        """Return what a finished run was.

        Raises:
            DamagedRun: that cannot be read.
        """
        with self._reading(key):
            return run_files.origin(run_files.open_run(self.folder(key)))

    def weights(self, key: str) -> Path:
        """Return the file with a finished run's weights, which are as they were written.

        Raises:
            DamagedRun: they are not, or are those of another run.
        """
        with self._reading(key):
            files_of_run = run_files.open_run(self.folder(key))
            run_files.origin(files_of_run)
            return run_files.verify(files_of_run, WEIGHTS)

    def weights_digest(self, key: str) -> str | None:
        """Return the SHA-256 that a finished run's weights were written with, None where it has
        none.

        Raises:
            DamagedRun: that cannot be read.
        """
        with self._reading(key):
            return run_files.open_run(self.folder(key)).digests.get(WEIGHTS)

    def kept(self, key: str) -> dict[str, Json]:
        """Return how many bytes each file of a finished run takes, and what its predictions are, as
        JSON.

        Raises:
            DamagedRun: a file is not as it was written.
        """
        with self._reading(key):
            opened = run_files.open_run(self.folder(key))
            found, why = (
                run_files.predictions(opened),
                run_files.surroundings(opened).no_predictions,
            )
            told = (
                "not kept: the run is from before they were" if found is None else found.summary()
            )
            sizes = {
                name: (opened.folder / name).lstat().st_size for name in sorted(opened.digests)
            }
            return {"predictions": f"not kept: {why}" if why else told, "bytes": sizes}

    def fault(self, key: str) -> str | None:
        """Say why a finished run cannot be used, by the files that `result` reads, or return
        None.
        """
        try:
            self.finished(key, history=False)
        except DamagedRun as error:
            return str(error)
        return None

    def damage(self, key: str) -> list[str]:
        """Return all that is wrong with a finished run's files, every one of them read; empty where
        nothing is.
        """
        return run_files.faults(self.folder(key))

    @contextlib.contextmanager
    def _reading(self, key: str) -> Iterator[None]:
        try:
            yield
        except Damaged as error:
            raise DamagedRun(f"{error}; {self.way_out(key)}") from error

    def way_out(self, key: str) -> str:
        """Say how a run that cannot be used is made again."""
        command = f"python -m harness runs remove {key} --store {shlex.quote(str(self.root))}"
        return f"remove the run ({command}), then run it again"

    def remove(self, key: str) -> None:
        """Forget a run, finished or not.

        Raises:
            StoreError: it cannot be removed.
        """
        away = temporary_beside(self.root / "runs" / f"{key}.removed")
        try:
            if self.done(key):
                # Renamed first: a run that is half removed must not look finished.
                self.folder(key).rename(away)
                remove(away)
            for path in (
                self._unfinished(key),
                self._aside(key),
                self.root / _REPLAYS / f"{key}.json",
            ):
                if os.path.lexists(path):
                    remove(path)
        except OSError as error:
            raise StoreError(
                f"the run {key} cannot be removed from the store {self.root}: "
                f"{error.filename or self.folder(key)}: {error.strerror}"
            ) from error

    def is_aside(self, key: str) -> bool:
        """Tell whether a run was set aside, and was not made again."""
        return os.path.lexists(self._aside(key))

    def set_aside(self, key: str) -> None:
        """Take a finished run out of the way, because it is made again; it is kept until that is
        done.

        Raises:
            StoreError: it cannot be moved.
        """
        self._move(self.folder(key), self._aside(key))

    def bring_back(self, key: str) -> None:
        """Put a run that was set aside back, where it was not made again.

        Raises:
            StoreError: it cannot be moved.
        """
        if self.is_aside(key) and not self.done(key):
            self._move(self._aside(key), self.folder(key))

    def _move(self, source: Path, target: Path) -> None:
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            if os.path.lexists(target):
                remove(target)
            source.rename(target)
        except FileNotFoundError:  # another process has moved it
            pass
        except OSError as error:
            raise self._unwritable(error, "remove what lies there") from error

    def _aside(self, key: str) -> Path:
        return self.root / _ASIDE / key

    def save_replay(self, key: str, replay: Replay) -> None:
        """Record that a finished run was repeated and agrees; it holds for the run as it lies here.

        Raises:
            StoreError: it cannot be written.
        """
        path = self.root / _REPLAYS / f"{key}.json"
        record = {
            **asdict(replay),
            "code": replay.code.to_json(),
            "checksums": sha256(self.folder(key) / CHECKSUMS),
        }
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            replace(path, _text(_json(record)))
        except OSError as error:
            raise self._unwritable(error, "remove what lies there") from error

    def replay(self, key: str) -> Replay | None:
        """Return the last repetition of a finished run as it lies here; None where there is none
        that can be read.
        """
        try:
            record = parse(read_bytes(self.root / _REPLAYS / f"{key}.json"))
            if record.member("checksums").text() != sha256(self.folder(key) / CHECKSUMS):
                return None
            return Replay(
                code(record.member("code")),
                record.member("when").text(),
                record.member("epochs").integer(),
                record.member("agreement").text(),
                record.member("run").text(),
            )
        except (OSError, WrongForm):
            return None

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
            raise self._unwritable(error, "remove what lies there") from error
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
            raise self._unwritable(error, self.way_out(key)) from error

    def _unwritable(self, error: OSError, advice: str) -> StoreError:
        place = f" ({error.filename})" if isinstance(error.filename, str) else ""
        told = f"; {advice}" if error.errno in _IN_THE_WAY else ""
        return StoreError(
            f"the store {self.root} cannot be written: {error.strerror or error}{place}{told}"
        )

    def save_checkpoint(self, key: str, checkpoint: Checkpoint) -> None:
        """Replace the run's checkpoint, atomically; the one before is kept for the case that this
        one is damaged.

        Raises:
            StoreError: it cannot be written.
        """
        with self._writing(key) as folder:
            newest, previous = (folder / name for name in _CHECKPOINTS)

            def write(path: Path) -> None:
                checkpoints.write(path, key, checkpoint)
                with contextlib.suppress(FileNotFoundError):
                    newest.replace(previous)

            replace(newest, write)

    def load_checkpoint(self, key: str) -> Checkpoint | None:
        """Return the run's last checkpoint that is as it was written."""
        found = (checkpoints.read(self._unfinished(key) / name, key) for name in _CHECKPOINTS)
        return next((checkpoint for checkpoint in found if checkpoint is not None), None)

    def save_error(self, key: str, message: str, trace: str = "") -> None:
        """Record why the run failed, and drop its checkpoint, so that the next attempt starts over.

        Raises:
            StoreError: it cannot be written.
        """
        with self._writing(key) as folder:
            for name in _CHECKPOINTS:
                (folder / name).unlink(missing_ok=True)
            replace(folder / _ERROR, _text(_json({"message": message, "trace": trace})))

    def error(self, key: str) -> str | None:
        """Return why the last attempt failed, or None."""
        path = self._unfinished(key) / _ERROR
        try:
            return parse(read_bytes(path)).member("message").text()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, WrongForm) as error:
            why = getattr(error, "strerror", None) or error
            return (
                f"its last attempt failed; the reason in {path} cannot be read: {why};"
                f" {self.way_out(key)}"
            )

    def failed_since(self, key: str, moment: float) -> bool:
        """Tell whether an attempt failed after a moment, in seconds since the epoch."""
        try:
            return (self._unfinished(key) / _ERROR).stat().st_mtime >= moment
        except OSError:
            return False

    def forget_error(self, key: str) -> None:
        """Drop the record of a failure, because the run is tried again."""
        with self._writing(key) as folder:
            (folder / _ERROR).unlink(missing_ok=True)

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
        """Write the finished run, atomically; `files` are further files, each written by its
        function.

        Raises:
            StoreError: it cannot be written.
        """
        writers = {
            **files,
            run_files.RUN: _text(_json({"key": key, **run})),
            run_files.HISTORY: _text(_csv(history)),
            run_files.ENVIRONMENT: _text(_json(environment)),
            run_files.MEASUREMENTS: _text(_json(measurements)),
        }
        folder = self.folder(key)
        temporary = temporary_beside(folder)
        with self._writing(key):
            for left in temporary.parent.glob(
                f".{key}.*"
            ):  # by processes that were killed: the run is locked
                shutil.rmtree(left, ignore_errors=True)
            try:
                temporary.mkdir(parents=True)
                for name, write in writers.items():
                    write(temporary / name)
                sums = "".join(f"{sha256(temporary / name)}  {name}\n" for name in writers)
                (temporary / CHECKSUMS).write_text(sums)
                for name in (*writers, CHECKSUMS):
                    sync(temporary / name)
                sync(temporary)
                if self.done(
                    key
                ):  # where locks do not reach, another machine may have made the same run meanwhile
                    remove(folder)
                temporary.rename(folder)
                sync(folder.parent)
            finally:
                shutil.rmtree(temporary, ignore_errors=True)
        for done_with in (self._unfinished(key), self._aside(key)):
            shutil.rmtree(done_with, ignore_errors=True)

    def result(
        self, key: str, run: str, seed: int, blocked: str | None = None, history: bool = True
    ) -> RunResult:
        """Return what is known of a run: finished, failed, blocked or missing; `history` says
        whether its is read.
        """
        if not self.done(key):
            error = self.error(key)
            if error is not None:
                return RunResult(run, seed, key, Status.ERROR, error)
            if blocked is not None:
                return RunResult(run, seed, key, Status.BLOCKED, blocked)
            return RunResult(run, seed, key, Status.MISSING, "not run yet")
        try:
            return replaced(self.finished(key, history)[1], run=run, seed=seed)
        except DamagedRun as error:
            return RunResult(run, seed, key, Status.ERROR, str(error))

    def finished(self, key: str, history: bool) -> tuple[Origin, RunResult]:
        """Return what a finished run was and what came of it; every file that is read is compared
        with its checksum.

        `history` says whether the history and the decision grid are read too.

        Raises:
            DamagedRun: a file is not as it was written.
        """
        with self._reading(key):
            opened = run_files.open_run(self.folder(key))
            origin, surroundings = run_files.origin(opened), run_files.surroundings(opened)
            return origin, RunResult(
                origin.run,
                origin.seed,
                key,
                Status.DONE,
                measurements=run_files.measurements(opened),
                history=run_files.history(opened) if history else {},
                environment=surroundings.environment,
                seconds=surroundings.seconds,
                images_per_second=surroundings.images_per_second,
                parameters=surroundings.parameters,
                weights=opened.folder / WEIGHTS,
                decision_grid=run_files.decision_grid(opened) if history else None,
                data=surroundings.data,
                code=surroundings.code,
                start=surroundings.start,
                tested=run_files.tested(opened),
            )


def _json(value: Json) -> str:
    return json.dumps(value, indent=2, allow_nan=False) + "\n"


def _csv(rows: Sequence[Row]) -> str:
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue()


def _text(text: str) -> Writer:
    def write(path: Path) -> None:
        path.write_text(text)

    return write
