"""Limits over test images, against sums worked out by hand and by simulation of networks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from harness.experiment import Json, RunSpec
from harness.expression import Reference, parse, references
from harness.judging.image_limits import count_test_images, image_limits
from harness.judging.inference import Limits
from harness.run_result import Loaded, RunResult, Status
from harness.spec.load import load_file

# Printed tables of exact binomial limits (Clopper and Pearson), two-sided 95%: right of 100 images.
EXACT95 = {90: (0.8238, 0.9510), 95: (0.8872, 0.9836), 50: (0.3983, 0.6017), 100: (0.9638, 1.0)}


def limits(
    text: str,
    values: Mapping[str, float],
    images: Mapping[str, int | None],
    confidence: float = 0.95,
) -> Limits | None:
    expression = parse(text)
    measured = {each: values[str(each)] for each in references(expression)}
    return image_limits(expression, [measured], images, confidence)


@pytest.mark.parametrize("right", EXACT95)
def test_one_accuracy_has_the_exact_limits_of_the_printed_tables(right: int) -> None:
    found = limits("a.test_accuracy", {"a.test_accuracy": right / 100}, {"a": 100}, 0.975)
    assert found == pytest.approx(EXACT95[right], abs=5e-5)


def test_a_sum_adds_up_the_ends_each_at_its_part_of_the_error() -> None:
    # Two accuracies at 95%: each at 97.5%, so that the ends of the tables add up.
    values = {
        "a.test_accuracy": 0.95,
        "b.test_accuracy": 0.9,
        "a.train_accuracy": 1.0,
        "a.steps": 2.0,
    }
    images = {"a": 100, "b": 100}
    difference = limits("a.test_accuracy - b.test_accuracy", values, images)
    assert difference == pytest.approx((0.8872 - 0.9510, 0.9836 - 0.8238), abs=1e-4)
    weighted = limits("1 - (b.test_accuracy / a.steps - 3 * a.test_accuracy)", values, images)
    assert weighted == pytest.approx(
        (1 + 3 * 0.8872 - 0.9510 / 2, 1 + 3 * 0.9836 - 0.8238 / 2), abs=3e-4
    )
    # The training accuracy is a constant, and a part of the sum that falls out costs nothing.
    gap = limits("a.train_accuracy - a.test_accuracy + 0 * b.test_accuracy", values, images, 0.975)
    assert gap == pytest.approx((1 - 0.9836, 1 - 0.8872), abs=5e-5)


def test_the_mean_over_seeds_shares_the_error_too() -> None:
    reference = Reference("a", "test_accuracy")
    found = image_limits(
        parse("a.test_accuracy"), [{reference: 0.9}, {reference: 0.95}], {"a": 100}, 0.95
    )
    assert found == pytest.approx(((0.8238 + 0.8872) / 2, (0.9510 + 0.9836) / 2), abs=5e-5)


@pytest.mark.parametrize(
    "text",
    [
        "a.train_accuracy",
        "a.test_accuracy * b.test_accuracy",
        "a.test_accuracy / b.test_accuracy",
        "a.test_accuracy - a.test_accuracy",
        "a.test_accuracy + a.test_loss",
        "unknown.test_accuracy",
        "odd.test_accuracy",
        "far.test_accuracy",
    ],
)
def test_what_is_no_sum_over_known_counts_has_no_limits(text: str) -> None:
    values = {
        "a.train_accuracy": 0.9,
        "a.test_accuracy": 0.9,
        "b.test_accuracy": 0.8,
        "a.test_loss": 0.3,
        "unknown.test_accuracy": 0.9,
        "odd.test_accuracy": 0.905,
        "far.test_accuracy": 1.1,
    }
    assert (
        limits(text, values, {"a": 100, "b": 100, "unknown": None, "odd": 100, "far": 100}) is None
    )


@pytest.mark.parametrize("together", [0.0, 0.5, 1.0])
@pytest.mark.parametrize(
    "text",
    ["a.test_accuracy", "a.test_accuracy - b.test_accuracy", "a.test_accuracy + b.test_accuracy"],
)
def test_the_limits_hold_however_the_networks_err_together(text: str, together: float) -> None:
    """Simulate two networks, both right on 90% of all images, whose true value is the bound.

    They agree on a share of the images.
    """
    random = np.random.default_rng(20200613)
    draws, images = 2000, 100
    true = {"a.test_accuracy": 0.9, "a.test_accuracy - b.test_accuracy": 0.0}.get(text, 1.8)
    first = random.random((draws, images)) < 0.9
    second = np.where(
        random.random((draws, images)) < together, first, random.random((draws, images)) < 0.9
    )
    wrong = np.zeros(2)
    for a, b in zip(first.mean(axis=1).tolist(), second.mean(axis=1).tolist(), strict=True):
        found = limits(
            text, {"a.test_accuracy": a, "b.test_accuracy": b}, {"a": images, "b": images}
        )
        assert found is not None
        wrong += found[0] > true, found[1] < true
    assert (wrong / draws <= 0.05 + 4 * np.sqrt(0.05 * 0.95 / draws)).all()


@pytest.fixture
def run(tmp_path: Path, request: pytest.FixtureRequest) -> RunSpec:
    document: Json = {
        "name": "a",
        "title": "A",
        "runs": {"one": {"model": {"name": "perceptron"}} | request.param},
    }
    path = tmp_path / "a.json"
    path.write_text(json.dumps(document))
    return load_file(path).runs["one"]


@pytest.mark.parametrize(
    ("run", "images"),
    [
        ({"dataset": {"name": "digits"}}, 1297),
        ({"dataset": {"name": "cifar10", "test_examples": 1000}}, 1000),
        ({"dataset": {"name": "cifar10"}}, 10_000),
        ({"dataset": {"name": "blobs", "test_per_class": 30}}, 60),
        ({"dataset": {"name": "image_folder", "path": "not/there"}}, None),
        (
            {
                "dataset": {"name": "digits"},
                "training": {"early_stopping": {"metric": "test_loss"}},
            },
            None,
        ),
        (
            {
                "dataset": {"name": "digits"},
                "training": {"early_stopping": {"metric": "train_loss"}},
            },
            1297,
        ),
    ],
    indirect=["run"],
)
def test_the_number_of_test_images_is_known_from_the_settings(
    run: RunSpec, images: int | None
) -> None:
    assert count_test_images(run) == images
    assert (
        count_test_images(run, [RunResult("one", 0, "k", Status.DONE)]) == images
    )  # an older record


def measured_on(*counts: int) -> list[RunResult]:
    """Results of as many seeds, each measured on so many test images."""
    data = [Loaded(7, count, ("cat", "dog")) for count in counts]
    return [RunResult("one", seed, "k", Status.DONE, data=each) for seed, each in enumerate(data)]


@pytest.mark.parametrize(
    ("run", "counts", "images"),
    [
        ({"dataset": {"name": "digits"}}, (300,), 300),
        ({"dataset": {"name": "cifar10", "test_examples": 1000}}, (900, 900), 900),
        ({"dataset": {"name": "image_folder", "path": "not/there"}}, (12, 12), 12),
        ({"dataset": {"name": "tfds", "dataset": "mine"}}, (5,), 5),
        ({"dataset": {"name": "tfds", "dataset": "mine", "test_examples": 4}}, (), None),
        ({"dataset": {"name": "digits"}}, (300, 301), None),
        (
            {
                "dataset": {"name": "digits"},
                "training": {"early_stopping": {"metric": "test_loss"}},
            },
            (300,),
            None,
        ),
    ],
    indirect=["run"],
)
def test_the_number_that_was_loaded_comes_before_that_of_the_settings(
    run: RunSpec, counts: tuple[int, ...], images: int | None
) -> None:
    assert count_test_images(run, measured_on(*counts)) == images
