"""The checksums of a finished run: a file that is not as it was written is not read.

Whatever reads a run's folder reads it here.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.system import files

CHECKSUMS = "SHA256SUMS"
"""The file of them; `sha256sum -c` reads it."""

WEIGHTS = "final.weights.h5"
"""The largest file of a run by far, and one that it is whole without.

It can be removed, or left behind when a store is copied, and so can the weights of single epochs:
what was measured says the same without them, and only a run that starts from the final ones needs
these.
"""

_KEPT = re.compile(r"epoch-(?P<epoch>\d{6,})\.weights\.h5")
"""The files of weights that are kept of single epochs."""

_LINE = re.compile(r"(?P<digest>[0-9a-f]{64})  (?P<name>[^/\0]+)")


class Damaged(Exception):
    """A file of a run cannot be used; the message names it and says why."""

    def __init__(self, path: Path, what: str) -> None:
        super().__init__(f"{path} {what}")
        self.path = path
        self.what = what


@dataclass(frozen=True)
class RunFiles:
    """The folder of a finished run, and the digests that its files were written with, by name."""

    folder: Path
    digests: Mapping[str, str]


def is_weights(name: str) -> bool:
    """Tell whether a file of a run holds weights, which it is whole without."""
    return name == WEIGHTS or _KEPT.fullmatch(name) is not None


def kept_weights(epoch: int) -> str:
    """Return the name of the file with the weights after an epoch."""
    return f"epoch-{epoch:06d}.weights.h5"


def weights_file(epoch: int | None) -> str:
    """Return the name of the file with the weights after an epoch, for None with the final ones."""
    return WEIGHTS if epoch is None else kept_weights(epoch)


def kept_epochs(run: RunFiles) -> tuple[int, ...]:
    """Return the epochs after which the weights of a run were kept, in their order.

    They may have been dropped since.
    """
    found = (_KEPT.fullmatch(name) for name in run.digests)
    return tuple(sorted(int(each["epoch"]) for each in found if each is not None))


def open_run(folder: Path) -> RunFiles:
    """Read which files a run was written with, and check that they are there and no others.

    The weights may be missing.

    Files whose names begin with a dot are ignored: file managers leave such.

    Raises:
        Damaged: something is missing or foreign, or cannot be read.
    """
    found = RunFiles(folder, listed(folder))
    for fault in missing_or_foreign(found):
        raise fault
    return found


def listed(folder: Path) -> dict[str, str]:
    """Return the digests that the files of a folder were written with, by their names.

    Raises:
        Damaged: they cannot be read.
    """
    path = folder / CHECKSUMS
    try:
        lines = files.read_bytes(path).decode().split("\n")
    except NotADirectoryError:
        raise Damaged(folder, "is no folder") from None
    except (OSError, ValueError) as error:
        raise Damaged(path, _unreadable(error)) from error
    found = [_LINE.fullmatch(line) for line in lines[:-1]]
    digests = {line["name"]: line["digest"] for line in found if line is not None}
    if lines[-1] or not digests or len(digests) != len(found):
        raise Damaged(path, "is damaged: it is no list of checksums, a line a file")
    return digests


def missing_or_foreign(run: RunFiles) -> Iterator[Damaged]:
    """Yield what is missing in the folder, and what is in it and was not written with it.

    The weights may be missing.
    """
    try:
        # Many runs are looked at: a Path each would take several times as long.
        there = {name for name in os.listdir(run.folder) if not name.startswith(".")}  # noqa: PTH208
    except OSError as error:
        yield Damaged(run.folder, _unreadable(error))
        return
    for name in sorted(run.digests.keys() - there):
        if not is_weights(name):
            yield Damaged(run.folder / name, "is missing")
    for name in sorted(there - run.digests.keys() - {CHECKSUMS}):
        yield Damaged(run.folder / name, f"is not in {CHECKSUMS}")


def size(folder: Path) -> int:
    """Return how many bytes the files of a folder have.

    Raises:
        Damaged: it cannot be read.
    """
    try:
        with os.scandir(folder) as entries:
            return sum(each.stat(follow_symlinks=False).st_size for each in entries)
    except OSError as error:
        raise Damaged(folder, _unreadable(error)) from error


def read(run: RunFiles, name: str) -> bytes:
    """Return what a file holds, which is what was written.

    Raises:
        Damaged: it is not, or it cannot be read.
    """
    path = run.folder / name
    try:
        content = files.read_bytes(path)
    except OSError as error:
        raise Damaged(path, _unreadable(error)) from error
    _compare(run, name, hashlib.sha256(content).hexdigest())
    return content


def verify(run: RunFiles, name: str) -> Path:
    """Return the path of a file that holds what was written.

    It may be large, and is not kept in memory.

    Raises:
        Damaged: it does not hold that, or it cannot be read.
    """
    path = run.folder / name
    try:
        digest = files.sha256(path)
    except OSError as error:
        raise Damaged(path, _unreadable(error)) from error
    _compare(run, name, digest)
    return path


def _compare(run: RunFiles, name: str, digest: str) -> None:
    if name not in run.digests:
        raise Damaged(run.folder / name, f"is not in {CHECKSUMS}")
    if digest != run.digests[name]:
        raise Damaged(run.folder / name, f"is damaged: its SHA-256 is not the one in {CHECKSUMS}")


def _unreadable(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "is missing"
    return f"cannot be read: {getattr(error, 'strerror', None) or error}"
