"""What is measured of a run: the vocabulary that specifications, stores and reports share."""

from __future__ import annotations

from collections import ChainMap
from dataclasses import dataclass


@dataclass(frozen=True)
class Measurement:
    """One measured quantity: its title, its unit and its definition.

    The unit "fraction" is of shares, shown in percent; "points" of differences of two shares.
    """

    title: str
    unit: str
    definition: str


HISTORY = {
    "train_loss": Measurement(
        "training loss",
        "nats",
        "mean loss over the whole training set, inference mode, no augmentation, no l2",
    ),
    "train_accuracy": Measurement(
        "training accuracy",
        "fraction",
        "share of the training set classified right, inference mode",
    ),
    "validation_loss": Measurement(
        "validation loss",
        "nats",
        "mean loss over the whole validation set, inference mode; with a validation set only",
    ),
    "validation_accuracy": Measurement(
        "validation accuracy",
        "fraction",
        "share of the validation set classified right, inference mode; with a validation set only",
    ),
    "test_loss": Measurement(
        "test loss", "nats", "mean loss over the whole test set, inference mode"
    ),
    "test_accuracy": Measurement(
        "test accuracy", "fraction", "share of the test set classified right, inference mode"
    ),
    "weight_norm": Measurement("weight norm", "", "Euclidean norm of all trainable parameters"),
    "distance": Measurement(
        "distance from initialization",
        "",
        "Euclidean norm of (trainable parameters - their initial values)",
    ),
    "relative_distance": Measurement(
        "relative distance",
        "",
        "distance from initialization over the Euclidean norm of the initial parameters",
    ),
}
"""Measured at every measured epoch, epoch 0 (the initialization) included; the last is final."""

SUMMARY = {
    "initial_weight_norm": Measurement("initial weight norm", "", "weight norm at epoch 0"),
    "initial_train_accuracy": Measurement(
        "initial training accuracy", "fraction", "training accuracy at epoch 0"
    ),
    "initial_test_accuracy": Measurement(
        "initial test accuracy", "fraction", "test accuracy at epoch 0"
    ),
    "epochs": Measurement("epochs", "epochs", "epochs trained"),
    "steps": Measurement("steps", "steps", "optimizer steps taken"),
    "epochs_to_fit": Measurement(
        "epochs to fit",
        "epochs",
        "first measured epoch with every training example classified right; absent if none",
    ),
    "steps_to_fit": Measurement(
        "steps to fit", "steps", "optimizer steps at that epoch; absent if none"
    ),
    "augmented_train_accuracy": Measurement(
        "training accuracy on augmented images",
        "fraction",
        "share of the training set classified right at the end, inference mode, each image"
        " augmented once more as in training, of mixed images each label by its share; with"
        " augmentation only",
    ),
    "boundary_length": Measurement(
        "boundary length",
        "input units",
        "length of the decision boundary inside the square that holds the data; two-dimensional"
        " inputs only",
    ),
}
"""Measured once a run."""

METRICS = ChainMap(SUMMARY, HISTORY)  # which iterates over the last one first
"""Every name that a metric expression may use after a run's name."""

ON_VALIDATION = ("validation_loss", "validation_accuracy")
"""Metrics that only a run with a validation set has."""

ON_TEST_IMAGES = ("test_loss", "test_accuracy", "initial_test_accuracy")
"""Metrics that other test images would change, the network being what it is."""

BINOMIAL = ("test_accuracy", "initial_test_accuracy")
"""Those of them that are shares of the test images, so that a count of images is behind them."""
