"""The functions of `harness.data.operations` for tensors of TensorFlow.

Outside XLA, each operation rounds by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

Tensor = Any


def floats(array: Tensor) -> Tensor:
    """Give numbers of any kind as float32."""
    return tf.cast(array, tf.float32)


def constant(values: Any) -> Tensor:
    """Give numbers of Python or NumPy as float32."""
    return tf.constant(values, tf.float32)


def arange(count: int) -> Tensor:
    """Give 0, 1, ..., count - 1; int32."""
    return tf.range(count)


def take(array: Tensor, indices: Tensor) -> Tensor:
    """Give the rows at these indices [b]."""
    return tf.gather(array, indices)


def take_along(images: Tensor, indices: Tensor, axis: int) -> Tensor:
    """Give of each image [b, ...] the parts at its own indices [b, count] along an axis."""
    return tf.gather(images, indices, axis=axis, batch_dims=1)


def pad(images: Tensor, padding: int) -> Tensor:
    """Put so many rows and columns of zeros on every side of images."""
    return tf.pad(images, [[0, 0], [padding, padding], [padding, padding], [0, 0]])


def where(condition: Tensor, one: Tensor, other: Tensor) -> Tensor:
    """Choose value by value."""
    return tf.where(condition, one, other)


def product(x: Tensor, y: Tensor) -> Tensor:
    """Multiply."""
    return x * y


def quotient(x: Tensor, y: Tensor) -> Tensor:
    """Divide."""
    return x / y


def mean(x: Tensor) -> Tensor:
    """Give the mean of each example [b, 1, ...]."""
    return tf.reduce_mean(x, list(range(1, len(x.shape))), keepdims=True)


def clip(x: Tensor) -> Tensor:
    """Bring values to the nearest from 0 to 1."""
    return tf.clip_by_value(x, 0.0, 1.0)


def maximum(x: Tensor, least: float) -> Tensor:
    """Raise what is smaller than `least` to it."""
    return tf.maximum(x, least)


def sqrt(x: Tensor) -> Tensor:
    """Give square roots."""
    return tf.sqrt(x)


def concatenate(parts: Sequence[Tensor]) -> Tensor:
    """Put tensors together along the last axis."""
    return tf.concat(parts, -1)


def grey(images: Tensor, weights: Sequence[float]) -> Tensor:
    """Give the weighted sum of the three channels, [b, height, width, 1]."""
    return tf.reduce_sum(images * tf.constant(weights), 3, keepdims=True)


def rgb_to_hsv(images: Tensor) -> Tensor:
    """Turn red, green and blue into hue, saturation and value, all from 0 to 1."""
    return tf.image.rgb_to_hsv(images)


def hsv_to_rgb(images: Tensor) -> Tensor:
    """Turn hue, saturation and value back."""
    return tf.image.hsv_to_rgb(images)
