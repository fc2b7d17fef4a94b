"""The few functions of tensors that batches are made with: TensorFlow's, or JAX's.

What is written with them, and with the operators and slices that tensors of both have, works inside
`tf.data` and inside a compiled program of either. On the CPU both give the same float32 bits,
whatever XLA fuses, but for the order in which `mean` sums.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any, Protocol

Tensor = Any


class Operations(Protocol):
    """What `operations_tensorflow` and `operations_jax` have; `x` and `y` are float32 tensors."""

    def floats(self, array: Tensor) -> Tensor:
        """Give numbers of any kind as float32."""

    def constant(self, values: Any) -> Tensor:
        """Give numbers of Python or NumPy as float32."""

    def arange(self, count: int) -> Tensor:
        """Give 0, 1, ..., count - 1; int32."""

    def take(self, array: Tensor, indices: Tensor) -> Tensor:
        """Give the rows at these indices [b], all of which there are."""

    def take_along(self, images: Tensor, indices: Tensor, axis: int) -> Tensor:
        """Give of each image [b, ...] the parts at its own indices [b, count] along an axis."""

    def pad(self, images: Tensor, padding: int) -> Tensor:
        """Put so many rows and columns of zeros on every side of images."""

    def where(self, condition: Tensor, one: Tensor, other: Tensor) -> Tensor:
        """Choose value by value."""

    def product(self, x: Tensor, y: Tensor) -> Tensor:
        """Multiply, and round before anything is added, which `*` leaves to the compiler."""

    def quotient(self, x: Tensor, y: Tensor) -> Tensor:
        """Divide and round once, where `/` may multiply by a rounded reciprocal."""

    def mean(self, x: Tensor) -> Tensor:
        """Give the mean of each example [b, 1, ...]."""

    def clip(self, x: Tensor) -> Tensor:
        """Bring values to the nearest from 0 to 1."""

    def maximum(self, x: Tensor, least: float) -> Tensor:
        """Raise what is smaller than `least` to it."""

    def sqrt(self, x: Tensor) -> Tensor:
        """Give square roots."""

    def concatenate(self, parts: Sequence[Tensor]) -> Tensor:
        """Put tensors together along the last axis."""

    def grey(self, images: Tensor, weights: Sequence[float]) -> Tensor:
        """Give the weighted sum of the three channels, [b, height, width, 1]."""

    def rgb_to_hsv(self, images: Tensor) -> Tensor:
        """Turn red, green and blue into hue, saturation and value, all from 0 to 1."""

    def hsv_to_rgb(self, images: Tensor) -> Tensor:
        """Turn hue, saturation and value back."""


def operations(array: Tensor) -> Operations:
    """Return the functions for a tensor: JAX's for one of JAX, for all else TensorFlow's."""
    jax = sys.modules.get("jax")
    if jax is not None and isinstance(array, jax.Array):
        from harness.data import operations_jax

        return operations_jax
    from harness.data import operations_tensorflow

    return operations_tensorflow
