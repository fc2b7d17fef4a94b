"""Read reports at a git revision from the repository, without checking anything out."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

from harness.compare.records import ReadError

REPORTS = "./reports"
"""Where the reports lie at a revision that is named without a path, as git names it from this
folder.
"""

_SECONDS = 20
_SHORT = 10

Done = subprocess.CompletedProcess[bytes]


class NotARevision(Exception):
    """A word names no revision; the message says why, where there is more to say than that."""


@dataclass(frozen=True)
class GitObject:
    """A folder or a file at a revision: its object's name, its path, and what a person is shown."""

    object: str
    path: str
    label: str
    single: bool


def find(word: str) -> GitObject:
    """Return what REVISION or REVISION:PATH names in the repository of this folder.

    Raises:
        NotARevision: there is no such revision, or no repository that git would read; the message
            says why.
        ReadError: there is such a revision, but nothing at the path; or git is too slow.
    """
    name, colon, path = word.partition(":")
    commit = _resolve(f"{name}^{{commit}}") if name else None
    if commit is None:
        raise NotARevision(_why_no_revision())
    place = path if colon else REPORTS
    called = f"{name}:{place.removeprefix('./').rstrip('/')}"
    found = _resolve(f"{commit}:{place}")
    if found is None:
        raise ReadError(
            f"{called}: there is no such file or folder at this revision; name one as {name}:PATH"
        )
    kind = _output(_git("cat-file", "-t", found), f"{called} cannot be read")
    return GitObject(found, called, f"{called} ({commit[:_SHORT]})", kind == b"blob\n")


def _resolve(name: str) -> str | None:
    found = _git("rev-parse", "--verify", "--quiet", "--end-of-options", name)
    return found.stdout.decode().strip() if found.returncode == 0 else None


def _why_no_revision() -> str:
    """Say why git finds no revision, in its own words where it cannot read a repository here."""
    asked = _git("rev-parse", "--is-shallow-repository")
    if asked.returncode != 0:
        return f"git says: {_reason(asked)}"
    if _git("rev-list", "--all", "--max-count=1").stdout == b"":
        return "this repository has no commits yet"
    if asked.stdout.strip() == b"true":
        return (
            "this is a shallow clone, which has the newest commits alone; git fetch --unshallow"
            " brings the others"
        )
    return ""


def read(found: GitObject) -> Iterator[tuple[str, bytes]]:
    """Yield the path and the content of the file, or of every `*.json` directly in the folder.

    Raises:
        ReadError: git cannot read them; the message has its own reason.
    """
    if found.single:
        yield found.path, _read_object(found.object, found.path)
        return
    listed = _output(
        _git("ls-tree", "--full-tree", "-z", found.object), f"{found.path} cannot be read"
    )
    for entry in listed.split(b"\0"):
        described, _, name = entry.partition(b"\t")
        mode, kind, object_ = [*described.split(), b"", b""][:3] if entry else (b"", b"", b"")
        if kind == b"blob" and mode != b"120000" and name.endswith(b".json"):
            path = f"{found.path}/{os.fsdecode(name)}"
            yield path, _read_object(object_.decode(), path)


def _read_object(name: str, path: str) -> bytes:
    return _output(_git("cat-file", "blob", name), f"{path} cannot be read")


def _output(done: Done, trouble: str) -> bytes:
    """Return what git printed.

    Raises:
        ReadError: it failed; the message has its own reason.
    """
    if done.returncode != 0:
        raise ReadError(f"{trouble}; git says: {_reason(done)}")
    return done.stdout


def _reason(done: Done) -> str:
    """Return what git said of its failure, on one line."""
    lines = [
        line.strip() for line in done.stderr.decode(errors="replace").splitlines() if line.strip()
    ]
    said = "; ".join(lines).replace(":; ", ": ")
    return said or f"nothing, and ended with code {done.returncode}"


def _git(*arguments: str) -> Done:
    """Run git so that it asks nobody anything and locks nothing.

    Raises:
        NotARevision: it is not there, or cannot be run.
        ReadError: it is too slow.
    """
    quiet = {"GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "GIT_NO_LAZY_FETCH": "1"}
    try:
        return subprocess.run(
            ["git", *arguments],
            capture_output=True,
            check=False,
            env=os.environ | quiet,
            stdin=subprocess.DEVNULL,
            timeout=_SECONDS,
        )
    except FileNotFoundError as error:
        raise NotARevision("git is not installed, or not on the PATH") from error
    except OSError as error:
        raise NotARevision(f"git cannot be run: {error.strerror}") from error
    except ValueError as error:  # an argument holds a null character
        raise NotARevision from error
    except subprocess.TimeoutExpired as error:
        raise ReadError(f"git {arguments[0]} took more than {_SECONDS} seconds") from error
