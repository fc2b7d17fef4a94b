"""Fully connected networks."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from harness.models.layers import dropped
from harness.models.shapes import Shapes


def perceptron(
    shapes: Shapes,
    *,
    hidden: Sequence[int],
    bias: bool = True,
    dropout: float = 0.0,
) -> keras.Model:
    """Build ReLU layers of the widths `hidden`, then a linear layer, all with biases or without.

    Dropout follows every hidden layer.

    Takes float32 [batch, *example], flattened row by row; gives logits, float32 [batch,
    outputs].
    """
    inputs = keras.Input(shapes.example, name="input")
    x = inputs if len(shapes.example) == 1 else keras.layers.Flatten(name="flatten")(inputs)
    for number, width in enumerate(hidden, start=1):
        x = keras.layers.Dense(width, activation="relu", use_bias=bias, name=f"hidden{number}")(x)
        x = dropped(x, dropout, name=f"dropout{number}")
    logits = keras.layers.Dense(shapes.outputs, use_bias=bias, name="logits")(x)
    return keras.Model(inputs, logits, name="perceptron")
