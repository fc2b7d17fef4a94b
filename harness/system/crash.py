"""What nobody foresaw: its traceback goes to a file, and one sentence to the person."""

from __future__ import annotations

import importlib.util
import os
import shlex
import sys
import tempfile
import traceback
from datetime import UTC, datetime
from pathlib import Path

from harness.errors import InternalError
from harness.system import files, machine

_PACKAGES = ("keras", "tensorflow", "tensorflow_datasets", "jax", "ray", "numpy", "click")

FOLDER = "crashes"
"""Where the files lie in a store."""


def internal_error(error: Exception, store: Path | None, what: str = "") -> InternalError:
    """Write down what nobody foresaw, and return the error that tells a person of it.

    Args:
        error: What was raised.
        store: The folder of the store, where there is one; else, and where that cannot be written,
            the file goes to a new temporary folder.
        what: What could not be done for it, with nothing before or after it.
    """
    reason = " ".join(f"{type(error).__name__}: {error}".split())
    told = f"{what}: {reason}" if what else reason
    return InternalError(f"{told}; {_where(_text(error), store)}")


def _where(text: str, store: Path | None) -> str:
    """Write a file, and return a sentence that names it, or says why there is none."""
    name = f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}-{os.getpid()}.txt"
    why = ""
    for folder in (store, None) if store is not None and store.is_dir() else (None,):
        try:
            path = _folder(folder) / name
            _write(path, text)
        except OSError as error:
            why = error.strerror or str(error)
        else:
            return (
                "this is a fault of the harness: its traceback, the versions and the command line"
                f" are in {path}"
            )
    return f"this is a fault of the harness, and its traceback cannot be written: {why}"


def _folder(store: Path | None) -> Path:
    """Make the folder of a store for such files, or a new temporary one that is this user's alone.

    Raises:
        OSError: it cannot be made.
    """
    if store is None:
        return Path(tempfile.mkdtemp(prefix="harness-crash-"))
    folder = store / FOLDER
    folder.mkdir(exist_ok=True)
    return folder


def _write(path: Path, text: str) -> None:
    def write(temporary: Path) -> None:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")

    files.replace(path, write)


def _text(error: Exception) -> str:
    """Return the command line, the versions and the traceback."""
    versions = {"python": sys.version.split()[0], "harness": machine.known(machine.revision)}
    for package in _PACKAGES:
        if importlib.util.find_spec(package) is not None:
            versions[package] = machine.installed(package)
    lines = [
        f"{'command':19} {shlex.join(sys.orig_argv)}",
        f"{'folder':19} {machine.known(lambda: str(Path.cwd()))}",
        *(f"{name:19} {version}" for name, version in versions.items()),
        "",
        *traceback.format_exception(error),
    ]
    return "\n".join(lines)
