"""What the tests of reports share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from harness.experiment import Experiment, Json
from harness.report import result_json
from harness.spec.load import load_file
from tests.support import specifications
from tests.support.reported import HOSTILE, experiment, results

__all__ = ["experiment", "results"]


@pytest.fixture(scope="session")
def when() -> datetime:
    return datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


@pytest.fixture
def hostile() -> str:
    """Text that tries to be a table, HTML, a heading, code, a link."""
    return HOSTILE


@pytest.fixture(scope="session", autouse=True)
def _one_version() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(result_json, "harness_version", lambda: "1.2.3")
        yield


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., Experiment]:
    """Load a specification of a few lines, of two seeds: `runs` and whatever else is given."""

    def make(**members: Json) -> Experiment:
        document = specifications.small(**{"seeds": [0, 1], **members})
        return load_file(specifications.write(tmp_path / "specs" / "a.json", document))

    return make
