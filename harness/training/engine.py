"""What the training loop asks of an engine that runs epochs, and what it gets back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np

from harness.training.measure import Measured
from harness.training.step import Weights

Way = Literal["one program", "on the device", "streamed"]
"""How the epochs of a run are computed; it decides in which order some sums are made."""

ONE_PROGRAM: Literal["one program"] = "one program"
"""Many epochs of a small network on small data are one program."""

ON_DEVICE: Literal["on the device"] = "on the device"
"""An epoch of any network is one program, and the data lie in the memory of the accelerator."""

STREAMED: Literal["streamed"] = "streamed"
"""The host makes the batches, and a program makes a step of each."""


@dataclass(frozen=True)
class Chunk:
    """Consecutive epochs to run: the first, counted from 0, and an entry an epoch of what to do.

    `step` is how many optimizer steps were taken before. `learning_rates` has a row an epoch and in
    it a rate for each step of a whole epoch, of which so many as `steps` says are taken: fewer than
    all in the last epoch of a budget that ends within it. `measure` asks for a measurement of
    everything after the epoch, `check` for a look at the stopping rule, which is met with `enough`
    training examples and `enough_validation` validation examples classified right. `following` are
    the epochs that will be asked for next, a hint that lets their random decisions be drawn
    meanwhile.
    """

    first: int
    step: int
    learning_rates: np.ndarray
    steps: np.ndarray
    measure: np.ndarray
    check: np.ndarray
    enough: int
    following: range = range(0)
    enough_validation: int = 0

    @property
    def count(self) -> int:
        """How many epochs there are."""
        return len(self.learning_rates)


@dataclass(frozen=True)
class ChunkResult:
    """What came of a chunk.

    `epochs` were begun and `steps` taken; `loss` is the last step's; `stopped` tells whether the
    stopping rule was met. `measured` holds the measurements by the epoch's place in the chunk.
    Where the loss is not finite, it is that of the last step, in the last epoch begun. Where the
    weights are `lasting`, later calls leave their tensors as they are.
    """

    weights: Weights
    epochs: int
    steps: int
    loss: float
    stopped: bool
    measured: Mapping[int, Measured]
    lasting: bool = False


class Engine(Protocol):
    """Runs the epochs of one run: at most `capacity` in a call, on `devices` devices.

    `way` says how. `initial` are the trainable weights at epoch 0.
    """

    capacity: int
    devices: int
    way: Way

    def prepare(self, weights: Weights, initial: list[Any]) -> None:
        """Compile what can be compiled before the clock starts."""

    def measure(self, weights: Weights, initial: list[Any]) -> Measured:
        """Measure everything."""

    def train(self, weights: Weights, initial: list[Any], chunk: Chunk) -> ChunkResult:
        """Run the epochs of a chunk."""

    def augmented_correct(self, weights: Weights, initial: list[Any], epoch: int) -> float:
        """Count the training examples classified right as they are augmented in an epoch."""

    def logits(self, weights: Weights) -> Iterator[np.ndarray]:
        """Yield the logits of the test set in its order, float32 [batch, outputs]."""
