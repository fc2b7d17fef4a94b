"""The programs of the streamed engine with JAX: compiled steps that `tf.data` feeds.

They wait for nothing but data.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import numpy as np
import tensorflow as tf
from jax import numpy as jnp
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from harness.training.optimizers import Scalars, of_step
from harness.training.step import Network, Weights, evaluation, inference, norms, training_step

Tensor = Any
Batch = tuple[Any, Any]
Sums = tuple[Weights, Tensor, Tensor]


@dataclass(frozen=True)
class Devices:
    """Where a batch is computed: `count` devices.

    Each has its part of the examples and all of the weights. What is computed is that of one
    device: XLA adds what concerns the whole batch, such as the moments of batch normalization, over
    all of them.
    """

    whole: NamedSharding
    parts: NamedSharding
    count: int

    def placed(self, arrays: Batch) -> Batch:
        """Give a batch, its examples shared out.

        Where they are not a multiple of the devices, each gets all.
        """
        even = len(arrays[0]) % self.count == 0
        placed: Batch = jax.device_put(arrays, self.parts if even else self.whole)
        return placed


def devices(asked: int, batch_size: int) -> Devices:
    """Give as many devices as divide the batch size, of those that were asked for."""
    count = devices_used(asked, batch_size)
    mesh = Mesh(np.array(jax.devices()[:count]), ("examples",))
    return Devices(
        NamedSharding(mesh, PartitionSpec()), NamedSharding(mesh, PartitionSpec("examples")), count
    )


def devices_used(asked: int, batch_size: int) -> int:
    """Count the devices that share a batch evenly: the most, of those that were asked for.

    >>> [devices_used(asked, 64) for asked in (1, 4, 6)]
    [1, 4, 4]
    """
    return next(count for count in range(asked, 0, -1) if batch_size % count == 0)


@dataclass(frozen=True)
class JaxPrograms:
    """The compiled steps; see `harness.training.streamed.StepPrograms`."""

    step: Callable[..., Sums]
    add: Callable[..., Tensor]
    infer: Callable[..., Tensor]
    norms: Callable[..., Tensor]
    devices: Devices

    @property
    def device_count(self) -> int:
        """How many devices share a batch."""
        return self.devices.count

    def read(self, batches: tf.data.Dataset) -> Iterator[Batch]:
        """Give an iterator of batches, as arrays."""
        iterator: Iterator[Batch] = batches.as_numpy_iterator()
        return iterator

    def prepare(
        self, weights: Weights, batches: tf.data.Dataset, sizes: set[int], scalars: Scalars
    ) -> None:
        """Compile the step for batches of these sizes, on copies of the weights."""

        def empty(size: int, spec: tf.TensorSpec) -> np.ndarray:
            return np.zeros((size, *spec.shape[1:]), spec.dtype.as_numpy_dtype)

        for size in sizes:
            batch = jax.tree.map(partial(empty, size), batches.element_spec)
            self.step(
                self._start(jax.tree.map(jnp.copy, weights)), *self.devices.placed(batch), scalars
            )

    def epoch(
        self, weights: Weights, batches: Iterator[Batch], count: Tensor, scalars: Scalars
    ) -> Sums:
        """Make `count` steps.

        Gives the weights, the steps until a loss was not finite, and the last one's loss. Nothing
        is read from a device meanwhile: after a loss that is not finite, steps go on and count no
        more.
        """
        sums = self._start(weights)
        for batch in itertools.islice(batches, int(count)):
            sums = self.step(sums, *self.devices.placed(batch), scalars)
        return sums

    def evaluate(self, weights: Weights, batches: Iterator[Batch], count: Tensor) -> Tensor:
        """Evaluate `count` batches: [sum of the losses, number of examples classified right].

        It is float64 [2].
        """
        weights = jax.device_put(weights, self.devices.whole)
        total = jax.device_put(jnp.zeros(2, "float64"), self.devices.whole)
        for batch in itertools.islice(batches, int(count)):
            total = self.add(total, weights, *self.devices.placed(batch))
        return total

    def classify(self, weights: Weights, batches: Iterator[Batch]) -> Tensor:
        """Give the logits of the next batch, float32 [batch, outputs]."""
        return self.infer(
            jax.device_put(weights, self.devices.whole), self.devices.placed(next(batches))[0]
        )

    def _start(self, weights: Weights) -> Sums:
        start: Sums = jax.device_put((weights, jnp.int32(0), jnp.float32(0)), self.devices.whole)
        return start


def build(net: Network, devices: Devices) -> JaxPrograms:
    """Build the steps of a network."""

    def step(sums: Sums, x: Tensor, y: Tensor, scalars: Scalars) -> Sums:
        weights, taken, last = sums
        fine = jnp.isfinite(last)
        moved, loss = training_step(net, weights, x, y, of_step(scalars, taken))
        return moved, taken + fine.astype(taken.dtype), jnp.where(fine, loss, last)

    def add(total: Tensor, weights: Weights, x: Tensor, y: Tensor) -> Tensor:
        return total + evaluation(net, weights, x, y)

    return JaxPrograms(
        jax.jit(step, donate_argnums=0, out_shardings=devices.whole),
        jax.jit(add, donate_argnums=0, out_shardings=devices.whole),
        jax.jit(lambda weights, x: inference(net, weights, x), out_shardings=devices.whole),
        jax.jit(norms),
        devices,
    )
