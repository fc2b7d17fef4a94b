"""A store that keeps what several settings gave."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.compare.difference import compare_sides
from harness.compare.setting_changes import why_keys_differ
from harness.compare.sides import read_side
from harness.experiment import Json
from tests.support import specifications

if TYPE_CHECKING:
    from tests.conftest import Pretend

SPEC: Json = specifications.small(seeds=[0, 1], runs={"one": {"training": {"epochs": 3}}})


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pretend: Pretend) -> Path:
    """Make a store with runs of 3 epochs (accuracy 0.3) and 4 (0.4), the first touched last."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "data"))
    Path("specs").mkdir()
    for epochs in (3, 4):
        keep(pretend, epochs, [epochs / 10] * 2)
    specify(3)
    return Path("store")


def specify(epochs: int, **members: Json) -> Path:
    runs = {"one": {"training": {"epochs": epochs}}}
    path = Path("specs/a.json")
    path.write_text(json.dumps(SPEC | {"runs": runs} | members))
    return path


def keep(pretend: Pretend, epochs: int, accuracies: Sequence[float], **members: Json) -> None:
    numbers: dict[str, Sequence[float | None]] = {"test_accuracy": accuracies}
    before = set(Path("store/runs").glob("*"))
    pretend(specify(epochs, **members), Path("store"), {"one": numbers})
    for folder in set(Path("store/runs").glob("*")) - before:
        os.utime(folder, (epochs, epochs))


def taken() -> dict[int, float | None]:
    found = read_side("store")
    return {
        seed: run.measurements["test_accuracy"]
        for seed, run in found.experiments["a"].runs["one"].items()
    }


@pytest.mark.parametrize("epochs", [3, 4])
def test_what_the_present_specification_plans_is_taken_and_said(store: Path, epochs: int) -> None:
    specify(epochs)
    assert taken() == {0: epochs / 10, 1: epochs / 10}
    assert read_side("store").remarks == (
        "store: a: of several runs of one those are compared that specs/a.json plans",
    )


@pytest.mark.parametrize("text", [None, "{", '{"name": "a"}'])
def test_without_a_specification_that_plans_any_the_newest_is_taken_and_said(
    store: Path, text: str | None
) -> None:
    Path("specs/a.json").unlink() if text is None else Path("specs/a.json").write_text(text)
    assert taken() == {0: 0.4, 1: 0.4}
    assert read_side("store").remarks == (
        "store: a: of several runs of one those with the settings of the newest are compared",
    )


def test_seeds_of_another_setting_do_not_fill_up_those_of_the_one_that_is_taken(
    store: Path, pretend: Pretend
) -> None:
    keep(pretend, 5, [0.5], seeds=[0])
    assert taken() == {0: 0.5}
    Path("specs/a.json").unlink()
    assert taken() == {0: 0.5}


def test_one_run_of_each_name_and_seed_is_taken_whatever_is_planned(
    store: Path, pretend: Pretend
) -> None:
    specify(9)
    assert taken() == {0: 0.4, 1: 0.4}
    for folder in Path("store/runs").glob("*"):
        if "0.4" in (folder / "measurements.json").read_text():
            folder.rename(Path("store/unfinished", folder.name))
    assert taken() == {0: 0.3, 1: 0.3}
    assert read_side("store").remarks == ()


def test_seeds_of_two_settings_are_never_one_run(store: Path, pretend: Pretend) -> None:
    keep(pretend, 6, [0.6], seeds=[2])
    specify(9)
    assert taken() == {2: 0.6}


def test_a_store_of_older_settings_beside_the_present_ones_is_no_change(store: Path) -> None:
    found = compare_sides(read_side("store"), read_side("store"), 0.95, explain=why_keys_differ)
    assert not found.changes
    assert found.remarks == read_side("store").remarks
