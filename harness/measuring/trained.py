"""A trained network as metrics of weights see it: its function, its weights, and its data."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.compile import Compiled
from harness.data.batches import evaluation_batches
from harness.data.pipeline import Pipeline
from harness.data.records import Split
from harness.experiment import Training
from harness.training.step import Network, Weights, network

Arrays = list[np.ndarray[Any, Any]]

_BATCH = 250
_BATCH_VALUES = 2**22
"""Examples and input values that are computed with at once; derivatives take memory."""


@dataclass(frozen=True, eq=False)
class Trained:
    """A network without dropout, its final weights as arrays, its data, and the run's seed."""

    net: Network
    weights: Weights
    pipeline: Pipeline
    seed: int

    @classmethod
    def of(cls, compiled: Compiled, training: Training, seed: int) -> Trained:
        """Take a compiled run, whose model holds the weights that it ended with."""
        model = compiled.plain
        trainable, non_trainable = (
            [np.asarray(variable) for variable in variables]
            for variables in (model.trainable_variables, model.non_trainable_variables)
        )
        net = network(model, training)
        return cls(net, Weights(trainable, non_trainable, []), compiled.pipeline, seed)

    def batches(self, split: Split, most: int | None = None) -> Iterator[tuple[Any, Any]]:
        """Yield the first examples of a split, not augmented: x float32 [b, ...], y int32 [b].

        `most` is how many, None for all.
        """
        left = len(split) if most is None else min(most, len(split))
        size = max(1, min(_BATCH, left, _BATCH_VALUES // math.prod(self.pipeline.input_shape)))
        for x, y in evaluation_batches(self.pipeline, split, size).as_numpy_iterator():
            yield x[:left], y[:left]
            left -= len(y)
            if left <= 0:
                return

    def count(self, most: int | None) -> int:
        """Return how many of the first training examples there are, `most` at most."""
        there = len(self.pipeline.train)
        return there if most is None else min(most, there)
