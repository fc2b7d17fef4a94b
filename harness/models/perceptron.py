"""Fully connected networks."""

from __future__ import annotations

from collections.abc import Sequence

import keras


def perceptron(input_shape: tuple[int, ...], outputs: int, *, hidden: Sequence[int]) -> keras.Model:
    """ReLU layers of the widths `hidden`, then a linear layer.

    Takes float32 [batch, *input_shape], flattened row by row; gives logits, float32 [batch, outputs].
    """
    inputs = keras.Input(input_shape, name="input")
    x = inputs if len(input_shape) == 1 else keras.layers.Flatten(name="flatten")(inputs)
    for number, width in enumerate(hidden, start=1):
        x = keras.layers.Dense(width, activation="relu", name=f"hidden{number}")(x)
    return keras.Model(inputs, keras.layers.Dense(outputs, name="logits")(x), name="perceptron")
