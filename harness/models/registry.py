"""Every network by the name that specifications use, one row each.

A row is known without Keras, so that specifications are checked and planned quickly. Keras and the
network's module are imported when the network is built.
"""

from __future__ import annotations

import math
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.experiment import Component, Json
from harness.models import saved_config, size
from harness.models.shapes import Shapes
from harness.own.kinds import MODEL, PYTHON
from harness.own.registered import registered

if TYPE_CHECKING:
    import keras

Parameters = Mapping[str, Json]
"""A network's parameters as specifications give them, defaults filled in."""


def _always(parameters: Parameters) -> bool:
    return True


def _never(parameters: Parameters) -> bool:
    return False


def _nothing(path: str, shapes: Shapes | None) -> Iterator[str]:
    yield from ()


@dataclass(frozen=True)
class Architecture:
    """A row of the registry: what is known of a network before it is built.

    `function`, "module:name", is called with the shapes, what identifies a part of one's own, and
    by keyword the parameters and where there is dropout its rate; it gives the Keras model.
    `smallest` gives the least height and width in pixels of an image that every halving leaves a
    pixel of, and is None where the network takes vectors and images alike. `dropout` tells whether
    the network has a place for dropout. `kernels` counts the weights of the kernels, roughly; None
    where nobody wrote down how. `start` gives the parameters that a first specification says, for
    images of so many pixels a side; None where none has the network. `file` is the parameter that
    names the file which the network is read from, None where there is none. `misfits` yields what
    is wrong with the file at a path, and with its shapes where it is known which it has to have.
    """

    function: str
    smallest: Callable[[Parameters], int] | None
    start: Callable[[int], Json] | None
    dropout: Callable[[Parameters], bool] = _always
    kernels: Callable[[Parameters, Shapes], float] | None = None
    file: str | None = None
    misfits: Callable[[str, Shapes | None], Iterator[str]] = _nothing

    def load(self) -> Callable[..., keras.Model]:
        """Import the function that builds the network."""
        function: Callable[..., Any] = pkgutil.resolve_name(self.function)
        return function


MODELS: dict[str, Architecture] = {
    "perceptron": Architecture(
        "harness.models.perceptron:perceptron",
        smallest=None,
        start=lambda side: {"hidden": [256, 256]},
        dropout=lambda parameters: bool(parameters["hidden"]),
        kernels=size.perceptron,
    ),
    "convnet": Architecture(
        "harness.models.convnet:convnet",
        smallest=lambda parameters: 4,
        start=lambda side: {"width": 16},
        kernels=size.convnet,
    ),
    "vgg": Architecture(
        "harness.models.vgg:vgg",
        smallest=lambda parameters: 2 ** len(parameters["convolutions"]),
        start=lambda side: {"convolutions": [1] * min(4, int(math.log2(side))), "width": 8},
        kernels=size.vgg,
    ),
    "resnet": Architecture(
        "harness.models.resnet:resnet",
        smallest=lambda parameters: 2 ** (len(parameters["blocks"]) - 1),
        start=lambda side: {"blocks": [1, 1, 1, 1], "width": 8},
        dropout=_never,
        kernels=size.resnet,
    ),
    "wide_resnet": Architecture(
        "harness.models.wide_resnet:wide_resnet",
        smallest=lambda parameters: 4,
        start=lambda side: {"depth": 10, "width": 8},
        kernels=size.wide_resnet,
    ),
    "densenet": Architecture(
        "harness.models.densenet:densenet",
        smallest=lambda parameters: 2 ** (len(parameters["layers"]) - 1),
        start=lambda side: {"layers": [2, 2, 2], "growth": 12},
        kernels=size.densenet,
    ),
    "small_inception": Architecture(
        "harness.models.inception:small_inception",
        smallest=lambda parameters: 4,
        start=lambda side: {"width_multiplier": 0.25},
        kernels=size.small_inception,
    ),
    "small_alexnet": Architecture(
        "harness.models.alexnet:small_alexnet",
        smallest=lambda parameters: 4,
        start=lambda side: {"width": 16, "hidden": [96, 48]},
        kernels=size.small_alexnet,
    ),
}
"""The networks of the harness; titles and descriptions are in the schema of specifications."""

_OWN = Architecture("harness.models.own:own", smallest=None, start=None, dropout=_never)

ELSEWHERE: dict[str, Architecture] = {
    **dict.fromkeys(registered(MODEL).parts, _OWN),
    PYTHON: _OWN,
    "keras": Architecture(
        "harness.models.saved:saved",
        smallest=None,
        start=None,
        dropout=_never,
        file="path",
        misfits=saved_config.misfits,
    ),
}
"""Networks that are not the harness's: those of a person's or a package's functions, and of files.
"""


def architecture(name: str) -> Architecture:
    """Return the row of a network; raises KeyError for an unknown name."""
    return MODELS[name] if name in MODELS else ELSEWHERE[name]


def build(
    component: Component, input_shape: tuple[int, ...], outputs: int, dropout: float = 0.0
) -> keras.Model:
    """Build the named network: float32 [batch, *input_shape] to logits, float32 [batch, outputs].

    `dropout` is the share of the values that are set to zero in training; 0 builds no dropout
    layers. Raises KeyError for an unknown name, TypeError for unknown parameters and for dropout
    where there is no place.
    """
    options = {"dropout": dropout} if dropout > 0 else {}
    function = architecture(component.name).load()
    shapes = Shapes(input_shape, outputs)
    return function(shapes, *component.leading, **component.parameters, **options)


def kernel_weights(component: Component, shapes: Shapes) -> int | None:
    """Count the weights of a network's kernels, before anything is built.

    Biases and normalization add little and are left out.

    Args:
        component: The network, with all of its parameters.
        shapes: One example as the network sees it, and the network's outputs.

    Returns:
        The count, or None for a network of which it is not known.
    """
    row = MODELS.get(component.name)
    if row is None or row.kernels is None:
        return None
    return int(row.kernels(component.parameters, shapes))
