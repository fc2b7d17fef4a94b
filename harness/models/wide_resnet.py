"""Wide residual networks for small images: normalization and ReLU come before the convolutions."""

from __future__ import annotations

import keras
from keras import KerasTensor

from harness.models.layers import convolution, dropped, normalized_relu
from harness.models.shapes import Shapes

_STAGES = 3


def wide_resnet(
    shapes: Shapes,
    *,
    depth: int = 28,
    widen_factor: int = 1,
    width: int = 16,
    dropout: float = 0.0,
) -> keras.Model:
    """Build three stages of (`depth` - 4) / 6 blocks, then a linear layer.

    "WRN 28-10" has depth 28 and widen factor 10. A 3x3 convolution gives `width` channels, stage i
    has `width` * `widen_factor` * 2**i; the second and the third stage halve the image. A block is
    twice normalization, ReLU and a 3x3 convolution, with dropout before the second convolution.
    What is added to it is its input, or, where the number of channels changes, a 1x1 convolution of
    the normalized and rectified input. No convolution has a bias. Takes float32 [batch, height,
    width, channels]; gives logits, float32 [batch, outputs]. Raises ValueError for a depth that is
    not 4 plus a multiple of 6.
    Source: Zagoruyko and Komodakis (2016), https://arxiv.org/abs/1605.07146.
    """
    blocks, rest = divmod(depth - 4, 2 * _STAGES)
    if rest or blocks < 1:
        raise ValueError(f"the depth must be 4 plus a multiple of 6: {depth}")
    inputs = keras.Input(shapes.example, name="input")
    x = convolution(inputs, width, 3, bias=False, name="stem_conv")
    for stage in range(_STAGES):
        for number in range(blocks):
            stride = 2 if stage > 0 and number == 0 else 1
            name = f"stage{stage + 1}_block{number + 1}"
            x = _block(x, width * widen_factor * 2**stage, stride, dropout, name=name)
    x = normalized_relu(x, name="final")
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    return keras.Model(
        inputs, keras.layers.Dense(shapes.outputs, name="logits")(x), name="wide_resnet"
    )


def _block(x: KerasTensor, filters: int, stride: int, dropout: float, *, name: str) -> KerasTensor:
    y = normalized_relu(x, name=f"{name}_1")
    if x.shape[-1] != filters:
        x = convolution(y, filters, 1, stride=stride, bias=False, name=f"{name}_shortcut_conv")
    y = convolution(y, filters, 3, stride=stride, bias=False, name=f"{name}_1_conv")
    y = dropped(normalized_relu(y, name=f"{name}_2"), dropout, name=f"{name}_dropout")
    y = convolution(y, filters, 3, bias=False, name=f"{name}_2_conv")
    return keras.layers.Add(name=f"{name}_add")([x, y])
