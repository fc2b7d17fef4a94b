"""About how many weights the kernels of a network have, known before anything is built.

Each function takes a network's parameters, with the defaults filled in, and the shapes it has to
fit. Biases and normalization, which add little, are left out.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence

from harness.experiment import Json
from harness.models.shapes import Shapes

Parameters = Mapping[str, Json]

_PUBLISHED_INCEPTION = 1_600_000
"""Kernel weights of the small Inception as it was published, for images of three channels."""


def _dense(widths: Sequence[int]) -> int:
    return sum(ins * outs for ins, outs in itertools.pairwise(widths))


def _convolutions(channels: Sequence[int], size: int = 3) -> int:
    return size * size * _dense(channels)


def perceptron(parameters: Parameters, shapes: Shapes) -> float:
    """Count the kernel weights of a perceptron."""
    return _dense([math.prod(shapes.example), *parameters["hidden"], shapes.outputs])


def convnet(parameters: Parameters, shapes: Shapes) -> float:
    """Count the kernel weights of the plain convolutional network."""
    width = parameters["width"]
    pixels = math.prod(side // 4 for side in shapes.example[:-1])
    return (
        _convolutions([shapes.example[-1], width, 2 * width, 2 * width])
        + pixels * 2 * width * shapes.outputs
    )


def vgg(parameters: Parameters, shapes: Shapes) -> float:
    """Count the kernel weights of a VGG."""
    widths = [
        parameters["width"] * min(2**stage, 8)
        for stage, count in enumerate(parameters["convolutions"])
        for _ in range(count)
    ]
    return _convolutions([shapes.example[-1], *widths]) + widths[-1] * shapes.outputs


def resnet(parameters: Parameters, shapes: Shapes) -> float:
    """Count the kernel weights of a residual network."""
    channels, bottleneck = parameters["width"], parameters["block"] == "bottleneck"
    total = _convolutions([shapes.example[-1], channels])
    for stage, count in enumerate(parameters["blocks"]):
        width = parameters["width"] * 2**stage
        out = 4 * width if bottleneck else width
        for _ in range(count):
            branch = (
                channels * width + 9 * width**2 + width * out
                if bottleneck
                else 9 * (channels * width + width**2)
            )
            total += branch + (channels * out if channels != out else 0)
            channels = out
    return total + channels * shapes.outputs


def wide_resnet(parameters: Parameters, shapes: Shapes) -> float:
    """Count the kernel weights of a wide residual network."""
    channels = parameters["width"]
    total = _convolutions([shapes.example[-1], channels])
    for stage in range(3):
        width = parameters["width"] * parameters["widen_factor"] * 2**stage
        for _ in range((parameters["depth"] - 4) // 6):
            total += _convolutions([channels, width, width]) + (
                channels * width if channels != width else 0
            )
            channels = width
    return total + channels * shapes.outputs


def densenet(parameters: Parameters, shapes: Shapes) -> float:
    """Count the kernel weights of a densely connected network."""
    growth, channels = parameters["growth"], 2 * parameters["growth"]
    total = _convolutions([shapes.example[-1], channels])
    for block, count in enumerate(parameters["layers"]):
        if block:
            kept = max(1, math.floor(channels * parameters["reduction"]))
            total, channels = total + channels * kept, kept
        for _ in range(count):
            narrow = 4 * growth if parameters["bottleneck"] else channels
            total += (channels * narrow if parameters["bottleneck"] else 0) + 9 * narrow * growth
            channels += growth
    return total + channels * shapes.outputs


def small_inception(parameters: Parameters, shapes: Shapes) -> float:
    """Count the kernel weights of the small Inception."""
    return round(_PUBLISHED_INCEPTION * parameters["width_multiplier"] ** 2)


def small_alexnet(parameters: Parameters, shapes: Shapes) -> float:
    """Count the kernel weights of the small Alexnet."""
    width = parameters["width"]
    pixels = math.prod(math.ceil(side / 4) for side in shapes.example[:-1])
    return _convolutions([shapes.example[-1], width, width], 5) + _dense(
        [pixels * width, *parameters["hidden"], shapes.outputs]
    )
