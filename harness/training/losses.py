"""Losses from logits, and when a prediction is right."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
from keras import ops

Tensor = Any


@dataclass(frozen=True)
class Loss:
    """A loss an example.

    `outputs(classes)` is how many logits the network needs. `values(labels, logits, smoothing)`
    gives float32 [batch], `correct(labels, logits)` bool [batch]; labels are int32 [batch], logits
    float32 [batch, outputs]. `smoothing` is the share of the target's weight that is spread evenly
    over all classes (Szegedy et al. 2015, arXiv 1512.00567, section 7).
    """

    outputs: Callable[[int], int]
    values: Callable[[Tensor, Tensor, float], Tensor]
    correct: Callable[[Tensor, Tensor], Tensor]


def _one_logit(classes: int) -> int:
    if classes != 2:
        raise ValueError(f"binary_cross_entropy needs 2 classes, the data set has {classes}")
    return 1


def _softmax_values(labels: Tensor, logits: Tensor, smoothing: float) -> Tensor:
    values = keras.losses.sparse_categorical_crossentropy(labels, logits, from_logits=True)
    values = ops.cast(values, logits.dtype)  # which is float64 with JAX, where that is allowed
    if not smoothing:
        return values
    evenly = ops.logsumexp(logits, axis=-1) - ops.mean(
        logits, axis=-1
    )  # the mean over classes of -log p
    return (1 - smoothing) * values + smoothing * evenly


def _binary_values(labels: Tensor, logits: Tensor, smoothing: float) -> Tensor:
    target = ops.cast(ops.expand_dims(labels, -1), logits.dtype)
    if smoothing:
        target = target * (1 - smoothing) + smoothing / 2
    return keras.losses.binary_crossentropy(target, logits, from_logits=True)


LOSSES: dict[str, Loss] = {
    "cross_entropy": Loss(
        outputs=lambda classes: classes,
        values=_softmax_values,
        correct=lambda labels, logits: ops.equal(ops.argmax(logits, axis=-1), labels),
    ),
    "binary_cross_entropy": Loss(
        outputs=_one_logit,
        values=_binary_values,
        correct=lambda labels, logits: ops.equal(ops.cast(logits[:, 0] > 0, labels.dtype), labels),
    ),
}
"""Softmax cross-entropy, a logit a class; and sigmoid cross-entropy, one logit for class 1 of
two.
"""

REDUCTIONS: dict[str, Callable[[Tensor], Tensor]] = {"mean": ops.mean, "sum": ops.sum}
"""How the losses of a batch become the one that is minimized."""
