"""A fault is told at the part of a specification that brings it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.experiment import Json
from harness.spec.load import load_file

Write = Callable[..., Path]
Faults = Callable[..., list[str]]

HIDDEN = "unknown property 'hidden' (allowed: name, width)"
DEFAULTS: Json = {
    "dataset": {"name": "digits"},
    "model": {"name": "perceptron", "hidden": [8]},
    "training": {"epochs": 2},
}


@pytest.mark.parametrize(
    ("run", "found"),
    [
        pytest.param(
            {"matrix": {"model.name": ["perceptron", "convnet"]}},
            "/runs/one/matrix/model.name/1 does not go with model.hidden, which the defaults set: "
            + HIDDEN,
            id="a value on an axis",
        ),
        pytest.param(
            {
                "model": {"hidden": [4]},
                "matrix": {"net": {"a": {}, "b": {"model": {"name": "convnet"}}}},
            },
            "/runs/one/matrix/net/b/model does not go with model.hidden, which the run sets:"
            f" {HIDDEN}",
            id="a labelled change",
        ),
        pytest.param(
            {"model": {"name": "convnet"}},
            "/runs/one/model does not go with model.hidden, which the defaults set: " + HIDDEN,
            id="the run",
        ),
        pytest.param(
            {"training": {"epochs": 0}, "matrix": {"model.bias": [True, False]}},
            "/runs/one/training/epochs expected at least 1, found 0",
            id="the run, in every cell",
        ),
        pytest.param(
            {
                "training": {"measure_every": 1},
                "matrix": {"training.epochs": [3, 2000000], "model.bias": [True]},
            },
            "/runs/one/matrix/training.epochs/1 does not go with training.measure_every, which the"
            " run sets: 2,000,000 epochs are measured 2,000,000 times, 1,000,000 is the most",
            id="a value that another one does not go with",
        ),
        pytest.param(
            {"matrix": {"dataset.name": ["digits", "blobs"], "net": {"a": {"model": None}}}},
            "/runs/one/matrix/net/a 'model' is missing",
            id="what an axis takes away",
        ),
    ],
)
def test_a_fault_is_at_the_part_that_brings_it(
    write: Write, faults: Faults, run: Json, found: str
) -> None:
    assert faults(write(defaults=DEFAULTS, runs={"one": run})) == [found]


def test_weights_that_do_not_fit_are_told_at_the_axis(write: Write, faults: Faults) -> None:
    sizes = {"small": {"model": {"hidden": [4]}}, "same": {}}
    runs = {"one": {}, "two": {"initialize_from": "one", "matrix": {"size": sizes}}}
    (found,) = faults(write(defaults=DEFAULTS, runs=runs))
    assert found.startswith("/runs/two/matrix/size/small one has another network")


def test_a_fault_on_an_axis_hides_no_other_and_brings_no_other(
    write: Write, faults: Faults
) -> None:
    axes = {"regularizers": [[], ["momentun"]], "odd": {"a": {}, "b": {"trainig": {}}}}
    metric = "one[momentum,a].test_accuracy - one[*].test_accuracy"
    expectation = {"id": "e", "metric": metric, "at_least": 0, "basis": "hypothesis", "source": "s"}
    runs = {"one": {"matrix": axes}, "two": {"initialize_from": "one[momentum,a]"}}
    found = faults(write(defaults=DEFAULTS, runs=runs, expectations=[expectation]))
    assert [fault.split(" (")[0] for fault in found] == [
        "/runs/one/matrix/regularizers/1/0 unknown value 'momentun'; did you mean 'momentum'?",
        "/runs/one/matrix/odd/b/trainig unknown property 'trainig'; did you mean 'training'?",
    ]
    faulty = {**runs, "one": {"matrix": axes, "training": {"epochs": 0}}}
    assert [
        fault.split(" ")[0]
        for fault in faults(write(defaults=DEFAULTS, runs=faulty, expectations=[expectation]))
    ] == ["/runs/one/matrix/odd/b/trainig", "/runs/one/training/epochs"]


@pytest.mark.parametrize(
    ("section", "value"),
    [
        ("dataset", {"name": "mnits", "path": "x"}),
        ("model", {"name": "transformer", "heads": 3}),
        ("initialization", {"name": "xavier", "gain": 2}),
        ("training", {"optimizer": {"name": "adan", "learning_rate": 0.1, "beta_1": 0.9}}),
        ("training", {"schedule": {"name": "cosinus", "factor": 2}}),
        ("strengths", {"augmentation": [{"name": "flip", "padding": 2}]}),
        ("dataset", {"randomize": [{"name": "confusio", "replicas": 2}]}),
        ("model", {"name": 3, "heads": 3}),
    ],
)
@pytest.mark.parametrize("where", ["defaults", "run", "label"])
def test_an_unknown_name_is_one_fault(
    write: Write, faults: Faults, where: str, section: str, value: Json
) -> None:
    change = {section: value}
    first = {"dataset": {"name": "digits"}, "model": {"name": "perceptron"}}
    runs: Json = {"run": change, "label": {"matrix": {"axis": {"a": {}, "b": change}}}}
    defaults = {**first, "training": {"optimizer": {"name": "sgd", "nesterov": True}}}
    if where == "defaults":
        defaults |= change
    (found,) = faults(write(defaults=defaults, runs={"one": runs.get(where, {})}))
    assert "/name " in found


def test_a_specification_without_faults_is_loaded(write: Write) -> None:
    assert len(load_file(write(defaults=DEFAULTS)).runs) == 1


@pytest.mark.parametrize("defaults", ["", 3, []])
def test_defaults_that_are_no_object_are_one_fault(
    write: Write, faults: Faults, defaults: Json
) -> None:
    (found,) = faults(write(defaults=defaults, runs={"one": {}}))
    assert found.startswith("/defaults expected an object, found")
