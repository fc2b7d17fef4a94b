"""A small plain convolutional network for small images."""

from __future__ import annotations

import keras

from harness.models.layers import convolution, dropped
from harness.models.shapes import Shapes


def convnet(shapes: Shapes, *, width: int, dropout: float = 0.0) -> keras.Model:
    """Build three 3x3 convolutions with ReLU, then a linear layer.

    They have `width`, 2 `width` and 2 `width` channels. A 2x2 maximum follows the second and the
    third. No batch normalization. Dropout comes before the linear layer. Takes float32 [batch,
    height, width, channels] of at least 4x4; gives logits, float32 [batch, outputs].
    """
    inputs = keras.Input(shapes.example, name="input")
    x = inputs
    for number, (channels, pool) in enumerate(
        [(width, False), (2 * width, True), (2 * width, True)], start=1
    ):
        x = convolution(x, channels, 3, name=f"conv{number}")
        x = keras.layers.ReLU(name=f"relu{number}")(x)
        if pool:
            x = keras.layers.MaxPooling2D(2, name=f"pool{number}")(x)
    x = keras.layers.Flatten(name="flatten")(x)
    x = dropped(x, dropout, name="dropout")
    return keras.Model(inputs, keras.layers.Dense(shapes.outputs, name="logits")(x), name="convnet")
