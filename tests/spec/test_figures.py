"""What the figures of a specification become, and what is wrong with them."""

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


NUMBERS: Json = {"p": {"0": {}, "0.5": {}}}


def figure(name: str, **members: Json) -> Json:
    return {"name": name, "metrics": ["train_loss"], "groups": {"g": "one"}} | members


def test_figures_keep_their_parameters(write: Write) -> None:
    figures = [{"name": "decision_regions", "title": "T", "panels": [{"run": "one"}]}]
    (figure,) = load_file(write(figures=figures)).figures
    assert (figure.name, figure.title) == ("decision_regions", "T")
    assert figure.parameters == {
        "panels": [{"run": "one", "title": "", "regions": True}],
        "seed": None,
    }


def test_figures_of_lines_have_their_defaults(write: Write) -> None:
    history = {
        "name": "history",
        "metrics": ["train_loss"],
        "groups": {"g": "m[1,none]", "h": "one"},
    }
    against = {
        "name": "against",
        "metrics": ["steps", "train_loss"],
        "axis": "p",
        "groups": {"g": "m"},
    }
    matrix = {"p": {"1": {}, "0.5": {}}, "regularizers": [[], ["l2"]]}
    first, second = load_file(
        write(runs={"one": {}, "m": {"matrix": matrix}}, figures=[history, against])
    ).figures
    given = {"metrics": ["train_loss"], "groups": {"g": "m[1,none]", "h": "one"}}
    assert first.parameters == given | {"x": "steps", "log": False, "until": None}
    given = {"metrics": ["steps", "train_loss"], "axis": "p", "groups": {"g": "m"}}
    assert second.parameters == given | {"log_x": False}


WRONG: list[tuple[Json, str]] = [
    (
        {"figures": [{"name": "decision_regions", "panels": [{"run": "oen"}]}]},
        "/figures/0/panels/0/run unknown run 'oen'; did you mean 'one'? (allowed: one)",
    ),
    (
        {"figures": [{"name": "by_cell", "metric": "distance", "groups": {"g": "x"}}]},
        "/figures/0/groups/g unknown run 'x' (allowed: one)",
    ),
    (
        {"runs": {"m": {"matrix": MATRIX}}, "figures": [figure("history", groups={"g": "m[l]"})]},
        "/figures/0/groups/g unknown run 'm[l]'; did you mean 'm[l2]'? (allowed: m[none], m[l2])",
    ),
    (
        {"figures": [figure("history", metrics=["train_loss", "steps"])]},
        (
            "/figures/0/metrics/1 unknown metric measured while training 'steps' (allowed:"
            " train_loss, train_accuracy, validation_loss, validation_accuracy, test_loss,"
            " test_accuracy, weight_norm, distance, relative_distance)"
        ),
    ),
    (
        {
            "runs": {"m": {"matrix": NUMBERS}},
            "figures": [figure("against", axis="p", groups={"g": "n"})],
        },
        "/figures/0/groups/g unknown run 'n' (allowed: m)",
    ),
    (
        {
            "runs": {"m": {"matrix": NUMBERS | MATRIX}},
            "figures": [figure("against", axis="regularizer", groups={"g": "m"})],
        },
        (
            "/figures/0/axis unknown axis of these runs 'regularizer'; did you mean 'regularizers'?"
            " (allowed: p, regularizers)"
        ),
    ),
    (
        {"figures": [figure("against", axis="p")]},
        "/figures/0/axis unknown axis of these runs 'p' (allowed: none)",
    ),
    (
        {
            "runs": {"one": {}, "m": {"matrix": NUMBERS}},
            "figures": [figure("against", axis="p", groups={"g": "one", "h": "m"})],
        },
        "/figures/0/groups/g this run has no axis 'p'",
    ),
    (
        {
            "runs": {
                "m": {"matrix": {"p": {"0": {}, "half": {}}}},
                "n": {"matrix": {"p": {"half": {}}}},
            },
            "figures": [figure("against", axis="p", groups={"g": "m", "h": "n"})],
        },
        "/figures/0/axis the labels of this axis must be numbers, found 'half'",
    ),
    (
        {
            "runs": {"m": {"matrix": NUMBERS}},
            "figures": [figure("against", axis="p", groups={"g": "m"}, log_x=True)],
        },
        "/figures/0/log_x a logarithmic axis has numbers above 0 only, found '0'",
    ),
    (
        {
            "seeds": [1, 2],
            "figures": [{"name": "decision_regions", "panels": [{"run": "one"}], "seed": 0}],
        },
        "/figures/0/seed seed 0 is none of this experiment's",
    ),
]


@pytest.mark.parametrize(("members", "problem"), WRONG)
def test_a_wrong_specification_says_one_thing(
    write: Write, faults: Faults, members: Json, problem: str
) -> None:
    assert faults(write(**members)) == [problem]
