"""Reports at a git revision, read from the repository without checking anything out."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

from harness.compare.records import ReadError

REPORTS = "./reports"
"""Where the reports are looked for at a revision that comes without a path: as git names them from this folder."""

_SECONDS = 20
_SHORT = 10


@dataclass(frozen=True)
class Found:
    """A folder or a file at a revision: its object's name, its path, and what a person is shown."""

    object: str
    path: str
    described: str
    single: bool


def find(word: str) -> Found | None:
    """Return what REVISION or REVISION:PATH names in the repository of this folder, or None where there is none.

    Raises:
        ReadError: there is such a revision, but nothing at the path; or git is too slow.
    """
    name, colon, path = word.partition(":")
    commit = _resolved(f"{name}^{{commit}}") if name else None
    if commit is None:
        return None
    place = path if colon else REPORTS
    called = f"{name}:{place.removeprefix('./').rstrip('/')}"
    found = _resolved(f"{commit}:{place}")
    if found is None:
        raise ReadError(f"{called}: there is no such file or folder at this revision; name one as {name}:PATH")
    return Found(found, called, f"{called} ({commit[:_SHORT]})", _git("cat-file", "-t", found) == b"blob\n")


def _resolved(name: str) -> str | None:
    found = _git("rev-parse", "--verify", "--quiet", "--end-of-options", name)
    return found.decode().strip() if found else None


def read(found: Found) -> Iterator[tuple[str, bytes]]:
    """Yield the path and the content of the file, or of every `*.json` directly in the folder.

    Raises:
        ReadError: git cannot read them.
    """
    if found.single:
        yield found.path, _content(found.object)
        return
    listed = _git("ls-tree", "--full-tree", "-z", found.object)
    for entry in (listed or b"").split(b"\0"):
        described, _, name = entry.partition(b"\t")
        mode, kind, object_ = [*described.split(), b"", b""][:3] if entry else (b"", b"", b"")
        if kind == b"blob" and mode != b"120000" and name.endswith(b".json"):
            yield f"{found.path}/{os.fsdecode(name)}", _content(object_.decode())


def _content(name: str) -> bytes:
    content = _git("cat-file", "blob", name)
    if content is None:
        raise ReadError(f"git cannot read {name}")
    return content


def _git(*arguments: str) -> bytes | None:
    """Run git, which asks nobody anything and locks nothing; None where it fails or is not there."""
    quiet = {"GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "GIT_NO_LAZY_FETCH": "1"}
    try:
        done = subprocess.run(
            ["git", *arguments],
            capture_output=True,
            check=False,
            env=os.environ | quiet,
            stdin=subprocess.DEVNULL,
            timeout=_SECONDS,
        )
    except (FileNotFoundError, PermissionError, ValueError):  # ValueError: an argument holds a null character
        return None
    except subprocess.TimeoutExpired as error:
        raise ReadError(f"git {arguments[0]} took more than {_SECONDS} seconds") from error
    return done.stdout if done.returncode == 0 else None
