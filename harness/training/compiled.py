"""The engine of small networks on small data: many epochs in one XLA program.

Measurements and the stopping rule are inside the program too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops

from harness import budget
from harness.data.batches import tensors
from harness.data.pipeline import (
    Pipeline,
    decision_bytes,
    decisions,
    make_batch,
    mixing,
    partners,
    scaled,
)
from harness.data.records import Mixed, Split
from harness.experiment import Training
from harness.training import optimizers, programs
from harness.training.backend import on_jax, xla_program
from harness.training.cache import ProgramCache
from harness.training.engine import Chunk, ChunkResult
from harness.training.measure import CORRECT, NORMS, Measured, Sums, values
from harness.training.optimizers import Scalars
from harness.training.step import Network, Weights, evaluation, inference, norms, training_step

Tensor = Any
Arrays = dict[str, np.ndarray]

LARGEST_DATA = 64 * 2**20
"""Bytes of float32 inputs above which data are streamed."""

LARGEST_DECISIONS = 16 * 2**20
"""Bytes of random decisions, or of augmented inputs, that one call may carry; one epoch's may
always be.
"""

SUMS = len(Sums._fields)
"""How many numbers an evaluation of a set gives."""

MOST_EPOCHS = 4096
"""Epochs that one call may run."""

EVALUATION_BATCH = 2000
"""Examples evaluated at once."""


class Data(NamedTuple):
    """The sets as tensors: scaled inputs and labels; `validation` is None where there is none.

    `raw` are the training inputs as they were read, where the program augments them.
    """

    train: tuple[Tensor, Tensor]
    test: tuple[Tensor, Tensor]
    validation: tuple[Tensor, Tensor] | None
    raw: Tensor | None


class Epochs(NamedTuple):
    """The epochs that a call of the program runs: `Chunk` as tensors.

    Of the arrays, of the engine's capacity, the first `count` entries are used.
    """

    count: Tensor
    learning_rates: Tensor
    steps: Tensor
    scalars: Scalars
    measure: Tensor
    check: Tensor
    enough: Tensor
    enough_validation: Tensor


def suits(net: Network, pipeline: Pipeline) -> bool:
    """Tell whether the network and the data are small enough.

    Convolutions are left to the streamed engine: inside an XLA loop they compile for minutes and
    run slowly on the CPU. A convolution's kernel is what has more than two axes.
    """
    if any(len(variable.shape) > 2 for variable in net.model.trainable_variables):
        return False
    splits = [pipeline.train, pipeline.test, *filter(None, [pipeline.validation])]
    if not all(isinstance(split.inputs, np.ndarray) for split in splits):
        return False
    size = sum(len(split) for split in splits) * math.prod(pipeline.input_shape) * 4
    return size <= LARGEST_DATA and decision_bytes(pipeline) <= LARGEST_DECISIONS


class CompiledEngine:
    """Runs many epochs in a call; its programs are shared with other runs in `cache`."""

    devices = 1

    def __init__(
        self, net: Network, training: Training, pipeline: Pipeline, cache: ProgramCache
    ) -> None:
        self.capacity = max(1, min(MOST_EPOCHS, LARGEST_DECISIONS // _epoch_bytes(pipeline)))
        key = ("compiled", self.capacity, programs.signature(net, training, pipeline))
        self._programs = cache.get(key, lambda: _programs(net, training, pipeline))
        self._training, self._pipeline = training, pipeline
        self._steps = programs.steps_an_epoch(len(pipeline.train), training)
        self._data = _data(pipeline)
        self._ahead = _Ahead(pipeline, self.capacity)

    def prepare(self, weights: Weights, initial: list[Tensor]) -> None:
        """Compile the program."""
        rates, nothing = np.zeros((0, self._steps)), np.zeros(0, bool)
        self.train(weights, initial, Chunk(0, 0, rates, np.zeros(0, int), nothing, nothing, 0))

    def measure(self, weights: Weights, initial: list[Tensor]) -> Measured:
        """Measure everything."""
        return Measured.of(np.asarray(self._programs.measure(weights, initial, self._data)))

    def train(self, weights: Weights, initial: list[Tensor], chunk: Chunk) -> ChunkResult:
        """Run the epochs of a chunk."""
        drawn = self._ahead.take(range(chunk.first, chunk.first + chunk.count), chunk.following)
        weights, begun, steps, loss, stopped, table = self._programs.train(
            weights,
            initial,
            self._data,
            {name: ops.convert_to_tensor(array) for name, array in drawn.items()},
            self._epochs(chunk),
        )
        epochs, rows, over = int(begun), np.asarray(table), bool(stopped)
        measured = {
            place: Measured.of(rows[place])
            for place in range(epochs)
            if chunk.measure[place] or (over and place == epochs - 1)
        }
        return ChunkResult(weights, epochs, int(steps), float(loss), over, measured)

    def augmented_correct(self, weights: Weights, initial: list[Tensor], epoch: int) -> float:
        """Count the training examples classified right as they are augmented in an epoch."""
        pipeline = self._pipeline
        batch = make_batch(pipeline, *tensors(pipeline.train), decisions(pipeline, epoch))
        inputs, targets = keras.tree.map_structure(_tensor, batch)
        data = self._data._replace(train=(inputs, targets))
        measured = self._programs.measure(weights, initial, data)
        return Measured.of(np.asarray(measured)).train.correct

    def logits(self, weights: Weights) -> Iterator[np.ndarray]:
        """Yield the logits of the test set in its order, float32 [batch, outputs]."""
        inputs = self._data.test[0]
        for start in range(0, inputs.shape[0], EVALUATION_BATCH):
            batch = inputs[start : start + EVALUATION_BATCH]
            yield np.asarray(self._programs.logits(weights, batch))

    def _epochs(self, chunk: Chunk) -> Epochs:
        def padded(values: np.ndarray) -> Tensor:
            return ops.convert_to_tensor(_padded(values, self.capacity))

        return Epochs(
            ops.convert_to_tensor(chunk.count, "int32"),
            padded(chunk.learning_rates.astype(np.float32)),
            padded(chunk.steps.astype(np.int32)),
            optimizers.scalars(self._training, 0.0, chunk.step + 1),
            padded(chunk.measure),
            padded(chunk.check),
            ops.convert_to_tensor(float(chunk.enough), "float64"),
            ops.convert_to_tensor(float(chunk.enough_validation), "float64"),
        )


def _augments_ahead(pipeline: Pipeline) -> bool:
    """Tell whether inputs are augmented before a call.

    Augmentations are TensorFlow's, which no program of JAX holds.
    """
    return bool(pipeline.augmentation) and on_jax()


def _epoch_bytes(pipeline: Pipeline) -> int:
    """Count what one epoch adds to what a call carries."""
    if not _augments_ahead(pipeline):
        return decision_bytes(pipeline)
    values = math.prod(pipeline.input_shape) + (
        1 if mixing(pipeline) is None else len(Mixed._fields)
    )
    return len(pipeline.train) * values * 4


def _data(pipeline: Pipeline) -> Data:
    def tensors_of(split: Split) -> tuple[Tensor, Tensor]:
        inputs = ops.convert_to_tensor(np.asarray(scaled(pipeline, split.inputs)))
        return inputs, ops.convert_to_tensor(split.labels)

    inside = pipeline.augmentation and not _augments_ahead(pipeline)
    return Data(
        train=tensors_of(pipeline.train),
        test=tensors_of(pipeline.test),
        validation=None if pipeline.validation is None else tensors_of(pipeline.validation),
        raw=ops.convert_to_tensor(pipeline.train.inputs) if inside else None,
    )


def _padded(values: np.ndarray, length: int) -> np.ndarray:
    # The number of epochs is a tensor and arrays have one length, so that every call runs the same
    # program: the length of a call then cannot change a single bit of the result.
    rest = np.zeros((length - len(values), *values.shape[1:]), values.dtype)
    return np.concatenate([values, rest])


_SECOND_THREAD = ThreadPoolExecutor(1)
"""One for all runs.

For every new thread, the allocator of the C library may keep what a call's decisions took.
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
    """Give the decisions of an epoch.

    Where it is augmented ahead, give its inputs and targets instead, in their order.
    """
    drawn = decisions(pipeline, epoch)
    if not _augments_ahead(pipeline):
        return drawn
    inputs, targets = make_batch(pipeline, *tensors(pipeline.train), drawn)
    named = targets._asdict() if isinstance(targets, Mixed) else {"labels": targets}
    return {name: np.asarray(array) for name, array in {"inputs": inputs, **named}.items()}


@dataclass(frozen=True)
class _Programs:
    """The programs of a run: training, the measurement of both sets, and the network itself."""

    train: Any
    measure: Any
    logits: Any


def _programs(net: Network, training: Training, pipeline: Pipeline) -> _Programs:
    examples, size = len(pipeline.train.labels), budget.examples_a_step(training)
    steps = programs.steps_an_epoch(examples, training)
    full = min(steps, examples // size)
    rest = examples - full * size if steps > full else 0
    loop = _Loop(net, pipeline, size, full, rest, cut=training.steps is not None)

    def train(
        weights: Weights,
        initial: list[Tensor],
        data: Data,
        drawn: dict[str, Tensor],
        epochs: Epochs,
    ) -> tuple[Weights, Tensor, Tensor, Tensor, Tensor, Tensor]:
        return loop.run(weights, initial, data, drawn, epochs)

    def measure(weights: Weights, initial: list[Tensor], data: Data) -> Tensor:
        train, test = (_whole(net, weights, split) for split in (data.train, data.test))
        validation = [] if data.validation is None else [_whole(net, weights, data.validation)]
        return ops.concatenate([train, test, norms(weights, initial), *validation], 0)

    def logits(weights: Weights, inputs: Tensor) -> Tensor:
        return inference(net, weights, inputs)

    return _Programs(xla_program(train), xla_program(measure), xla_program(logits))


@dataclass(frozen=True)
class _Loop:
    """The training program: `full` steps of `size` examples an epoch, and one of `rest`.

    Where an epoch may be `cut` short, as many are made as the call says.
    """

    net: Network
    pipeline: Pipeline
    size: int
    full: int
    rest: int
    cut: bool

    def run(
        self,
        weights: Weights,
        initial: list[Tensor],
        data: Data,
        drawn: dict[str, Tensor],
        epochs: Epochs,
    ) -> tuple[Weights, Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Run epochs until a loss is not finite or the stopping rule is met.

        Gives the weights, the epochs begun, the steps taken, the last step's loss, whether the rule
        was met, and what was measured: float64 [capacity, values].
        """

        def body(
            epoch: Tensor,
            weights: Weights,
            steps: Tensor,
            loss: Tensor,
            stopped: Tensor,
            table: Tensor,
        ) -> tuple[Tensor, Weights, Tensor, Tensor, Tensor, Tensor]:
            scalars = {**epochs.scalars, "learning_rate": epochs.learning_rates[epoch]}
            scalars = optimizers.later(scalars, steps)
            weights, taken, loss = self._epoch(
                weights, partial(self._batch, data, drawn, epoch), scalars, epochs.steps[epoch]
            )
            measure, check = epochs.measure[epoch], epochs.check[epoch]
            fine = ops.isfinite(loss)
            train, *validation = (
                ops.cond(
                    fine & (measure | check),
                    lambda split=split: _whole(self.net, weights, split),
                    lambda: ops.zeros(SUMS, "float64"),
                )
                for split in (data.train, data.validation)
                if split is not None
            )
            stopped = fine & check & (train[CORRECT] >= epochs.enough)
            for sums in validation:
                stopped = stopped & (sums[CORRECT] >= epochs.enough_validation)
            others = ops.cond(
                fine & (measure | stopped),
                lambda: ops.concatenate(
                    [_whole(self.net, weights, data.test), norms(weights, initial)], 0
                ),
                lambda: ops.zeros(SUMS + NORMS, "float64"),
            )
            measured = ops.concatenate([train, others, *validation], 0)
            table = ops.scatter_update(table, ops.reshape(epoch, (1, 1)), measured[None])
            return epoch + 1, weights, steps + taken, loss, stopped, table

        epoch, weights, steps, loss, stopped, table = ops.while_loop(
            lambda epoch, weights, steps, loss, stopped, table: (
                (epoch < epochs.count) & ops.isfinite(loss) & ~stopped
            ),
            body,
            (
                _integer(0),
                weights,
                _integer(0),
                _no_loss(),
                ops.convert_to_tensor(False),
                ops.zeros((epochs.learning_rates.shape[0], values(self.pipeline)), "float64"),
            ),
        )
        return weights, epoch, steps, loss, stopped, table

    def _epoch(
        self,
        weights: Weights,
        batch: Callable[[Tensor, int], tuple[Tensor, Tensor | Mixed]],
        first: Scalars,
        count: Tensor,
    ) -> tuple[Weights, Tensor, Tensor]:
        """Make the steps of an epoch, `count` of them where it may be cut short.

        `batch(start, count)` gives so many of its examples, and `first` are its scalars. Gives the
        weights, the steps taken and the last one's loss.
        """
        most = ops.minimum(count, self.full) if self.cut else self.full

        def body(taken: Tensor, weights: Weights, loss: Tensor) -> tuple[Tensor, Weights, Tensor]:
            weights, loss = training_step(
                self.net,
                weights,
                *batch(taken * self.size, self.size),
                optimizers.of_step(first, taken),
            )
            return taken + 1, weights, loss

        taken, loss = _integer(0), _no_loss()
        if self.full:  # else the one batch is short: a loop would slice a whole one out of the data
            taken, weights, loss = ops.while_loop(
                lambda taken, weights, loss: (taken < most) & ops.isfinite(loss),
                body,
                (taken, weights, loss),
            )
        if not self.rest:
            return weights, taken, loss

        def rest(weights: Weights, loss: Tensor) -> tuple[Weights, Tensor, Tensor]:
            fine = ops.isfinite(loss)
            last = batch(_integer(self.full * self.size), self.rest)
            scalars = optimizers.of_step(first, taken)
            weights, last_loss = training_step(self.net, weights, *last, scalars)
            return weights, taken + ops.cast(fine, "int32"), ops.where(fine, last_loss, loss)

        if not self.cut:
            return rest(weights, loss)
        whole: tuple[Weights, Tensor, Tensor] = ops.cond(
            count > self.full, lambda: rest(weights, loss), lambda: (weights, taken, loss)
        )
        return whole

    def _batch(
        self, data: Data, drawn: dict[str, Tensor], epoch: Tensor, start: Tensor, count: int
    ) -> tuple[Tensor, Tensor | Mixed]:
        count += 0 if "inputs" in drawn else partners(self.pipeline)
        chosen = {name: _rows(array, epoch, start, count) for name, array in drawn.items()}
        if "inputs" in chosen:
            inputs = chosen.pop("inputs")
            return inputs, Mixed(**chosen) if "partners" in chosen else chosen["labels"]
        if data.raw is not None:
            return make_batch(self.pipeline, data.raw, data.train[1], chosen)
        inputs, labels = data.train
        return ops.take(inputs, chosen["order"], 0), ops.take(labels, chosen["order"], 0)


def _tensor(array: Tensor) -> Tensor:
    return ops.convert_to_tensor(np.asarray(array))


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


def _whole(net: Network, weights: Weights, split: tuple[Tensor, Tensor | Mixed]) -> Tensor:
    """Evaluate a set in batches of static size."""
    full, rest = divmod(split[0].shape[0], EVALUATION_BATCH)

    def part(start: Tensor, count: int) -> Tensor:
        batch = keras.tree.map_structure(lambda array: _part(array, (start,), (count,)), split)
        return evaluation(net, weights, *batch)

    total = part(_integer(full * EVALUATION_BATCH), rest) if rest else ops.zeros(2, "float64")
    if not full:
        return total
    totals: tuple[Tensor, Tensor] = ops.while_loop(
        lambda done, total: done < full,
        lambda done, total: (done + 1, total + part(done * EVALUATION_BATCH, EVALUATION_BATCH)),
        (_integer(0), total),
    )
    return totals[1]
