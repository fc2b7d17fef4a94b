"""What the loop asks of a way to run epochs, and what it gets back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.training.step import Weights

COLUMNS = 6
"""What is measured of an epoch: train loss sum, train correct, test loss sum, test correct, norm,
distance.
"""


@dataclass(frozen=True)
class Chunk:
    """Consecutive epochs to run: the first (counted from 0) and, an entry an epoch, what to do in
    it.

    `measure` asks for a measurement of everything after the epoch, `check` for a look at the
    stopping rule, which is met with `enough` training examples classified right. `following` are
    the epochs that will be asked for next, a hint that lets their random decisions be drawn
    meanwhile.
    """

    first: int
    learning_rates: np.ndarray
    measure: np.ndarray
    check: np.ndarray
    enough: int
    following: range = range(0)

    @property
    def count(self) -> int:
        """How many epochs there are."""
        return len(self.learning_rates)


@dataclass(frozen=True)
class Ran:
    """What came of a chunk: epochs begun, steps taken, the last step's loss, whether the stopping
    rule was met.

    `measured` is float64 [epochs, COLUMNS], defined in the rows of epochs that were measured. Where
    the loss is not finite, it is that of the last step, in the last epoch begun.
    """

    weights: Weights
    epochs: int
    steps: int
    loss: float
    stopped: bool
    measured: np.ndarray


@dataclass(frozen=True)
class Way:
    """A way to run epochs: at most `capacity` in a call, on `devices` devices.

    `measure(weights, initial)` gives float64 [COLUMNS]; `advance(weights, initial, chunk)` trains.
    `prepare` compiles what can be compiled before the clock starts. `augmented(weights, initial,
    epoch)` counts the training examples classified right, in inference mode, as they are augmented
    in that epoch. `logits(weights)` gives those of the test set in its order, batch after batch,
    float32 [batch, outputs].
    """

    capacity: int
    prepare: Callable[[Weights, list[Any]], None]
    measure: Callable[[Weights, list[Any]], np.ndarray]
    advance: Callable[[Weights, list[Any], Chunk], Ran]
    augmented: Callable[[Weights, list[Any], int], float]
    logits: Callable[[Weights], Iterator[np.ndarray]]
    devices: int = 1
