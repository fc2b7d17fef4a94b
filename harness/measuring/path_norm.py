"""Path norms: the weights of a network multiplied along every path from its inputs to its outputs.

All paths are summed in one pass forward, through the network in which every weight is its absolute
value to the power p, fed with ones. What takes a maximum of several values is a sum there, as a
path leads through each of them.
"""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
from keras import ops

from harness.measuring.found import Found, Unmeasurable
from harness.measuring.trained import Trained

_KEPT = (
    keras.layers.InputLayer,
    keras.layers.ReLU,
    keras.layers.Flatten,
    keras.layers.ZeroPadding2D,
    keras.layers.Add,
    keras.layers.Concatenate,
    keras.layers.Dense,
    keras.layers.Conv2D,
    keras.layers.BatchNormalization,
)
"""Layers that lead non-negative values along paths as they are, once their weights are powers."""


def path_norm(trained: Trained, *, p: int) -> Found:
    """Compute the p-norm, over all paths, of the product of the weights along the path.

    A path leads from a value of the input, or from a bias, to an output. A batch normalization is
    the affine function that it is in inference mode, an average multiplies by one over its number
    of values.

    Source: Neyshabur, Tomioka and Srebro (2015), "Norm-based capacity control in neural networks",
        section 2, https://arxiv.org/abs/1503.00036; for biases, pooling and normalization Gonon et
        al. (2023), "A path-norm toolkit for modern networks", https://arxiv.org/abs/2310.01225.

    Raises:
        Unmeasurable: the network has a layer for which there are no paths.
    """
    model = trained.net.model
    powered = keras.models.clone_model(model, clone_function=lambda layer: _linear(layer, p))
    for layer, new in zip(model.layers, powered.layers, strict=True):
        new.set_weights(_powers(layer, p))
    ones = np.ones((1, *trained.pipeline.input_shape), np.float32)
    total = float(np.sum(np.asarray(powered(ones, training=False), np.float64)))
    return Found({f"l{p}_path_norm": total ** (1 / p)})


def _linear(layer: keras.Layer, p: int) -> keras.Layer:
    """Return the layer that sums paths where `layer` stands."""
    activation = getattr(layer, "activation", keras.activations.linear)
    if isinstance(layer, _KEPT) and activation in (
        keras.activations.linear,
        keras.activations.relu,
    ):
        return layer.__class__.from_config(layer.get_config())
    if isinstance(layer, keras.layers.MaxPooling2D):
        return _Sum(layer, 1.0)
    if isinstance(layer, keras.layers.AveragePooling2D) and layer.padding == "valid":
        return _Sum(layer, math.prod(layer.pool_size) ** -float(p))
    if isinstance(layer, keras.layers.GlobalAveragePooling2D):
        return _SumOfAll(p, name=layer.name)
    raise Unmeasurable(
        f"path norms are those of networks of ReLUs; this one has {layer.name}, a"
        f" {type(layer).__name__}"
    )


def _powers(layer: keras.Layer, p: int) -> list[np.ndarray[Any, Any]]:
    """Return the weights of a layer as absolute values to the power p."""
    weights = layer.get_weights()
    if not isinstance(layer, keras.layers.BatchNormalization):
        return [np.abs(weight) ** p for weight in weights]
    *affine, mean, variance = weights
    deviation = np.sqrt(variance + layer.epsilon)
    gamma = affine[0] if layer.scale else np.ones_like(mean)
    beta = affine[-1] if layer.center else np.zeros_like(mean)
    shift = beta - gamma * mean / deviation
    own = [gamma] * layer.scale + [shift] * layer.center
    if not layer.center and np.any(shift):
        raise Unmeasurable(f"{layer.name} shifts without a weight of its own for it")
    # Divided by the square root of this plus epsilon: by the deviation to the power p.
    return [*(np.abs(each) ** p for each in own), 0 * mean, deviation ** (2 * p) - layer.epsilon]


class _Sum(keras.layers.Layer):
    """Sums the values that a pooling layer takes together, and multiplies the sums."""

    def __init__(self, pooling: Any, factor: float) -> None:
        super().__init__(name=pooling.name)
        self._size, self._strides = pooling.pool_size, pooling.strides
        self._padding, self._factor = pooling.padding, factor

    def call(self, inputs: Any) -> Any:
        """Sum float32 [batch, height, width, channels]."""
        kernel = ops.ones((*self._size, inputs.shape[-1], 1))
        summed = ops.depthwise_conv(inputs, kernel, self._strides, self._padding)
        return summed * self._factor


class _SumOfAll(keras.layers.Layer):
    """Sums the values of each channel, and divides by their number to the power p."""

    def __init__(self, p: int, name: str) -> None:
        super().__init__(name=name)
        self._p = p

    def call(self, inputs: Any) -> Any:
        """Sum float32 [batch, height, width, channels] to [batch, channels]."""
        return ops.sum(inputs, axis=(1, 2)) / float(math.prod(inputs.shape[1:3])) ** self._p
