"""The engine whose epochs are one XLA program, with all data in the memory of the device.

Measurements and the stopping rule are inside the program too. Small networks on small data train so
everywhere, many epochs a call; any network does on an accelerator that has room for it, see
`harness.training.on_device`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from keras import ops

from harness import budget
from harness.data.pipeline import (
    Pipeline,
    decision_bytes,
    decisions,
    make_batch,
    partners,
    scaled,
    without_examples,
)
from harness.data.records import Mixed, Split
from harness.experiment import Training
from harness.training import optimizers, programs
from harness.training.backend import on_jax, xla_program
from harness.training.cache import ProgramCache
from harness.training.engine import ON_DEVICE, ONE_PROGRAM, Chunk, ChunkResult, Way
from harness.training.measure import CORRECT, NORMS, Measured, Sums, values
from harness.training.optimizers import Scalars
from harness.training.step import Network, Weights, evaluation, inference, norms, training_step

Tensor = Any
Arrays = dict[str, np.ndarray]
Step = Callable[[Tensor, Weights], tuple[Weights, Tensor]]
"""Makes the step of a place in the epoch; gives the weights after it, and its loss."""

Steps = tuple[Tensor, Weights, Tensor]
"""The number of steps that were taken, the weights after them, and the last one's loss."""

LARGEST_DATA = 64 * 2**20
"""Bytes of float32 inputs above which data are streamed."""

LARGEST_DECISIONS = 16 * 2**20
"""Bytes of random decisions that one call of a small network may carry; one epoch's may always
be.
"""

LARGEST_DECISIONS_ON_DEVICE = 4 * 2**20
"""The same of other networks, of which a call has few epochs."""

SUMS = len(Sums._fields)
"""How many numbers an evaluation of a set gives."""

MOST_EPOCHS = 4096
"""Epochs that one call may run."""

EVALUATION_BATCH = 2000
"""Examples of small data evaluated at once."""


class Data(NamedTuple):
    """The sets as tensors, inputs and labels; `validation` is None where there is none.

    Inputs are scaled where they are few, and as they were read where they are many. `raw` are the
    training inputs as they were read, where the program makes batches of these.
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
    """Tell whether the network and the data are so small that one program is best everywhere.

    Convolutions are left to others: inside an XLA loop they compile for minutes and run slowly on
    the CPU. A convolution's kernel is what has more than two axes.
    """
    if any(len(variable.shape) > 2 for variable in net.model.trainable_variables):
        return False
    if not possible(pipeline):
        return False
    examples = sum(len(split) for split in pipeline.splits)
    return examples * math.prod(pipeline.input_shape) * 4 <= LARGEST_DATA


def possible(pipeline: Pipeline) -> bool:
    """Tell whether a program can hold the data, make the batches, and be given the decisions.

    An augmentation of one's own is TensorFlow's, which no program of JAX holds.
    """
    return (
        all(isinstance(split.inputs, np.ndarray) for split in pipeline.splits)
        and not (on_jax() and any(each.own is not None for each in pipeline.augmentation))
        and decision_bytes(pipeline) <= LARGEST_DECISIONS
    )


class CompiledEngine:
    """Runs many epochs in a call; its programs are shared with other runs in `cache`.

    Where data are `large`, they lie on the device as they were read, and are scaled in the program.
    """

    devices = 1

    def __init__(
        self,
        net: Network,
        training: Training,
        pipeline: Pipeline,
        cache: ProgramCache,
        large: bool = False,
    ) -> None:
        self.way: Way = ON_DEVICE if large else ONE_PROGRAM
        most = LARGEST_DECISIONS_ON_DEVICE if large else LARGEST_DECISIONS
        self.capacity = max(1, min(MOST_EPOCHS, most // decision_bytes(pipeline)))
        key = (self.way, self.capacity, programs.signature(net, training, pipeline))
        self._programs = cache.get(key, lambda: _programs(net, training, pipeline, large))
        self._training, self._pipeline = training, pipeline
        self._steps = programs.steps_an_epoch(len(pipeline.train), training)
        self._data = _data(pipeline, large)
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
            _tensors(drawn),
            self._epochs(chunk),
        )
        epochs, rows, over = int(begun), np.asarray(table), bool(stopped)
        measured = {
            place: Measured.of(rows[place])
            for place in range(epochs)
            if chunk.measure[place] or (over and place == epochs - 1)
        }
        return ChunkResult(weights, epochs, int(steps), float(loss), over, measured, lasting=True)

    def augmented_correct(self, weights: Weights, initial: list[Tensor], epoch: int) -> float:
        """Count the training examples classified right as they are augmented in an epoch."""
        drawn = {name: array[None] for name, array in decisions(self._pipeline, epoch).items()}
        found = self._programs.augmented(weights, self._data, _tensors(drawn))
        return Sums(*np.asarray(found).tolist()).correct

    def logits(self, weights: Weights) -> Iterator[np.ndarray]:
        """Yield the logits of the test set in its order, float32 [batch, outputs]."""
        inputs, size = self._data.test[0], self._programs.evaluation_batch
        for start in range(0, inputs.shape[0], size):
            batch = inputs[start : start + size]
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


def _data(pipeline: Pipeline, large: bool) -> Data:
    def tensors_of(split: Split) -> tuple[Tensor, Tensor]:
        inputs = split.inputs if large else np.asarray(scaled(pipeline, split.inputs))
        return ops.convert_to_tensor(inputs), ops.convert_to_tensor(split.labels)

    train = tensors_of(pipeline.train)
    augmented = ops.convert_to_tensor(pipeline.train.inputs) if pipeline.augmentation else None
    return Data(
        train=train,
        test=tensors_of(pipeline.test),
        validation=None if pipeline.validation is None else tensors_of(pipeline.validation),
        raw=train[0] if large else augmented,
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
    stacks: Arrays = {}
    for place, epoch in enumerate(epochs or range(1)):  # of no epoch, some shape is wanted too
        for name, array in decisions(pipeline, epoch).items():
            if name not in stacks:
                stacks[name] = np.zeros((capacity, *array.shape), array.dtype)
            stacks[name][place] = array
    return stacks


@dataclass(frozen=True)
class _Programs:
    """The programs of a run: training, measurements, and the network itself.

    `measure` evaluates all sets, `augmented` the training set as an epoch augments it; `logits`
    takes batches of `evaluation_batch` examples.
    """

    train: Any
    measure: Any
    augmented: Any
    logits: Any
    evaluation_batch: int


def _programs(net: Network, training: Training, pipeline: Pipeline, large: bool) -> _Programs:
    examples, size = len(pipeline.train.labels), budget.examples_a_step(training)
    steps = programs.steps_an_epoch(examples, training)
    full = min(steps, examples // size)
    rest = examples - full * size if steps > full else 0
    cut = training.steps is not None
    # The programs are kept for other runs: they must not hold the examples of this one.
    batches = _Batches(net, without_examples(pipeline), large)
    loop = _Loop(batches, size, full, rest, cut)

    def train(
        weights: Weights,
        initial: list[Tensor],
        data: Data,
        drawn: dict[str, Tensor],
        epochs: Epochs,
    ) -> tuple[Weights, Tensor, Tensor, Tensor, Tensor, Tensor]:
        return loop.run(weights, initial, data, drawn, epochs)

    def measure(weights: Weights, initial: list[Tensor], data: Data) -> Tensor:
        train, test = (batches.whole(weights, split) for split in (data.train, data.test))
        validation = [] if data.validation is None else [batches.whole(weights, data.validation)]
        return ops.concatenate([train, test, norms(weights, initial), *validation], 0)

    def augmented(weights: Weights, data: Data, drawn: dict[str, Tensor]) -> Tensor:
        batch = partial(batches.training, data, drawn, _integer(0))
        return batches.summed(weights, examples, batch)

    def logits(weights: Weights, inputs: Tensor) -> Tensor:
        return inference(net, weights, batches.seen(inputs))

    return _Programs(
        xla_program(train),
        xla_program(measure),
        xla_program(augmented),
        xla_program(logits),
        batches.evaluation_size,
    )


@dataclass(frozen=True)
class _Batches:
    """What a program makes of the data: batches to train on, and evaluations.

    `large` data are as they were read.
    """

    net: Network
    pipeline: Pipeline
    large: bool

    @property
    def evaluation_size(self) -> int:
        """How many examples are evaluated at once."""
        return programs.evaluation_batch(self.pipeline) if self.large else EVALUATION_BATCH

    def seen(self, inputs: Tensor) -> Tensor:
        """Give inputs of the data as the network takes them."""
        return scaled(self.pipeline, inputs) if self.large else inputs

    def training(
        self, data: Data, drawn: dict[str, Tensor], epoch: Tensor, start: Tensor, count: int
    ) -> tuple[Tensor, Tensor | Mixed]:
        """Give so many examples of an epoch, from `start` in its order."""
        count += partners(self.pipeline)
        chosen = {name: _rows(array, epoch, start, count) for name, array in drawn.items()}
        if data.raw is not None:
            return make_batch(self.pipeline, data.raw, data.train[1], chosen)
        inputs, labels = data.train
        return ops.take(inputs, chosen["order"], 0), ops.take(labels, chosen["order"], 0)

    def whole(self, weights: Weights, split: tuple[Tensor, Tensor]) -> Tensor:
        """Evaluate a set."""

        def batch(start: Tensor, count: int) -> tuple[Tensor, Tensor]:
            inputs, labels = (_part(array, (start,), (count,)) for array in split)
            return self.seen(inputs), labels

        return self.summed(weights, split[0].shape[0], batch)

    def summed(
        self,
        weights: Weights,
        examples: int,
        batch: Callable[[Tensor, int], tuple[Tensor, Tensor | Mixed]],
    ) -> Tensor:
        """Evaluate examples in batches of static size, which `batch(start, count)` gives."""
        size = self.evaluation_size
        full, rest = divmod(examples, size)

        def part(start: Tensor, count: int) -> Tensor:
            return evaluation(self.net, weights, *batch(start, count))

        total = part(_integer(full * size), rest) if rest else ops.zeros(2, "float64")
        if not full:
            return total
        totals: tuple[Tensor, Tensor] = ops.while_loop(
            lambda done, total: done < full,
            lambda done, total: (done + 1, total + part(done * size, size)),
            (_integer(0), total),
        )
        return totals[1]


@dataclass(frozen=True)
class _Loop:
    """The training program: `full` steps of `size` examples an epoch, and one of `rest`.

    Where an epoch may be `cut` short, as many are made as the call says.
    """

    batches: _Batches
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
            batch = partial(self.batches.training, data, drawn, epoch)
            weights, taken, loss = self._epoch(weights, batch, scalars, epochs.steps[epoch])
            measure, check = epochs.measure[epoch], epochs.check[epoch]
            fine = ops.isfinite(loss)
            train, *validation = (
                ops.cond(
                    fine & (measure | check),
                    lambda split=split: self.batches.whole(weights, split),
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
                    [self.batches.whole(weights, data.test), norms(weights, initial)], 0
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
                ops.zeros(
                    (epochs.learning_rates.shape[0], values(self.batches.pipeline)), "float64"
                ),
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

        def step(place: Tensor, count: int, weights: Weights) -> tuple[Weights, Tensor]:
            examples = batch(place * self.size, count)
            return training_step(
                self.batches.net, weights, *examples, optimizers.of_step(first, place)
            )

        taken, loss = _integer(0), _no_loss()
        if self.full:  # else the one batch is short: a loop would slice a whole one out of the data
            loop = _steady if self.batches.large else _while_finite
            taken, weights, loss = loop(
                lambda place, weights: step(place, self.size, weights), most, weights
            )
        if not self.rest:
            return weights, taken, loss

        def rest(weights: Weights, loss: Tensor) -> tuple[Weights, Tensor, Tensor]:
            fine = ops.isfinite(loss)
            weights, last_loss = step(_integer(self.full), self.rest, weights)
            return weights, taken + ops.cast(fine, "int32"), ops.where(fine, last_loss, loss)

        if not self.cut:
            return rest(weights, loss)
        whole: tuple[Weights, Tensor, Tensor] = ops.cond(
            count > self.full, lambda: rest(weights, loss), lambda: (weights, taken, loss)
        )
        return whole


def _while_finite(step: Step, most: Tensor | int, weights: Weights) -> Steps:
    """Make `most` steps, or as many as have a finite loss before."""

    def body(taken: Tensor, weights: Weights, loss: Tensor) -> Steps:
        weights, loss = step(taken, weights)
        return taken + 1, weights, loss

    found: Steps = ops.while_loop(
        lambda taken, weights, loss: (taken < most) & ops.isfinite(loss),
        body,
        (_integer(0), weights, _no_loss()),
    )
    return found


def _steady(step: Step, most: Tensor | int, weights: Weights) -> Steps:
    """Make `most` steps; those after a loss that is not finite count no more.

    On an accelerator, a loop whose end depends on what it computes waits for the host at every
    step.
    """

    def body(
        place: Tensor, taken: Tensor, weights: Weights, loss: Tensor
    ) -> tuple[Tensor, Tensor, Weights, Tensor]:
        fine = ops.isfinite(loss)
        weights, last = step(place, weights)
        return place + 1, taken + ops.cast(fine, "int32"), weights, ops.where(fine, last, loss)

    found: tuple[Tensor, Tensor, Weights, Tensor] = ops.while_loop(
        lambda place, taken, weights, loss: place < most,
        body,
        (_integer(0), _integer(0), weights, _no_loss()),
    )
    return found[1:]


def _tensors(arrays: Arrays) -> dict[str, Tensor]:
    return {name: ops.convert_to_tensor(array) for name, array in arrays.items()}


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
