"""Modules of a person's own, in a folder like that of a specification."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

Write = Callable[..., Path]
"""Writes modules, by their names, into the folder, and returns it."""


@pytest.fixture
def modules(tmp_path: Path) -> Write:
    def write(**sources: str) -> Path:
        for name, source in sources.items():
            path = tmp_path.joinpath(*name.split("__")).with_suffix(".py")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(source)
        return tmp_path

    return write
