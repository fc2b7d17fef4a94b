"""What a forge's runner says of itself through its environment, and how it is told something.

The variables are GitHub's; Gitea and Forgejo set them too.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from harness.system.console import visible


def in_actions(environment: Mapping[str, str]) -> bool:
    """Tell whether a step of a workflow runs here: its output is read for annotations."""
    return environment.get("GITHUB_ACTIONS") == "true"


def command(level: str, properties: Mapping[str, str], lines: Iterable[str]) -> str:
    """Return a workflow command: an error, a warning or a notice, shown where its properties say.

    Nothing in its text ends it or begins another.
    """
    listed = ",".join(
        f"{name}={_escaped(visible(value), ':,')}" for name, value in properties.items()
    )
    return f"::{level} {listed}::{_escaped(chr(10).join(map(visible, lines)))}"


def _escaped(text: str, also: str = "") -> str:
    """Escape what would end a command's message, or one of its properties."""
    for character in "%\r\n" + also:
        text = text.replace(character, f"%{ord(character):02X}")
    return text


def repository_path(path: Path, environment: Mapping[str, str]) -> str:
    """Return a file's path from the root of the checkout, or the whole path of another file."""
    whole = Path(os.path.normpath(path.absolute()))
    root = Path(environment.get("GITHUB_WORKSPACE") or Path.cwd())
    return (whole.relative_to(root) if whole.is_relative_to(root) else whole).as_posix()


def commit_address(environment: Mapping[str, str]) -> str | None:
    """Return the web address below which the files of the present commit are shown, or None."""
    names = ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_SHA")
    server, repository, commit = (environment.get(name, "") for name in names)
    return f"{server}/{repository}/blob/{commit}" if server and repository and commit else None
