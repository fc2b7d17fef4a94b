"""The engine of any network on any data: programs that take batches from `tf.data`.

It runs an epoch a call. What the programs are is the backend's: see `streamed_tensorflow` and
`streamed_jax`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, Protocol

import numpy as np
import tensorflow as tf

from harness import budget
from harness.data.batches import evaluation_batches, training_batches
from harness.data.pipeline import Pipeline
from harness.data.records import Split
from harness.experiment import Training
from harness.training import optimizers, programs
from harness.training.backend import on_jax
from harness.training.cache import ProgramCache
from harness.training.engine import STREAMED, Chunk, ChunkResult, Way
from harness.training.measure import Measured, Sums
from harness.training.optimizers import Scalars
from harness.training.step import Network, Weights

Tensor = Any


class StepPrograms(Protocol):
    """What a backend compiles, shared by runs whose fixed settings are equal.

    Batches are what `read` gives; `count` is how many of those that come next are used.
    """

    @property
    def device_count(self) -> int:
        """How many devices share a batch."""

    def read(self, batches: tf.data.Dataset) -> Iterator[Any]:
        """Give an iterator of batches."""

    def prepare(
        self, weights: Weights, batches: tf.data.Dataset, sizes: set[int], scalars: Scalars
    ) -> None:
        """Compile what `epoch` needs for batches of these sizes; moves no weight."""

    def epoch(
        self, weights: Weights, batches: Iterator[Any], count: Tensor, scalars: Scalars
    ) -> tuple[Weights, Tensor, Tensor]:
        """Make steps; gives the weights, the steps until a loss was not finite, the last loss."""

    def evaluate(self, weights: Weights, batches: Iterator[Any], count: Tensor) -> Tensor:
        """Give [sum of the losses, number of examples classified right], float64 [2]."""

    def classify(self, weights: Weights, batches: Iterator[Any]) -> Tensor:
        """Give the logits of the next batch, float32 [batch, outputs]."""

    def norms(self, weights: Weights, initial: list[Tensor]) -> Tensor:
        """Give the norms of `harness.training.step.norms`, float64 [2]."""


class StreamedEngine:
    """Runs an epoch a call, on so many devices at most; its programs are shared in `cache`."""

    capacity = 1
    way: Way = STREAMED

    def __init__(
        self,
        net: Network,
        training: Training,
        pipeline: Pipeline,
        cache: ProgramCache,
        devices: int = 1,
    ) -> None:
        key = ("streamed", devices, programs.signature(net, training, pipeline))
        self._programs = cache.get(key, lambda: _built(net, training, devices))
        self.devices = self._programs.device_count
        self._training, self._pipeline = training, pipeline
        self._examples = len(pipeline.train.labels)
        programs.steps_an_epoch(self._examples, training)  # which says where there is none
        self._train = _Whole(self._programs, pipeline, pipeline.train)
        self._test = _Whole(self._programs, pipeline, pipeline.test)
        self._validation = (
            None
            if pipeline.validation is None
            else _Whole(self._programs, pipeline, pipeline.validation)
        )
        self._batches = _EpochBatches(self._programs, training, pipeline)

    def prepare(self, weights: Weights, initial: list[Tensor]) -> None:
        """Compile the steps of whole batches and of the last one."""
        training, size = self._training, budget.examples_a_step(self._training)
        sizes = {
            min(size, self._examples),
            budget.images_an_epoch(training, self._examples) % size,
        }
        rates = np.zeros(programs.steps_an_epoch(self._examples, training))
        scalars = optimizers.scalars(training, rates)
        self._programs.prepare(weights, self._batches.dataset(0), sizes - {0}, scalars)

    def measure(self, weights: Weights, initial: list[Tensor]) -> Measured:
        """Measure everything."""
        return self._measured(
            weights, initial, self._train.sums(weights), self._on_validation(weights)
        )

    def train(self, weights: Weights, initial: list[Tensor], chunk: Chunk) -> ChunkResult:
        """Run the epoch of a chunk."""
        scalars = optimizers.scalars(self._training, chunk.learning_rates[0], chunk.step + 1)
        batches = self._batches.of(chunk.first)
        weights, taken, loss = self._programs.epoch(
            weights, batches, tf.constant(int(chunk.steps[0])), scalars
        )
        measured, stopped = {}, False
        if np.isfinite(loss) and (chunk.measure[0] or chunk.check[0]):
            on_train = self._train.sums(weights, 0 if chunk.measure[0] else chunk.enough)
            fitted = bool(chunk.check[0] and on_train.correct >= chunk.enough)
            held_out = self._on_validation(weights) if chunk.measure[0] or fitted else None
            stopped = fitted and (held_out is None or held_out.correct >= chunk.enough_validation)
            if chunk.measure[0] or stopped:
                measured[0] = self._measured(weights, initial, on_train, held_out)
        return ChunkResult(weights, 1, int(taken), float(loss), stopped, measured)

    def augmented_correct(self, weights: Weights, initial: list[Tensor], epoch: int) -> float:
        """Count the training examples classified right as they are augmented in an epoch."""
        train = self._train
        batches = training_batches(self._pipeline, range(epoch, epoch + 1), train.size, "keep")
        read = self._programs.read(batches)
        evaluated = self._programs.evaluate(weights, read, tf.constant(train.count))
        return Sums(*np.asarray(evaluated).tolist()).correct

    def logits(self, weights: Weights) -> Iterator[np.ndarray]:
        """Yield the logits of the test set in its order, float32 [batch, outputs]."""
        pipeline, test = self._pipeline, self._test
        batches = self._programs.read(evaluation_batches(pipeline, pipeline.test, test.size))
        for _ in range(test.count):
            yield np.asarray(self._programs.classify(weights, batches))

    def _on_validation(self, weights: Weights) -> Sums | None:
        return None if self._validation is None else self._validation.sums(weights)

    def _measured(
        self, weights: Weights, initial: list[Tensor], on_train: Sums, held_out: Sums | None
    ) -> Measured:
        on_test = self._test.sums(weights)
        norm, distance = np.asarray(self._programs.norms(weights, initial)).tolist()
        return Measured(on_train, on_test, norm, distance, held_out)


class _EpochBatches:
    """The batches of one epoch after another, a step each, from one iterator.

    To begin anew takes longer than a small epoch.
    """

    def __init__(self, step_programs: StepPrograms, training: Training, pipeline: Pipeline) -> None:
        self._programs, self._training, self._pipeline = step_programs, training, pipeline
        self._next = -1

    def dataset(self, first: int) -> tf.data.Dataset:
        """Give the batches of the epochs from `first` on."""
        training = self._training
        last: Literal["keep", "drop"] = "keep" if training.last_batch == "keep" else "drop"
        epochs = range(first, budget.most_epochs(training, len(self._pipeline.train)))
        size = budget.examples_a_step(training)
        return training_batches(self._pipeline, epochs, size, last)

    def of(self, epoch: int) -> Iterator[Any]:
        """Give an iterator whose next batches are those of `epoch`.

        The caller uses all of them, but perhaps those of the last epoch.
        """
        if epoch != self._next:
            self._batches = self._programs.read(self.dataset(epoch))
        self._next = epoch + 1
        return self._batches


class _Whole:
    """A split, evaluated again and again: `count` batches of `size` examples at most."""

    def __init__(self, step_programs: StepPrograms, pipeline: Pipeline, split: Split) -> None:
        self._programs = step_programs
        self._examples = len(split)
        self.size = programs.evaluation_batch(pipeline)
        self.count = -(-self._examples // self.size)
        self._passes = evaluation_batches(pipeline, split, self.size, passes=-1)
        self._batches = self._programs.read(self._passes)

    def sums(self, weights: Weights, enough: int = 0) -> Sums:
        """Evaluate the split.

        It ends as soon as fewer than `enough` can be right, which the first batch often shows; what
        it gives then are the sums so far.
        """
        done, part, total = 0, 1 if enough else self.count, np.zeros(2)
        while done < self.count:
            part = min(part, self.count - done)
            total += np.asarray(self._programs.evaluate(weights, self._batches, tf.constant(part)))
            done += part
            part *= 2
            wrong = min(done * self.size, self._examples) - Sums(*total).correct
            if wrong > self._examples - enough:
                if done < self.count:
                    self._batches = self._programs.read(self._passes)
                break
        return Sums(*total.tolist())


def _built(net: Network, training: Training, devices: int) -> StepPrograms:
    if on_jax():
        from harness.training import streamed_jax  # which imports JAX

        return streamed_jax.build(net, streamed_jax.devices(devices, training.batch_size))
    from harness.training import streamed_tensorflow

    return streamed_tensorflow.build(net)
