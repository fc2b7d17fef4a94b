"""Weights that are kept after single epochs: those of a shorter run, and no result changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from harness.plan import make_plan
from harness.runner import local
from harness.spec.load import load
from harness.store.state import state_of
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
