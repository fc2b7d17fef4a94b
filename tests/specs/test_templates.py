"""The templates for parts of one's own work where a person copies them, and wait for permission."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from harness.cli import main
from harness.experiment import Json
from tests.specs.test_shipped import EXPERIMENTS
from tests.support.own_modules import forgotten

TEMPLATES = Path("specs/templates").resolve()
NAMES = sorted(path.name for path in TEMPLATES.iterdir() if path.is_dir())
SHORT = ("--set", "defaults.training.epochs=10", "--seeds", "0")


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """All templates, in a folder that a person works in."""
    shutil.copytree(TEMPLATES, tmp_path / "mine")
    monkeypatch.chdir(tmp_path)
    with forgotten(tmp_path):
        yield tmp_path / "mine"


def harness(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def planned(*arguments: str) -> list[Json]:
    found: list[Json] = json.loads(harness("plan", "mine", "--json", *arguments).stdout)["runs"]
    return found


def test_there_is_one_for_a_model_for_data_for_a_builder_and_for_a_metric() -> None:
    assert NAMES == ["own_builder", "own_data", "own_metric", "own_model"]
    assert {f"template-{name.replace('_', '-')}" for name in NAMES} <= EXPERIMENTS.keys()


def test_without_permission_what_runs_python_is_blocked(copied: Path) -> None:
    blocked = {
        f"{each['experiment']}.{each['run']}": each["reason"]
        for each in planned()
        if each["status"] == "blocked"
    }
    # A network that only a metric of one's own looks at is trained without permission.
    assert blocked.keys() == {
        "template-own-builder.plain",
        "template-own-data.plain",
        "template-own-data.reversed",
        "template-own-data.louder",
        "template-own-model.own",
    }
    assert all("--allow-python, or allow_python = true below" in why for why in blocked.values())
    assert {each["status"] for each in planned("--allow-python")} == {"missing"}


@pytest.mark.parametrize("name", NAMES)
def test_a_template_runs_and_an_edit_is_told(copied: Path, name: str) -> None:
    done = harness("run", f"mine/{name}", "--allow-python", *SHORT)
    assert done.exit_code in (0, 1, 4), done.output  # so few epochs may not be enough
    assert "error" not in done.output
    again = harness("plan", f"mine/{name}", *SHORT).output
    assert ", 0 to do, 0 blocked" in again
    (module,) = (copied / name).glob("*.py")
    module.write_text(f"{module.read_text()}\nMORE = 1\n")
    edited = harness("plan", f"mine/{name}", "--allow-python", *SHORT).output
    if name == "own_metric":
        assert ", 0 to do, 0 blocked" in edited
        assert "3 numbers of final metrics are not there" in edited
        return
    assert f"because the code of {'model' if name == 'own_model' else 'dataset'}" in edited
