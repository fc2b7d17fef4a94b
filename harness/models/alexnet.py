"""The small Alexnet for small images."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from harness.models.layers import LocalResponseNormalization, dropped
from harness.models.shapes import Shapes


def small_alexnet(
    shapes: Shapes,
    *,
    width: int = 64,
    hidden: Sequence[int] = (384, 192),
    dropout: float = 0.0,
) -> keras.Model:
    """Build two stages of a 5x5 convolution, then dense ReLU layers, then a linear layer.

    The convolutions have `width` channels, the dense layers the widths `hidden`. A stage is the
    convolution, ReLU, the maximum of 3x3 pixels with stride 2, and local response normalization
    across the channels, its constants those of `LocalResponseNormalization`. Dropout follows every
    hidden layer.

    The padding is TensorFlow's "same", which is the original's mathematics here: of an even side,
    stride 2 pads the right and below only. Takes float32 [batch, height, width, channels],
    flattened row by row after the stages; gives logits, float32 [batch, outputs].
    Source: Zhang et al. (2016), https://arxiv.org/abs/1611.03530, appendix.
    """
    inputs = keras.Input(shapes.example, name="input")
    x = inputs
    for stage in (1, 2):
        x = keras.layers.Conv2D(width, 5, padding="same", activation="relu", name=f"conv{stage}")(x)
        x = keras.layers.MaxPooling2D(3, 2, padding="same", name=f"pool{stage}")(x)
        x = LocalResponseNormalization(name=f"lrn{stage}")(x)
    x = keras.layers.Flatten(name="flatten")(x)
    for number, units in enumerate(hidden, start=1):
        x = keras.layers.Dense(units, activation="relu", name=f"hidden{number}")(x)
        x = dropped(x, dropout, name=f"dropout{number}")
    return keras.Model(
        inputs, keras.layers.Dense(shapes.outputs, name="logits")(x), name="small_alexnet"
    )
