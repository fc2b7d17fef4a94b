"""Every architecture by the name that specifications use."""

from __future__ import annotations

from collections.abc import Callable

import keras

from harness.experiment import Component
from harness.models.alexnet import small_alexnet
from harness.models.convnet import convnet
from harness.models.densenet import densenet
from harness.models.inception import small_inception
from harness.models.perceptron import perceptron
from harness.models.resnet import resnet
from harness.models.vgg import vgg
from harness.models.wide_resnet import wide_resnet

MODELS: dict[str, Callable[..., keras.Model]] = {
    "perceptron": perceptron,
    "convnet": convnet,
    "vgg": vgg,
    "resnet": resnet,
    "wide_resnet": wide_resnet,
    "densenet": densenet,
    "small_inception": small_inception,
    "small_alexnet": small_alexnet,
}
"""Each is called with the input shape, the number of outputs, and its parameters by keyword."""


def build(
    component: Component, input_shape: tuple[int, ...], outputs: int, dropout: float = 0.0
) -> keras.Model:
    """Build the named network: float32 [batch, *input_shape] to logits, float32 [batch, outputs].

    `dropout` is the share of the values that are set to zero in training; 0 builds no dropout
    layers. Raises KeyError for an unknown name, TypeError for unknown parameters and for dropout
    where there is no place.
    """
    options = {"dropout": dropout} if dropout > 0 else {}
    return MODELS[component.name](input_shape, outputs, **component.parameters, **options)
