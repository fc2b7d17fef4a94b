"""One optimizer step and one evaluation, as pure functions of tensors.

They are the mathematics of every engine.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import keras
from keras import ops

from harness.experiment import Training
from harness.training.backend import gradients
from harness.training.losses import LOSSES, REDUCTIONS, Loss
from harness.training.optimizers import Optimizer, Scalars, Weight, optimizer_of

Tensor = Any


class Weights(NamedTuple):
    """What a step changes, as lists of tensors: see `harness.training.state.State`."""

    trainable: list[Tensor]
    non_trainable: list[Tensor]
    slots: list[Tensor]


@dataclass(frozen=True)
class Network:
    """The model, its loss and its optimizer.

    Only the model's function is used, never its variables' values. `smoothing` is that of the
    labels in the loss that is minimized; measured losses are without it.
    """

    model: keras.Model
    loss: Loss
    smoothing: float
    reduce: Callable[[Tensor], Tensor]
    optimizer: Optimizer


def network(model: keras.Model, training: Training) -> Network:
    """Look up the loss and the optimizer that `training` names.

    Raises KeyError for unknown names, ValueError where a regularizer is on that the optimizer has
    no place for.
    """
    optimizer = optimizer_of(training)
    loss, reduce = LOSSES[training.loss], REDUCTIONS[training.loss_reduction]
    return Network(model, loss, training.label_smoothing, reduce, optimizer)


def training_step(
    net: Network, weights: Weights, x: Tensor, y: Tensor, scalars: Scalars
) -> tuple[Weights, Tensor]:
    """Make one optimizer step on the batch `x`, `y`.

    Gives the new weights and the loss before the step. The loss is the reduced loss of the batch,
    float32, without l2, which enters the gradient.
    """

    def reduced(trainable: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        logits, non_trainable = net.model.stateless_call(
            trainable, weights.non_trainable, x, training=True
        )
        logits = ops.cast(logits, "float32")  # also where the network computes in bfloat16
        return net.reduce(net.loss.values(y, logits, net.smoothing)), list(non_trainable)

    loss, non_trainable, slopes = gradients(reduced, weights.trainable)
    trainable: list[Tensor] = []
    slots: list[Tensor] = []
    names = net.optimizer.slots
    for index, (value, gradient) in enumerate(zip(weights.trainable, slopes, strict=True)):
        own = weights.slots[index * len(names) : (index + 1) * len(names)]
        weight = Weight(value, dict(zip(names, own, strict=True)))
        moved = net.optimizer.update(weight, gradient, scalars)
        trainable.append(moved.value)
        slots.extend(moved.slots[name] for name in names)
    return Weights(trainable, non_trainable, slots), loss


def inference(net: Network, weights: Weights, x: Tensor) -> Tensor:
    """Give the logits in inference mode, float32 [batch, outputs]."""
    logits, _ = net.model.stateless_call(
        weights.trainable, weights.non_trainable, x, training=False
    )
    return ops.cast(logits, "float32")


def evaluation(net: Network, weights: Weights, x: Tensor, y: Tensor) -> Tensor:
    """Give [sum of the losses, number of examples classified right] in inference mode, float64 [2].

    float64 keeps the counts exact and the sum independent of how the set is cut into batches, to
    float32 accuracy.
    """
    logits = inference(net, weights, x)
    losses = ops.cast(net.loss.values(y, logits, 0.0), "float64")
    correct = ops.cast(net.loss.correct(y, logits), "float64")
    return ops.stack([ops.sum(losses), ops.sum(correct)])


def norms(weights: Weights, initial: list[Tensor]) -> Tensor:
    """Give [norm of the trainable weights, norm of their difference from `initial`].

    It is float64 [2].
    """
    differences = [now - then for now, then in zip(weights.trainable, initial, strict=True)]
    return ops.stack([_norm(weights.trainable), _norm(differences)])


def _norm(tensors: list[Tensor]) -> Tensor:
    return ops.sqrt(
        functools.reduce(
            ops.add, [ops.sum(ops.square(ops.cast(each, "float64"))) for each in tensors]
        )
    )
