"""Epochs of small networks on small data: many epochs in one XLA program, measured and stopped inside it."""

from __future__ import annotations

import math
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from harness.data.pipeline import Pipeline, decision_bytes, decisions, make_batch, scaled
from harness.spec.records import Training
from harness.training import programs
from harness.training.chunk import COLUMNS, Chunk, Ran, Way
from harness.training.step import Network, Strengths, Weights, evaluation, norms, training_step

Tensor = Any
Decisions = dict[str, np.ndarray]

LARGEST_DATA = 64 * 2**20
"""Bytes of float32 inputs above which data are streamed."""

LARGEST_DECISIONS = 16 * 2**20
"""Bytes of random decisions that one call may carry."""

MOST_EPOCHS = 4096
"""Epochs that one call may run."""

EVALUATION_BATCH = 2000
"""Examples evaluated at once."""


class Data(NamedTuple):
    """Both sets as tensors: scaled inputs, labels, and the raw training inputs where they are augmented."""

    train: tuple[Tensor, Tensor]
    test: tuple[Tensor, Tensor]
    raw: Tensor | None


def suits(net: Network, pipeline: Pipeline) -> bool:
    """Tell whether the network and the data are small enough.

    Convolutions are left to the streamed way: inside an XLA loop they compile for minutes and run slowly on
    the CPU. A convolution's kernel is what has more than two axes.
    """
    if any(len(variable.shape) > 2 for variable in net.model.trainable_variables):
        return False
    splits = (pipeline.train, pipeline.test)
    if not all(isinstance(split.inputs, np.ndarray) for split in splits):
        return False
    size = sum(len(split) for split in splits) * math.prod(pipeline.input_shape) * 4
    return size <= LARGEST_DATA and decision_bytes(pipeline) <= LARGEST_DECISIONS


def compiled(net: Network, training: Training, pipeline: Pipeline) -> Way:
    """Prepare the program and the data for one run."""
    capacity = max(1, min(MOST_EPOCHS, LARGEST_DECISIONS // decision_bytes(pipeline)))
    key = ("compiled", capacity, programs.signature(net, training, pipeline))
    program, measurement = programs.shared(key, lambda: _program(net, training, pipeline))
    data = _data(pipeline)
    ahead = _Ahead(pipeline, capacity)

    def measure(weights: Weights, initial: list[Tensor]) -> np.ndarray:
        return measurement(weights, initial, data).numpy()

    def advance(weights: Weights, initial: list[Tensor], chunk: Chunk) -> Ran:
        drawn = ahead.take(range(chunk.first, chunk.first + chunk.count), chunk.following)
        weights, epochs, steps, loss, stopped, measured = program(
            weights,
            initial,
            data,
            {name: tf.constant(array) for name, array in drawn.items()},
            tf.constant(chunk.count),
            tf.constant(_padded(chunk.learning_rates.astype(np.float32), capacity)),
            programs.strengths(training, 0.0),
            tf.constant(_padded(chunk.measure, capacity)),
            tf.constant(_padded(chunk.check, capacity)),
            tf.constant(float(chunk.enough), tf.float64),
        )
        return Ran(weights, int(epochs), int(steps), float(loss), bool(stopped), measured.numpy()[: int(epochs)])

    def prepare(weights: Weights, initial: list[Tensor]) -> None:
        nothing = np.zeros(0, bool)
        advance(weights, initial, Chunk(0, np.zeros(0), nothing, nothing, 0))

    return Way(capacity, prepare, measure, advance)


def _data(pipeline: Pipeline) -> Data:
    train, test = (
        (scaled(pipeline, tf.constant(split.inputs)), tf.constant(split.labels))
        for split in (pipeline.train, pipeline.test)
    )
    return Data(train, test, tf.constant(pipeline.train.inputs) if pipeline.augmentation else None)


def _padded(values: np.ndarray, length: int) -> np.ndarray:
    # The number of epochs is a tensor and arrays have one length, so that every call runs the same program:
    # the length of a call then cannot change a single bit of the result.
    return np.concatenate([values, np.zeros(length - len(values), values.dtype)])


class _Ahead:
    """Draws the random decisions of the next call on a second thread while the present call computes."""

    def __init__(self, pipeline: Pipeline, capacity: int) -> None:
        self._draw = partial(_stacked, pipeline, capacity)
        self._thread = ThreadPoolExecutor(1)
        self._pending: dict[range, Future[Decisions]] = {}

    def take(self, epochs: range, following: range) -> Decisions:
        drawn = self._pending.pop(epochs).result() if epochs in self._pending else self._draw(epochs)
        self._pending = {following: self._thread.submit(self._draw, following)} if following else {}
        return drawn


def _stacked(pipeline: Pipeline, capacity: int, epochs: range) -> Decisions:
    stacks = {name: np.zeros((capacity, *array.shape), array.dtype) for name, array in decisions(pipeline, 0).items()}
    for place, epoch in enumerate(epochs):
        for name, array in decisions(pipeline, epoch).items():
            stacks[name][place] = array
    return stacks


def _program(net: Network, training: Training, pipeline: Pipeline) -> tuple[Any, Any]:
    """Build the training program and the measurement of both sets, each one XLA program."""
    size = training.batch_size
    steps = programs.steps_an_epoch(len(pipeline.train.labels), training)
    full = min(steps, len(pipeline.train.labels) // size)
    rest = len(pipeline.train.labels) - full * size if steps > full else 0

    def batch(data: Data, drawn: dict[str, Tensor], epoch: Tensor, start: Tensor, count: int) -> tuple[Tensor, Tensor]:
        chosen = {name: _rows(array, epoch, start, count) for name, array in drawn.items()}
        if data.raw is not None:
            return make_batch(pipeline, data.raw, data.train[1], chosen)
        inputs, labels = data.train
        return tf.gather(inputs, chosen["order"]), tf.gather(labels, chosen["order"])

    def one_epoch(
        weights: Weights, data: Data, drawn: dict[str, Tensor], epoch: Tensor, strengths: Strengths
    ) -> tuple[Weights, Tensor, Tensor]:
        def body(taken: Tensor, weights: Weights, loss: Tensor) -> tuple[Tensor, Weights, Tensor]:
            weights, loss = training_step(net, weights, *batch(data, drawn, epoch, taken * size, size), strengths)
            return taken + 1, weights, loss

        taken, weights, loss = tf.while_loop(
            lambda taken, weights, loss: (taken < full) & tf.math.is_finite(loss),
            body,
            (tf.constant(0), weights, tf.constant(0.0)),
        )
        if rest:
            fine = tf.math.is_finite(loss)
            last = batch(data, drawn, epoch, tf.constant(full * size), rest)
            weights, last_loss = training_step(net, weights, *last, strengths)
            taken, loss = taken + tf.cast(fine, tf.int32), tf.where(fine, last_loss, loss)
        return weights, taken, loss

    @tf.function(jit_compile=True, autograph=False)
    def run(
        weights: Weights,
        initial: list[Tensor],
        data: Data,
        drawn: dict[str, Tensor],
        count: Tensor,
        learning_rates: Tensor,
        strengths: Strengths,
        measure: Tensor,
        check: Tensor,
        enough: Tensor,
    ) -> tuple[Weights, Tensor, Tensor, Tensor, Tensor, Tensor]:
        def body(
            epoch: Tensor, weights: Weights, steps: Tensor, loss: Tensor, stopped: Tensor, table: Tensor
        ) -> tuple[Tensor, Weights, Tensor, Tensor, Tensor, Tensor]:
            now = strengths._replace(learning_rate=learning_rates[epoch])
            weights, taken, loss = one_epoch(weights, data, drawn, epoch, now)
            fine = tf.math.is_finite(loss)
            train = tf.cond(
                fine & (measure[epoch] | check[epoch]),
                lambda: _whole(net, weights, data.train),
                lambda: tf.zeros(2, tf.float64),
            )
            stopped = fine & check[epoch] & (train[1] >= enough)
            others = tf.cond(
                fine & (measure[epoch] | stopped),
                lambda: tf.concat([_whole(net, weights, data.test), norms(weights, initial)], 0),
                lambda: tf.zeros(COLUMNS - 2, tf.float64),
            )
            table = tf.tensor_scatter_nd_update(table, [[epoch]], [tf.concat([train, others], 0)])
            return epoch + 1, weights, steps + taken, loss, stopped, table

        epoch, weights, steps, loss, stopped, table = tf.while_loop(
            lambda epoch, weights, steps, loss, stopped, table: (epoch < count) & tf.math.is_finite(loss) & ~stopped,
            body,
            (
                tf.constant(0),
                weights,
                tf.constant(0),
                tf.constant(0.0),
                tf.constant(False),
                tf.zeros((learning_rates.shape[0], COLUMNS), tf.float64),
            ),
        )
        return weights, epoch, steps, loss, stopped, table

    @tf.function(jit_compile=True, autograph=False)
    def measurement(weights: Weights, initial: list[Tensor], data: Data) -> Tensor:
        sets = [_whole(net, weights, split) for split in (data.train, data.test)]
        return tf.concat([*sets, norms(weights, initial)], 0)

    return run, measurement


def _rows(stack: Tensor, epoch: Tensor, start: Tensor, count: int) -> Tensor:
    """Give `stack[epoch, start : start + count]` with a static shape, as XLA asks."""
    inner = stack.shape[2:]
    begin = tf.stack([epoch, start, *([0] * len(inner))])
    return tf.reshape(tf.slice(stack, begin, [1, count, *inner]), [count, *inner])


def _whole(net: Network, weights: Weights, split: tuple[Tensor, Tensor]) -> Tensor:
    """Evaluate a set in batches of static size."""
    inputs, labels = split
    full, rest = divmod(labels.shape[0], EVALUATION_BATCH)

    def part(start: Tensor, count: int) -> Tensor:
        begin = tf.stack([start, *([0] * (len(inputs.shape) - 1))])
        x = tf.ensure_shape(tf.slice(inputs, begin, [count, *inputs.shape[1:]]), [count, *inputs.shape[1:]])
        return evaluation(net, weights, x, tf.slice(labels, [start], [count]))

    total = part(tf.constant(full * EVALUATION_BATCH), rest) if rest else tf.zeros(2, tf.float64)
    if not full:
        return total
    return tf.while_loop(
        lambda done, total: done < full,
        lambda done, total: (done + 1, total + part(done * EVALUATION_BATCH, EVALUATION_BATCH)),
        (tf.constant(0), total),
    )[1]
