"""The final metrics that runs list, the names they give, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.experiment import Json, Metric
from harness.spec.load import load_file

Write = Callable[..., Path]
Faults = Callable[..., list[str]]

SHARP: Json = {"name": "sharpness"}
AGREE: Json = {"name": "agreement", "with": "one"}


def expectation(metric: str) -> Json:
    bound = {"at_least": 0, "basis": "hypothesis", "source": "s"}
    return {"id": "e", "metric": metric, **bound}


def test_a_run_changes_the_metrics_of_the_defaults(write: Write) -> None:
    defaults = {"dataset": {"name": "digits"}, "model": {"name": "perceptron"}, "metrics": [SHARP]}
    runs = {"one": {}, "two": {"metrics": [{**AGREE}, {"name": "top_k_accuracy"}]}}
    found = load_file(write(defaults=defaults, runs=runs)).runs
    parameters = {"iterations": 200, "tolerance": 0.001, "examples": None}
    assert found["one"].metrics == (Metric("sharpness", parameters),)
    assert found["two"].metrics == (
        Metric("agreement", {}, "one", "one"),
        Metric("top_k_accuracy", {"k": 5}),
    )


def test_they_and_the_weights_that_are_kept_are_no_settings(write: Write) -> None:
    plain = load_file(write(runs={"one": {}})).runs["one"]
    asked = load_file(write(runs={"one": {"metrics": [SHARP], "keep_weights": [7]}})).runs["one"]
    assert (asked.settings, asked.resolved) == (plain.settings, plain.resolved)
    assert not {"metrics", "keep_weights"} & asked.resolved.keys()


def test_a_cell_is_compared_with_that_of_the_same_label(write: Write) -> None:
    matrix = {"regularizers": [[], ["l2"]]}
    metrics = [{"name": "linear_path", "with": "one[*]"}, {**AGREE, "with": "one[l2]", "as": "l2"}]
    runs = {"one": {"matrix": matrix}, "two": {"matrix": matrix, "metrics": metrics}}
    metric = "two[*].train_loss_barrier_to_one + two[none].agreement_with_l2"
    found = load_file(write(runs=runs, expectations=[expectation(metric)]))
    partners = {name: [each.partner for each in run.metrics] for name, run in found.runs.items()}
    assert partners["two[none]"] == ["one[none]", "one[l2]"]
    assert partners["two[l2]"] == ["one[l2]", "one[l2]"]
    assert len(found.expectations) == 2


@pytest.mark.parametrize(
    ("value", "epochs"),
    [([3, 1], (1, 3)), ({"every": 25}, (25, 50, 75, 100)), ({"every": 101}, ()), ([], ())],
)
def test_weights_are_kept_after_listed_epochs_or_one_in_so_many(
    write: Write, value: Json, epochs: tuple[int, ...]
) -> None:
    runs = {"one": {"keep_weights": value}}
    assert load_file(write(runs=runs)).runs["one"].keep_weights == epochs


TWO = "/runs/two/metrics/0"

WRONG: list[tuple[Json, str]] = [
    (
        {"metrics": [{"name": "sharpnes"}]},
        f"{TWO}/name unknown value 'sharpnes'; did you mean 'sharpness'?",
    ),
    (
        {"metrics": [{**SHARP, "iteration": 3}]},
        f"{TWO}/iteration unknown property 'iteration'; did you mean 'iterations'?",
    ),
    ({"metrics": [{"name": "agreement"}]}, f"{TWO} 'with' is missing"),
    ({"metrics": [{**AGREE, "with": "on"}]}, f"{TWO}/with unknown run 'on'; did you mean 'one'?"),
    (
        {"metrics": [{**AGREE, "with": "two"}]},
        f"{TWO}/with agreement compares two runs, and two is this one",
    ),
    (
        {"metrics": [AGREE], "dataset": {"test_examples": 5}},
        f"{TWO}/with two and one are not tested on the same images",
    ),
    (
        {"metrics": [{"name": "linear_path", "with": "one"}], "model": {"hidden": [3]}},
        f"{TWO}/with one has another network",
    ),
    (
        {"metrics": [SHARP, {**SHARP, "iterations": 9}]},
        "/runs/two/metrics/1 another metric of this run gives sharpness too: tell them apart by",
    ),
    (
        {"metrics": [{"name": "top_k_accuracy", "k": 11}]},
        f"{TWO}/k a k of 11 is more than the 10 classes there are",
    ),
    (
        {"metrics": [{"name": "class_accuracy", "classes": [3, 10]}]},
        f"{TWO}/classes there is no class 10: the data set has 10, from 0 on",
    ),
    ({"metrics": [{**SHARP, "as": "A b"}]}, f'{TWO}/as "A b" does not have the form'),
    ({"keep_weights": [101]}, "/runs/two/keep_weights there is no epoch 101: training.epochs is"),
    (
        {"keep_weights": {"every": 1}, "training": {"epochs": 1001}},
        "/runs/two/keep_weights the weights of 1,001 epochs would be kept, 1,000 is the most",
    ),
    (
        {"keep_weights": {"every": 2}, "training": {"epochs": None, "steps": 9}},
        "/runs/two/keep_weights only the data tell how many epochs a budget in steps has",
    ),
    ({"keep_weights": {"every": 0}}, "/runs/two/keep_weights/every expected at least 1, found 0"),
]


@pytest.mark.parametrize(("changes", "message"), WRONG)
def test_what_is_wrong_is_told_at_its_place(
    write: Write, faults: Faults, changes: Json, message: str
) -> None:
    (told,) = faults(write(runs={"one": {}, "two": changes}))
    assert told.startswith(message)


@pytest.mark.parametrize(
    ("metric", "message"),
    [
        ("one.sharpnes", "unknown metric 'sharpnes'"),
        (
            "one.sharpness",
            (
                "one does not measure 'sharpness': its metrics, or those of the defaults, need one"
                ' that gives it, {"name": "sharpness", ...}'
            ),
        ),
        ("two.top_5_accuracy", "two does not measure 'top_5_accuracy' (there are: top_3_accuracy"),
        ("two.agreement_with_two", "two does not measure 'agreement_with_two'"),
    ],
)
def test_an_expression_names_what_its_run_measures(
    write: Write, faults: Faults, metric: str, message: str
) -> None:
    runs = {"one": {}, "two": {"metrics": [{"name": "top_k_accuracy", "k": 3}, AGREE]}}
    answer = f"It is {{{metric}}}."
    told = faults(write(runs=runs, expectations=[expectation(metric)], answer=answer))
    told.sort()
    assert [each.partition(" ")[0] for each in told] == ["/answer", "/expectations/0/metric"]
    assert all(each.partition(" ")[2].startswith(message) for each in told)


def test_a_figure_is_drawn_of_what_its_runs_measure(write: Write, faults: Faults) -> None:
    runs = {"one": {}, "two": {"metrics": [SHARP]}}
    right = {"name": "by_cell", "metric": "sharpness", "groups": {"a": "one", "b": "two"}}
    load_file(write(runs=runs, figures=[right]))
    wrong = [
        {**right, "groups": {"a": "one"}},
        {"name": "linear_path", "groups": {"a": "two"}},
        {"name": "class_accuracies", "groups": {"a": "two", "b": "none"}},
    ]
    told = faults(write(runs=runs, figures=wrong))
    assert told[0].startswith("/figures/0/metric one does not measure 'sharpness'")
    assert told[1] == (
        '/figures/1/groups/a two does not have the metric linear_path: {"name": "linear_path", ...}'
    )
    assert told[2].startswith("/figures/2/groups/a two does not have the metric class_accuracy")
    assert told[3].startswith("/figures/2/groups/b unknown run 'none'")
