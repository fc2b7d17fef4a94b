"""Loss and accuracy along the straight line between the weights of two runs."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.data.records import Split
from harness.measuring.found import Found, Unmeasurable
from harness.measuring.trained import Trained
from harness.training.backend import program
from harness.training.step import Weights, evaluation

POSITION = "position"
"""The column of where on the line the others were measured: 0 at the first run, 1 at the second."""

Column = NDArray[np.float64]
Tensor = Any


def linear_path(first: Trained, second: Trained, *, points: int) -> Found:
    """Measure both sets of the first run along the line from its weights to the second run's.

    A barrier is how far the loss is above (the accuracy below) the straight line between its values
    at the ends, where it is farthest: the largest of L(t) - (1 - t) L(0) - t L(1) over the points
    t. It is at least 0, as both ends are points. Everything that a network has is interpolated, the
    statistics of batch normalization too.

    Args:
        first: The run at 0, whose data are used.
        second: The run at 1.
        points: How many places of the line, both ends among them.

    Source: Entezari et al. (2022), "The role of permutation invariance in linear mode
        connectivity", equation 1, https://arxiv.org/abs/2110.06296.
    """
    ends = [[*each.weights.trainable, *each.weights.non_trainable] for each in (first, second)]
    if [array.shape for array in ends[0]] != [array.shape for array in ends[1]]:
        raise Unmeasurable("the two networks do not have weights of the same shapes")
    position = np.linspace(0.0, 1.0, points)
    columns = {POSITION: position, **_along(first, ends, position)}
    return Found(
        {
            f"{name}_barrier": _barrier(position, -column if "accuracy" in name else column)
            for name, column in columns.items()
            if name != POSITION
        },
        {name: column.tolist() for name, column in columns.items()},
    )


def _along(first: Trained, ends: list[list[Any]], position: Column) -> dict[str, Column]:
    """Measure the mean loss and the accuracy of both sets at each position."""

    def evaluated(trainable: list[Tensor], fixed: list[Tensor], x: Tensor, y: Tensor) -> Tensor:
        return evaluation(first.net, Weights(trainable, fixed, []), x, y)

    evaluate = program(evaluated)
    count, found = len(first.weights.trainable), []
    for t in position:
        arrays = [
            ((1 - t) * a + t * b).astype(a.dtype) for a, b in zip(ends[0], ends[1], strict=True)
        ]
        at = arrays[:count], arrays[count:]

        def mean(split: Split, at: tuple[list[Any], list[Any]] = at) -> Column:
            sums = [np.asarray(evaluate(*at, x, y)) for x, y in first.batches(split)]
            return np.asarray(np.sum(sums, axis=0) / len(split))

        found.append([*mean(first.pipeline.train), *mean(first.pipeline.test)])
    names = ("train_loss", "train_accuracy", "test_loss", "test_accuracy")
    return dict(zip(names, np.array(found).T, strict=True))


def _barrier(position: Column, column: Column) -> float:
    straight = (1 - position) * column[0] + position * column[-1]
    return float(np.max(column - straight))
