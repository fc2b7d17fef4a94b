"""Densely connected networks for small images.

Within a block, every layer sees the outputs of all layers before it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import keras
from keras import KerasTensor

from harness.models.layers import convolution, dropped, normalized_relu
from harness.models.shapes import Shapes


def densenet(
    shapes: Shapes,
    *,
    layers: Sequence[int] = (6, 6, 6),
    growth: int = 12,
    reduction: float = 0.5,
    bottleneck: bool = True,
    dropout: float = 0.0,
) -> keras.Model:
    """Build one dense block an entry of `layers`, then a linear layer.

    A block has that many layers of `growth` channels each. A 3x3 convolution gives the first block
    2 `growth` channels. A dense layer is normalization, ReLU and a 3x3 convolution; with
    `bottleneck`, a 1x1 convolution to 4 `growth` channels comes before, normalized likewise.
    Between blocks, normalization, ReLU and a 1x1 convolution keep the share `reduction` of the
    channels, rounded down, and the mean of 2x2 pixels halves the image. No convolution has a bias.
    Dropout follows every convolution but the first. The defaults are "DenseNet40". Takes float32
    [batch, height, width, channels] of at least 2**(blocks - 1) pixels a side; gives logits,
    float32 [batch, outputs].
    Source: Huang et al. (2016), https://arxiv.org/abs/1608.06993, in the CIFAR variant of
    Liu et al. (2020), https://arxiv.org/abs/1906.02613.
    """
    inputs = keras.Input(shapes.example, name="input")
    x = convolution(inputs, 2 * growth, 3, bias=False, name="stem_conv")
    for block, count in enumerate(layers, start=1):
        if block > 1:
            x = _transition(x, reduction, dropout, name=f"transition{block - 1}")
        for number in range(1, count + 1):
            x = _dense_layer(x, growth, bottleneck, dropout, name=f"block{block}_layer{number}")
    x = normalized_relu(x, name="final")
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    return keras.Model(
        inputs, keras.layers.Dense(shapes.outputs, name="logits")(x), name="densenet"
    )


def _dense_layer(
    x: KerasTensor, growth: int, bottleneck: bool, dropout: float, *, name: str
) -> KerasTensor:
    y = (
        _activated_convolution(x, 4 * growth, 1, dropout, name=f"{name}_bottleneck")
        if bottleneck
        else x
    )
    y = _activated_convolution(y, growth, 3, dropout, name=name)
    return keras.layers.Concatenate(name=f"{name}_concat")([x, y])


def _transition(x: KerasTensor, reduction: float, dropout: float, *, name: str) -> KerasTensor:
    kept = max(1, math.floor(x.shape[-1] * reduction))
    x = _activated_convolution(x, kept, 1, dropout, name=name)
    return keras.layers.AveragePooling2D(2, name=f"{name}_pool")(x)


def _activated_convolution(
    x: KerasTensor, filters: int, size: int, dropout: float, *, name: str
) -> KerasTensor:
    x = convolution(normalized_relu(x, name=name), filters, size, bias=False, name=f"{name}_conv")
    return dropped(x, dropout, name=f"{name}_dropout")
