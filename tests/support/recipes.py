"""The recipes of docs/extending.md, followed on a copy of the harness as a person would.

A block of code in a recipe says behind its language what becomes of it:

    ```python file=PATH      a new file
    ```python append=PATH    the end of a file that is there
    ```json add=PATH         a part of a JSON file: objects are merged, lists get more items

A block that says nothing of the kind is for reading only.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt

import harness
from harness.experiment import Json

ROOT = Path(harness.__file__).parents[1]
RECIPES = ROOT / "docs" / "extending.md"

ACTIONS = ("file", "append", "add")


@dataclass(frozen=True)
class Block:
    """A block of code, what becomes of it (one of ACTIONS), and of which file."""

    action: str
    path: str
    text: str


def blocks(section: str) -> Iterator[Block]:
    """Yield the blocks of a section of docs/extending.md, such as "A data set", in their order."""
    heading = None
    tokens = MarkdownIt().parse(RECIPES.read_text(encoding="utf-8"))
    for previous, token in itertools.pairwise(tokens):
        if previous.type == "heading_open" and previous.tag == "h2":
            heading = token.content
        if heading == section and token.type == "fence":
            _, _, told = token.info.partition(" ")
            action, _, path = told.partition("=")
            if action in ACTIONS:
                yield Block(action, path, token.content)


def follow(section: str, root: Path) -> list[str]:
    """Copy the harness to a folder and follow a recipe there.

    Returns:
        The paths, relative to the folder, of the files that the recipe touched.
    """
    shutil.copytree(ROOT / "harness", root / "harness")  # with the bytecode of what stays as it is
    recipe = list(blocks(section))
    assert recipe, f"{RECIPES.name} has no recipe under the heading {section}"
    for block in recipe:
        _apply(block, root / block.path)
    return list(dict.fromkeys(block.path for block in recipe))


def python(root: Path, *arguments: str) -> str:
    """Run Python on the harness of a folder, in that folder, and return its standard output."""
    environment = {**os.environ, "PYTHONPATH": str(root), "COLUMNS": "200"}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _apply(block: Block, path: Path) -> None:
    if block.action == "file":
        assert not path.exists(), f"{block.path} is no new file"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.text, encoding="utf-8")
        return
    text = path.read_text(encoding="utf-8")
    if block.action == "append":
        path.write_text(f"{text}\n\n{block.text}", encoding="utf-8")
    else:
        added = _added(json.loads(text), json.loads(block.text))
        path.write_text(json.dumps(added, indent=2), encoding="utf-8")


def _added(there: Json, new: Json) -> Json:
    if isinstance(there, dict) and isinstance(new, dict):
        return {**there, **{key: _added(there.get(key), each) for key, each in new.items()}}
    if isinstance(there, list) and isinstance(new, list):
        return there + new
    return new
