"""Learning rates by epoch, and by what was measured before it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from harness.experiment import Component

History = Sequence[Mapping[str, float]]
"""The rows measured so far, the first of them of epoch 0: see `harness.metrics.HISTORY`."""


def constant(epoch: int, history: History) -> float:
    """Give 1 in every epoch."""
    return 1.0


def piecewise(epoch: int, history: History, *, epochs: Sequence[int], factor: float) -> float:
    """Give factor**k, k being how many of `epochs` are completed before the epoch begins.

    >>> [piecewise(epoch, [], epochs=[2, 3], factor=0.5) for epoch in range(5)]
    [1.0, 1.0, 0.5, 0.25, 0.25]
    """
    return float(factor ** sum(boundary <= epoch for boundary in epochs))


def exponential(epoch: int, history: History, *, factor: float) -> float:
    """Give factor**epoch.

    >>> [exponential(epoch, [], factor=0.5) for epoch in range(3)]
    [1.0, 0.5, 0.25]
    """
    return float(factor**epoch)


def plateau(
    epoch: int, history: History, *, metric: str, factor: float, patience: int, min_delta: float
) -> float:
    """Give factor**k, k being how often `metric` had not improved before the epoch begins.

    It has not improved where it did not for `patience` epochs. As
    `keras.callbacks.ReduceLROnPlateau` does it: improved is what is better than the best so far by
    more than `min_delta`, and after each of the k times the epochs are counted anew. It is looked
    at where it is measured, epoch 0 (the initial weights) included.

    >>> accuracies = [0.5, 0.9, 0.9, 0.8, 0.9, 0.9]
    >>> rows = [{"epoch": epoch, "train_accuracy": a} for epoch, a in enumerate(accuracies)]
    >>> rule = {"metric": "train_accuracy", "factor": 0.5, "patience": 2, "min_delta": 0.0}
    >>> [plateau(epoch, rows, **rule) for epoch in range(6)]
    [1.0, 1.0, 1.0, 0.5, 0.5, 0.25]
    """
    sign = 1 if metric.endswith("accuracy") else -1
    best, since, times = -float("inf"), 0.0, 0
    for row in history:
        if row["epoch"] > epoch:
            break
        if sign * row[metric] > best + min_delta:
            best, since = sign * row[metric], row["epoch"]
        elif row["epoch"] - since >= patience:
            times, since = times + 1, row["epoch"]
    return float(factor**times)


@dataclass(frozen=True)
class Schedule:
    """A row of the registry.

    `factor(epoch, history, **parameters)` is what multiplies the initial learning rate in an epoch,
    counted from 0. `looks_back` tells whether it looks at the history: it is asked again then after
    every measurement.
    """

    factor: Callable[..., float]
    looks_back: bool = False


SCHEDULES: dict[str, Schedule] = {
    "constant": Schedule(constant),
    "piecewise": Schedule(piecewise),
    "exponential": Schedule(exponential),
    "plateau": Schedule(plateau, looks_back=True),
}
"""The schedules by the names that specifications use."""


def learning_rate(component: Component, initial: float, epoch: int, history: History) -> float:
    """Give the learning rate of an epoch, counted from 0, from what was measured before it."""
    return initial * SCHEDULES[component.name].factor(epoch, history, **component.parameters)


def looks_back(component: Component) -> bool:
    """Tell whether a schedule looks at the history."""
    return SCHEDULES[component.name].looks_back
