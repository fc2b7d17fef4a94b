"""Finished runs: written whole or not at all, and compared with their checksums when read."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.experiment import Json
from harness.run_result import Detail, RunResult, Status
from harness.store import checksums, run_files, unfinished
from harness.store.checkpoint import Row
from harness.store.checksums import CHECKSUMS, WEIGHTS, Damaged, RunFiles
from harness.store.errors import DamagedRun, StoreError, way_out
from harness.store.formats import csv_file, json_file
from harness.store.layout import Layout
from harness.store.predictions import Predictions
from harness.store.run_files import Origin
from harness.system.files import Writer, remove, sha256, sync, temporary_path


@dataclass(frozen=True)
class Record:
    """What is written of a finished run; `files` are further files, each with what writes it."""

    run: Json
    history: Sequence[Row]
    measurements: Mapping[str, float | None]
    environment: Mapping[str, Json]
    files: Mapping[str, Writer]


def write(layout: Layout, key: str, record: Record) -> None:
    """Write a finished run, atomically, and remove what was kept until it is finished.

    Raises:
        StoreError: it cannot be written.
    """
    writers = {
        **record.files,
        run_files.RUN: json_file({"key": key, **record.run}),
        run_files.HISTORY: csv_file(record.history),
        run_files.ENVIRONMENT: json_file(record.environment),
        run_files.MEASUREMENTS: json_file(record.measurements),
    }
    folder = layout.finished(key)
    temporary = temporary_path(folder)
    with unfinished.writing(layout, key):
        # Processes that were killed left these: nobody else works on a run that is locked.
        for abandoned in temporary.parent.glob(f".{key}.*"):
            shutil.rmtree(abandoned, ignore_errors=True)
        try:
            _write_files(temporary, writers)
            # Where locks do not reach, another machine may have made the same run meanwhile.
            if layout.is_finished(key):
                remove(folder)
            temporary.rename(folder)
            sync(folder.parent)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    for obsolete in (layout.unfinished(key), layout.stale(key)):
        shutil.rmtree(obsolete, ignore_errors=True)


def _write_files(folder: Path, writers: Mapping[str, Writer]) -> None:
    """Write the files of a run and their checksums into a new folder, down to the disk."""
    folder.mkdir(parents=True)
    for name, write_file in writers.items():
        write_file(folder / name)
    sums = "".join(f"{sha256(folder / name)}  {name}\n" for name in writers)
    (folder / CHECKSUMS).write_text(sums)
    for name in (*writers, CHECKSUMS):
        sync(folder / name)
    sync(folder)


@contextlib.contextmanager
def _reading(layout: Layout, key: str) -> Iterator[None]:
    """Say of damage how the run is made again."""
    try:
        yield
    except Damaged as error:
        raise DamagedRun(f"{error}; {way_out(layout.root, key)}") from error


def read(layout: Layout, key: str, detail: Detail) -> tuple[Origin, RunResult]:
    """Return what a finished run was and what came of it, in so much detail.

    Every file that is read is compared with its checksum.

    Raises:
        DamagedRun: a file is not as it was written.
    """
    with _reading(layout, key):
        opened = checksums.open_run(layout.finished(key))
        origin, surroundings = run_files.origin(opened), run_files.surroundings(opened)
        return origin, RunResult(
            origin.run,
            origin.seed,
            key,
            Status.DONE,
            measurements=run_files.measurements(opened),
            history=run_files.history(opened) if detail >= Detail.HISTORY else {},
            environment=surroundings.environment,
            seconds=surroundings.seconds,
            images_per_second=surroundings.images_per_second,
            parameters=surroundings.parameters,
            weights=_weights_of(opened),
            decision_grid=(run_files.decision_grid(opened) if detail >= Detail.HISTORY else None),
            data=surroundings.data,
            code=surroundings.code,
            start=surroundings.start,
            predicted=run_files.PREDICTIONS in opened.digests,
            tested=run_files.tested(opened) if detail >= Detail.IMAGES else None,
            kept_weights=checksums.kept_epochs(opened),
        )


def _weights_of(run: RunFiles) -> Path | None:
    path = run.folder / WEIGHTS
    return path if os.path.lexists(path) else None


def origin(layout: Layout, key: str) -> Origin:
    """Return what a finished run was.

    Raises:
        DamagedRun: that cannot be read.
    """
    with _reading(layout, key):
        return run_files.origin(checksums.open_run(layout.finished(key)))


def weights(layout: Layout, key: str, epoch: int | None = None) -> Path:
    """Return the file with a finished run's weights, which are as they were written.

    They are those after an epoch, or for None the final ones.

    Raises:
        DamagedRun: they are not, or are those of another run.
    """
    with _reading(layout, key):
        opened = checksums.open_run(layout.finished(key))
        run_files.origin(opened)
        return checksums.verify(opened, checksums.weights_file(epoch))


def weights_digests(layout: Layout, key: str) -> frozenset[str]:
    """Return the SHA-256 that each file with weights of a finished run was written with.

    Raises:
        DamagedRun: that cannot be read.
    """
    with _reading(layout, key):
        digests = checksums.open_run(layout.finished(key)).digests
        return frozenset(each for name, each in digests.items() if checksums.is_weights(name))


def predictions(layout: Layout, key: str) -> Predictions | None:
    """Return what a finished run says of every test image, None where that was not kept.

    Raises:
        DamagedRun: it is not as it was written.
    """
    with _reading(layout, key):
        return run_files.predictions(checksums.open_run(layout.finished(key)))


def contents(layout: Layout, key: str) -> dict[str, Json]:
    """Return the size of each file of a finished run, and what its predictions are, as JSON.

    Sizes are in bytes.

    Raises:
        DamagedRun: a file is not as it was written.
    """
    with _reading(layout, key):
        opened = checksums.open_run(layout.finished(key))
        kept = run_files.predictions(opened)
        why_none = run_files.surroundings(opened).no_predictions
        if why_none:
            described: Json = f"not kept: {why_none}"
        elif kept is None:
            described = "not kept: the run is from before they were"
        else:
            described = kept.summary()
        sizes = {
            name: (opened.folder / name).lstat().st_size
            for name in sorted(opened.digests)
            if os.path.lexists(opened.folder / name)
        }
        return {"predictions": described, "bytes": sizes}


def size(layout: Layout, key: str) -> int:
    """Return how many bytes the files of a finished run have.

    Raises:
        DamagedRun: its folder cannot be read.
    """
    with _reading(layout, key):
        return checksums.size(layout.finished(key))


def weights_sizes(layout: Layout, key: str) -> dict[str, int]:
    """Return the bytes of each file with weights that a finished run has, by its name.

    Raises:
        DamagedRun: what it has cannot be read.
    """
    with _reading(layout, key):
        opened = checksums.open_run(layout.finished(key))
        return {
            name: (opened.folder / name).lstat().st_size
            for name in sorted(opened.digests)
            if checksums.is_weights(name) and os.path.lexists(opened.folder / name)
        }


def moment(layout: Layout, key: str) -> float:
    """Return when a run was finished, in seconds since 1970.

    Raises:
        StoreError: its folder is not there any more.
    """
    folder = layout.finished(key)
    try:
        return folder.stat().st_mtime
    except OSError as error:
        raise StoreError(
            f"{folder} cannot be read: {error.strerror}; {way_out(layout.root, key)}"
        ) from error
