"""The names that final metrics give, and what a name alone tells."""

from __future__ import annotations

import pytest

from harness.experiment import Metric, OwnPart
from harness.final_metrics import (
    FINAL,
    kind_of,
    measurement_of,
    names,
    parameters_besides,
    row_of,
)
from harness.metrics import METRICS

EXAMPLES = {
    "top_k_accuracy": Metric("top_k_accuracy", {"k": 3}),
    "class_accuracy": Metric("class_accuracy", {"classes": [0, 12]}),
    "path_norm": Metric("path_norm", {"p": 1}),
    "agreement": Metric("agreement", {}, "random[l2]", "random"),
    "linear_path": Metric("linear_path", {"points": 3}, "random", "random"),
}


def example(kind: str) -> Metric:
    return EXAMPLES.get(kind, Metric(kind))


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        (EXAMPLES["top_k_accuracy"], {"top_3_accuracy": "top_3_accuracy"}),
        (
            EXAMPLES["class_accuracy"],
            {f"class_{n}_accuracy": f"class_{n}_accuracy" for n in (0, 12)},
        ),
        (EXAMPLES["agreement"], {"agreement": "agreement_with_random"}),
        (Metric("sharpness", {}, label="fine"), {"sharpness": "sharpness_fine"}),
    ],
)
def test_numbers_have_names(metric: Metric, expected: dict[str, str]) -> None:
    assert names(metric) == expected


@pytest.mark.parametrize("kind", FINAL)
def test_a_name_tells_its_kind_and_its_unit(kind: str) -> None:
    for own, name in names(example(kind)).items():
        assert kind_of(name) == kind
        found = measurement_of(name)
        assert found is not None
        assert not {"{", "}"} & set(found.title + found.definition)
        units = {
            each.unit for template, each in FINAL[kind].numbers.items() if "{" in template
        } or {FINAL[kind].numbers[own].unit}
        assert found.unit in units


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("test_accuracy", "test accuracy"),
        ("top_5_accuracy", "top-5 test accuracy"),
        ("top_5_accuracy_wide", "top-5 test accuracy (wide)"),
        ("l1_path_norm", "l1 path norm"),
        ("train_loss_barrier_to_random", "training loss barrier to random"),
    ],
)
def test_titles_say_what_is_counted(name: str, title: str) -> None:
    found = measurement_of(name)
    assert found is not None
    assert found.title == title


@pytest.mark.parametrize("name", ["nothing", "top_k_accuracy", "agreement", "agreement_to_x"])
def test_other_names_are_none(name: str) -> None:
    assert measurement_of(name) is None
    assert kind_of(name) is None


def test_no_name_is_that_of_what_training_measures() -> None:
    assert all(kind_of(name) is None for name in METRICS)


def test_parameters_that_a_name_tells_are_not_told_again() -> None:
    metric = Metric("sharpness", {"iterations": 9, "tolerance": 0.1, "examples": None})
    assert parameters_besides(metric) == {"iterations": 9, "tolerance": 0.1}
    assert parameters_besides(EXAMPLES["top_k_accuracy"]) == {}


CODE = OwnPart("certainty:entropy", "/folder", "0")
NAMED = Metric(
    "python",
    {"call": "certainty:entropy", "parameters": {"base": 2}, "from": "weights"},
    label="bits",
    own=CODE,
)
REGISTERED = Metric("entropy", {"base": 2, "cut": None}, label="entropy", own=CODE)


def test_a_metric_of_ones_own_has_one_number_under_its_own_name() -> None:
    assert list(names(NAMED).values()) == ["bits"]
    assert list(names(REGISTERED).values()) == ["entropy"]


def test_a_metric_of_ones_own_says_of_what_it_is_worked_out() -> None:
    assert row_of(NAMED).source == "weights"
    assert row_of(REGISTERED).source == "predictions"
    assert row_of(Metric("sharpness")).source == "weights"


def test_a_function_of_ones_own_is_told_with_what_it_is_given() -> None:
    assert parameters_besides(NAMED) == {"base": 2, "from": "weights"}
    assert parameters_besides(REGISTERED) == {"base": 2}
