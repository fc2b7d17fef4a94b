"""Residual networks for small images: a 3x3 stem without pooling."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import keras
from keras import KerasTensor

from harness.models.layers import BatchNormalization, convolution
from harness.models.shapes import Shapes


def resnet(shapes: Shapes, *, blocks: Sequence[int], width: int, block: str) -> keras.Model:
    """Build one stage of residual blocks an entry of `blocks`, then a linear layer.

    Stage i has so many blocks as its entry says, of `width` * 2**i channels. "ResNet18" is blocks
    [2, 2, 2, 2], width 64, "basic"; "ResNet50" is [3, 4, 6, 3], "bottleneck". Every stage but the
    first halves the image. Takes float32 [batch, height, width, channels]; gives logits, float32
    [batch, outputs].
    Source: He et al. (2015), https://arxiv.org/abs/1512.03385, in the CIFAR variant of
    Liu et al. (2020), https://arxiv.org/abs/1906.02613.
    """
    inputs = keras.Input(shapes.example, name="input")
    x = _normalized(inputs, width, 3, name="stem")
    x = keras.layers.ReLU(name="stem_relu")(x)
    for stage, count in enumerate(blocks):
        for number in range(count):
            stride = 2 if stage > 0 and number == 0 else 1
            x = _residual(
                x,
                width * 2**stage,
                stride,
                BLOCKS[block],
                name=f"stage{stage + 1}_block{number + 1}",
            )
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    return keras.Model(inputs, keras.layers.Dense(shapes.outputs, name="logits")(x), name="resnet")


def _normalized(
    x: KerasTensor, filters: int, size: int, *, stride: int = 1, name: str
) -> KerasTensor:
    x = convolution(x, filters, size, stride=stride, bias=False, name=f"{name}_conv")
    return BatchNormalization(name=f"{name}_norm")(x)


def _basic(x: KerasTensor, width: int, stride: int, name: str) -> KerasTensor:
    x = _normalized(x, width, 3, stride=stride, name=f"{name}_1")
    x = keras.layers.ReLU(name=f"{name}_1_relu")(x)
    return _normalized(x, width, 3, name=f"{name}_2")


def _bottleneck(x: KerasTensor, width: int, stride: int, name: str) -> KerasTensor:
    x = _normalized(x, width, 1, name=f"{name}_1")
    x = keras.layers.ReLU(name=f"{name}_1_relu")(x)
    x = _normalized(x, width, 3, stride=stride, name=f"{name}_2")
    x = keras.layers.ReLU(name=f"{name}_2_relu")(x)
    return _normalized(x, 4 * width, 1, name=f"{name}_3")


Branch = Callable[[KerasTensor, int, int, str], KerasTensor]

BLOCKS: dict[str, Branch] = {"basic": _basic, "bottleneck": _bottleneck}
"""The residual branches by name."""


def _residual(x: KerasTensor, width: int, stride: int, branch: Branch, *, name: str) -> KerasTensor:
    y = branch(x, width, stride, name)
    if x.shape != y.shape:
        x = _normalized(x, y.shape[-1], 1, stride=stride, name=f"{name}_shortcut")
    return keras.layers.ReLU(name=f"{name}_relu")(keras.layers.Add(name=f"{name}_add")([y, x]))
