"""Same specification, same seed, same environment: the same bits, whatever else goes on."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import tensorflow as tf

if TYPE_CHECKING:
    from tests.support.person import Person

IMAGES = {
    "dataset": {"train_examples": 60, "test_examples": 50},
    "model": {"name": "convnet", "hidden": None, "width": 2},
    "regularizers": ["augmentation", "momentum", "l2", "dropout"],
    "strengths": {"augmentation": [{"name": "random_crop", "padding": 1}]},
    "training": {"epochs": 4},
}
RUNS = {"images": IMAGES, "child": {**IMAGES, "initialize_from": "images"}, "plain": {}}


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory, person_in: Callable[[Path], Person]) -> Person:
    """One who makes these runs and nothing else."""
    person = person_in(tmp_path_factory.mktemp("alone"))
    assert person.run(person.spec(runs=RUNS)).exit_code == 0
    return person


@pytest.mark.usefixtures("own_programs")
def test_other_specifications_beside_it_change_nothing(person: Person, alone: Person) -> None:
    spec = person.spec(runs=RUNS)
    others = person.spec(
        name="other", runs={"wide": {"model": {"hidden": [32]}}, "images": IMAGES}, seeds=[3, 0]
    )
    assert person.run(others, spec).exit_code == 0
    for key in person.plan(spec).runs:
        assert person.same(alone, key)


@pytest.mark.usefixtures("own_programs")
@pytest.mark.parametrize("threads", [1, 7])
def test_the_number_of_threads_that_make_batches_changes_nothing(
    person: Person, alone: Person, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = person.spec(runs=RUNS)
    with monkeypatch.context() as patch:
        patch.setattr(tf.data, "AUTOTUNE", threads)
        assert person.run(spec).exit_code == 0
    for key in person.plan(spec).runs:
        assert person.same(alone, key)


def test_what_a_run_waives_is_recorded_and_makes_another_run(person: Person) -> None:
    spec = person.spec(runs={"strict": {}, "loose": {"training": {"deterministic": False}}})
    keys = person.keys(spec)
    strict, loose = keys["strict"], keys["loose"]
    assert strict == person.keys(person.spec(name="plain"))["random"] != loose

    def recorded(key: str) -> str:
        found: str = json.loads((person.store.folder(key) / "environment.json").read_text())[
            "environment"
        ]["deterministic"]
        return found

    assert person.run(spec, "--only", "loose", "--allow", "blocked").exit_code == 0
    assert recorded(loose) == "no"
    person.store.remove(loose)
    assert person.run(spec).exit_code == 0  # beside a strict one it is strict
    assert (recorded(strict), recorded(loose)) == ("yes", "yes")
    report = (person.folder / "reports" / "tiny.md").read_text()
    assert "gives the same bits on the same kind of processor" in report
    assert "operations were allowed that sum in another order" not in report
