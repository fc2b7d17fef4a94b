"""Weights that are kept after single epochs: those of a shorter run, and no result changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import h5py
import numpy as np
import pytest

from harness.plan import make_plan
from harness.run_result import Status
from harness.runner import local
from harness.spec.load import load
from harness.store.state import state_of
from harness.store.store import Store
from tests.runner.test_local import CONVNET, PERCEPTRON, execute
from tests.support.person import Person


def arrays(path: Path) -> list[np.ndarray[Any, Any]]:
    """Read the arrays of a file of weights, in the file's order."""
    found: list[np.ndarray[Any, Any]] = []
    with h5py.File(path) as file:
        file.visititems(
            lambda _, item: found.append(item[()]) if isinstance(item, h5py.Dataset) else None
        )
    return found


def asked(changes: dict[str, Any], *epochs: int) -> dict[str, Any]:
    """Return a change of the specification whose run keeps the weights of some epochs."""
    return {**changes, "runs": {"random": {"keep_weights": list(epochs)}}}


@pytest.mark.parametrize(
    ("changes", "kept"), [(PERCEPTRON, 9), (CONVNET, 2)], ids=["perceptron", "convnet"]
)
def test_they_are_those_of_a_run_that_ends_there(
    person: Person, another: Person, changes: dict[str, Any], kept: int
) -> None:
    spec = person.spec(**asked(changes, kept, kept + 1))
    execute(person, spec)
    key = person.keys(spec)["random"]
    execute(another, another.spec(**changes))
    assert person.same(another, key)  # the same key, and the same bits

    ending = {"defaults": {**changes["defaults"], "training": {"epochs": kept}}}
    short = another.spec(**ending, name="short")
    execute(another, short)
    file = person.store.folder(key) / f"epoch-{kept:06d}.weights.h5"
    ends = another.store.folder(another.keys(short)["random"]) / "final.weights.h5"
    for ours, theirs in zip(arrays(file), arrays(ends), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert person.store.damage(key) == []
    assert person.store.result(key, "random", 0).kept_weights == (kept, kept + 1)


def test_an_interrupted_run_keeps_them_all(person: Person) -> None:
    spec = person.spec(**asked(PERCEPTRON, 3, 40))
    with pytest.raises(local.Interrupted):
        execute(person, spec, stop=lambda heard: 7 in heard.epochs)
    key = person.keys(spec)["random"]
    reached = person.store.progress(key)
    assert reached is not None
    assert 7 <= reached < 60
    execute(person, spec)
    assert person.store.result(key, "random", 0).kept_weights == (3, 40)


def test_what_was_begun_without_them_is_begun_again(person: Person) -> None:
    plain = person.spec(**PERCEPTRON)
    with pytest.raises(local.Interrupted):
        execute(person, plain, stop=lambda heard: 7 in heard.epochs)
    asking = person.spec(**asked(PERCEPTRON, 3))
    assert execute(person, asking).epochs[0] == 0
    key = person.keys(asking)["random"]
    assert person.store.result(key, "random", 0).kept_weights == (3,)


def test_a_finished_run_without_them_is_made_again(person: Person) -> None:
    execute(person, person.spec())
    spec = person.spec(runs={"random": {"keep_weights": [2, 4]}})
    plan, key = person.plan(spec), person.keys(spec)["random"]
    found = state_of(plan, key, "random", 0, person.store)
    assert found.again == "the weights after epoch 2 and 1 more were not kept"
    assert found.stale == ""
    before = person.weights(key)
    assert person.run(spec).exit_code == 0
    assert all(
        np.array_equal(ours, theirs)
        for ours, theirs in zip(person.weights(key), before, strict=True)
    )
    assert state_of(plan, key, "random", 0, person.store).again == ""


def test_epochs_that_were_never_reached_are_not_missed(person: Person) -> None:
    stopping = {"training": {"stop_when": {"train_accuracy": 0.01}}, "keep_weights": [1, 5]}
    spec = person.spec(runs={"random": stopping})
    execute(person, spec)
    plan, key = person.plan(spec), person.keys(spec)["random"]
    found = state_of(plan, key, "random", 0, person.store)
    assert (found.kept_weights, found.again) == ((1,), "")


def test_places_of_one_run_keep_what_any_of_them_wants(person: Person) -> None:
    spec = person.spec(runs={"a": {"keep_weights": [1]}, "b": {"keep_weights": {"every": 2}}})
    plan = make_plan(load([Path(spec)]), person.folder, gpus=0)
    (run,) = plan.runs.values()
    assert run.keep_weights == (1, 2, 4)


@pytest.mark.parametrize(
    ("changes", "an_epoch"), [(PERCEPTRON, 5), (CONVNET, 2)], ids=["perceptron", "convnet"]
)
def test_of_a_budget_in_steps_the_cut_epoch_is_kept_too(
    person: Person, another: Person, changes: dict[str, Any], an_epoch: int
) -> None:
    """Of the second epoch one step is made; after it there is what the run ends with."""
    training = {"epochs": None, "steps": an_epoch + 1}
    defaults = {**changes["defaults"], "training": training}
    spec = person.spec(defaults=defaults, runs={"random": {"keep_weights": [1, 2]}})
    execute(person, spec)
    key = person.keys(spec)["random"]
    assert person.store.result(key, "random", 0).kept_weights == (1, 2)
    folder = person.store.folder(key)
    short = another.spec(defaults={**defaults, "training": {**training, "steps": an_epoch}})
    execute(another, short)
    ends = another.store.folder(another.keys(short)["random"]) / "final.weights.h5"
    for name, theirs in (("1", ends), ("2", folder / "final.weights.h5")):
        ours = arrays(folder / f"epoch-{name:0>6}.weights.h5")
        for one, other in zip(ours, arrays(theirs), strict=True):
            np.testing.assert_array_equal(one, other)


class TestStart:
    """`initialize_from` with an epoch"""

    RUNS: ClassVar[Any] = {
        "parent": {"training": {"epochs": 4}, "keep_weights": [2]},
        "child": {
            "initialize_from": {"run": "parent", "after_epoch": 2},
            "training": {"epochs": 1, "batch_size": 10},
        },
    }

    def test_a_run_from_an_epoch_is_the_one_from_a_run_that_ends_there(
        self, person: Person
    ) -> None:
        spec = person.spec(runs=self.RUNS)
        short = {
            "parent": {"training": {"epochs": 2}},
            "child": {**self.RUNS["child"], "initialize_from": "parent"},
        }
        ends = person.spec(name="short", runs=short)
        assert person.run(spec, ends).exit_code == 0
        ours, theirs = (person.weights(person.keys(each)["child"]) for each in (spec, ends))
        for one, other in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(one, other)
        parent = person.weights(person.keys(spec)["parent"])
        assert not all(map(np.array_equal, parent, person.weights(person.keys(ends)["parent"])))
        # The parent's weights are those that it started from, so that nothing is stale.
        plan = person.plan(spec)
        for run, key in person.keys(spec).items():
            found = state_of(plan, key, run, 0, person.store)
            assert (found.stale, found.again) == ("", "")

    def test_only_the_weights_that_it_lacks_make_its_parent_again(self, person: Person) -> None:
        spec = person.spec(runs=self.RUNS)
        plan, keys = person.plan(spec), person.keys(spec)
        person.run(spec, "--only", "parent")
        assert not person.store.done(keys["child"])
        folder = person.store.folder(keys["parent"])

        def again() -> str:
            return state_of(plan, keys["parent"], "parent", 0, Store(person.store.root)).again

        (folder / "final.weights.h5").unlink()
        assert again() == ""
        (folder / "epoch-000002.weights.h5").unlink()
        assert again() == "its weights are not kept, and child starts from them"
        assert person.run(spec).exit_code == 0
        assert person.store.done(keys["child"])

    def test_it_is_blocked_where_its_parent_ended_before(self, person: Person) -> None:
        stopping = {"epochs": 4, "stop_when": {"train_accuracy": 0.01}}
        runs = {**self.RUNS, "parent": {"training": stopping, "keep_weights": [2]}}
        spec = person.spec(runs=runs)
        assert person.run(spec).exit_code == 4
        plan, keys = person.plan(spec), person.keys(spec)
        found = state_of(plan, keys["child"], "child", 0, person.store)
        assert found.status is Status.BLOCKED
        assert found.reason == "it starts from parent after epoch 2, which ended after epoch 1"
        assert state_of(plan, keys["parent"], "parent", 0, person.store).again == ""
