"""Epochs of small networks on small data: many epochs in one XLA program, measured and stopped
inside it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from keras import ops

from harness.data.batches import tensors
from harness.data.pipeline import Pipeline, decision_bytes, decisions, make_batch, scaled
from harness.experiment import Training
from harness.training import programs
from harness.training.backend import on_jax, xla_program
from harness.training.chunk import COLUMNS, Chunk, Ran, Way
from harness.training.step import (
    Network,
    Strengths,
    Weights,
    evaluation,
    inference,
    norms,
    training_step,
)

Tensor = Any
Arrays = dict[str, np.ndarray]

LARGEST_DATA = 64 * 2**20
"""Bytes of float32 inputs above which data are streamed."""

LARGEST_DECISIONS = 16 * 2**20
"""Bytes of random decisions, or of augmented inputs, that one call may carry; one epoch's may
always be.
"""

MOST_EPOCHS = 4096
"""Epochs that one call may run."""

EVALUATION_BATCH = 2000
"""Examples evaluated at once."""


class Data(NamedTuple):
    """Both sets as tensors: scaled inputs, labels, and the raw training inputs where the program
    augments them.
    """

    train: tuple[Tensor, Tensor]
    test: tuple[Tensor, Tensor]
    raw: Tensor | None


def suits(net: Network, pipeline: Pipeline) -> bool:
    """Tell whether the network and the data are small enough.

    Convolutions are left to the streamed way: inside an XLA loop they compile for minutes and run
    slowly on the CPU. A convolution's kernel is what has more than two axes.
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
    capacity = max(1, min(MOST_EPOCHS, LARGEST_DECISIONS // _epoch_bytes(pipeline)))
    key = ("compiled", capacity, programs.signature(net, training, pipeline))
    program, measurement, classified = programs.shared(
        key, lambda: _program(net, training, pipeline)
    )
    data = _data(pipeline)
    ahead = _Ahead(pipeline, capacity)

    def measure(weights: Weights, initial: list[Tensor]) -> np.ndarray:
        return np.asarray(measurement(weights, initial, data))

    def advance(weights: Weights, initial: list[Tensor], chunk: Chunk) -> Ran:
        drawn = ahead.take(range(chunk.first, chunk.first + chunk.count), chunk.following)
        weights, epochs, steps, loss, stopped, measured = program(
            weights,
            initial,
            data,
            {name: ops.convert_to_tensor(array) for name, array in drawn.items()},
            ops.convert_to_tensor(chunk.count, "int32"),
            ops.convert_to_tensor(_padded(chunk.learning_rates.astype(np.float32), capacity)),
            programs.strengths(training, 0.0),
            ops.convert_to_tensor(_padded(chunk.measure, capacity)),
            ops.convert_to_tensor(_padded(chunk.check, capacity)),
            ops.convert_to_tensor(float(chunk.enough), "float64"),
        )
        return Ran(
            weights,
            int(epochs),
            int(steps),
            float(loss),
            bool(stopped),
            np.asarray(measured)[: int(epochs)],
        )

    def prepare(weights: Weights, initial: list[Tensor]) -> None:
        nothing = np.zeros(0, bool)
        advance(weights, initial, Chunk(0, np.zeros(0), nothing, nothing, 0))

    def augmented(weights: Weights, initial: list[Tensor], epoch: int) -> float:
        batch = make_batch(pipeline, *tensors(pipeline.train), decisions(pipeline, epoch))
        inputs, labels = (ops.convert_to_tensor(np.asarray(part)) for part in batch)
        return float(
            np.asarray(measurement(weights, initial, data._replace(train=(inputs, labels))))[1]
        )

    def logits(weights: Weights) -> Iterator[np.ndarray]:
        inputs = data.test[0]
        for start in range(0, inputs.shape[0], EVALUATION_BATCH):
            yield np.asarray(classified(weights, inputs[start : start + EVALUATION_BATCH]))

    return Way(capacity, prepare, measure, advance, augmented, logits)


def _augments_ahead(pipeline: Pipeline) -> bool:
    """Tell whether inputs are augmented before a call: augmentations are TensorFlow's, which no JAX
    program holds.
    """
    return bool(pipeline.augmentation) and on_jax()


def _epoch_bytes(pipeline: Pipeline) -> int:
    """Count what one epoch adds to what a call carries."""
    if not _augments_ahead(pipeline):
        return decision_bytes(pipeline)
    return len(pipeline.train) * (math.prod(pipeline.input_shape) + 1) * 4


def _data(pipeline: Pipeline) -> Data:
    train, test = (
        (
            ops.convert_to_tensor(np.asarray(scaled(pipeline, split.inputs))),
            ops.convert_to_tensor(split.labels),
        )
        for split in (pipeline.train, pipeline.test)
    )
    inside = pipeline.augmentation and not _augments_ahead(pipeline)
    return Data(train, test, ops.convert_to_tensor(pipeline.train.inputs) if inside else None)


def _padded(values: np.ndarray, length: int) -> np.ndarray:
    # The number of epochs is a tensor and arrays have one length, so that every call runs the same
    # program: the length of a call then cannot change a single bit of the result.
    return np.concatenate([values, np.zeros(length - len(values), values.dtype)])


_SECOND_THREAD = ThreadPoolExecutor(1)
"""One for all runs: the allocator of the C library may keep, for every thread anew, what a call's
decisions took.
"""


class _Ahead:
    """Draws what is random in the next call on a second thread while the present call computes."""

    def __init__(self, pipeline: Pipeline, capacity: int) -> None:
        self._draw = partial(_stacked, pipeline, capacity)
        self._pending: dict[range, Future[Arrays]] = {}

    def take(self, epochs: range, following: range) -> Arrays:
        drawn = (
            self._pending.pop(epochs).result() if epochs in self._pending else self._draw(epochs)
        )
        self._pending = (
            {following: _SECOND_THREAD.submit(self._draw, following)} if following else {}
        )
        return drawn


def _stacked(pipeline: Pipeline, capacity: int, epochs: range) -> Arrays:
    stacks = {
        name: np.zeros((capacity, *array.shape), array.dtype)
        for name, array in _drawn(pipeline, 0).items()
    }
    for place, epoch in enumerate(epochs):
        for name, array in _drawn(pipeline, epoch).items():
            stacks[name][place] = array
    return stacks


def _drawn(pipeline: Pipeline, epoch: int) -> Arrays:
    """Give the decisions of an epoch or, where it is augmented ahead, its inputs and labels, in
    their order.
    """
    drawn = decisions(pipeline, epoch)
    if not _augments_ahead(pipeline):
        return drawn
    inputs, labels = make_batch(pipeline, *tensors(pipeline.train), drawn)
    return {"inputs": np.asarray(inputs), "labels": np.asarray(labels)}


def _program(net: Network, training: Training, pipeline: Pipeline) -> tuple[Any, Any, Any]:
    """Build the training program, the measurement of both sets and the network itself, each one XLA
    program.
    """
    size = training.batch_size
    steps = programs.steps_an_epoch(len(pipeline.train.labels), training)
    full = min(steps, len(pipeline.train.labels) // size)
    rest = len(pipeline.train.labels) - full * size if steps > full else 0

    def batch(
        data: Data, drawn: dict[str, Tensor], epoch: Tensor, start: Tensor, count: int
    ) -> tuple[Tensor, Tensor]:
        chosen = {name: _rows(array, epoch, start, count) for name, array in drawn.items()}
        if "inputs" in chosen:
            return chosen["inputs"], chosen["labels"]
        if data.raw is not None:
            return make_batch(pipeline, data.raw, data.train[1], chosen)
        inputs, labels = data.train
        return ops.take(inputs, chosen["order"], 0), ops.take(labels, chosen["order"], 0)

    def one_epoch(
        weights: Weights, data: Data, drawn: dict[str, Tensor], epoch: Tensor, strengths: Strengths
    ) -> tuple[Weights, Tensor, Tensor]:
        def body(taken: Tensor, weights: Weights, loss: Tensor) -> tuple[Tensor, Weights, Tensor]:
            weights, loss = training_step(
                net, weights, *batch(data, drawn, epoch, taken * size, size), strengths
            )
            return taken + 1, weights, loss

        taken, loss = _integer(0), _no_loss()
        if full:  # else the one batch is short: a loop would slice a whole one out of the data
            taken, weights, loss = ops.while_loop(
                lambda taken, weights, loss: (taken < full) & ops.isfinite(loss),
                body,
                (taken, weights, loss),
            )
        if rest:
            fine = ops.isfinite(loss)
            last = batch(data, drawn, epoch, _integer(full * size), rest)
            weights, last_loss = training_step(net, weights, *last, strengths)
            taken, loss = taken + ops.cast(fine, "int32"), ops.where(fine, last_loss, loss)
        return weights, taken, loss

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
            epoch: Tensor,
            weights: Weights,
            steps: Tensor,
            loss: Tensor,
            stopped: Tensor,
            table: Tensor,
        ) -> tuple[Tensor, Weights, Tensor, Tensor, Tensor, Tensor]:
            now = strengths._replace(learning_rate=learning_rates[epoch])
            weights, taken, loss = one_epoch(weights, data, drawn, epoch, now)
            fine = ops.isfinite(loss)
            train = ops.cond(
                fine & (measure[epoch] | check[epoch]),
                lambda: _whole(net, weights, data.train),
                lambda: ops.zeros(2, "float64"),
            )
            stopped = fine & check[epoch] & (train[1] >= enough)
            others = ops.cond(
                fine & (measure[epoch] | stopped),
                lambda: ops.concatenate(
                    [_whole(net, weights, data.test), norms(weights, initial)], 0
                ),
                lambda: ops.zeros(COLUMNS - 2, "float64"),
            )
            measured = ops.concatenate([train, others], 0)
            table = ops.scatter_update(table, ops.reshape(epoch, (1, 1)), measured[None])
            return epoch + 1, weights, steps + taken, loss, stopped, table

        epoch, weights, steps, loss, stopped, table = ops.while_loop(
            lambda epoch, weights, steps, loss, stopped, table: (
                (epoch < count) & ops.isfinite(loss) & ~stopped
            ),
            body,
            (
                _integer(0),
                weights,
                _integer(0),
                _no_loss(),
                ops.convert_to_tensor(False),
                ops.zeros((learning_rates.shape[0], COLUMNS), "float64"),
            ),
        )
        return weights, epoch, steps, loss, stopped, table

    def measurement(weights: Weights, initial: list[Tensor], data: Data) -> Tensor:
        sets = [_whole(net, weights, split) for split in (data.train, data.test)]
        return ops.concatenate([*sets, norms(weights, initial)], 0)

    def classified(weights: Weights, inputs: Tensor) -> Tensor:
        return inference(net, weights, inputs)

    return xla_program(run), xla_program(measurement), xla_program(classified)


def _integer(value: int) -> Tensor:
    return ops.convert_to_tensor(value, "int32")


def _no_loss() -> Tensor:
    return ops.convert_to_tensor(0.0, "float32")


def _rows(stack: Tensor, epoch: Tensor, start: Tensor, count: int) -> Tensor:
    """Give `stack[epoch, start : start + count]` with a static shape, as XLA asks."""
    inner = stack.shape[2:]
    return ops.reshape(_part(stack, (epoch, start), (1, count)), (count, *inner))


def _part(array: Tensor, begin: tuple[Tensor, ...], sizes: tuple[int, ...]) -> Tensor:
    """Cut out of the leading axes what begins at int32 scalars and has these static sizes."""
    inner = array.shape[len(begin) :]
    return ops.slice(array, [*begin, *(_integer(0) for _ in inner)], [*sizes, *inner])


def _whole(net: Network, weights: Weights, split: tuple[Tensor, Tensor]) -> Tensor:
    """Evaluate a set in batches of static size."""
    inputs, labels = split
    full, rest = divmod(labels.shape[0], EVALUATION_BATCH)

    def part(start: Tensor, count: int) -> Tensor:
        return evaluation(
            net, weights, _part(inputs, (start,), (count,)), _part(labels, (start,), (count,))
        )

    total = part(_integer(full * EVALUATION_BATCH), rest) if rest else ops.zeros(2, "float64")
    if not full:
        return total
    totals: tuple[Tensor, Tensor] = ops.while_loop(
        lambda done, total: done < full,
        lambda done, total: (done + 1, total + part(done * EVALUATION_BATCH, EVALUATION_BATCH)),
        (_integer(0), total),
    )
    return totals[1]
