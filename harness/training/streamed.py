"""Epochs of any network on any data: a graph that loops over a `tf.data` pipeline, an epoch a call."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from harness.data.batches import evaluation_batches, training_batches
from harness.data.pipeline import Pipeline
from harness.data.records import Split
from harness.spec.records import Training
from harness.training import programs
from harness.training.chunk import COLUMNS, Chunk, Ran, Way
from harness.training.step import Network, Strengths, Weights, evaluation, norms, training_step

Tensor = Any

EVALUATION_BATCH = 500
"""Examples an evaluation step: large, because nothing is kept for gradients."""

EVALUATION_VALUES = 2**24
"""Input values an evaluation step: fewer examples where each has many."""


@dataclass(frozen=True)
class Program:
    """The traced graphs, shared by runs whose static settings are equal."""

    epoch: Callable[..., tuple[Weights, Tensor, Tensor]]
    evaluate: Callable[..., Tensor]
    norms: Callable[..., Tensor]


def streamed(net: Network, training: Training, pipeline: Pipeline) -> Way:
    """Prepare the graphs for one run."""
    key = ("streamed", programs.signature(net, training, pipeline))
    program = programs.shared(key, lambda: _program(net))
    steps = programs.steps_an_epoch(len(pipeline.train.labels), training)

    def run(weights: Weights, epoch: int, count: int, learning_rate: float) -> tuple[Weights, Tensor, Tensor]:
        batches = training_batches(
            pipeline, epoch, training.batch_size, "keep" if training.last_batch == "keep" else "drop"
        )
        return program.epoch(weights, batches, tf.constant(count), programs.strengths(training, learning_rate))

    def accuracy(weights: Weights, split: Split) -> np.ndarray:
        size = max(1, min(EVALUATION_BATCH, EVALUATION_VALUES // math.prod(pipeline.input_shape)))
        batches = evaluation_batches(pipeline, split, size)
        return program.evaluate(weights, batches, tf.constant(-(-len(split.labels) // size))).numpy()

    def measure(weights: Weights, initial: list[Tensor], train: np.ndarray | None = None) -> np.ndarray:
        train = accuracy(weights, pipeline.train) if train is None else train
        return np.concatenate([train, accuracy(weights, pipeline.test), program.norms(weights, initial).numpy()])

    def prepare(weights: Weights, initial: list[Tensor]) -> None:
        run(weights, 0, 0, 0.0)  # no steps: the graph is traced and nothing moves

    def advance(weights: Weights, initial: list[Tensor], chunk: Chunk) -> Ran:
        weights, taken, loss = run(weights, chunk.first, steps, chunk.learning_rates[0])
        measured, stopped = np.zeros(COLUMNS), False
        if np.isfinite(loss) and (chunk.measure[0] or chunk.check[0]):
            train = accuracy(weights, pipeline.train)
            stopped = bool(chunk.check[0] and train[1] >= chunk.enough)
            if chunk.measure[0] or stopped:
                measured = measure(weights, initial, train)
        return Ran(weights, 1, int(taken), float(loss), stopped, measured[None])

    return Way(1, prepare, measure, advance)


def _program(net: Network) -> Program:
    # On the CPU, XLA is slower than the plain graph for convolutions; on a GPU it is faster.
    compiled = programs.on_gpu()
    step = tf.function(
        lambda weights, x, y, strengths: training_step(net, weights, x, y, strengths),
        jit_compile=compiled,
        autograph=False,
    )
    evaluated = tf.function(lambda weights, x, y: evaluation(net, weights, x, y), jit_compile=compiled, autograph=False)

    @tf.function(autograph=False)
    def epoch(weights: Weights, batches: Tensor, count: Tensor, strengths: Strengths) -> tuple[Weights, Tensor, Tensor]:
        iterator = iter(batches)

        def body(taken: Tensor, weights: Weights, loss: Tensor) -> tuple[Tensor, Weights, Tensor]:
            x, y = next(iterator)
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
        iterator = iter(batches)

        def body(done: Tensor, total: Tensor) -> tuple[Tensor, Tensor]:
            x, y = next(iterator)
            return done + 1, total + evaluated(weights, x, y)

        start = (tf.constant(0), tf.zeros(2, tf.float64))
        return tf.while_loop(lambda done, total: done < count, body, start, parallel_iterations=1)[1]

    return Program(epoch, evaluate, tf.function(norms, autograph=False))
