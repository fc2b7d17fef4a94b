"""What a program measured, by name, and the metrics that follow from it."""

from __future__ import annotations

import numpy as np
import pytest

from harness.metrics import HISTORY, METRICS, SUMMARY
from harness.training.measure import (
    OF_EPOCH,
    OF_RUN,
    Measured,
    MeasuredEpoch,
    Sums,
    summary,
)

MEASURED = Measured(Sums(8.0, 3.0), Sums(1.0, 1.0), 5.0, 2.0)
VALIDATED = Measured(Sums(8.0, 3.0), Sums(1.0, 1.0), 5.0, 2.0, Sums(6.0, 4.0))


def test_every_metric_has_a_function_and_a_row() -> None:
    assert set(OF_EPOCH) == set(HISTORY)
    assert set(OF_RUN) == set(SUMMARY) - {"boundary_length", "augmented_train_accuracy"}
    assert list(METRICS) == [*HISTORY, *SUMMARY]


def test_the_numbers_of_a_program_have_names() -> None:
    assert Measured.of(np.array([8.0, 3.0, 1.0, 1.0, 5.0, 2.0])) == MEASURED
    assert Measured.of(np.array([8.0, 3.0, 1.0, 1.0, 5.0, 2.0, 6.0, 4.0])) == VALIDATED


def test_metrics_of_an_epoch_by_hand() -> None:
    epoch = MeasuredEpoch(MEASURED, initial_norm=4.0, train_examples=4, test_examples=2)
    assert {name: metric(epoch) for name, metric in OF_EPOCH.items()} == {
        "train_loss": 2.0,
        "train_accuracy": 0.75,
        "validation_loss": None,
        "validation_accuracy": None,
        "test_loss": 0.5,
        "test_accuracy": 0.5,
        "weight_norm": 5.0,
        "distance": 2.0,
        "relative_distance": 0.5,
    }


def test_metrics_of_a_validation_set_by_hand() -> None:
    epoch = MeasuredEpoch(VALIDATED, 4.0, 4, 2, validation_examples=8)
    assert OF_EPOCH["validation_loss"](epoch) == 0.75
    assert OF_EPOCH["validation_accuracy"](epoch) == 0.5


def test_a_network_that_starts_from_zero_has_no_relative_distance() -> None:
    epoch = MeasuredEpoch(MEASURED, initial_norm=0.0, train_examples=4, test_examples=2)
    assert OF_EPOCH["relative_distance"](epoch) == 0


@pytest.mark.parametrize(
    ("accuracies", "fit"), [([0.5, 1.0, 0.9, 1.0], (3.0, 30.0)), ([0.5, 0.9], (None, None))]
)
def test_when_the_training_set_was_fitted(
    accuracies: list[float], fit: tuple[float | None, float | None]
) -> None:
    rows = [
        {**dict.fromkeys(HISTORY, 0.0), "epoch": 3.0 * place, "step": 30.0 * place}
        | {"train_accuracy": accuracy}
        for place, accuracy in enumerate(accuracies)
    ]
    found = summary(rows)
    assert (found["epochs_to_fit"], found["steps_to_fit"]) == fit
    assert found["initial_train_accuracy"] == 0.5
    assert found["train_accuracy"] == accuracies[-1]
    assert found["epochs"] == 3 * (len(accuracies) - 1)
