"""Initial weights that depend on the seed and the weight's position alone.

They are the same on any machine and with any backend.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import keras
import numpy as np

from harness.data import randomness
from harness.data.randomness import Stream
from harness.experiment import Component

Array = np.ndarray
Draw = Callable[[tuple[int, ...]], Array]
Rule = Callable[[tuple[int, ...], tuple[int, ...], Draw, Draw], Array]
"""(kernel's shape, weight's shape, uniform draws in [0, 1), standard normal draws) -> the weight.

It is called for kernels (both shapes equal) and for biases (the shape of their layer's kernel
first).
"""


def fan_in_uniform(
    kernel: tuple[int, ...], shape: tuple[int, ...], uniform: Draw, normal: Draw
) -> Array:
    """Draw kernels and biases uniform in +-1/sqrt(fan_in).

    It is the default of PyTorch's dense and convolution layers.
    """
    return (2 * uniform(shape) - 1) / math.sqrt(_fan_in(kernel))


def he_normal(
    kernel: tuple[int, ...], shape: tuple[int, ...], uniform: Draw, normal: Draw
) -> Array:
    """Draw kernels normal with variance 2/fan_in, not truncated; biases are zero.

    Source: He et al. (2015), https://arxiv.org/abs/1502.01852.
    """
    return normal(shape) * math.sqrt(2 / _fan_in(kernel)) if kernel == shape else np.zeros(shape)


def glorot_uniform(
    kernel: tuple[int, ...], shape: tuple[int, ...], uniform: Draw, normal: Draw
) -> Array:
    """Draw kernels uniform in +-sqrt(6/(fan_in + fan_out)); biases are zero.

    Source: Glorot and Bengio (2010).
    """
    if kernel != shape:
        return np.zeros(shape)
    return (2 * uniform(shape) - 1) * math.sqrt(6 / (_fan_in(kernel) + _fan_out(kernel)))


def glorot_normal(
    kernel: tuple[int, ...], shape: tuple[int, ...], uniform: Draw, normal: Draw
) -> Array:
    """Draw kernels normal with variance 2/(fan_in + fan_out), not truncated; biases are zero.

    Source: Glorot and Bengio (2010).
    """
    if kernel != shape:
        return np.zeros(shape)
    return normal(shape) * math.sqrt(2 / (_fan_in(kernel) + _fan_out(kernel)))


def fan_out_normal(
    kernel: tuple[int, ...], shape: tuple[int, ...], uniform: Draw, normal: Draw, *, dense: str
) -> Array:
    """Draw convolution kernels normal with variance 2/(k*k*channels out); biases are zero.

    Dense kernels are drawn by the rule `dense`. The DenseNet of Liu et al. (2020),
    https://arxiv.org/abs/1906.02613, starts so with the dense rule "fan_in_uniform", the wide
    ResNet of the demonstration code of Zhang et al. (2017), https://arxiv.org/abs/1611.03530, with
    "glorot_normal".
    """
    if kernel != shape:
        return np.zeros(shape)
    if len(kernel) == 2:
        return DENSE[dense](kernel, shape, uniform, normal)
    return normal(shape) * math.sqrt(2 / _fan_out(kernel))


DENSE: dict[str, Rule] = {"fan_in_uniform": fan_in_uniform, "glorot_normal": glorot_normal}
"""How `fan_out_normal` may draw dense kernels, by name."""


INITIALIZATIONS: dict[str, Callable[..., Array]] = {
    "fan_in_uniform": fan_in_uniform,
    "he_normal": he_normal,
    "glorot_uniform": glorot_uniform,
    "glorot_normal": glorot_normal,
    "fan_out_normal": fan_out_normal,
}
"""How kernels and biases are drawn, by name: a rule, which takes its parameters by keyword."""

CONSTANTS = {"beta": 0.0, "moving_mean": 0.0, "moving_variance": 1.0}
"""What batch normalization starts from, always."""

GAMMAS: dict[str, Callable[[tuple[int, ...], Draw], Array]] = {
    "one": lambda shape, uniform: np.ones(shape),
    "uniform": lambda shape, uniform: uniform(shape),
}
"""What batch normalization's gamma starts from, by name: 1, as in Keras and in PyTorch from 1.2 on,
or uniform in [0, 1), as in PyTorch before (its issue 12259): in 0.3.1, which Liu et al. (2020)
name, among others."""


def initialize(model: keras.Model, component: Component, seed: int) -> None:
    """Set every weight of `model`.

    The weights depend on the seed and on their places in `model.weights` alone. The parameter
    `gamma`, "one" where it is not given, is the name of what batch normalization's gamma starts
    from (see `GAMMAS`); all others are the rule's. Raises KeyError for an unknown initialization,
    ValueError for a weight that no rule covers.
    """
    parameters = dict(component.parameters)
    gamma = GAMMAS[parameters.pop("gamma", "one")]
    start = _Start(partial(INITIALIZATIONS[component.name], **parameters), gamma, seed)
    position = {id(variable): index for index, variable in enumerate(model.weights)}
    for layer in model.layers:
        for variable in layer.weights:
            variable.assign(_initial(layer, variable, start, position[id(variable)]))


def seed_dropout(model: keras.Model, seed: int) -> None:
    """Set what every dropout layer draws from.

    It depends on the seed and the layer's place in `model` alone. Keras keeps a seed and a counter,
    uint32 [2], for each, beside the model's weights.
    """
    weights = {id(variable) for variable in model.weights}
    states = [variable for variable in model.non_trainable_variables if id(variable) not in weights]
    for place, state in enumerate(states):
        (word,) = randomness.raw(Stream(seed, f"dropout/{place}"), 0, 1, 1).ravel()
        state.assign(np.array([word >> np.uint64(32), 0], np.uint32))


@dataclass(frozen=True)
class _Start:
    """What a model's weights are drawn by: the rules of kernels and of gamma, and the seed."""

    rule: Rule
    gamma: Callable[[tuple[int, ...], Draw], Array]
    seed: int


def _initial(layer: keras.Layer, variable: keras.Variable, start: _Start, position: int) -> Array:
    shape = tuple(variable.shape)
    if variable.name in CONSTANTS:
        return np.full(shape, CONSTANTS[variable.name], np.float32)
    # Keras counts layers in a process-wide counter, so names would tie weights to what was built
    # before.
    stream = Stream(start.seed, f"initialization/{position}")
    uniform = partial(_draw, randomness.uniforms, stream)
    normal = partial(_draw, randomness.normals, stream)
    if variable.name == "gamma":
        return start.gamma(shape, uniform).astype(np.float32)
    if variable.name not in ("kernel", "bias"):
        raise ValueError(f"no initialization covers the weight {variable.path!r}")
    return start.rule(tuple(layer.kernel.shape), shape, uniform, normal).astype(np.float32)


def _draw(source: Callable[..., Array], stream: Stream, shape: tuple[int, ...]) -> Array:
    count = math.prod(shape)
    # One generator block gives four numbers: width 4 wastes none.
    return source(stream, 0, -(-count // 4), 4).ravel()[:count].reshape(shape)


def _fan_in(kernel: tuple[int, ...]) -> int:
    return math.prod(kernel[:-1])


def _fan_out(kernel: tuple[int, ...]) -> int:
    return math.prod(kernel[:-2]) * kernel[-1]
