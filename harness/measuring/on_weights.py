"""Metrics of the training loss around the weights that a run ended with: its slope, its curvature.

The loss is the one that `train_loss` measures: the mean over the training set, in inference mode,
without augmentation, label smoothing and l2.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

from harness.data.randomness import Stream, normals
from harness.measuring.found import Found, Unmeasurable
from harness.measuring.trained import Arrays, Trained
from harness.training.backend import gradients, hessian_vector_product, program
from harness.training.step import Weights, inference

Vector = NDArray[np.float64]
Tensor = Any


def gradient_norm(trained: Trained, *, examples: int | None) -> Found:
    """Compute the Euclidean norm of the gradient of the mean loss over the training set.

    Args:
        trained: The network.
        examples: How many training examples count, the first ones; None for all.
    """

    def gradient(trainable: list[Tensor], fixed: list[Tensor], x: Tensor, y: Tensor) -> Tensor:
        return gradients(_summed_loss(trained, fixed, x, y), trainable)[2]

    compiled, weights = program(gradient), trained.weights
    total = np.zeros(_size(weights.trainable))
    for x, y in trained.batches(trained.pipeline.train, examples):
        total += _flat(compiled(weights.trainable, weights.non_trainable, x, y))
    return Found({"gradient_norm": float(np.linalg.norm(total)) / trained.count(examples)})


def sharpness(
    trained: Trained, *, iterations: int, tolerance: float, examples: int | None
) -> Found:
    """Compute the largest eigenvalue of the Hessian of the mean loss over the training set.

    Args:
        trained: The network.
        iterations: Products of the Hessian and a vector at most.
        tolerance: See `largest_eigenvalue`.
        examples: How many training examples count, the first ones; None for all.

    Raises:
        Unmeasurable: the eigenvalue has not settled by then.
    """

    def product(
        trainable: list[Tensor], fixed: list[Tensor], x: Tensor, y: Tensor, vector: list[Tensor]
    ) -> list[Tensor]:
        return hessian_vector_product(_summed_loss(trained, fixed, x, y), trainable, vector)

    compiled, weights = program(product), trained.weights
    size = _size(weights.trainable)

    def of_mean(vector: Vector) -> Vector:
        parts, total = _shaped(vector, weights.trainable), np.zeros(size)
        for x, y in trained.batches(trained.pipeline.train, examples):
            total += _flat(compiled(weights.trainable, weights.non_trainable, x, y, parts))
        return total / trained.count(examples)

    start = normals(Stream(trained.seed, "sharpness"), 0, 1, size)[0]
    return Found({"sharpness": largest_eigenvalue(of_mean, start, iterations, tolerance)})


def largest_eigenvalue(
    product: Callable[[Vector], Vector], start: Vector, iterations: int, tolerance: float
) -> float:
    """Find the largest eigenvalue of a symmetric matrix by power iteration.

    That finds the eigenvalue whose absolute value is largest. Where it is negative, the iteration
    goes on with the matrix minus that eigenvalue, whose eigenvalues are all at least 0.

    Args:
        product: Multiplies the matrix with a vector.
        start: Where it starts, a vector that is not 0.
        iterations: How many products at most.
        tolerance: It has settled where an iteration changes it by at most this share.

    Raises:
        Unmeasurable: it has not settled by then.
    """
    value, used = _dominant(product, start, iterations, tolerance)
    if value >= 0:
        return value
    above, _ = _dominant(lambda v: product(v) - value * v, start, iterations - used, tolerance)
    return above + value


def _dominant(
    product: Callable[[Vector], Vector], start: Vector, iterations: int, tolerance: float
) -> tuple[float, int]:
    """Find the eigenvalue with the largest absolute value; also return how many products it took.

    It is the Rayleigh quotient of the last vector.
    """
    vector, before = start / np.linalg.norm(start), np.inf
    for used in range(1, iterations + 1):
        following = product(vector)
        value, length = float(vector @ following), float(np.linalg.norm(following))
        if length == 0 or abs(value - before) <= tolerance * abs(value):
            return value, used
        vector, before = following / length, value
    raise Unmeasurable(
        f"the eigenvalue has not settled to {tolerance:g} of itself within the iterations: allow"
        " for more of them, or for a larger tolerance"
    )


def _summed_loss(
    trained: Trained, fixed: list[Tensor], x: Tensor, y: Tensor
) -> Callable[[list[Tensor]], tuple[Tensor, None]]:
    """Return the sum of the losses of a batch as a function of the trainable weights."""
    net = trained.net

    def summed(trainable: list[Tensor]) -> tuple[Tensor, None]:
        logits = inference(net, Weights(trainable, fixed, []), x)
        return ops.sum(net.loss.values(y, logits, 0.0)), None

    return summed


def _size(arrays: Arrays) -> int:
    return sum(array.size for array in arrays)


def _flat(tensors: list[Tensor]) -> Vector:
    """Return tensors as one vector."""
    return np.concatenate([np.asarray(tensor, np.float64).ravel() for tensor in tensors])


def _shaped(vector: Vector, like: Arrays) -> list[NDArray[np.float32]]:
    """Return the parts of a vector in the shapes of some arrays."""
    ends = np.cumsum([array.size for array in like])[:-1]
    parts = np.split(vector.astype(np.float32), ends)
    return [part.reshape(array.shape) for part, array in zip(parts, like, strict=True)]
