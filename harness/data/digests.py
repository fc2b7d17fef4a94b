"""Digests of files, which are read again only where they may have changed.

What was read is kept in a file, by path, device, inode, size, and the times of the last change of
content and of the inode. A file that was changed within the last two seconds is never kept: one
more change could leave the same times behind, as the clocks of file systems are that coarse.
Nothing here imports TensorFlow or NumPy.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from harness.data.errors import DataError
from harness.system import files

COARSEST_CLOCK = 2 * 10**9
"""Nanoseconds within which two changes of a file may leave the same times (two seconds on FAT)."""

QUIET_SECONDS = 1.0
"""How long reading may take before it is shown on a terminal."""

_AT_ONCE = 16
_IN_TURN = 32
_IN_ONE_PIECE = 2**20
_READS = 3

Signature = tuple[int, int, int, int, int]
"""Device, inode, size, and in nanoseconds the last change of the content and of the inode."""


class Digest(NamedTuple):
    """The SHA-256 of a file's content, and the signature that the file had when it was read."""

    path: str
    sha256: bytes
    signature: Signature


class _Kept(NamedTuple):
    """What is kept of a file, by its path below the root."""

    sha256: bytes
    signature: Signature


def digest_files(
    root: Path, names: Sequence[str], kept: Path | None = None, progress: bool = False
) -> tuple[Digest, ...]:
    """Return the digest of each file, in their order; several are read at once.

    Args:
        root: the folder of the files.
        names: their paths below it.
        kept: the file that keeps the digests. One that is damaged, absent, or cannot be written
            is ignored.
        progress: whether to show on a terminal how far it is, where it takes long.

    Raises:
        DataError: a file cannot be read, is no regular file, or is written to meanwhile.
    """
    known = _load(kept) if kept is not None else {}
    paths = {name: f"{root}/{name}" for name in names}
    found = {
        name: Digest(path, *known[name])
        for name, path in paths.items()
        if name in known and known[name].signature == signature_of(path)
    }
    changed = [name for name in paths if name not in found]
    now = time.time_ns()
    read = _read_all([paths[name] for name in changed], progress)
    found |= dict(zip(changed, read, strict=True))
    stable = {
        name: _Kept(each.sha256, each.signature)
        for name, each in found.items()
        if settled(each.signature, now)
    }
    if kept is not None and stable != known:
        _save(kept, stable)
    return tuple(found[name] for name in names)


def check_unchanged(digests: Sequence[Digest]) -> None:
    """Check that no file was changed or exchanged since its digest was made.

    Raises:
        DataError: one was; it is named.
    """
    for each in digests:
        if signature_of(each.path) != each.signature:
            raise DataError(changed_meanwhile(each.path))


def changed_meanwhile(path: str) -> str:
    """Return the sentence for a file whose content is no longer what the run was planned with."""
    return f"{path} was changed after the run was planned: run again when the data stay as they are"


def content_digest(names: Sequence[str], digests: Sequence[Digest], head: str = "") -> str:
    """Return the SHA-256, in hex, over the names of some files and their contents, and a head."""
    digest = hashlib.sha256(head.encode())
    for name, each in sorted(zip(names, digests, strict=True)):
        digest.update(os.fsencode(name) + b"\0" + each.sha256.hex().encode() + b"\n")
    return digest.hexdigest()


def signature_of(path: str) -> Signature:
    """Return the signature of a file; raises DataError where it cannot be read."""
    try:
        return _signature(os.stat(path))  # noqa: PTH116 - a Path each would take as long again
    except (OSError, ValueError) as error:
        raise DataError(f"cannot read {path}: {reason(error)}") from error


def settled(signature: Signature, now: int) -> bool:
    """Tell whether any later change of a file would leave it another signature.

    Args:
        signature: that of the file.
        now: nanoseconds since the epoch, before the file was read.
    """
    return max(signature[3:]) < now - COARSEST_CLOCK


def _signature(status: os.stat_result) -> Signature:
    return (
        status.st_dev,
        status.st_ino,
        status.st_size,
        status.st_mtime_ns,
        status.st_ctime_ns,
    )


def reason(error: Exception) -> str:
    """Return what the operating system says of an error, without the path."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _read_all(paths: Sequence[str], progress: bool) -> Iterator[Digest]:
    if not paths:
        return
    with (
        ThreadPoolExecutor(min(_AT_ONCE, 4 * (os.cpu_count() or 1), len(paths))) as threads,
        _shown(len(paths)) if progress else contextlib.nullcontext(_unseen) as advance,
    ):
        parts = (paths[first : first + _IN_TURN] for first in range(0, len(paths), _IN_TURN))
        waiting = [threads.submit(_read_some, part) for part in parts]
        try:
            for each in waiting:
                some = each.result()
                yield from some
                advance(len(some))
        finally:
            for each in waiting:
                each.cancel()


def _unseen(count: int) -> None:
    pass


def _read_some(paths: Sequence[str]) -> list[Digest]:
    return [_read(path) for path in paths]


def _read(path: str) -> Digest:
    for _ in range(_READS):
        try:
            with files.open_regular(Path(path)) as file:
                before = _signature(os.fstat(file.fileno()))
                if before[2] <= _IN_ONE_PIECE:
                    digest = hashlib.sha256(file.read()).digest()
                else:
                    digest = hashlib.file_digest(file, "sha256").digest()
                after = _signature(os.fstat(file.fileno()))
        except (OSError, ValueError) as error:
            raise DataError(f"cannot read {path}: {reason(error)}") from error
        if before == after:
            return Digest(path, digest, after)
    raise DataError(f"{path} is being written to: run again when it is whole")


@contextlib.contextmanager
def _shown(count: int) -> Iterator[Callable[[int], None]]:
    """Yield a function that counts files as read, and shows it where that takes long."""
    if not sys.stderr.isatty():
        yield _unseen
        return
    from rich.console import Console
    from rich.progress import Progress

    begin, started = time.monotonic(), False
    bar = Progress(console=Console(stderr=True), transient=True)
    task = bar.add_task("reading data", total=count)

    def advance(read: int) -> None:
        nonlocal started
        bar.advance(task, read)
        if not started and time.monotonic() - begin > QUIET_SECONDS:
            started = True
            bar.start()

    try:
        yield advance
    finally:
        if started:
            bar.stop()


def _load(kept: Path) -> Mapping[str, _Kept]:
    """Read what is kept; nothing where its own checksum does not fit."""
    try:
        checksum, _, body = files.read_bytes(kept).partition(b"\n")
        if hashlib.sha256(body).hexdigest().encode() != checksum:
            return {}
        entries = json.loads(body).items()
        return {
            name: _Kept(bytes.fromhex(sha256), tuple(signature))
            for name, (sha256, *signature) in entries
        }
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _save(kept: Path, found: Mapping[str, _Kept]) -> None:
    entries = {name: [each.sha256.hex(), *each.signature] for name, each in found.items()}
    body = json.dumps(entries, separators=(",", ":")).encode()
    content = hashlib.sha256(body).hexdigest().encode() + b"\n" + body

    def write(path: Path) -> None:
        path.write_bytes(content)

    with contextlib.suppress(OSError):
        kept.parent.mkdir(parents=True, exist_ok=True)
        files.sweep(kept.parent)
        files.replace(kept, write)
