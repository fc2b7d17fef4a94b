"""The commands, as a person meets them."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from harness.cli import main
from harness.experiment import Json
from tests.support import specifications

Harness = Callable[..., Result]

SPEC: Json = specifications.small(
    defaults={
        "dataset": {"name": "digits"},
        "model": {"name": "perceptron"},
        "training": {"epochs": 3},
    },
    runs={"one": {}, "m": {"matrix": {"regularizers": [[], ["l2"]]}}},
    expectations=[
        {"id": "e", "metric": "one.distance", "at_least": 0, "basis": "hypothesis", "source": "s"}
    ],
)


@pytest.fixture
def harness(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Harness:
    """Run a command in a folder with the specification `a.json`, without any data."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("HARNESS_ARCHIVES", "")
    monkeypatch.setenv("COLUMNS", "200")
    Path("a.json").write_text(json.dumps(SPEC))
    return lambda *arguments: CliRunner().invoke(main, arguments)
