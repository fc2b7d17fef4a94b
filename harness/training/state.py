"""The state of a training run, and how a run that went wrong says so."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.errors import HarnessError

Arrays = tuple[Any, ...]
"""Arrays, or tensors of the backend that NumPy takes for arrays."""

_COUNTERS = ("epoch", "step", "seconds")
_GROUPS = ("trainable", "non_trainable", "slots", "initial", "average")


@dataclass(frozen=True)
class State:
    """Everything that a resumed run needs beside its settings, data and history.

    `epoch` and `step` count what is completed, `seconds` the time spent in it. `trainable` and
    `non_trainable` are the model's weights in Keras's order, `slots` the optimizer's arrays weight
    by weight, and `initial` the trainable weights at epoch 0. `average` are the averages of all
    weights of the model, where they are averaged, and else nothing. What a training loop hands out
    on its way may be tensors, which leave an accelerator when they are asked for.
    """

    epoch: int
    step: int
    seconds: float
    trainable: Arrays
    non_trainable: Arrays
    slots: Arrays
    initial: Arrays
    average: Arrays = ()

    @property
    def final(self) -> Arrays:
        """All weights of the model as they are measured, kept and handed on."""
        return self.average or (*self.trainable, *self.non_trainable)

    def arrays(self) -> dict[str, np.ndarray]:
        """Give the state as named arrays, fit for `numpy.savez`."""
        named = {name: np.asarray(getattr(self, name)) for name in _COUNTERS}
        for group in _GROUPS:
            named |= {
                f"{group}/{index}": np.asarray(array)
                for index, array in enumerate(getattr(self, group))
            }
        return named

    def fetched(self) -> State:
        """Give the state with all tensors as arrays."""
        return State.from_arrays(self.arrays())

    @classmethod
    def from_arrays(cls, named: Mapping[str, np.ndarray]) -> State:
        """Read what `arrays` gave; raises KeyError where a counter is missing."""
        groups: dict[str, Arrays] = {}
        for group in _GROUPS:
            count = sum(name.startswith(f"{group}/") for name in named)
            groups[group] = tuple(np.asarray(named[f"{group}/{index}"]) for index in range(count))
        return cls(int(named["epoch"]), int(named["step"]), float(named["seconds"]), **groups)


class NonFiniteLoss(HarnessError):
    """The loss became NaN or infinite, in step `step` and epoch `epoch`, both counted from 1.

    Where every step's loss was finite and the measured loss after an epoch was not, `step` is the
    epoch's last.
    """

    def __init__(self, loss: float, step: int, epoch: int) -> None:
        kind = "NaN" if math.isnan(loss) else "infinite"
        super().__init__(f"the loss became {kind} at step {step} (epoch {epoch})")
        self.step = step
        self.epoch = epoch
