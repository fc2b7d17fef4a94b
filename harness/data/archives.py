"""Unpacking the archives that a person brings, checked and all or nothing."""

from __future__ import annotations

import shutil
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from filelock import FileLock

from harness.data import catalog
from harness.data.availability import is_whole
from harness.data.origins import MARKER, ImageArchive, unpacked_folder
from harness.data.records import DataError
from harness.system import files


def import_archive(name: str, archive: Path, data_dir: Path) -> Path:
    """Unpack the archive of a data set below `data_dir`, and return the folder of its splits.

    A data set that is unpacked already, and whole, is left as it is, whatever `archive` says; one
    that is not what was unpacked there is replaced. The folder appears whole or not at all, also
    when several processes unpack at once.

    Raises:
        DataError: the data set has no archive, or this one is missing, unreadable, damaged, not the
            known one (by its SHA-256), or has members that would land outside the folder.
    """
    known = catalog.of_origin(ImageArchive)
    if name not in known:
        these = ", ".join(sorted(known))
        raise DataError(f"{name} is not read from an archive; these are: {these}")
    origin, folder = known[name], unpacked_folder(name, data_dir)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.with_name(f"{name}.lock")):
            _remove_leftovers(folder)
            if not is_whole(name, data_dir):
                _check(archive, origin.sha256)
                _unpack(archive, folder, origin.unpacked_bytes)
    except OSError as error:
        raise DataError(f"cannot unpack {archive} into {folder}: {error}") from error
    return folder


def _remove_leftovers(folder: Path) -> None:
    """Remove what processes that were killed while unpacking left; who holds the lock is alone."""
    for path in folder.parent.glob(f".{folder.name}.*.tmp"):
        shutil.rmtree(path, ignore_errors=True)


def _check(archive: Path, sha256: str) -> None:
    try:
        found = files.sha256(archive)
    except FileNotFoundError:
        raise DataError(f"there is no archive {archive}") from None
    except OSError as error:
        raise DataError(f"cannot read the archive {archive}: {error}") from error
    if found != sha256:
        raise DataError(
            f"{archive} is not the archive that is known, or is cut off or damaged: "
            f"its SHA-256 is {found}, not {sha256}; fetch it again"
        )


_FILTER: dict[str, Any] = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
"""Python before 3.11.4 has no filters; every member is checked by `_safe` as well."""


def _unpack(archive: Path, folder: Path, limit: int) -> None:
    """Unpack into a folder of another name first, which is renamed when it is whole."""
    temporary = files.temporary_path(folder)
    temporary.mkdir()
    try:
        with tarfile.open(archive, "r:gz") as tar:
            tar.extractall(temporary, members=_safe(tar, archive, limit), **_FILTER)
        (temporary / MARKER).write_text(f"{archive.name}\n")
        if folder.exists():  # without its marker, or not what was unpacked there
            shutil.rmtree(folder)
        temporary.rename(folder)
    except (tarfile.TarError, zlib.error, EOFError) as error:
        raise DataError(f"{archive} is cut off or damaged: {error}") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _safe(tar: tarfile.TarFile, archive: Path, limit: int) -> Iterator[tarfile.TarInfo]:
    """Yield the members, each a plain file or folder below the root, up to the limit in bytes."""
    total = 0
    for member in tar:
        if not (member.isreg() or member.isdir()):
            raise DataError(
                f"{archive} holds something that is neither file nor folder: {member.name}"
            )
        if member.name.startswith("/") or ".." in Path(member.name).parts:
            raise DataError(f"{archive} holds a path that leaves its folder: {member.name}")
        total += member.size
        if total > limit:
            raise DataError(f"{archive} holds more than {limit:,} bytes")
        yield member
