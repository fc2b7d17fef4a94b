from collections.abc import Callable
from pathlib import Path

import pytest

from harness.experiment import Json
from harness.spec.load import load
from harness.spec.problems import SpecError
from tests.support import specifications

Write = Callable[..., Path]
Faults = Callable[..., list[str]]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a specification of a few lines: `runs` and whatever else is given."""

    def make(file: str = "a.json", **members: Json) -> Path:
        return specifications.write(tmp_path / file, specifications.small(**members))

    return make


@pytest.fixture
def faults() -> Faults:
    """Load files that are wrong; returns `pointer message` of every problem."""

    def of(*paths: Path, assignments: tuple[Json, ...] = ()) -> list[str]:
        with pytest.raises(SpecError) as caught:
            load(paths, assignments)
        return [f"{problem.pointer} {problem.message}" for problem in caught.value.problems]

    return of
