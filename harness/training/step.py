"""One optimizer step and one evaluation, as pure functions of tensors.

They are the mathematics of every engine.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import keras
from keras import ops, tree

from harness.data.records import Mixed
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
    average: Sequence[Tensor] = ()

    @property
    def final(self) -> tuple[list[Tensor], list[Tensor]]:
        """What is measured, kept and handed on: the averages, or the weights themselves."""
        if not self.average:
            return self.trainable, self.non_trainable
        count = len(self.trainable)
        return list(self.average[:count]), list(self.average[count:])


@dataclass(frozen=True)
class Network:
    """The model, its loss, its optimizer, and how they are used.

    Only the model's function is used, never its variables' values. `training` is what the loss and
    the optimizer were looked up from.
    """

    model: keras.Model
    loss: Loss
    reduce: Callable[[Tensor], Tensor]
    optimizer: Optimizer
    training: Training


def network(model: keras.Model, training: Training) -> Network:
    """Look up the loss and the optimizer that `training` names.

    Raises KeyError for unknown names, ValueError where a regularizer is on that the optimizer has
    no place for.
    """
    optimizer = optimizer_of(training)
    loss, reduce = LOSSES[training.loss], REDUCTIONS[training.loss_reduction]
    return Network(model, loss, reduce, optimizer, training)


def training_step(
    net: Network, weights: Weights, x: Tensor, y: Tensor, scalars: Scalars
) -> tuple[Weights, Tensor]:
    """Make one optimizer step on the examples `x`, `y`, labels or mixed targets.

    Gives the new weights and the loss before the step. The loss is the reduced loss of the
    examples, float32, without l2, which enters the gradient.
    """
    loss, non_trainable, slopes = _accumulated(net, weights, x, y)
    trainable, slots = _moved(net, weights, _clipped(slopes, net.training.clip_norm), scalars)
    average = _averaged(net, weights.average, [*trainable, *non_trainable])
    return Weights(trainable, non_trainable, slots, average), loss


Slopes = tuple[Tensor, list[Tensor], list[Tensor]]
"""The loss of some examples, the non-trainable weights after them, and the gradient."""


def _accumulated(net: Network, weights: Weights, x: Tensor, y: Tensor) -> Slopes:
    """Take the gradient of a step: of its batches one after another, added up.

    Whatever the batches' sizes, it is that of the loss of all examples together; batch
    normalization and dropout see each batch alone.
    """
    if net.training.accumulate == 1:
        return _slopes(net, weights, x, y)
    size, examples = net.training.batch_size, ops.shape(x)[0]

    def added(sums: Slopes, start: Tensor, count: Tensor) -> Slopes:
        part = tree.map_structure(lambda each: _rows(each, start, count), (x, y))
        now = weights._replace(non_trainable=sums[1])
        loss, non_trainable, slopes = _slopes(net, now, *part)
        share = count / examples if net.training.loss_reduction == "mean" else 1
        factor = ops.cast(share, "float32")
        slopes = [old + factor * slope for old, slope in zip(sums[2], slopes, strict=True)]
        return sums[0] + factor * loss, non_trainable, slopes

    whole, rest = examples // size, examples % size
    _, sums = ops.while_loop(
        lambda done, sums: done < whole,
        lambda done, sums: (done + 1, added(sums, done * size, size)),
        (_integer(0), _no_slopes(weights)),
    )
    if isinstance(rest, int):
        return added(sums, whole * size, rest) if rest else sums
    ended: Slopes = ops.cond(rest > 0, lambda: added(sums, whole * size, rest), lambda: sums)
    return ended


def _no_slopes(weights: Weights) -> Slopes:
    nothing = [ops.zeros_like(value) for value in weights.trainable]
    return ops.zeros((), "float32"), weights.non_trainable, nothing


def _slopes(net: Network, weights: Weights, x: Tensor, y: Tensor) -> Slopes:
    """Take the gradient of a batch, with sharpness-aware minimization (SAM) uphill of the weights.

    Source: Foret et al. (2021), https://arxiv.org/abs/2010.01412, equations 2 and 3, p = 2.
    """

    def reduced(trainable: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        logits, non_trainable = net.model.stateless_call(
            trainable, weights.non_trainable, x, training=True
        )
        logits = ops.cast(logits, "float32")  # also where the network computes in bfloat16
        smoothing = net.training.label_smoothing
        values = weighted(y, lambda labels: net.loss.values(labels, logits, smoothing))
        return net.reduce(values), list(non_trainable)

    loss, non_trainable, slopes = gradients(reduced, weights.trainable)
    if net.training.sharpness_aware is not None:
        there = _uphill(weights.trainable, slopes, net.training.sharpness_aware.rho)
        _, _, slopes = gradients(reduced, there)  # whose statistics count no more
    return loss, non_trainable, slopes


def _uphill(trainable: list[Tensor], slopes: list[Tensor], rho: float) -> list[Tensor]:
    """Give the weights at the distance `rho`, along the gradient; these, where it is 0."""
    factor = rho / ops.maximum(_norm(slopes), _SMALLEST_NORM)
    factor = ops.cast(factor, "float32")
    return [value + factor * slope for value, slope in zip(trainable, slopes, strict=True)]


_SMALLEST_NORM = 1e-12
"""A gradient that is not larger points nowhere."""


def _clipped(slopes: list[Tensor], most: float | None) -> list[Tensor]:
    """Scale a gradient whose norm is above `most` down to it.

    Source: Pascanu, Mikolov and Bengio (2013), https://arxiv.org/abs/1211.5063, algorithm 1.
    """
    if most is None:
        return slopes
    factor = ops.cast(most / ops.maximum(_norm(slopes), most), "float32")
    return [factor * slope for slope in slopes]


def _moved(
    net: Network, weights: Weights, slopes: list[Tensor], scalars: Scalars
) -> tuple[list[Tensor], list[Tensor]]:
    """Give the trainable weights and the slots after a step of the optimizer."""
    trainable: list[Tensor] = []
    slots: list[Tensor] = []
    names = net.optimizer.slots
    for index, (value, gradient) in enumerate(zip(weights.trainable, slopes, strict=True)):
        own = weights.slots[index * len(names) : (index + 1) * len(names)]
        weight = Weight(value, dict(zip(names, own, strict=True)))
        moved = net.optimizer.update(weight, gradient, scalars)
        trainable.append(moved.value)
        slots.extend(moved.slots[name] for name in names)
    return trainable, slots


def _averaged(net: Network, averages: Sequence[Tensor], new: list[Tensor]) -> Sequence[Tensor]:
    """Give the averages after a step; what is no number of a network, such as a seed, is copied."""
    if net.training.average is None:
        return averages
    decay = net.training.average.decay
    return [
        decay * old + (1 - decay) * now if keras.backend.is_float_dtype(now.dtype) else now
        for old, now in zip(averages, new, strict=True)
    ]


def inference(net: Network, weights: Weights, x: Tensor) -> Tensor:
    """Give the logits in inference mode, float32 [batch, outputs]."""
    logits, _ = net.model.stateless_call(*weights.final, x, training=False)
    return ops.cast(logits, "float32")


def evaluation(net: Network, weights: Weights, x: Tensor, y: Tensor) -> Tensor:
    """Give [sum of the losses, number of examples classified right] in inference mode, float64 [2].

    float64 keeps the counts exact and the sum independent of how the set is cut into batches, to
    float32 accuracy. Of mixed targets, each label counts with its share.
    """
    logits = inference(net, weights, x)
    losses = weighted(y, lambda labels: ops.cast(net.loss.values(labels, logits, 0.0), "float64"))
    correct = weighted(y, lambda labels: ops.cast(net.loss.correct(labels, logits), "float64"))
    return ops.stack([ops.sum(losses), ops.sum(correct)])


def weighted(targets: Tensor | Mixed, of: Callable[[Tensor], Tensor]) -> Tensor:
    """Give `of(labels)`, a number an example; of mixed targets, the mean of both by their shares.

    For a cross-entropy this is the loss of the mixed one-hot targets, in which it is linear (Zhang
    et al. 2018, arXiv 1710.09412).
    """
    if not isinstance(targets, Mixed):
        return of(targets)
    own, partners = of(targets.labels), of(targets.partners)
    shares = ops.cast(targets.shares, own.dtype)
    return shares * own + (1 - shares) * partners


def norms(weights: Weights, initial: list[Tensor]) -> Tensor:
    """Give [norm of the trainable weights, norm of their difference from `initial`].

    It is float64 [2].
    """
    trainable, _ = weights.final
    differences = [now - then for now, then in zip(trainable, initial, strict=True)]
    return ops.stack([_norm(trainable), _norm(differences)])


def _integer(value: int) -> Tensor:
    return ops.convert_to_tensor(value, "int32")


def _rows(array: Tensor, start: Tensor, count: Tensor) -> Tensor:
    """Give `array[start : start + count]`.

    They are gathered: a slice that is longer than the array is an error for XLA, also in a loop
    that makes no step.
    """
    return ops.take(array, start + ops.arange(count, dtype="int32"), axis=0)


def _norm(tensors: list[Tensor]) -> Tensor:
    return ops.sqrt(
        functools.reduce(
            ops.add, [ops.sum(ops.square(ops.cast(each, "float64"))) for each in tensors]
        )
    )
