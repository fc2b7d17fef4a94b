"""Augmentations: random changes of training images, drawn anew every epoch.

Each is a pair. `decide` draws, in NumPy, what happens to some examples in an epoch; `apply` does
it to a batch, in TensorFlow operations alone, so that it works inside `tf.data` and inside a
compiled function alike. A new one is such a pair, its row below it and its schema entry (see
docs/extending.md).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from harness.data import randomness
from harness.data.randomness import Stream
from harness.data.records import DataError, Indices

BLOCK_BYTES = 32_000_000
"""Normal numbers drawn at once, as float64, on their way to float32."""

Decisions = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Augmentation:
    """The two halves of an augmentation; both take its parameters by keyword.

    Args:
        decide: `decide(stream, indices, shape, **parameters)` gives the decisions for the examples
            `indices` [n], of the given shape, in the stream's epoch: arrays [n, ...]. An example's
            do not depend on the others asked for. Raises DataError for inputs of a shape that it
            does not apply to.
        apply: `apply(images, decisions, maximum, **parameters)` gives the changed batch [b, ...],
            given the decisions of its examples as tensors [b, ...]; `maximum` is the raw value of
            1.0.
    """

    decide: Callable[..., Decisions]
    apply: Callable[..., tf.Tensor]


AUGMENTATIONS: dict[str, Augmentation] = {}
"""Every augmentation by name."""


def need_images(name: str, shape: tuple[int, ...]) -> None:
    """Raise DataError where the inputs of an augmentation are no images."""
    if len(shape) != 3:
        raise DataError(
            f"{name} needs images [height, width, channels], these inputs have the shape"
            f" {list(shape)}"
        )


def _decide_crop(
    stream: Stream,
    indices: Indices,
    shape: tuple[int, ...],
    *,
    padding: int,
    size: int | None = None,
) -> Decisions:
    need_images("random_crop", shape)
    spare = [2 * padding + (side - size if size else 0) for side in shape[:2]]
    drawn = randomness.at(lambda first, n: randomness.uniforms(stream, first, n, 2), indices)
    offsets = np.floor(drawn * (np.array(spare) + 1)).astype(np.int32)
    return {"top": offsets[:, 0], "left": offsets[:, 1]}


def _apply_crop(
    images: tf.Tensor,
    decisions: Mapping[str, tf.Tensor],
    maximum: float,
    *,
    padding: int,
    size: int | None = None,
) -> tf.Tensor:
    """Zero-pad every side by `padding`, then crop from (top, left).

    The crop is of `size` [size, size], None: of the original size.
    """
    height, width = (size, size) if size else images.shape[1:3]
    padded = tf.pad(images, [[0, 0], [padding, padding], [padding, padding], [0, 0]])
    rows = decisions["top"][:, tf.newaxis] + tf.range(height)
    columns = decisions["left"][:, tf.newaxis] + tf.range(width)
    padded = tf.gather(padded, rows, axis=1, batch_dims=1)
    return tf.gather(padded, columns, axis=2, batch_dims=1)


AUGMENTATIONS["random_crop"] = Augmentation(_decide_crop, _apply_crop)


def _decide_flip(stream: Stream, indices: Indices, shape: tuple[int, ...]) -> Decisions:
    need_images("random_flip", shape)
    drawn = randomness.at(lambda first, n: randomness.integers(stream, first, n, 1, 2), indices)
    return {"flip": drawn[:, 0] == 1}


def _apply_flip(images: tf.Tensor, decisions: Mapping[str, tf.Tensor], maximum: float) -> tf.Tensor:
    """Flip left to right where the decision says so."""
    columns = tf.range(images.shape[2])
    # Gathered, not selected from two images: tf.where with a broadcast condition is slow on the
    # CPU.
    columns = tf.where(decisions["flip"][:, tf.newaxis], columns[::-1], columns)
    return tf.gather(images, columns, axis=2, batch_dims=1)


AUGMENTATIONS["random_flip"] = Augmentation(_decide_flip, _apply_flip)


def _decide_noise(
    stream: Stream, indices: Indices, shape: tuple[int, ...], *, deviation: float
) -> Decisions:
    width = math.prod(shape)
    noise = np.empty((len(indices), width), np.float32)
    block = max(1, BLOCK_BYTES // (8 * width))
    for start in range(0, len(indices), block):
        some = indices[start : start + block]
        noise[start : start + block] = randomness.at(
            lambda first, n: randomness.normals(stream, first, n, width), some
        )
    return {"noise": noise.reshape(len(indices), *shape)}


def _apply_noise(
    images: tf.Tensor, decisions: Mapping[str, tf.Tensor], maximum: float, *, deviation: float
) -> tf.Tensor:
    """Add normal noise; float32 in raw units, not clipped."""
    return tf.cast(images, tf.float32) + deviation * maximum * decisions["noise"]


AUGMENTATIONS["gaussian_noise"] = Augmentation(_decide_noise, _apply_noise)
