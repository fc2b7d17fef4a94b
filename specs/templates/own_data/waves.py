"""A data set, a randomization and an augmentation of one's own."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from harness.data import randomness
from harness.data.augmentation import Augmentation
from harness.data.randomizations import Change, Draw
from harness.data.randomness import Stream
from harness.data.records import Split

LENGTH = 32


def waves(*, noise: float = 0.5, train: int = 300, test: int = 300):
    """Make waves of three frequencies under noise, the same on every machine.

    Returns:
        (inputs, labels) for training and for testing: float32 [n, 32] and int32 [n].
    """
    return _split("train", train, noise), _split("test", test, noise)


def _split(name: str, count: int, noise: float) -> tuple[np.ndarray, np.ndarray]:
    labels = np.arange(count, dtype=np.int32) % 3
    phases = randomness.uniforms(Stream(0, f"waves/{name}/phases"), 0, count, 1)
    angles = 2 * np.pi * (np.outer(labels + 1, np.arange(LENGTH)) / LENGTH + phases)
    noises = randomness.normals(Stream(0, f"waves/{name}/noise"), 0, count, LENGTH)
    return (np.sin(angles) + noise * noises).astype(np.float32), labels


def reverse(split: Split, draw: Draw, *, probability: float) -> Change:
    """Turn the order of the values around, of each example with a probability."""

    def reversed_rows(inputs: np.ndarray, indices: np.ndarray) -> np.ndarray:
        drawn = randomness.at(
            lambda first, n: randomness.uniforms(draw.stream(), first, n, 1), indices
        )
        chosen = drawn[:, 0] < probability
        inputs[chosen] = inputs[chosen][:, ::-1]
        return inputs

    return Change(split.labels, reversed_rows)


def louder(*, strength: float = 0.2) -> Augmentation:
    """Multiply each example by a number around 1, drawn anew every epoch."""

    def decide(stream: Stream, indices: np.ndarray, shape: tuple[int, ...]) -> dict[str, Any]:
        drawn = randomness.at(lambda first, n: randomness.uniforms(stream, first, n, 1), indices)
        return {"factor": (1 + strength * (2 * drawn[:, 0] - 1)).astype(np.float32)}

    def apply(inputs: tf.Tensor, decisions: Mapping[str, tf.Tensor], maximum: float) -> tf.Tensor:
        factors = tf.reshape(decisions["factor"], [-1] + [1] * (len(inputs.shape) - 1))
        return tf.cast(inputs, tf.float32) * factors

    return Augmentation(decide, apply)
