"""The small Inception network for small images."""

from __future__ import annotations

import keras
from keras import KerasTensor

from harness.models.layers import BatchNormalization, dropped
from harness.models.shapes import Shapes

_STEM = 96
_MODULES = (
    ((32, 32), (32, 48)),
    ((112, 48), (96, 64), (80, 80), (48, 96)),
    ((176, 160), (176, 160)),
)
"""Channels of the 1x1 and of the 3x3 convolution of every module, a tuple a stage."""
_DOWNSAMPLINGS = (80, 96)
"""Channels of the convolution between two stages."""


def small_inception(
    shapes: Shapes,
    *,
    batch_norm: bool = True,
    width_multiplier: float = 1.0,
    dropout: float = 0.0,
) -> keras.Model:
    """Build a 3x3 convolution, eight Inception modules, a mean and a linear layer.

    Two downsamplings lie between the modules.

    An Inception module puts a 1x1 and a 3x3 convolution side by side; a downsampling a 3x3
    convolution and the maximum of 3x3 pixels, both of stride 2. ReLU follows every convolution.
    With `batch_norm`, normalization comes between them, with an offset but no scale, and the
    convolutions have no bias: the number of trainable parameters is the same either way. Its
    momentum and epsilon are not published: they are those of `BatchNormalization`. The mean is over
    the whole image (7x7 pixels of 28x28); dropout follows it. A number c of channels becomes max(1,
    round(c * `width_multiplier`)).

    The padding is TensorFlow's "same", which is the original's mathematics here: of an even side,
    stride 2 pads the right and below only. Takes float32 [batch, height, width, channels]; gives
    logits, float32 [batch, outputs].
    Source: Zhang et al. (2016), https://arxiv.org/abs/1611.03530, appendix, figure 3.
    """

    def channels(count: int) -> int:
        return max(1, round(count * width_multiplier))

    inputs = keras.Input(shapes.example, name="input")
    x = _convolved(inputs, channels(_STEM), 3, batch_norm, name="stem")
    for stage, modules in enumerate(_MODULES, start=1):
        if stage > 1:
            x = _downsampled(
                x, channels(_DOWNSAMPLINGS[stage - 2]), batch_norm, name=f"downsampling{stage - 1}"
            )
        for number, (single, square) in enumerate(modules, start=1):
            x = _module(
                x,
                channels(single),
                channels(square),
                batch_norm,
                name=f"stage{stage}_module{number}",
            )
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    x = dropped(x, dropout, name="dropout")
    return keras.Model(
        inputs, keras.layers.Dense(shapes.outputs, name="logits")(x), name="small_inception"
    )


def _module(
    x: KerasTensor, single: int, square: int, batch_norm: bool, *, name: str
) -> KerasTensor:
    branches = [
        _convolved(x, single, 1, batch_norm, name=f"{name}_1x1"),
        _convolved(x, square, 3, batch_norm, name=f"{name}_3x3"),
    ]
    return keras.layers.Concatenate(name=f"{name}_concat")(branches)


def _downsampled(x: KerasTensor, filters: int, batch_norm: bool, *, name: str) -> KerasTensor:
    branches = [
        _convolved(x, filters, 3, batch_norm, stride=2, name=name),
        keras.layers.MaxPooling2D(3, 2, padding="same", name=f"{name}_pool")(x),
    ]
    return keras.layers.Concatenate(name=f"{name}_concat")(branches)


def _convolved(
    x: KerasTensor, filters: int, size: int, batch_norm: bool, *, stride: int = 1, name: str
) -> KerasTensor:
    x = keras.layers.Conv2D(
        filters, size, stride, "same", use_bias=not batch_norm, name=f"{name}_conv"
    )(x)
    if batch_norm:
        x = BatchNormalization(scale=False, name=f"{name}_norm")(x)
    return keras.layers.ReLU(name=f"{name}_relu")(x)
