"""Archives of finished runs: what is taken from one store to another.

An archive is a `tar.gz`. Its first member, `runs.json`, names the format and, of every run, the
digest of its list of checksums. The others lie as in a store: `runs/KEY/`, with `SHA256SUMS` as the
last of a run's files, `measured/KEY/` and `replays/KEY.json`. The same runs give the same bytes.
`harness.store.unpacking` reads it.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import os
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from harness.store import checksums
from harness.store.checksums import CHECKSUMS, Damaged
from harness.store.errors import StoreError
from harness.store.layout import Layout
from harness.system.files import open_regular, replace, sha256

CONTENTS = "runs.json"
FORMAT = "reproduction-harness runs 1"

_DECIMALS = 6
"""Of the seconds of a moment: what every file system and a float can hold."""


def write(layout: Layout, path: Path, keys: Sequence[str], weights: bool) -> None:
    """Write an archive of finished runs, whole or not at all.

    Args:
        layout: Of the store.
        path: Of the archive; what lies there is replaced.
        keys: Of the runs.
        weights: Whether the files with weights come along.

    Raises:
        StoreError: it cannot be written, or a run cannot be read.
    """

    def save(temporary: Path) -> None:
        with (
            temporary.open("wb") as file,
            gzip.GzipFile("", "wb", fileobj=file, mtime=0) as packed,
            tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar,
        ):
            _add_contents(tar, layout, sorted(keys))
            for key in sorted(keys):
                _add_run(tar, layout, key, weights)

    try:
        replace(path, save)
    except (OSError, Damaged) as error:
        raise StoreError(f"the archive {path} cannot be written: {error}") from error


def _add_contents(tar: tarfile.TarFile, layout: Layout, keys: Sequence[str]) -> None:
    digests = {key: sha256(layout.finished(key) / CHECKSUMS) for key in keys}
    content = json.dumps({"format": FORMAT, "runs": digests}, indent=2).encode()
    info = tarfile.TarInfo(CONTENTS)
    info.size = len(content)
    tar.addfile(info, io.BytesIO(content))


def _add_run(tar: tarfile.TarFile, layout: Layout, key: str, weights: bool) -> None:
    """Add the files of a run and what is kept beside it, with the moment when it was finished."""
    moment = round(layout.finished(key).stat().st_mtime, _DECIMALS)
    for path in (*_files(layout.finished(key), weights), *_beside(layout, key)):
        with open_regular(path) as file:
            info = tarfile.TarInfo(path.relative_to(layout.root).as_posix())
            info.size, info.mtime = os.fstat(file.fileno()).st_size, moment
            tar.addfile(info, file)


def _files(folder: Path, weights: bool) -> Iterator[Path]:
    """Yield the files of a run; a run that is cut off lacks the last, without which it is none."""
    for name in sorted(checksums.listed(folder)):
        if not checksums.is_weights(name) or (weights and os.path.lexists(folder / name)):
            yield folder / name
    yield folder / CHECKSUMS


def _beside(layout: Layout, key: str) -> Iterator[Path]:
    """Yield the files that are kept beside a run: final metrics, and a repetition."""
    with contextlib.suppress(FileNotFoundError):
        yield from sorted(
            path for path in layout.measured(key).iterdir() if not path.name.startswith(".")
        )
    if layout.replay(key).is_file():
        yield layout.replay(key)
