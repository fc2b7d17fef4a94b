"""The programs of the streamed engine with TensorFlow: graphs that loop over `tf.data`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from harness.training.optimizers import Scalars, of_step
from harness.training.step import Network, Weights, evaluation, inference, norms, training_step

Tensor = Any


@dataclass(frozen=True)
class GraphPrograms:
    """The graphs; see `harness.training.streamed.StepPrograms`."""

    epoch: Callable[..., tuple[Weights, Tensor, Tensor]]
    evaluate: Callable[..., Tensor]
    classify: Callable[..., Tensor]
    norms: Callable[..., Tensor]
    device_count: int = 1

    def read(self, batches: tf.data.Dataset) -> Iterator[Any]:
        """Give an iterator of batches, as tensors."""
        return iter(batches)

    def prepare(
        self, weights: Weights, batches: tf.data.Dataset, sizes: set[int], scalars: Scalars
    ) -> None:
        """Trace the graph of an epoch, by making no steps."""
        self.epoch(weights, iter(batches), tf.constant(0), scalars)


def build(net: Network) -> GraphPrograms:
    """Build the graphs of a network."""
    # On the CPU, XLA is slower than the plain graph for convolutions; on a GPU it is faster.
    compiled = bool(tf.config.list_logical_devices("GPU"))
    step = tf.function(
        lambda weights, x, y, scalars: training_step(net, weights, x, y, scalars),
        jit_compile=compiled,
        autograph=False,
    )
    evaluated = tf.function(
        lambda weights, x, y: evaluation(net, weights, x, y), jit_compile=compiled, autograph=False
    )

    @tf.function(autograph=False)
    def epoch(
        weights: Weights, batches: Tensor, count: Tensor, scalars: Scalars
    ) -> tuple[Weights, Tensor, Tensor]:
        def body(taken: Tensor, weights: Weights, loss: Tensor) -> tuple[Tensor, Weights, Tensor]:
            x, y = next(batches)
            weights, loss = step(weights, x, y, of_step(scalars, taken))
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

    return GraphPrograms(epoch, evaluate, classify, tf.function(norms, autograph=False))
