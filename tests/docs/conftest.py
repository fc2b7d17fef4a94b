"""The documentation, taken apart, and a reader's folder in which what it says is tried."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
PAGES = sorted(
    [README, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").glob("*.md")]
)

_COMMENT = re.compile(r"<!-- (?P<word>[a-z ]+?)(?: (?P<number>\d+))?: (?P<why>.+) -->")


@dataclass(frozen=True)
class Block:
    """A block of code on a page, and what the comment right before it says of it.

    `unlike` is "not run", "not validated" or "exit code", with its `code`, and empty without one.
    """

    path: Path
    line: int
    language: str
    text: str
    unlike: str = ""
    code: int = 0

    def __str__(self) -> str:
        return f"{self.path.relative_to(ROOT).as_posix()}:{self.line}"


def tokens(path: Path) -> list[Token]:
    """Parse a page."""
    return MarkdownIt("commonmark").enable("table").parse(path.read_text(encoding="utf-8"))


def blocks(*languages: str) -> list[Block]:
    """Return the blocks of code in some languages on all pages."""
    return [each for path in PAGES for each in _blocks(path) if each.language in languages]


def _blocks(path: Path) -> Iterator[Block]:
    before: Token | None = None
    for token in tokens(path):
        if token.type == "fence":
            comment = before.content.strip() if before and before.type == "html_block" else ""
            found = _COMMENT.fullmatch(comment)
            unlike, code = (found["word"], int(found["number"] or 0)) if found else ("", 0)
            assert token.map is not None
            yield Block(path, token.map[0] + 1, token.info, token.content, unlike, code)
        before = token


def first_specification() -> str:
    """Return the text of the specification that README begins with."""
    return next(each.text for each in blocks("json") if each.path == README)


@dataclass(frozen=True)
class Reader:
    """A folder with all that ships, in which a reader has run the first specification."""

    folder: Path
    printed: str

    @property
    def specification(self) -> Path:
        """Return where the first specification lies."""
        return self.folder / "specs" / "mine.json"


@pytest.fixture(scope="session")
def reader(_prepared_data: None, tmp_path_factory: pytest.TempPathFactory) -> Reader:
    """Run README's first specification, in a folder like that of a checkout."""
    folder = tmp_path_factory.mktemp("reader")
    for name in ("specs", "reports"):
        shutil.copytree(ROOT / name, folder / name)
    (folder / "specs" / "mine.json").write_text(first_specification(), encoding="utf-8")
    command = [sys.executable, "-m", "harness", "run", "specs/mine.json"]
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    shutil.copytree(folder / "reports", folder / "old_reports")
    return Reader(folder, ran.stdout)
