"""What each network asks of its inputs and settings; light enough to be known while a specification
is checked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from harness.experiment import Json


@dataclass(frozen=True)
class Demand:
    """What one network asks, by its parameters as specifications give them, defaults filled in.

    `smallest` gives the least height and width in pixels of an image that every halving leaves a
    pixel of, and is None where the network takes vectors and images alike. `dropout` tells whether
    the network has a place for it.
    """

    smallest: Callable[[Mapping[str, Json]], int] | None
    dropout: Callable[[Mapping[str, Json]], bool]


def _always(parameters: Mapping[str, Json]) -> bool:
    return True


def _never(parameters: Mapping[str, Json]) -> bool:
    return False


DEMANDS: dict[str, Demand] = {
    "perceptron": Demand(None, dropout=lambda parameters: bool(parameters["hidden"])),
    "convnet": Demand(lambda parameters: 4, dropout=_always),
    "vgg": Demand(lambda parameters: 2 ** len(parameters["convolutions"]), dropout=_always),
    "resnet": Demand(lambda parameters: 2 ** (len(parameters["blocks"]) - 1), dropout=_never),
    "wide_resnet": Demand(lambda parameters: 4, dropout=_always),
    "densenet": Demand(lambda parameters: 2 ** (len(parameters["layers"]) - 1), dropout=_always),
    "small_inception": Demand(lambda parameters: 4, dropout=_always),
    "small_alexnet": Demand(lambda parameters: 4, dropout=_always),
}
"""By the names of `harness.models.registry.MODELS`."""
