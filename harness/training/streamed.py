"""Epochs of any network on any data: a graph that loops over a `tf.data` pipeline, an epoch a
call.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import tensorflow as tf

from harness.data.batches import evaluation_batches, training_batches
from harness.data.pipeline import Pipeline
from harness.data.records import Split
from harness.experiment import Training
from harness.training import programs
from harness.training.backend import on_jax
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

EVALUATION_BATCH = 500
"""Examples an evaluation step: large, because nothing is kept for gradients."""

EVALUATION_VALUES = 2**24
"""Input values an evaluation step: fewer examples where each has many."""


@dataclass(frozen=True)
class Program:
    """What was compiled, shared by runs whose static settings are equal.

    `read` gives an iterator of batches; `epoch` makes some steps on those that come next,
    `evaluate` sums over them, `classify` gives the logits of the next one; `prepare` compiles what
    `epoch` needs for batches of some sizes, and moves nothing.
    """

    read: Callable[[tf.data.Dataset], Iterator[Any]]
    prepare: Callable[[Weights, Tensor, set[int], Strengths], object]
    epoch: Callable[..., tuple[Weights, Tensor, Tensor]]
    evaluate: Callable[..., Tensor]
    classify: Callable[..., Tensor]
    norms: Callable[..., Tensor]
    devices: int = 1


def streamed(net: Network, training: Training, pipeline: Pipeline, devices: int = 1) -> Way:
    """Prepare the programs for one run, on so many devices at most."""
    key = ("streamed", devices, programs.signature(net, training, pipeline))
    program = programs.shared(key, lambda: _built(net, training, devices))
    examples = len(pipeline.train.labels)
    steps = programs.steps_an_epoch(examples, training)

    last: Literal["keep", "drop"] = "keep" if training.last_batch == "keep" else "drop"
    train, test = (_Whole(program, pipeline, split) for split in (pipeline.train, pipeline.test))

    def trained(first: int) -> tf.data.Dataset:
        return training_batches(pipeline, range(first, training.epochs), training.batch_size, last)

    epoch_batches = _Epochs(lambda first: program.read(trained(first)))

    def measured(weights: Weights, initial: list[Tensor], on_train: np.ndarray) -> np.ndarray:
        return np.concatenate(
            [on_train, test.sums(weights), np.asarray(program.norms(weights, initial))]
        )

    def measure(weights: Weights, initial: list[Tensor]) -> np.ndarray:
        return measured(weights, initial, train.sums(weights))

    def prepare(weights: Weights, initial: list[Tensor]) -> None:
        sizes = {
            min(training.batch_size, examples),
            programs.images_an_epoch(examples, training) % training.batch_size,
        }
        program.prepare(weights, trained(0), sizes - {0}, programs.strengths(training, 0.0))

    def advance(weights: Weights, initial: list[Tensor], chunk: Chunk) -> Ran:
        strengths = programs.strengths(training, chunk.learning_rates[0])
        batches = epoch_batches.of(chunk.first)
        weights, taken, loss = program.epoch(weights, batches, tf.constant(steps), strengths)
        row, stopped = np.zeros(COLUMNS), False
        if np.isfinite(loss) and (chunk.measure[0] or chunk.check[0]):
            on_train = train.sums(weights, 0 if chunk.measure[0] else chunk.enough)
            stopped = bool(chunk.check[0] and on_train[1] >= chunk.enough)
            if chunk.measure[0] or stopped:
                row = measured(weights, initial, on_train)
        return Ran(weights, 1, int(taken), float(loss), stopped, row[None])

    def augmented(weights: Weights, initial: list[Tensor], epoch: int) -> float:
        batches = training_batches(pipeline, range(epoch, epoch + 1), train.size, "keep")
        return float(
            np.asarray(program.evaluate(weights, program.read(batches), tf.constant(train.count)))[
                1
            ]
        )

    def logits(weights: Weights) -> Iterator[np.ndarray]:
        batches = program.read(evaluation_batches(pipeline, pipeline.test, test.size))
        for _ in range(test.count):
            yield np.asarray(program.classify(weights, batches))

    return Way(1, prepare, measure, advance, augmented, logits, program.devices)


class _Epochs:
    """The batches of one epoch after another, from one iterator: to begin anew takes longer than a
    small epoch.
    """

    def __init__(self, begin: Callable[[int], Iterator[Any]]) -> None:
        self._begin = begin
        self._next = -1

    def of(self, epoch: int) -> Iterator[Any]:
        """Give an iterator whose next batches are those of `epoch`; they are taken to be used
        up.
        """
        if epoch != self._next:
            self._batches = self._begin(epoch)
        self._next = epoch + 1
        return self._batches


class _Whole:
    """A split, evaluated again and again: `count` batches of `size` examples at most."""

    def __init__(self, program: Program, pipeline: Pipeline, split: Split) -> None:
        self._program = program
        self._examples = len(split)
        self.size = max(
            1, min(EVALUATION_BATCH, EVALUATION_VALUES // math.prod(pipeline.input_shape))
        )
        self.count = -(-self._examples // self.size)
        self._passes = evaluation_batches(pipeline, split, self.size, passes=-1)
        self._batches = program.read(self._passes)

    def sums(self, weights: Weights, enough: int = 0) -> np.ndarray:
        """Give [sum of the losses, number of examples classified right], float64 [2].

        It ends as soon as fewer than `enough` can be right, which the first batch often shows; what
        it gives then are the sums so far.
        """
        done, part, total = 0, 1 if enough else self.count, np.zeros(2)
        while done < self.count:
            part = min(part, self.count - done)
            total += np.asarray(self._program.evaluate(weights, self._batches, tf.constant(part)))
            done += part
            part *= 2
            wrong = min(done * self.size, self._examples) - total[1]
            if wrong > self._examples - enough:
                if done < self.count:
                    self._batches = self._program.read(self._passes)
                break
        return total


def _built(net: Network, training: Training, devices: int) -> Program:
    if not on_jax():
        return _program(net)
    from harness.training import streamed_jax  # which imports JAX

    built = streamed_jax.program(net, streamed_jax.devices(devices, training.batch_size))
    evaluate, classify, count = built.evaluate, built.classify, built.devices.count
    return Program(built.read, built.prepare, built.epoch, evaluate, classify, built.norms, count)


def _program(net: Network) -> Program:
    # On the CPU, XLA is slower than the plain graph for convolutions; on a GPU it is faster.
    compiled = bool(tf.config.list_logical_devices("GPU"))
    step = tf.function(
        lambda weights, x, y, strengths: training_step(net, weights, x, y, strengths),
        jit_compile=compiled,
        autograph=False,
    )
    evaluated = tf.function(
        lambda weights, x, y: evaluation(net, weights, x, y), jit_compile=compiled, autograph=False
    )

    @tf.function(autograph=False)
    def epoch(
        weights: Weights, batches: Tensor, count: Tensor, strengths: Strengths
    ) -> tuple[Weights, Tensor, Tensor]:
        def body(taken: Tensor, weights: Weights, loss: Tensor) -> tuple[Tensor, Weights, Tensor]:
            x, y = next(batches)
            weights, loss = step(weights, x, y, strengths)
            return taken + 1, weights, loss

        taken, weights, loss = tf.while_loop(
            lambda taken, weights, loss: (taken < count) & tf.math.is_finite(loss),
            body,
            (tf.constant(0), weights, tf.constant(0.0)),
            parallel_iterations=1,
        )
        return weights, taken, loss

    @tf.function(autograph=False)
    def evaluate(weights: Weights, batches: Tensor, count: Tensor) -> Tensor:
        def body(done: Tensor, total: Tensor) -> tuple[Tensor, Tensor]:
            x, y = next(batches)
            return done + 1, total + evaluated(weights, x, y)

        start = (tf.constant(0), tf.zeros(2, tf.float64))
        return tf.while_loop(lambda done, total: done < count, body, start, parallel_iterations=1)[
            1
        ]

    inferred = tf.function(
        lambda weights, x: inference(net, weights, x), jit_compile=compiled, autograph=False
    )

    @tf.function(autograph=False)
    def classify(weights: Weights, batches: Tensor) -> Tensor:
        return inferred(weights, next(batches)[0])

    def prepare(
        weights: Weights, batches: tf.data.Dataset, sizes: set[int], strengths: Strengths
    ) -> object:
        return epoch(
            weights, iter(batches), tf.constant(0), strengths
        )  # no steps: the graph is traced

    return Program(iter, prepare, epoch, evaluate, classify, tf.function(norms, autograph=False))
