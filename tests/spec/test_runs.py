"""The runs that the cells of matrices become: layers, names, parents."""

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.experiment import (
    Json,
)
from harness.spec.load import load_file
from harness.spec.patch import parse_assignment

Write = Callable[..., Path]
Faults = Callable[..., list[str]]


def test_a_later_layer_wins_defaults_run_matrix_assignment(write: Write) -> None:
    training = {"batch_size": 1, "epochs": 1, "measure_every": 1}
    path = write(
        defaults={
            "dataset": {"name": "digits"},
            "model": {"name": "perceptron"},
            "training": training,
        },
        runs={
            "r": {
                "training": {"epochs": 2, "measure_every": 2},
                "matrix": {"training.measure_every": [3, 4]},
            }
        },
    )

    def found(*assignments: str) -> list[tuple[int, int | None, int]]:
        runs = load_file(path, [parse_assignment(text) for text in assignments]).runs.values()
        return [
            (t.batch_size, t.epochs, t.measure_every)
            for t in (run.settings.training for run in runs)
        ]

    assert found() == [(1, 2, 3), (1, 2, 4)]
    assert found("defaults.training.batch_size=7", "defaults.training.epochs=7") == [
        (7, 2, 3),
        (7, 2, 4),
    ]
    assert found("runs.r.training.epochs=8", "runs.r.training.epochs=9") == [(1, 9, 3), (1, 9, 4)]
    assert found("runs.r.matrix=null") == [(1, 2, 2)]


def test_a_null_takes_a_default_away_in_a_run_and_in_a_cell(write: Write) -> None:
    runs = load_file(
        write(
            defaults={
                "dataset": {"name": "digits", "train_examples": 10},
                "model": {"name": "perceptron"},
                "training": {"stop_when": {}},
            },
            runs={
                "own": {"dataset": {"train_examples": None}, "training": {"stop_when": None}},
                "value": {"matrix": {"dataset.train_examples": [None, 20]}},
                "change": {
                    "matrix": {"rule": {"with": {}, "without": {"training": {"stop_when": None}}}}
                },
                "gone": None,
            },
            question=None,
            seeds=None,
            requires=None,
            source=None,
        )
    ).runs
    examples = {name: run.settings.dataset.train_examples for name, run in runs.items()}
    stops = {name: run.settings.training.stop_when is not None for name, run in runs.items()}
    assert examples == {
        "own": None,
        "value[null]": None,
        "value[20]": 20,
        "change[with]": 10,
        "change[without]": 10,
    }
    assert stops == {
        "own": False,
        "value[null]": True,
        "value[20]": True,
        "change[with]": True,
        "change[without]": False,
    }


def test_every_cell_starts_from_its_counterpart(write: Write) -> None:
    matrix = {"regularizers": [[], ["l2"]]}
    runs = load_file(
        write(
            runs={
                "from": {"matrix": matrix},
                "to": {"initialize_from": "from[*]", "matrix": matrix},
                "one": {"initialize_from": "from[l2]"},
            }
        )
    ).runs
    assert {name: run.initialize_from for name, run in runs.items()} == {
        "from[none]": None,
        "from[l2]": None,
        "to[none]": "from[none]",
        "to[l2]": "from[l2]",
        "one": "from[l2]",
    }
    assert [run.settings.training.l2 for run in runs.values()] == [0, 0.0005, 0, 0.0005, 0]


WRONG: list[tuple[Json, str]] = [
    (
        {"runs": {"one": {"matrix": {"x": ["a b"]}}}},
        (
            "/runs/one/matrix/x/0 'a b' cannot be a label: letters, digits and _ . + = - only; "
            'write the axis as {label: change}, such as {"x": {"a": {"x": "a b"}}}'
        ),
    ),
    (
        {"runs": {"one": {"matrix": {"training.epohcs": [1]}}}},
        (
            "/runs/one/matrix/training.epohcs no setting has the path 'training.epohcs', which"
            " names this axis; did you mean 'training.epochs'? (an axis with a name of your own"
            " has labelled changes, {label: change})"
        ),
    ),
    (
        {"runs": {"one": {"matrix": {"training.epochs": [1, 0]}}}},
        "/runs/one/matrix/training.epochs/1 expected at least 1, found 0",
    ),
]


@pytest.mark.parametrize(("members", "problem"), WRONG)
def test_a_wrong_specification_says_one_thing(
    write: Write, faults: Faults, members: Json, problem: str
) -> None:
    assert faults(write(**members)) == [problem]


def test_a_cell_knows_its_run_and_its_label_on_each_axis(write: Write) -> None:
    matrix = {"regularizers": [[], ["l2"]], "training.epochs": [5]}
    runs = load_file(write(runs={"one": {}, "many": {"matrix": matrix}})).runs
    assert [(run.base, run.label, dict(run.labels)) for run in runs.values()] == [
        ("one", "", {}),
        ("many", "none,5", {"regularizers": "none", "training.epochs": "5"}),
        ("many", "l2,5", {"regularizers": "l2", "training.epochs": "5"}),
    ]
    assert (
        list(runs) == [run.name for run in runs.values()] == ["one", "many[none,5]", "many[l2,5]"]
    )
