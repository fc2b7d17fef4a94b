"""Every architecture by the name that specifications use."""

from __future__ import annotations

from collections.abc import Callable

import keras

from harness.models.convnet import convnet
from harness.models.perceptron import perceptron
from harness.models.resnet import resnet
from harness.spec.records import Component

MODELS: dict[str, Callable[..., keras.Model]] = {"perceptron": perceptron, "convnet": convnet, "resnet": resnet}
"""Each is called with the input shape, the number of outputs, and its parameters by keyword."""


def build(component: Component, input_shape: tuple[int, ...], outputs: int) -> keras.Model:
    """Build the named network: float32 [batch, *input_shape] to logits, float32 [batch, outputs].

    Raises KeyError for an unknown name, TypeError for unknown parameters.
    """
    return MODELS[component.name](input_shape, outputs, **component.parameters)
