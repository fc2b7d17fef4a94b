"""Every network in PyTorch, written from the papers.

A description computes the logits from images [batch, channels, height, width]. It names its layers
as Keras's network does, which is how the weights are matched.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn import functional

Tensor = Any


@dataclass(frozen=True)
class Window:
    """What a convolution sees at once: its size, its stride, and zeros on every side."""

    size: int
    stride: int = 1
    pad: int = 0


class Net(nn.Module):
    """A network that a description computes; its layers come to be when they are first called."""

    def __init__(self, description: Callable[..., Tensor], parameters: Mapping[str, Any]) -> None:
        super().__init__()
        self.description, self.parameters_, self.parts = description, parameters, nn.ModuleDict()

    def forward(self, x: Tensor) -> Tensor:
        return self.description(self, x, **self.parameters_)

    def part(self, name: str, make: Callable[[], Any]) -> Any:
        if name not in self.parts:
            self.parts[name] = make()
        return self.parts[name]

    def conv(
        self,
        x: Tensor,
        name: str,
        filters: int,
        window: Window,
        *,
        bias: bool = False,
    ) -> Tensor:
        size, stride, pad = window.size, window.stride, window.pad
        return self.part(
            name, lambda: nn.Conv2d(x.shape[1], filters, size, stride, pad, bias=bias)
        )(x)

    def norm(self, x: Tensor, name: str, *, scale: bool = True) -> Tensor:
        part = self.part(name, lambda: nn.BatchNorm2d(x.shape[1]))
        part.weight.requires_grad_(scale)
        return part(x)

    def norm_relu(self, x: Tensor, name: str) -> Tensor:
        return functional.relu(self.norm(x, f"{name}_norm"))

    def dense(self, x: Tensor, name: str, units: int) -> Tensor:
        return self.part(name, lambda: nn.Linear(x.shape[1], units))(x)


def rows(x: Tensor) -> Tensor:
    """Flatten as images lie in Keras: pixel by pixel, each with its channels."""
    return x.permute(0, 2, 3, 1).flatten(1)


def same(x: Tensor, size: int, stride: int = 1, value: float = 0.0) -> Tensor:
    """Pad as TensorFlow's "same" is documented: ceil(side / stride) results, what is odd below and
    on the right.
    """
    pads = []
    for side in (x.shape[3], x.shape[2]):
        total = max((-(-side // stride) - 1) * stride + size - side, 0)
        pads += [total // 2, total - total // 2]
    return functional.pad(x, pads, value=value)


def perceptron(net: Net, x: Tensor, hidden: list[int]) -> Tensor:
    x = rows(x)
    for number, units in enumerate(hidden, start=1):
        x = functional.relu(net.dense(x, f"hidden{number}", units))
    return net.dense(x, "logits", 10)


def convnet(net: Net, x: Tensor, width: int) -> Tensor:
    x = functional.relu(net.conv(x, "conv1", width, Window(3, pad=1), bias=True))
    x = functional.max_pool2d(
        functional.relu(net.conv(x, "conv2", 2 * width, Window(3, pad=1), bias=True)), 2
    )
    x = functional.max_pool2d(
        functional.relu(net.conv(x, "conv3", 2 * width, Window(3, pad=1), bias=True)), 2
    )
    return net.dense(rows(x), "logits", 10)


def vgg(net: Net, x: Tensor, convolutions: list[int], width: int, batch_norm: bool) -> Tensor:
    channels = [width, 2 * width, 4 * width, 8 * width, 8 * width]
    for stage, count in enumerate(convolutions):
        for number in range(1, count + 1):
            name = f"stage{stage + 1}_{number}"
            x = net.conv(x, f"{name}_conv", channels[stage], Window(3, pad=1), bias=True)
            x = net.norm_relu(x, name) if batch_norm else functional.relu(x)
        x = functional.max_pool2d(x, 2)
    return net.dense(x.mean(dim=(2, 3)), "logits", 10)


def resnet(net: Net, x: Tensor, blocks: list[int], width: int, block: str) -> Tensor:
    x = net.norm_relu(net.conv(x, "stem_conv", width, Window(3, pad=1)), "stem")
    for stage, count in enumerate(blocks):
        for number in range(1, count + 1):
            stride = 2 if stage and number == 1 else 1
            x = residual(net, x, width * 2**stage, stride, block, f"stage{stage + 1}_block{number}")
    return net.dense(x.mean(dim=(2, 3)), "logits", 10)


def residual(net: Net, x: Tensor, width: int, stride: int, block: str, name: str) -> Tensor:
    if block == "basic":
        shapes = [(width, 3, stride), (width, 3, 1)]
    else:
        shapes = [(width, 1, 1), (width, 3, stride), (4 * width, 1, 1)]
    y = x
    for place, (filters, size, step) in enumerate(shapes, start=1):
        y = net.conv(y, f"{name}_{place}_conv", filters, Window(size, step, size // 2))
        y = net.norm(y, f"{name}_{place}_norm")
        y = functional.relu(y) if place < len(shapes) else y
    if stride != 1 or x.shape[1] != y.shape[1]:
        x = net.norm(
            net.conv(x, f"{name}_shortcut_conv", y.shape[1], Window(1, stride)),
            f"{name}_shortcut_norm",
        )
    return functional.relu(x + y)


def wide_resnet(net: Net, x: Tensor, depth: int, widen_factor: int, width: int) -> Tensor:
    x = net.conv(x, "stem_conv", width, Window(3, pad=1))
    for stage, filters in enumerate(
        [width * widen_factor, 2 * width * widen_factor, 4 * width * widen_factor]
    ):
        for number in range(1, (depth - 4) // 6 + 1):
            stride, name = 2 if stage and number == 1 else 1, f"stage{stage + 1}_block{number}"
            active = net.norm_relu(x, f"{name}_1")
            y = net.conv(active, f"{name}_1_conv", filters, Window(3, stride, 1))
            y = net.conv(net.norm_relu(y, f"{name}_2"), f"{name}_2_conv", filters, Window(3, pad=1))
            same_shape = x.shape[1] == filters
            x = y + (
                x
                if same_shape
                else net.conv(active, f"{name}_shortcut_conv", filters, Window(1, stride))
            )
    return net.dense(net.norm_relu(x, "final").mean(dim=(2, 3)), "logits", 10)


def densenet(
    net: Net, x: Tensor, layers: list[int], growth: int, reduction: float, bottleneck: bool
) -> Tensor:
    x = net.conv(x, "stem_conv", 2 * growth, Window(3, pad=1))
    for block, count in enumerate(layers, start=1):
        for number in range(1, count + 1):
            y, name = x, f"block{block}_layer{number}"
            if bottleneck:
                y = net.norm_relu(y, f"{name}_bottleneck")
                y = net.conv(y, f"{name}_bottleneck_conv", 4 * growth, Window(1))
            y = net.conv(net.norm_relu(y, name), f"{name}_conv", growth, Window(3, pad=1))
            x = torch.cat([x, y], dim=1)
        if block < len(layers):
            x = net.norm_relu(x, f"transition{block}")
            x = net.conv(x, f"transition{block}_conv", int(x.shape[1] * reduction), Window(1))
            x = functional.avg_pool2d(x, 2)
    return net.dense(net.norm_relu(x, "final").mean(dim=(2, 3)), "logits", 10)


def small_inception(net: Net, x: Tensor, batch_norm: bool, width_multiplier: float) -> Tensor:
    def convolution(x: Tensor, name: str, channels: int, size: int, stride: int = 1) -> Tensor:
        filters = round(channels * width_multiplier)
        x = net.conv(
            same(x, size, stride),
            f"{name}_conv",
            filters,
            Window(size, stride),
            bias=not batch_norm,
        )
        return functional.relu(net.norm(x, f"{name}_norm", scale=False) if batch_norm else x)

    def inception(x: Tensor, name: str, one: int, three: int) -> Tensor:
        return torch.cat(
            [convolution(x, f"{name}_1x1", one, 1), convolution(x, f"{name}_3x3", three, 3)], 1
        )

    def downsample(x: Tensor, name: str, channels: int) -> Tensor:
        pooled = functional.max_pool2d(same(x, 3, 2, -torch.inf), 3, 2)
        return torch.cat([convolution(x, name, channels, 3, stride=2), pooled], 1)

    x = convolution(x, "stem", 96, 3)
    x = inception(x, "stage1_module1", 32, 32)
    x = inception(x, "stage1_module2", 32, 48)
    x = downsample(x, "downsampling1", 80)
    x = inception(x, "stage2_module1", 112, 48)
    x = inception(x, "stage2_module2", 96, 64)
    x = inception(x, "stage2_module3", 80, 80)
    x = inception(x, "stage2_module4", 48, 96)
    x = downsample(x, "downsampling2", 96)
    x = inception(x, "stage3_module1", 176, 160)
    x = inception(x, "stage3_module2", 176, 160)
    return net.dense(x.mean(dim=(2, 3)), "logits", 10)


def small_alexnet(net: Net, x: Tensor, width: int, hidden: list[int]) -> Tensor:
    for stage in (1, 2):
        x = functional.relu(net.conv(same(x, 5), f"conv{stage}", width, Window(5), bias=True))
        x = functional.max_pool2d(same(x, 3, 2, -torch.inf), 3, 2)
        x = functional.local_response_norm(x, 9, alpha=0.001, beta=0.75, k=1.0)
    return perceptron(net, x, hidden)


DESCRIPTIONS = (
    perceptron,
    convnet,
    vgg,
    resnet,
    wide_resnet,
    densenet,
    small_inception,
    small_alexnet,
)
