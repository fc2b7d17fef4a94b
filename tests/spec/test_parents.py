"""Which run starts from which: unknown parents, circles, weights that do not fit."""

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.experiment import (
    Json,
)
from harness.spec.load import load_file

Write = Callable[..., Path]
Faults = Callable[..., list[str]]


MATRIX = {"regularizers": [[], ["l2"]]}


WRONG: list[tuple[Json, str]] = [
    (
        {"runs": {"one": {"initialize_from": "two"}, "tow": {}}},
        "/runs/one/initialize_from unknown run 'two'; did you mean 'tow'? (allowed: one, tow)",
    ),
    (
        {"runs": {"one": {"initialize_from": "m"}, "m": {"matrix": MATRIX}}},
        "/runs/one/initialize_from the run 'm' has cells: name one of m[none], m[l2]",
    ),
    (
        {"runs": {"one": {"initialize_from": "m[*]"}, "m": {"matrix": MATRIX}}},
        (
            "/runs/one/initialize_from 'm[*]' means the cell of the same label, which only a run"
            " with a matrix or a sample has; name one of m[none], m[l2]"
        ),
    ),
    (
        {"runs": {"one": {"initialize_from": "one"}}},
        "/runs/one/initialize_from runs initialize from one another in a circle: one <- one",
    ),
    (
        {"runs": {"one": {"initialize_from": {"run": "two"}}, "tow": {}}},
        "/runs/one/initialize_from/run unknown run 'two'; did you mean 'tow'? (allowed: one, tow)",
    ),
    (
        {
            "runs": {
                "one": {"keep_weights": {"every": 10}, "training": {"epochs": 35}},
                "two": {"initialize_from": {"run": "one", "after_epoch": 35}},
            }
        },
        "/runs/two/initialize_from/after_epoch one does not keep its weights after epoch 35, it "
        "keeps those after 10, 20, 30: its keep_weights says which are kept",
    ),
    (
        {"runs": {"one": {}, "two": {"initialize_from": {"run": "one", "after_epoch": 1}}}},
        "/runs/two/initialize_from/after_epoch one does not keep its weights after epoch 1, it "
        "keeps none but its final ones: its keep_weights says which are kept",
    ),
    (
        {"runs": {"one": {}, "two": {"initialize_from": {"run": "one", "after_epoch": 0}}}},
        "/runs/two/initialize_from/after_epoch expected at least 1, found 0",
    ),
    (
        {"runs": {"one": {}, "two": {"initialize_from": {"run": "one", "after_epohc": 1}}}},
        "/runs/two/initialize_from/after_epohc unknown property 'after_epohc'; did you mean "
        "'after_epoch'? (allowed: weights, run, after_epoch)",
    ),
    (
        {"runs": {"one": {"initialize_from": ""}}},
        "/runs/one/initialize_from unknown run '' (allowed: one)",
    ),
    (
        {"runs": {"one": {}, "two": {"initialize_from": "one", "model": {"hidden": [1]}}}},
        (
            '/runs/two/initialize_from one has another network ({"name": "perceptron", "hidden":'
            ' [512], "bias": true}) than two ({"name": "perceptron", "hidden": [1], "bias": true}):'
            " its weights do not fit"
        ),
    ),
    (
        {"runs": {"one": {"dataset": {"name": "mnist"}}, "two": {"initialize_from": "one"}}},
        (
            "/runs/two/initialize_from one has another input shape (28x28x1) than two (8x8x1): its"
            " weights do not fit"
        ),
    ),
]


@pytest.mark.parametrize(("members", "problem"), WRONG)
def test_a_wrong_specification_says_one_thing(
    write: Write, faults: Faults, members: Json, problem: str
) -> None:
    assert faults(write(**members)) == [problem]


def test_networks_are_compared_by_what_they_are_and_not_by_how_they_are_written(
    write: Write,
) -> None:
    one: Json = {"model": {"name": "perceptron", "hidden": [7]}}
    two: Json = {"model": {"hidden": [7], "name": "perceptron"}, "initialize_from": "one"}
    experiment = load_file(
        write(defaults={"dataset": {"name": "digits"}}, runs={"one": one, "two": two})
    )
    assert experiment.runs["two"].initialize_from == "one"


def test_networks_that_differ_far_down_the_line_differ(write: Write, faults: Faults) -> None:
    one, two = ({"model": {"hidden": [100] * 30 + [last]}} for last in (1, 2))
    (message,) = faults(write(runs={"one": one, "two": two | {"initialize_from": "one"}}))
    assert "one has another network" in message


def test_each_cell_of_a_matrix_may_start_from_an_epoch_of_its_own(
    write: Write, faults: Faults
) -> None:
    def runs(*epochs: int | None) -> Json:
        start = {
            "initialize_from": {"run": "long"},
            "matrix": {"initialize_from.after_epoch": epochs},
        }
        return {"long": {"keep_weights": [5, 10]}, "after": start}

    found = load_file(write(runs=runs(5, 10, None))).runs
    assert {name: (run.initialize_from, run.start_epoch) for name, run in found.items()} == {
        "long": (None, None),
        "after[5]": ("long", 5),
        "after[10]": ("long", 10),
        "after[null]": ("long", None),
    }
    (message,) = faults(write(runs=runs(5, 15)))
    assert message.startswith(
        "/runs/after/matrix/initialize_from.after_epoch/1 long does not keep its"
    )


def test_a_fault_elsewhere_in_a_run_does_not_hide_an_unknown_parent(
    write: Write, faults: Faults
) -> None:
    runs = {"one": {}, "two": {"initialize_from": "three", "training": {"epochs": 0}}}
    assert faults(write(runs=runs)) == [
        "/runs/two/initialize_from unknown run 'three' (allowed: one, two)",
        "/runs/two/training/epochs expected at least 1, found 0",
    ]


def test_a_circle_is_told_to_everyone_in_it_and_to_nobody_else(
    write: Write, faults: Faults
) -> None:
    runs = {
        "a": {"initialize_from": "b"},
        "b": {"initialize_from": "c"},
        "c": {"initialize_from": "a"},
        "d": {"initialize_from": "a"},
    }
    circle = "runs initialize from one another in a circle:"
    assert faults(write(runs=runs)) == [
        f"/runs/a/initialize_from {circle} a <- b <- c <- a",
        f"/runs/b/initialize_from {circle} b <- c <- a <- b",
        f"/runs/c/initialize_from {circle} c <- a <- b <- c",
    ]


def test_a_large_circle_is_told_once_and_in_part(write: Write, faults: Faults) -> None:
    runs = {f"r{number}": {"initialize_from": f"r{(number + 1) % 1500}"} for number in range(1500)}
    (found,) = faults(write(runs=runs))
    assert found.startswith(
        "/runs/r0/initialize_from runs initialize from one another in a circle: r0 <- r1 <- "
    )
    assert found.endswith("r19 <- 1,480 more <- r0")


def test_a_circle_apart_from_the_run_that_leads_to_it_is_told(write: Write, faults: Faults) -> None:
    runs = {
        "lead": {"initialize_from": "a"},
        "a": {"initialize_from": "b"},
        "b": {"initialize_from": "a"},
    }
    assert [each.partition(" ")[0] for each in faults(write(runs=runs))] == [
        "/runs/a/initialize_from",
        "/runs/b/initialize_from",
    ]
