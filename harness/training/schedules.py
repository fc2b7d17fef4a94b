"""Learning rates by epoch and step, and by what was measured before."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.experiment import Component, Training, WarmUp

History = Sequence[Mapping[str, float]]
"""The rows measured so far, the first of them of epoch 0: see `harness.metrics.HISTORY`."""

Rates = NDArray[np.float64]


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
    times, _ = _plateaus(epoch, history, metric, patience, min_delta)
    return float(factor**times)


def _plateaus(
    epoch: float, history: History, metric: str, patience: int, min_delta: float
) -> tuple[int, float]:
    """Count how often a metric had not improved, and say from which epoch on the next counts."""
    sign = 1 if metric.endswith("accuracy") else -1
    best, since, times = -float("inf"), 0.0, 0
    for row in history:
        if row["epoch"] > epoch:
            break
        if sign * row[metric] > best + min_delta:
            best, since = sign * row[metric], row["epoch"]
        elif row["epoch"] - since >= patience:
            times, since = times + 1, row["epoch"]
    return times, since


def _plateau_holds(
    history: History, *, metric: str, factor: float, patience: int, min_delta: float
) -> float:
    """Give the first epoch whose measurement can change what `plateau` gives.

    >>> rows = [{"epoch": 0, "train_accuracy": 0.5}, {"epoch": 3, "train_accuracy": 0.9}]
    >>> rule = {"metric": "train_accuracy", "factor": 0.5, "patience": 4, "min_delta": 0.0}
    >>> _plateau_holds(rows, **rule)
    7.0
    """
    _, since = _plateaus(math.inf, history, metric, patience, min_delta)
    return float(since + patience)


def cosine(passed: Rates, history: History, *, final: float) -> Rates:
    """Fall from 1 to `final` along half a cosine wave.

    Source: Loshchilov and Hutter (2016), https://arxiv.org/abs/1608.03983, equation 5, without
    restarts.

    >>> cosine(np.array([0, 0.5, 1]), [], final=0.5).tolist()
    [1.0, 0.75, 0.5]
    """
    return final + (1 - final) * (1 + np.cos(np.pi * passed)) / 2


def linear(passed: Rates, history: History, *, final: float) -> Rates:
    """Fall from 1 to `final` along a line.

    >>> linear(np.array([0, 0.5, 1]), [], final=0.5).tolist()
    [1.0, 0.75, 0.5]
    """
    return 1 + (final - 1) * passed


@dataclass(frozen=True)
class Schedule:
    """A row of the registry.

    `factor(epoch, history, **parameters)` is what multiplies the initial learning rate in an epoch,
    counted from 0. Where it looks at the history, `holds(history, **parameters)` gives the first
    epoch whose measurement can change the factor: it is asked again after that one.

    A schedule that `falls` has a length: its function gets, in place of the epoch, which share of
    that length is over (an array, from 0 to 1), and two more parameters are handled here for all of
    them: "length", in epochs (None: from the end of the warm-up to that of the budget), and "per",
    whether the share is that before the "step" or before its "epoch".
    """

    factor: Callable[..., Any]
    holds: Callable[..., float] | None = None
    falls: bool = False


SCHEDULES: dict[str, Schedule] = {
    "constant": Schedule(constant),
    "piecewise": Schedule(piecewise),
    "exponential": Schedule(exponential),
    "plateau": Schedule(plateau, _plateau_holds),
    "cosine": Schedule(cosine, falls=True),
    "linear": Schedule(linear, falls=True),
}
"""The schedules by the names that specifications use."""

LENGTH = ("length", "per")
"""The parameters of every schedule that falls."""


def learning_rates(training: Training, epochs: range, steps: int, history: History) -> Rates:
    """Give the learning rate of every step of some epochs, counted from 0.

    Args:
        training: What says how they change.
        epochs: Consecutive epochs.
        steps: How many a whole epoch has.
        history: What was measured before them.

    Returns:
        float64 [epochs, steps].
    """
    initial: float = training.optimizer.parameters["learning_rate"]
    row, times = SCHEDULES[training.schedule.name], _Times(epochs, steps)
    if row.falls:
        factors = _falling(training, times, history)
    else:
        own = training.schedule.parameters
        # What looks at the history gives the same in all epochs after it, and reads all of it.
        asked = epochs if row.holds is None else epochs[:1]
        factors = np.array([[row.factor(epoch, history, **own)] for epoch in asked], float)
    rates = initial * factors
    if training.warm_up is not None:
        rates = rates * _warm(training.warm_up, times)
    return np.broadcast_to(rates, (len(epochs), steps))


def last_learning_rate(training: Training, step: int, steps: int, history: History) -> float:
    """Give the learning rate of the last of so many steps taken, before them that of the first."""
    epoch, place = divmod(max(0, step - 1), steps)
    return float(learning_rates(training, range(epoch, epoch + 1), steps, history)[0, place])


@dataclass(frozen=True)
class _Times:
    """The moments of every step of some epochs, of so many steps each."""

    epochs: range
    steps: int

    def steps_before(self) -> Rates:
        """Count the steps before each: float64 [epochs, steps]."""
        within = np.arange(self.steps, dtype=float)
        return np.array(self.epochs, float)[:, None] * self.steps + within

    def epochs_before(self, per: str) -> Rates:
        """Count the epochs before each step, or before its epoch: float64 [epochs, steps or 1]."""
        if per == "step":
            return self.steps_before() / self.steps
        return np.array(self.epochs, float)[:, None]


def _falling(training: Training, times: _Times, history: History) -> Rates:
    own = dict(training.schedule.parameters)
    length, per = (own.pop(name) for name in LENGTH)
    begin = _length_in_epochs(training.warm_up, times.steps)
    budget = training.epochs or (training.steps or 0) / times.steps
    spent = times.epochs_before(per) - begin
    passed = np.clip(spent / max(length or budget - begin, 1 / times.steps), 0, 1)
    factors: Rates = SCHEDULES[training.schedule.name].factor(passed, history, **own)
    return factors


def _length_in_epochs(warm_up: WarmUp | None, steps: int) -> float:
    if warm_up is None:
        return 0.0
    return warm_up.epochs or 0 if warm_up.steps is None else warm_up.steps / steps


def _warm(warm_up: WarmUp, times: _Times) -> Rates:
    """Give n/N in the n-th of the N steps or epochs of a warm-up, and 1 after them.

    Source: Goyal et al. (2017), https://arxiv.org/abs/1706.02677, section 2.2.
    """
    if warm_up.steps is not None:
        return np.minimum(1, (times.steps_before() + 1) / warm_up.steps)
    epochs = warm_up.epochs or 1
    if warm_up.per == "epoch":
        return np.minimum(1, (times.epochs_before("epoch") + 1) / epochs)
    return np.minimum(1, (times.steps_before() + 1) / (epochs * times.steps))


def holds_until(component: Component, history: History) -> float:
    """Give the first epoch whose measurement can change a schedule's learning rates.

    It is infinite for a schedule that does not look at the history, `history` what was measured so
    far.
    """
    holds = SCHEDULES[component.name].holds
    return math.inf if holds is None else holds(history, **component.parameters)
