"""Plain deep convolutional networks for small images."""

from __future__ import annotations

from collections.abc import Sequence

import keras
from keras import KerasTensor

from harness.models.layers import BatchNormalization, convolution, dropped
from harness.models.shapes import Shapes


def vgg(
    shapes: Shapes,
    *,
    convolutions: Sequence[int] = (2, 2, 3, 3, 3),
    width: int = 64,
    batch_norm: bool = True,
    dropout: float = 0.0,
) -> keras.Model:
    """Build one stage of 3x3 convolutions an entry of `convolutions`, then a linear layer.

    Stage i has `width` * min(2**i, 8) channels and ends with the maximum of 2x2 pixels; batch
    normalization, where it is on, and ReLU follow every convolution, which has a bias either way.
    The channels' means over what is left of the image (32x32 pixels leave one) go to the linear
    layer, through dropout. The defaults are "VGG16". Takes float32 [batch, height, width, channels]
    of at least 2**stages pixels a side; gives logits, float32 [batch, outputs].
    Source: Simonyan and Zisserman (2014), https://arxiv.org/abs/1409.1556, in the CIFAR variant of
    Liu et al. (2020), https://arxiv.org/abs/1906.02613.
    """
    inputs = keras.Input(shapes.example, name="input")
    x = inputs
    for stage, count in enumerate(convolutions):
        for number in range(count):
            name = f"stage{stage + 1}_{number + 1}"
            x = _convolved(x, width * min(2**stage, 8), batch_norm, name=name)
        x = keras.layers.MaxPooling2D(2, name=f"stage{stage + 1}_pool")(x)
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    x = dropped(x, dropout, name="dropout")
    return keras.Model(inputs, keras.layers.Dense(shapes.outputs, name="logits")(x), name="vgg")


def _convolved(x: KerasTensor, filters: int, batch_norm: bool, *, name: str) -> KerasTensor:
    x = convolution(x, filters, 3, name=f"{name}_conv")
    if batch_norm:
        x = BatchNormalization(name=f"{name}_norm")(x)
    return keras.layers.ReLU(name=f"{name}_relu")(x)
