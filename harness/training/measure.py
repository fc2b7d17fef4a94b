"""From what a program measured to history rows, and from history to the numbers of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from harness.data.pipeline import Pipeline
from harness.metrics import HISTORY
from harness.training.state import State

Row = dict[str, float]


def row(state: State, measured: np.ndarray, learning_rate: float, pipeline: Pipeline) -> Row:
    """Give the history row of `state`; `measured` is float64 [COLUMNS], `learning_rate` the last
    epoch's.
    """
    train_loss, train_correct, test_loss, test_correct, norm, distance = (
        float(value) for value in measured
    )
    examples, test_examples = len(pipeline.train.labels), len(pipeline.test.labels)
    initial = float(
        np.sqrt(sum(np.square(array, dtype=np.float64).sum() for array in state.initial))
    )
    return {
        "epoch": state.epoch,
        "step": state.step,
        "seconds": state.seconds,
        "learning_rate": learning_rate,
        "train_loss": train_loss / examples,
        "train_accuracy": train_correct / examples,
        "test_loss": test_loss / test_examples,
        "test_accuracy": test_correct / test_examples,
        "weight_norm": norm,
        "distance": distance,
        "relative_distance": distance / initial if initial else 0.0,
    }


def summary(history: Sequence[Mapping[str, float]]) -> dict[str, float | None]:
    """Give every name of `harness.metrics.METRICS` that a history tells; the first row is epoch
    0's.
    """
    first, last = history[0], history[-1]
    fitted = next((row for row in history if row["train_accuracy"] == 1), None)
    return {
        **{name: last[name] for name in HISTORY},
        "initial_weight_norm": first["weight_norm"],
        "initial_train_accuracy": first["train_accuracy"],
        "initial_test_accuracy": first["test_accuracy"],
        "epochs": last["epoch"],
        "steps": last["step"],
        "epochs_to_fit": fitted["epoch"] if fitted else None,
        "steps_to_fit": fitted["step"] if fitted else None,
    }
