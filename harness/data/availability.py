"""Whether the data of a data set are here and whole, and what identifies them.

Nothing here imports TensorFlow or NumPy.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from harness.data.catalog import DATASETS
from harness.data.digests import content_digest, digest_files
from harness.data.errors import DataError
from harness.data.info import Content, Parameters, Request


def requested(name: str, parameters: Parameters, data_dir: Path) -> Request:
    """Return the request for a data set; raises KeyError for a name not in the catalogue."""
    return Request(name, DATASETS[name], parameters, data_dir)


def why_unavailable(name: str, parameters: Parameters, data_dir: Path) -> str | None:
    """Say in one sentence what is not here and how to get it, or None where data can be loaded.

    Data that can be made or unpacked here without a network are available.
    """
    request = requested(name, parameters, data_dir)
    return request.info.origin.why_unavailable(request)


def why_unusable(name: str, parameters: Parameters, data_dir: Path) -> str | None:
    """Say why data that are here cannot be used, as far as names and sizes of files tell."""
    request = requested(name, parameters, data_dir)
    try:
        request.info.origin.files(request)
    except DataError as error:
        return str(error)
    return None


def why_not_ready(name: str, parameters: Parameters, data_dir: Path) -> str | None:
    """Say why a data set cannot be loaded: what is not here, or what is wrong with it."""
    unavailable = why_unavailable(name, parameters, data_dir)
    return unavailable or why_unusable(name, parameters, data_dir)


def content(name: str, parameters: Parameters, data_dir: Path, progress: bool = False) -> Content:
    """Return what identifies the content of a data set, by the digests of all its files.

    Files are read where they may have changed since they were read last. With `progress` a
    terminal shows how far that is.

    Raises:
        DataError: data that are here cannot be used.
    """
    request = requested(name, parameters, data_dir)
    origin = request.info.origin
    found = origin.files(request)
    if found is None:
        return Content(origin.published)
    names = (*found.names, *found.others)
    digests = digest_files(found.root, names, _digests_file(found.root, data_dir), progress)
    identities = found.identities or found.names
    digest = content_digest(identities, digests[: len(found.names)], found.head)
    identity = origin.identify(request, digest)
    return Content(identity, digests, found.remark, found.prepared, found.version)


def _digests_file(root: Path, data_dir: Path) -> Path:
    """Return the file that keeps the digests of the files in a folder."""
    digest = hashlib.sha256(os.fsencode(root.absolute())).hexdigest()
    return data_dir / "harness" / "digests" / f"{digest[:32]}.json"


def is_whole(name: str, data_dir: Path) -> bool:
    """Tell whether files of a data set are here, every one with the content that it should have."""
    try:
        return bool(content(name, {}, data_dir).digests)
    except DataError:
        return False


@dataclass(frozen=True)
class Availability:
    """Where a data set stands on this machine.

    `folder` is where its prepared data lie or will lie, None where a specification says which they
    are; `prepared_bytes` is what is there. `archives` are the names of the files that a person
    brings, `searched` the folders where they are looked for, `found` those that are there.
    `next_step` is the sentence that tells what to do, None where the data set is ready, `remark`
    what is left out of it.
    """

    folder: Path | None
    prepared_bytes: int
    archives: tuple[str, ...]
    searched: tuple[Path, ...]
    found: tuple[Path, ...]
    next_step: str | None
    remark: str | None = None


def availability(name: str, data_dir: Path, parameters: Parameters | None = None) -> Availability:
    """Look where a data set stands, by default with its default parameters.

    Raises:
        KeyError: there is none of that name.
    """
    origin = DATASETS[name].origin
    if origin.named_by is not None and not parameters:
        return Availability(None, 0, (), (), (), None)
    request = requested(name, parameters or {}, data_dir)
    folder, searched = origin.folder(request), origin.archive_folders(data_dir)
    paths = (place / archive for archive in origin.archives for place in searched)
    found = {path.name: path for path in paths if path.is_file()}
    next_step = why_not_ready(name, request.parameters, data_dir)
    files = None if next_step else origin.files(request)
    return Availability(
        folder=folder,
        prepared_bytes=sum(path.stat().st_size for path in _below(folder) if path.is_file()),
        archives=origin.archives,
        searched=searched,
        found=tuple(found.values()),
        next_step=next_step,
        remark=files.remark if files is not None else None,
    )


def _below(folder: Path) -> Iterable[Path]:
    """Return all that is in a folder, or the file itself where it is one."""
    return (folder,) if folder.is_file() else folder.rglob("*")
