"""What is measured of the weights, and the metrics that follow from it.

A metric is one function here, and its title, unit and definition in `harness.metrics`. Those of
`HISTORY` are worked out wherever an epoch is measured, those of `SUMMARY` once, from the history.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from harness.data.pipeline import Pipeline
from harness.metrics import HISTORY
from harness.training.state import State

Row = dict[str, float]
"""What is written down of a measured epoch, by name."""

History = Sequence[Mapping[str, float]]
"""The rows of a run; the first is epoch 0's."""


class Sums(NamedTuple):
    """An evaluation of a set: the sum of the losses, and how many examples are classified right."""

    loss: float
    correct: float


def values(pipeline: Pipeline) -> int:
    """Give how many numbers a program gives for a measurement of everything."""
    sets = 2 if pipeline.validation is None else 3
    return sets * len(Sums._fields) + NORMS


NORMS = 2
"""How many norms of the weights are measured."""


CORRECT = Sums._fields.index("correct")
"""Where a program's tensor of an evaluation, float64 [2], has the second of them."""


@dataclass(frozen=True)
class Measured:
    """A measurement of everything, in inference mode.

    `weight_norm` is that of the trainable weights, `distance` that of their difference from their
    initial values. `validation` is None where there is no such set.
    """

    train: Sums
    test: Sums
    weight_norm: float
    distance: float
    validation: Sums | None = None

    @classmethod
    def of(cls, array: np.ndarray) -> Measured:
        """Name what a program gave: float64 [values].

        It is the sums of the training and the test set, the two norms, and the sums of the
        validation set where there is one.
        """
        train_loss, train_correct, test_loss, test_correct, norm, distance, *rest = array.tolist()
        train, test = Sums(train_loss, train_correct), Sums(test_loss, test_correct)
        return cls(train, test, norm, distance, Sums(*rest) if rest else None)


@dataclass(frozen=True)
class MeasuredEpoch:
    """What the metrics of an epoch are worked out from.

    `initial_norm` is that of the trainable weights at epoch 0.
    """

    measured: Measured
    initial_norm: float
    train_examples: int
    test_examples: int
    validation_examples: int = 0


def relative_distance(epoch: MeasuredEpoch) -> float:
    """Give the distance over the initial norm; 0 where that is 0."""
    return epoch.measured.distance / epoch.initial_norm if epoch.initial_norm else 0.0


def validation_loss(epoch: MeasuredEpoch) -> float | None:
    """Give the mean loss over the validation set; None without one."""
    sums = epoch.measured.validation
    return None if sums is None else sums.loss / epoch.validation_examples


def validation_accuracy(epoch: MeasuredEpoch) -> float | None:
    """Give the share of the validation set that is classified right; None without one."""
    sums = epoch.measured.validation
    return None if sums is None else sums.correct / epoch.validation_examples


OF_EPOCH: dict[str, Callable[[MeasuredEpoch], float | None]] = {
    "train_loss": lambda epoch: epoch.measured.train.loss / epoch.train_examples,
    "train_accuracy": lambda epoch: epoch.measured.train.correct / epoch.train_examples,
    "validation_loss": validation_loss,
    "validation_accuracy": validation_accuracy,
    "test_loss": lambda epoch: epoch.measured.test.loss / epoch.test_examples,
    "test_accuracy": lambda epoch: epoch.measured.test.correct / epoch.test_examples,
    "weight_norm": lambda epoch: epoch.measured.weight_norm,
    "distance": lambda epoch: epoch.measured.distance,
    "relative_distance": relative_distance,
}
"""The metrics of an epoch: those of `harness.metrics.HISTORY`. One that gives None is left out."""


def _fitted(history: History) -> Mapping[str, float] | None:
    return next((row for row in history if row["train_accuracy"] == 1), None)


def epochs_to_fit(history: History) -> float | None:
    """Give the first measured epoch with every training example classified right."""
    fitted = _fitted(history)
    return fitted["epoch"] if fitted else None


def steps_to_fit(history: History) -> float | None:
    """Give the optimizer steps taken until that epoch's end."""
    fitted = _fitted(history)
    return fitted["step"] if fitted else None


OF_RUN: dict[str, Callable[[History], float | None]] = {
    "initial_weight_norm": lambda history: history[0]["weight_norm"],
    "initial_train_accuracy": lambda history: history[0]["train_accuracy"],
    "initial_test_accuracy": lambda history: history[0]["test_accuracy"],
    "epochs": lambda history: history[-1]["epoch"],
    "steps": lambda history: history[-1]["step"],
    "epochs_to_fit": epochs_to_fit,
    "steps_to_fit": steps_to_fit,
}
"""The metrics of a run that its history tells: those of `harness.metrics.SUMMARY` but
`boundary_length` and `augmented_train_accuracy`, which ask the network once more."""


def row(state: State, measured: Measured, learning_rate: float, pipeline: Pipeline) -> Row:
    """Give the history row of `state`; `learning_rate` is the last epoch's."""
    initial = float(
        np.sqrt(sum(np.square(array, dtype=np.float64).sum() for array in state.initial))
    )
    sets = (pipeline.train, pipeline.test, pipeline.validation)
    epoch = MeasuredEpoch(measured, initial, *(0 if each is None else len(each) for each in sets))
    found = {name: metric(epoch) for name, metric in OF_EPOCH.items()}
    return {
        "epoch": state.epoch,
        "step": state.step,
        "seconds": state.seconds,
        "learning_rate": learning_rate,
        **{name: value for name, value in found.items() if value is not None},
    }


def summary(history: History) -> dict[str, float | None]:
    """Give the metrics of a run from its history; of an epoch's, the last row's count."""
    return {
        **{name: history[-1][name] for name in HISTORY if name in history[-1]},
        **{name: metric(history) for name, metric in OF_RUN.items()},
    }
