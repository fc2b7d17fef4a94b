"""About how many weights a network has, known before anything is built."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence

from harness.experiment import Component, Json

Shape = tuple[int, ...]


def weights(model: Component, shape: Shape, outputs: int) -> int | None:
    """Count the weights of a network's kernels; biases and normalization, which add little, are
    left out.

    Args:
        model: The network, with all of its parameters.
        shape: One example as the network sees it.
        outputs: The network's outputs.

    Returns:
        The count, or None for a network that is not known here.
    """
    count = _COUNTS.get(model.name)
    return None if count is None else int(count(model.parameters, shape, outputs))


def _dense(widths: Sequence[int]) -> int:
    return sum(ins * outs for ins, outs in itertools.pairwise(widths))


def _convolutions(channels: Sequence[int], size: int = 3) -> int:
    return size * size * _dense(channels)


def _perceptron(parameters: Mapping[str, Json], shape: Shape, outputs: int) -> Json:
    return _dense([math.prod(shape), *parameters["hidden"], outputs])


def _convnet(parameters: Mapping[str, Json], shape: Shape, outputs: int) -> Json:
    width = parameters["width"]
    pixels = math.prod(side // 4 for side in shape[:-1])
    return _convolutions([shape[-1], width, 2 * width, 2 * width]) + pixels * 2 * width * outputs


def _vgg(parameters: Mapping[str, Json], shape: Shape, outputs: int) -> Json:
    widths = [
        parameters["width"] * min(2**stage, 8)
        for stage, count in enumerate(parameters["convolutions"])
        for _ in range(count)
    ]
    return _convolutions([shape[-1], *widths]) + widths[-1] * outputs


def _resnet(parameters: Mapping[str, Json], shape: Shape, outputs: int) -> Json:
    channels, bottleneck = parameters["width"], parameters["block"] == "bottleneck"
    total = _convolutions([shape[-1], channels])
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
    return total + channels * outputs


def _wide_resnet(parameters: Mapping[str, Json], shape: Shape, outputs: int) -> Json:
    channels = parameters["width"]
    total = _convolutions([shape[-1], channels])
    for stage in range(3):
        width = parameters["width"] * parameters["widen_factor"] * 2**stage
        for _ in range((parameters["depth"] - 4) // 6):
            total += _convolutions([channels, width, width]) + (
                channels * width if channels != width else 0
            )
            channels = width
    return total + channels * outputs


def _densenet(parameters: Mapping[str, Json], shape: Shape, outputs: int) -> Json:
    growth, channels = parameters["growth"], 2 * parameters["growth"]
    total = _convolutions([shape[-1], channels])
    for block, count in enumerate(parameters["layers"]):
        if block:
            kept = max(1, math.floor(channels * parameters["reduction"]))
            total, channels = total + channels * kept, kept
        for _ in range(count):
            narrow = 4 * growth if parameters["bottleneck"] else channels
            total += (channels * narrow if parameters["bottleneck"] else 0) + 9 * narrow * growth
            channels += growth
    return total + channels * outputs


def _small_inception(parameters: Mapping[str, Json], shape: Shape, outputs: int) -> Json:
    published = (
        1_600_000  # kernels of the network as it was published, for images of three channels
    )
    return round(published * parameters["width_multiplier"] ** 2)


def _small_alexnet(parameters: Mapping[str, Json], shape: Shape, outputs: int) -> Json:
    width = parameters["width"]
    pixels = math.prod(math.ceil(side / 4) for side in shape[:-1])
    return _convolutions([shape[-1], width, width], 5) + _dense(
        [pixels * width, *parameters["hidden"], outputs]
    )


_COUNTS: Mapping[str, Callable[[Mapping[str, Json], Shape, int], Json]] = {
    "perceptron": _perceptron,
    "convnet": _convnet,
    "vgg": _vgg,
    "resnet": _resnet,
    "wide_resnet": _wide_resnet,
    "densenet": _densenet,
    "small_inception": _small_inception,
    "small_alexnet": _small_alexnet,
}
"""By the names of `harness.models.registry.MODELS`."""
