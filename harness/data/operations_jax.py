"""The functions of `harness.data.operations` for arrays of JAX, in a compiled program.

XLA multiplies by a reciprocal where it is told to divide, and leaves a product that is added to
something unrounded. What must have the bits of TensorFlow's operations is computed in float64 and
rounded there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jax import numpy as jnp

Tensor = Any

_FLOAT32_EXPONENT, _FLOAT32_MANTISSA = 8, 23
"""Bits of a float32 number."""


def floats(array: Tensor) -> Tensor:
    """Give numbers of any kind as float32."""
    return jnp.asarray(array).astype("float32")


def constant(values: Any) -> Tensor:
    """Give numbers of Python or NumPy as float32."""
    return jnp.asarray(np.asarray(values, np.float32))


def arange(count: int) -> Tensor:
    """Give 0, 1, ..., count - 1; int32."""
    return jnp.arange(count, dtype="int32")


def take(array: Tensor, indices: Tensor) -> Tensor:
    """Give the rows at these indices [b]."""
    return jnp.take(array, indices, axis=0, mode="clip")


def take_along(images: Tensor, indices: Tensor, axis: int) -> Tensor:
    """Give of each image [b, ...] the parts at its own indices [b, count] along an axis."""
    return jax.vmap(lambda image, own: jnp.take(image, own, axis=axis - 1, mode="clip"))(
        images, indices
    )


def pad(images: Tensor, padding: int) -> Tensor:
    """Put so many rows and columns of zeros on every side of images."""
    return jnp.pad(images, ((0, 0), (padding, padding), (padding, padding), (0, 0)))


def where(condition: Tensor, one: Tensor, other: Tensor) -> Tensor:
    """Choose value by value."""
    return jnp.where(condition, one, other)


def product(x: Tensor, y: Tensor) -> Tensor:
    """Multiply, and round before anything is added.

    Rounding is asked for by name: XLA would take the way to float32 and back for nothing.
    """
    exact = x.astype("float64") * y.astype("float64")
    rounded = jax.lax.reduce_precision(exact, _FLOAT32_EXPONENT, _FLOAT32_MANTISSA)
    return rounded.astype("float32")


def quotient(x: Tensor, y: Tensor) -> Tensor:
    """Divide and round once.

    No quotient of float32 numbers lies so near to the middle between two others that an error of
    float64 counts.
    """
    return (x.astype("float64") / y.astype("float64")).astype("float32")


def mean(x: Tensor) -> Tensor:
    """Give the mean of each example [b, 1, ...]."""
    axes = tuple(range(1, x.ndim))
    return quotient(jnp.sum(x, axes, keepdims=True), constant(np.prod(x.shape[1:])))


def clip(x: Tensor) -> Tensor:
    """Bring values to the nearest from 0 to 1."""
    return jnp.clip(x, 0.0, 1.0)


def maximum(x: Tensor, least: float) -> Tensor:
    """Raise what is smaller than `least` to it."""
    return jnp.maximum(x, least)


def sqrt(x: Tensor) -> Tensor:
    """Give square roots."""
    return jnp.sqrt(x)


def concatenate(parts: Sequence[Tensor]) -> Tensor:
    """Put tensors together along the last axis."""
    return jnp.concatenate(parts, -1)


def grey(images: Tensor, weights: Sequence[float]) -> Tensor:
    """Give the weighted sum of the three channels, [b, height, width, 1]."""
    red, green, blue = _channels(product(images, constant(weights)))
    return red + green + blue


def rgb_to_hsv(images: Tensor) -> Tensor:
    """Turn red, green and blue into hue, saturation and value, all from 0 to 1.

    Source: TensorFlow's kernel of `tf.image.rgb_to_hsv`.
    """
    red, green, blue = _channels(images)
    value = jnp.max(images, -1, keepdims=True)
    spread = value - jnp.min(images, -1, keepdims=True)
    saturation = jnp.where(value > 0, quotient(spread, jnp.where(value > 0, value, 1)), 0)
    sixth = product(quotient(constant(1), jnp.where(spread > 0, spread, 1)), constant(1 / 6))
    hue = jnp.where(
        red == value,
        product(sixth, green - blue),
        jnp.where(
            green == value,
            product(sixth, blue - red) + constant(2 / 6),
            product(sixth, red - green) + constant(4 / 6),
        ),
    )
    hue = jnp.where(spread > 0, hue, 0)
    return concatenate([jnp.where(hue < 0, hue + 1, hue), saturation, value])


def hsv_to_rgb(images: Tensor) -> Tensor:
    """Turn hue, saturation and value back.

    Source: TensorFlow's kernel of `tf.image.hsv_to_rgb`.
    """
    hue, saturation, value = _channels(images)
    place = product(hue, constant(6))
    shares = (abs(place - 3) - 1, 2 - abs(place - 2), 2 - abs(place - 4))
    return concatenate(
        [product((1 - saturation) + product(saturation, clip(share)), value) for share in shares]
    )


def _channels(images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    return images[..., :1], images[..., 1:2], images[..., 2:]
