"""Files: only regular ones are read, and a file is replaced whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import shutil
import socket
import stat
from collections.abc import Callable
from io import BufferedReader
from pathlib import Path

Writer = Callable[[Path], None]
"""Writes a file at a path."""

_TEMPORARY = re.compile(r"\..+\.(?P<host>[^.]+)\.(?P<pid>\d+)\.tmp")


class NotRegular(OSError):
    """What a path names is a folder, a pipe, a device or a socket: reading it may never end."""

    def __init__(self, path: Path) -> None:
        super().__init__(errno.EINVAL, "it is no regular file", str(path))


class TooLarge(OSError):
    """A file is larger than what it is said to hold can be."""

    def __init__(self, path: Path, most: int) -> None:
        super().__init__(errno.EFBIG, f"it is larger than {most:,} bytes", str(path))


def read_bytes(path: Path, most: int | None = None) -> bytes:
    """Read a regular file, or the one that a link leads to, of at most so many bytes.

    Raises:
        NotRegular: it is something else, of which not a byte is read.
        TooLarge: it has more bytes.
        OSError: it cannot be read.
    """
    with open_regular(path) as file:
        content = file.read() if most is None else file.read(most + 1)
    if most is not None and len(content) > most:
        raise TooLarge(path, most)
    return content


def open_regular(path: Path) -> BufferedReader:
    """Open a regular file, or the one that a link leads to, for reading.

    Raises:
        NotRegular: it is something else, of which not a byte is read.
        OSError: it cannot be read.
    """
    # Without waiting: to open a pipe that nobody writes to would take for ever.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise NotRegular(path)
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def sha256(path: Path) -> str:
    """Return the SHA-256 of a regular file in hex; it may be large, and is not kept in memory.

    Raises:
        NotRegular: it is something else.
        OSError: it cannot be read.
    """
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def replace(path: Path, write: Writer) -> None:
    """Replace a file in one step: a reader finds the old one or the new one, whole.

    It is written under a temporary name in the same folder, down to the disk, and renamed.

    Raises:
        OSError: it cannot be written; what was there is there still, and no temporary file is.
    """
    temporary = temporary_path(path)
    try:
        write(temporary)
        sync(temporary)
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    with contextlib.suppress(OSError):  # some file systems do not sync folders
        sync(path.parent)


def temporary_path(path: Path) -> Path:
    """Return the hidden path in the same folder that this process writes first.

    `sweep` knows it by its name.
    """
    return path.with_name(f".{path.name}.{_host()}.{os.getpid()}.tmp")


def sweep(folder: Path) -> None:
    """Remove the temporary files that dead processes of this machine left in a folder."""
    with contextlib.suppress(OSError):
        for path in list(folder.iterdir()):
            found = _TEMPORARY.fullmatch(path.name)
            if found and found["host"] == _host() and not alive(int(found["pid"])):
                with contextlib.suppress(OSError):
                    remove(path)


def remove(path: Path) -> None:
    """Remove a file, a link (not what it leads to), or a folder with all that is in it.

    Raises:
        OSError: it cannot be removed.
    """
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def alive(process: int) -> bool:
    """Tell whether this machine may have a process of that number."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def sync(path: Path) -> None:
    """Bring a file or folder down to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _host() -> str:
    """Name this machine, and its numbering of processes: a container may have one of its own."""
    with contextlib.suppress(OSError):
        numbers = Path("/proc/self/ns/pid").readlink()
        return re.sub(r"[^\w-]", "_", f"{socket.gethostname()}-{numbers}")
    return re.sub(r"[^\w-]", "_", socket.gethostname()) or "host"
