"""Initial weights that depend on the seed and the weight's position alone.

They are the same on any machine and with any backend.
"""

from __future__ import annotations

import contextlib
import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import keras
import numpy as np

from harness.data import randomness
from harness.data.randomness import Stream
from harness.experiment import Component, Json, OwnPart
from harness.own.kinds import INITIALIZATION, PYTHON
from harness.own.registered import registered
from harness.own.running import OwnPartError, function, keywords

Array = np.ndarray
Draw = Callable[[tuple[int, ...]], Array]
Rule = Callable[..., Array]
"""(kernel's shape, weight's shape, uniform draws in [0, 1), standard normal draws) -> the weight.

One's own is given what identifies it besides.

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


def _own(*given: Any, **settings: Json) -> Array:
    """Draw kernels and biases as a function of one's own draws them.

    It is given what every rule is, and last what identifies the function.
    """
    *leading, part = given
    found = np.asarray(function(part)(*leading, **keywords(part, settings)))
    shape: tuple[int, ...] = leading[1]
    if found.shape != shape:
        raise OwnPartError(
            f"{part.call} returned an array {list(found.shape)} for a weight {list(shape)}"
        )
    return found


INITIALIZATIONS: dict[str, Callable[..., Array]] = {
    "fan_in_uniform": fan_in_uniform,
    "he_normal": he_normal,
    "glorot_uniform": glorot_uniform,
    "glorot_normal": glorot_normal,
    "fan_out_normal": fan_out_normal,
}
"""How kernels and biases are drawn, by name: a rule, which takes its parameters by keyword."""

for _name in (PYTHON, *registered(INITIALIZATION).parts):
    INITIALIZATIONS.setdefault(_name, _own)

CONSTANTS = {"beta": 0.0, "moving_mean": 0.0, "moving_variance": 1.0}
"""What batch normalization starts from, always."""

GAMMAS: dict[str, Callable[[tuple[int, ...], Draw], Array]] = {
    "one": lambda shape, uniform: np.ones(shape),
    "uniform": lambda shape, uniform: uniform(shape),
}
"""What batch normalization's gamma starts from, by name: 1, as in Keras and in PyTorch from 1.2 on,
or uniform in [0, 1), as in PyTorch before (its issue 12259): in 0.3.1, which Liu et al. (2020)
name, among others."""


def initialize(
    model: keras.Model, component: Component, seed: int, keep_others: bool = False
) -> None:
    """Set every weight of `model`.

    The weights depend on the seed and on their places in `model.weights` alone. The parameter
    `gamma`, "one" where it is not given, is the name of what batch normalization's gamma starts
    from (see `GAMMAS`); all others are the rule's. A weight that no rule covers, such as an
    embedding, stays as it is where `keep_others` says so. Raises KeyError for an unknown
    initialization, ValueError for a weight that no rule covers and that may not stay.
    """
    parameters = dict(component.parameters)
    gamma = GAMMAS[parameters.pop("gamma", "one")]
    rule = partial(INITIALIZATIONS[component.name], **parameters)
    start = _Start(rule, component.leading, gamma, seed)
    position = {id(variable): index for index, variable in enumerate(model.weights)}
    for variable, layer in _owners(model):
        if _covered(layer, variable):
            variable.assign(_initial(layer, variable, start, position[id(variable)]))
        elif not keep_others:
            raise ValueError(f"no initialization covers the weight {variable.path!r}")


def _owners(model: keras.Model) -> Iterator[tuple[keras.Variable, keras.Layer]]:
    """Yield each weight with the innermost layer that it is of: layers may hold others."""
    owner = {
        id(variable): layer
        for layer in model._flatten_layers(include_self=False)
        for variable in layer.weights
    }
    for variable in model.weights:
        yield variable, owner.get(id(variable), model)


def _covered(layer: keras.Layer, variable: keras.Variable) -> bool:
    """Tell whether the rules say what a weight starts from."""
    if variable.name in ("kernel", "bias"):
        return hasattr(layer, "kernel")
    return variable.name == "gamma" or variable.name in CONSTANTS


@contextlib.contextmanager
def drawn_by_keras(seed: int) -> Iterator[None]:
    """Let what layers draw for themselves when they are built depend on the seed alone.

    Keras takes the seeds of its initializers from Python's generator.
    """
    (word,) = randomness.raw(Stream(seed, "initialization/keras"), 0, 1, 1).ravel()
    before, before_numpy = random.getstate(), np.random.get_state()
    random.seed(int(word))
    np.random.seed(int(word) % 2**32)
    try:
        yield
    finally:
        random.setstate(before)
        np.random.set_state(before_numpy)


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
    """What a model's weights are drawn by: the rules of kernels and of gamma, and the seed.

    `own` is what identifies the rule where it is one's own, which it is given then.
    """

    rule: Rule
    own: tuple[OwnPart, ...]
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
    kernel = tuple(layer.kernel.shape)
    return start.rule(kernel, shape, uniform, normal, *start.own).astype(np.float32)


def _draw(source: Callable[..., Array], stream: Stream, shape: tuple[int, ...]) -> Array:
    count = math.prod(shape)
    # One generator block gives four numbers: width 4 wastes none.
    return source(stream, 0, -(-count // 4), 4).ravel()[:count].reshape(shape)


def _fan_in(kernel: tuple[int, ...]) -> int:
    return math.prod(kernel[:-1])


def _fan_out(kernel: tuple[int, ...]) -> int:
    return math.prod(kernel[:-2]) * kernel[-1]
