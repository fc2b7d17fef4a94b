"""Taking the runs of an archive (`harness.store.archive`) into a store.

Nothing of an archive is believed. Its members are plain files with the names that an export writes,
or nothing of it is taken; and a run comes into the store when every file of it is as it was
written, or not at all.
"""

from __future__ import annotations

import contextlib
import enum
import os
import re
import shutil
import tarfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.store import checksums, locks, run_files
from harness.store.archive import CONTENTS, FORMAT
from harness.store.checksums import CHECKSUMS, Damaged
from harness.store.errors import REMOVE_IT, StoreError, unwritable
from harness.store.layout import MEASURED, REPLAYS, RUNS, Layout
from harness.system.files import remove, sha256, sync, temporary_path
from harness.system.json_value import WrongForm, parse

_LARGEST_CONTENTS = 1 << 28
"""Bytes of the list of runs at most: that of two million."""

_PIECE = 1 << 20

_KEY = re.compile("[0-9a-f]{64}")

_MEMBER = re.compile(
    rf"(?:{RUNS}|{MEASURED})/(?P<key>{_KEY.pattern})/[^/\0.][^/\0]*"
    rf"|{REPLAYS}/(?P<replayed>{_KEY.pattern})\.json"
)

_LATEST = 2**33
"""Seconds since 1970 that no moment of a file reaches."""


class Fate(enum.Enum):
    """What became of a run of an archive."""

    ADDED = "added"
    HERE = "here already"
    OTHER_RECORD = "here already, made elsewhere with the same measurements"
    OTHER_NUMBERS = "here already, with other measurements"
    LEFT_OUT = "left out"


@dataclass(frozen=True)
class Arrival:
    """A run of an archive and what became of it; `why` tells of those that did not come in."""

    key: str
    fate: Fate
    why: str = ""


@dataclass(frozen=True)
class Unpacked:
    """What became of the runs of an archive, and what is wrong with itself, "" where nothing is."""

    arrivals: Sequence[Arrival]
    fault: str


class _Unreadable(StoreError):
    """An archive, or what follows in it, cannot be read."""


def unpack(layout: Layout, path: Path) -> Unpacked:
    """Take the runs of an archive into a store that is prepared; one that is there stays.

    Of an archive that is cut off, the runs before its end come in.

    Raises:
        StoreError: it is no such archive, it has a member that no export writes, or the store
            cannot be written.
    """
    staging = Layout(temporary_path(layout.root / "import"))
    try:
        staging.root.mkdir()
        digests, fault = _staged(path, staging)
        taken = [_arrival(layout, staging, key, digests[key]) for key in sorted(digests)]
        return Unpacked(taken, fault)
    except OSError as error:
        raise unwritable(layout.root, error, REMOVE_IT) from error
    finally:
        shutil.rmtree(staging.root, ignore_errors=True)


def _staged(path: Path, staging: Layout) -> tuple[Mapping[str, str], str]:
    """Unpack the files of an archive into a store of its own.

    Returns:
        The digest of each run's list of checksums, by its key, and what is wrong with the archive.
    """
    with contextlib.ExitStack() as stack:
        with _reading(path):
            tar = stack.enter_context(tarfile.open(path, "r:gz"))
            digests = _contents(tar)
        try:
            for member in _members(tar, path):
                target = staging.root / member.name
                if not _allowed(member, digests) or target.exists():
                    raise StoreError(
                        f"{path} holds {member.name!r}, which is no file of one of its runs:"
                        " nothing of it is taken"
                    )
                _extract(_pieces(tar, member, path), target, member.mtime)
        except _Unreadable as error:
            return digests, str(error)
    return digests, ""


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except (tarfile.TarError, zlib.error, EOFError) as error:
        raise _Unreadable(f"{path} is no archive of runs, or is damaged: {error}") from error
    except WrongForm as error:
        raise _Unreadable(f"{path} is no archive of runs: {error}") from error
    except OSError as error:
        raise _Unreadable(f"{path} cannot be read: {error.strerror or error}") from error


def _contents(tar: tarfile.TarFile) -> dict[str, str]:
    """Read which runs an archive has; WrongForm where the first member does not say so."""
    member = tar.next()
    if member is None or member.name != CONTENTS or not member.isreg():
        raise WrongForm(f"it does not begin with {CONTENTS}")
    if member.size > _LARGEST_CONTENTS:
        raise WrongForm(f"{CONTENTS} has more than {_LARGEST_CONTENTS:,} bytes")
    file = tar.extractfile(member)
    value = parse(file.read() if file is not None else b"")
    if value.member("format").text() != FORMAT:
        raise value.member("format").wrong(FORMAT)
    runs = value.member("runs")
    if not all(_KEY.fullmatch(key) for key, _ in runs.members()):
        raise runs.wrong("runs by their keys")
    return {key: digest.text() for key, digest in runs.members()}


def _members(tar: tarfile.TarFile, path: Path) -> Iterator[tarfile.TarInfo]:
    """Yield the members after the first."""
    with _reading(path):
        while (member := tar.next()) is not None:
            yield member


def _allowed(member: tarfile.TarInfo, digests: Mapping[str, str]) -> bool:
    """Tell whether an export writes such a member: no link or folder, and no path elsewhere."""
    found = _MEMBER.fullmatch(member.name)
    key = found and (found["key"] or found["replayed"])
    return member.isreg() and key in digests and 0 <= member.mtime < _LATEST


def _pieces(tar: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> Iterator[bytes]:
    with _reading(path):
        file = tar.extractfile(member)
        while file is not None and (piece := file.read(_PIECE)):
            yield piece


def _extract(pieces: Iterator[bytes], target: Path, moment: float) -> None:
    """Write a new file, down to the disk, as old as it was."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("xb") as file:
        for piece in pieces:
            file.write(piece)
    os.utime(target, (moment, moment))
    sync(target)


def _arrival(layout: Layout, staging: Layout, key: str, digest: str) -> Arrival:
    """Take a run that was unpacked into the store, where it is whole and not there yet."""
    faults = run_files.faults(staging.finished(key))
    if not faults and sha256(staging.finished(key) / CHECKSUMS) != digest:
        faults = [f"{CHECKSUMS} is not the one that was packed"]
    if faults:
        return Arrival(key, Fate.LEFT_OUT, "; ".join(faults))
    with locks.hold(layout, key) as held:
        if not held:
            return Arrival(key, Fate.LEFT_OUT, "a process is at work on it: import it again later")
        if layout.is_finished(key):
            return _beside(layout, staging, key)
        _place(layout, staging, key)
        _accompany(layout, staging, key)
        for obsolete in (layout.unfinished(key), layout.stale(key)):
            if os.path.lexists(obsolete):
                remove(obsolete)
    return Arrival(key, Fate.ADDED)


def _place(layout: Layout, staging: Layout, key: str) -> None:
    """Move a run into the store in one step, with the moment when it was finished."""
    source, target = staging.finished(key), layout.finished(key)
    moment = (source / CHECKSUMS).stat().st_mtime
    sync(source)
    os.utime(source, (moment, moment))
    source.rename(target)
    sync(target.parent)


def _accompany(layout: Layout, staging: Layout, key: str) -> None:
    """Move what is kept beside a run into the store, where it is not there."""
    pairs = [(staging.replay(key), layout.replay(key))]
    if staging.measured(key).is_dir():
        pairs += [
            (each, layout.measured(key) / each.name) for each in staging.measured(key).iterdir()
        ]
    for source, target in pairs:
        if source.is_file() and not os.path.lexists(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            source.rename(target)


def _beside(layout: Layout, staging: Layout, key: str) -> Arrival:
    """Compare a run with the one in its place, which stays, and gets weights that it lacks."""
    theirs = checksums.listed(staging.finished(key))
    try:
        ours = checksums.listed(layout.finished(key))
    except Damaged as damage:
        return Arrival(key, Fate.LEFT_OUT, f"it is in the store and cannot be used: {damage}")
    if ours == theirs:
        _complete(layout, staging, key)
        _accompany(layout, staging, key)
        return Arrival(key, Fate.HERE)
    differing = sorted(
        name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name)
    )
    fate = Fate.OTHER_NUMBERS if run_files.MEASUREMENTS in differing else Fate.OTHER_RECORD
    return Arrival(key, fate, f"{', '.join(differing)} differ")


def _complete(layout: Layout, staging: Layout, key: str) -> None:
    """Move the weights that a run in the store lacks to it; it stays as old as it is."""
    folder = layout.finished(key)
    before = folder.stat()
    for source in sorted(staging.finished(key).iterdir()):
        if checksums.is_weights(source.name) and not os.path.lexists(folder / source.name):
            source.rename(folder / source.name)
    os.utime(folder, ns=(before.st_atime_ns, before.st_mtime_ns))
