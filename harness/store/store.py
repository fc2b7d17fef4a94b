"""The store: finished and unfinished runs on disk, by content key.

A finished run is the folder `runs/KEY` with `run.json` (what was run), `history.csv` (a row a
measured epoch), `measurements.json`, `environment.json`, `final.weights.h5` (plain Keras loads it),
`predictions.npz` (`harness.store.predictions`), `epoch-000025.weights.h5` and so on where the
weights after an epoch were to be kept, for two-dimensional inputs `decision_grid.npz`, and
`SHA256SUMS` of them all (`sha256sum -c` reads it). It appears whole or not at all, and every file
of it is compared with its checksum when it is read (`harness.store.checksums`). A run whose files
are not as they were written is an error until a person removes it: nothing is trained again over
what a person may want to look at. An unfinished run is `unfinished/KEY` with its last checkpoints,
or with `error.json`. A run that was made by other code is `stale/KEY` while it is made again, and
`replays/KEY.json` records that a repetition of it agreed. What was measured of a finished run
afterwards is in `measured/KEY`.

`Store` is what the other packages use; each of its parts is a module of its own:

- `layout`: where things lie;
- `finished`, with `checksums`, `run_files` and `predictions`: finished runs;
- `unfinished`, with `checkpoint`: checkpoints and errors;
- `set_aside`, `replays`: what happens to stale runs;
- `measured`: final metrics of finished runs;
- `locks`: who works on what;
- `snapshot`: a store that is only looked at, and nothing of it twice;
- `archive`, `unpacking`: runs on their way from one store to another;
- `clearing`: what is removed.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from harness.experiment import Json
from harness.run_result import Detail, RunResult, Status
from harness.store import (
    archive,
    clearing,
    finished,
    locks,
    measured,
    replays,
    run_files,
    set_aside,
    unfinished,
    unpacking,
)
from harness.store.checkpoint import Checkpoint, Row
from harness.store.checksums import CHECKSUMS, WEIGHTS
from harness.store.errors import DamagedRun, StoreError, way_out
from harness.store.finished import Record
from harness.store.layout import LOCKS, RUNS, UNFINISHED, Layout
from harness.store.measured import FinalMeasurement, Subject
from harness.store.predictions import Predictions
from harness.store.replays import Replay
from harness.store.run_files import DECISION_GRID, Origin
from harness.store.unpacking import Unpacked
from harness.system.files import Writer, sha256, temporary_path

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


class Store:
    """The folder that holds all runs, by content key."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._layout = Layout(root)

    def prepare(self) -> None:
        """Make the folder, check that it can be written, and clear what dead processes left.

        Raises:
            StoreError: it cannot be written.
        """
        try:
            for folder in (RUNS, UNFINISHED, LOCKS):
                (self.root / folder).mkdir(parents=True, exist_ok=True)
                probe = temporary_path(self.root / folder / "probe")
                probe.write_bytes(b"")
                probe.unlink()
        except OSError as error:
            raise StoreError(
                f"the store {self.root} cannot be written: {error.strerror}; choose another folder"
                " with --store"
            ) from error
        clearing.sweep_store(self._layout)

    @property
    def events(self) -> Path:
        """Return the folder of the event logs."""
        return self._layout.events

    def folder(self, key: str) -> Path:
        """Return where the finished run lies, or will lie."""
        return self._layout.finished(key)

    def done(self, key: str) -> bool:
        """Tell whether the run was finished; `fault` says whether it can be used."""
        return self._layout.is_finished(key)

    def keys(self) -> list[str]:
        """Return the keys of all finished runs, whether or not they can be used.

        Raises:
            StoreError: the folder of the runs cannot be read.
        """
        return self._layout.keys(RUNS)

    def latest(self, most: int) -> list[str]:
        """Return the keys of the runs that were finished last, at most so many, the last first."""
        return self._layout.latest(most)

    def find(self, start: str, unfinished: bool = False) -> str:
        """Return the key of the one run whose key begins with `start`.

        Args:
            start: The beginning of the key.
            unfinished: Whether to search the unfinished runs too, where no finished run has it.

        Raises:
            StoreError: none has it, or several have.
        """
        found = [key for key in self.keys() if key.startswith(start)]
        if unfinished and not found:
            found = [key for key in self._layout.keys(UNFINISHED) if key.startswith(start)]
        if len(found) != 1:
            what = f"{len(found)} runs" if found else "no run"
            raise StoreError(
                f"{what} in the store {self.root} has a key that begins with {start!r}"
            )
        return found[0]

    def memory(self, *subjects: object) -> dict[str, str]:
        """Return what was found out of the runs under some subjects; nothing, as all may change.

        `harness.store.snapshot` has one that keeps it.
        """
        return {}

    def remove(self, key: str) -> None:
        """Remove all that there is of a run, finished or not.

        Raises:
            StoreError: it cannot be removed.
        """
        clearing.remove_run(self._layout, key)

    def way_out(self, key: str) -> str:
        """Say how a run that cannot be used is made again."""
        return way_out(self.root, key)

    def export(self, path: Path, keys: Sequence[str], weights: bool) -> None:
        """Write an archive of finished runs, whole or not at all.

        `weights` says whether the files with weights come along.

        Raises:
            StoreError: it cannot be written, or a run cannot be read.
        """
        archive.write(self._layout, path, keys, weights)

    def take_in(self, path: Path) -> Unpacked:
        """Take in the runs of an archive, each whole or not at all; one that is here stays.

        Raises:
            StoreError: it is no such archive, or the store cannot be written.
        """
        return unpacking.unpack(self._layout, path)

    def weights_sizes(self, key: str) -> dict[str, int]:
        """Return the bytes of each file with weights that a finished run has, by its name.

        Raises:
            DamagedRun: what it has cannot be read.
        """
        return finished.weights_sizes(self._layout, key)

    def drop_weights(self, key: str, names: Sequence[str]) -> None:
        """Remove files with weights of a finished run, which stays as old as it is.

        Raises:
            StoreError: they cannot be removed.
        """
        clearing.drop_weights(self._layout, key, names)

    # Finished runs

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
        """Write the finished run, atomically.

        Args:
            key: Of the run.
            run: What was run, for `run.json`.
            history: The rows of the measured epochs.
            measurements: The last measurements.
            environment: With what the run was made, for `environment.json`.
            files: Further files by their names, each with the function that writes it.

        Raises:
            StoreError: it cannot be written.
        """
        finished.write(self._layout, key, Record(run, history, measurements, environment, files))

    def result(
        self,
        key: str,
        run: str,
        seed: int,
        blocked: str | None = None,
        detail: Detail = Detail.HISTORY,
    ) -> RunResult:
        """Return what is known of a run: finished, failed, blocked or missing.

        Args:
            key: Of the run.
            run: The name that it has in an experiment.
            seed: The seed that it has there.
            blocked: Why it cannot be run, or None.
            detail: How much is read of it.
        """
        if not self.done(key):
            error = self.error(key)
            if error is not None:
                return RunResult(run, seed, key, Status.ERROR, error)
            if blocked is not None:
                return RunResult(run, seed, key, Status.BLOCKED, blocked)
            return RunResult(run, seed, key, Status.MISSING, "not run yet")
        try:
            return replace(self.finished(key, detail)[1], run=run, seed=seed)
        except DamagedRun as error:
            return RunResult(run, seed, key, Status.ERROR, str(error))

    def finished(self, key: str, detail: Detail) -> tuple[Origin, RunResult]:
        """Return what a finished run was and what came of it, compared with its checksums.

        `detail` says how much is read.

        Raises:
            DamagedRun: a file is not as it was written.
        """
        return finished.read(self._layout, key, detail)

    def origin(self, key: str) -> Origin:
        """Return what a finished run was.

        Raises:
            DamagedRun: that cannot be read.
        """
        return finished.origin(self._layout, key)

    def labels(self) -> Iterable[tuple[str, str | None]]:
        """Give the keys of all finished runs, and how each seems to be called, by one file.

        It is None where that file says nothing. So runs that are not asked for are passed over,
        among very many.

        Raises:
            StoreError: the folder of the runs cannot be read.
        """
        return ((key, run_files.unchecked_label(self.folder(key))) for key in self.keys())

    def size(self, key: str) -> int:
        """Return how many bytes the files of a finished run have.

        Raises:
            DamagedRun: its folder cannot be read.
        """
        return finished.size(self._layout, key)

    def origins(self, named: Callable[[str], bool]) -> dict[str, Origin]:
        """Return what was run, of finished runs by their key.

        Those are left out of which that cannot be read.

        Args:
            named: Tells by the label of a run whether it is wanted.

        Raises:
            StoreError: the folder of the runs cannot be read.
        """
        found = {}
        for key, label in self.labels():
            if label is not None and named(label):
                with contextlib.suppress(DamagedRun):
                    found[key] = self.origin(key)
        return found

    def moment(self, key: str) -> float:
        """Return when a run was finished, in seconds since 1970.

        Raises:
            StoreError: its folder is not there any more.
        """
        return finished.moment(self._layout, key)

    def weights(self, key: str, epoch: int | None = None) -> Path:
        """Return the file with a finished run's weights, which are as they were written.

        They are those after an epoch, or for None the final ones.

        Raises:
            DamagedRun: they are not, or are those of another run.
        """
        return finished.weights(self._layout, key, epoch)

    def weights_digests(self, key: str) -> frozenset[str]:
        """Return the SHA-256 that each file with weights of a finished run was written with.

        Raises:
            DamagedRun: that cannot be read.
        """
        return finished.weights_digests(self._layout, key)

    def kept(self, key: str) -> dict[str, Json]:
        """Return the bytes of each file of a finished run, and what its predictions are, as JSON.

        Raises:
            DamagedRun: a file is not as it was written.
        """
        return finished.contents(self._layout, key)

    def fault(self, key: str) -> str | None:
        """Say why the numbers of a finished run cannot be used, by their files, or None."""
        try:
            self.finished(key, Detail.NUMBERS)
        except DamagedRun as error:
            return str(error)
        return None

    def damage(self, key: str) -> list[str]:
        """Return all that is wrong with a finished run's files, every one of them read."""
        return run_files.faults(self.folder(key))

    def predictions(self, key: str) -> Predictions | None:
        """Return what a finished run says of every test image, None where that was not kept.

        Raises:
            DamagedRun: it is not as it was written.
        """
        return finished.predictions(self._layout, key)

    def save_measurement(self, subject: Subject, found: FinalMeasurement) -> None:
        """Keep what a final metric came to, for the files that its runs have now.

        Raises:
            StoreError: it cannot be written.
        """
        measured.save(self._layout, subject, found)

    def measurement(self, subject: Subject) -> FinalMeasurement | None:
        """Return what a final metric came to, of the files that its runs have now, or None."""
        return measured.load(self._layout, subject)

    # Unfinished runs

    def save_checkpoint(self, key: str, checkpoint: Checkpoint) -> None:
        """Replace the run's checkpoint, atomically; the one before is kept too.

        Raises:
            StoreError: it cannot be written.
        """
        unfinished.save_checkpoint(self._layout, key, checkpoint)

    def save_weights(self, key: str, epoch: int, write: Writer) -> None:
        """Keep the weights after an epoch until the run is finished, atomically.

        Raises:
            StoreError: they cannot be written.
        """
        unfinished.save_weights(self._layout, key, epoch, write)

    def unfinished_weights(self, key: str, epoch: int) -> Path:
        """Return the file of the weights after an epoch of an unfinished run; it may be missing."""
        return unfinished.weights(self._layout, key, epoch)

    def load_checkpoint(self, key: str) -> Checkpoint | None:
        """Return the run's last checkpoint that is as it was written, None where none is."""
        return unfinished.load_checkpoint(self._layout, key)

    def progress(self, key: str) -> int | None:
        """Return the epoch that an unfinished run has reached, or None."""
        return unfinished.epoch_reached(self._layout, key)

    def save_error(self, key: str, message: str, trace: str = "") -> None:
        """Record why the run failed, and drop its checkpoint, so that the next attempt starts over.

        Raises:
            StoreError: it cannot be written.
        """
        unfinished.save_error(self._layout, key, message, trace)

    def error(self, key: str) -> str | None:
        """Return why the last attempt failed, or None."""
        return unfinished.error(self._layout, key)

    def failed_since(self, key: str, moment: float) -> bool:
        """Tell whether an attempt failed after a moment, in seconds since 1970."""
        return unfinished.failed_since(self._layout, key, moment)

    def forget_error(self, key: str) -> None:
        """Drop the record of a failure, because the run is tried again.

        Raises:
            StoreError: it cannot be removed.
        """
        unfinished.forget_error(self._layout, key)

    # Stale runs

    def is_set_aside(self, key: str) -> bool:
        """Tell whether a stale run was set aside, and was not made again."""
        return set_aside.is_set_aside(self._layout, key)

    def set_aside(self, key: str) -> None:
        """Move a stale run out of the way, until it has been made again.

        Raises:
            StoreError: it cannot be moved.
        """
        set_aside.set_aside(self._layout, key)

    def bring_back(self, key: str) -> None:
        """Put a run that was set aside back, where it was not made again.

        Raises:
            StoreError: it cannot be moved.
        """
        set_aside.bring_back(self._layout, key)

    def save_replay(self, key: str, replay: Replay) -> None:
        """Record that a finished run was repeated and agrees, with the files that it has now.

        Raises:
            StoreError: it cannot be written.
        """
        replays.save(self._layout, key, replay)

    def replay(self, key: str) -> Replay | None:
        """Return the last repetition of a finished run with the files that it has now, or None."""
        return replays.load(self._layout, key)

    # Locks

    def lock_file(self, name: str) -> Path:
        """Return the file whose lock `lock` takes."""
        return self._layout.lock(name)

    def lock(self, key: str) -> contextlib.AbstractContextManager[bool]:
        """Hold the run while it is worked on; yields False where another process holds it.

        A dead process's lock is released by the operating system.

        Raises:
            StoreError: there can be no lock.
        """
        return locks.hold(self._layout, key)
