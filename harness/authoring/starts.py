"""How a first specification uses each data set and each network on a CPU."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from harness.data import catalog
from harness.data.facts import Facts, facts
from harness.data.info import FirstUse
from harness.experiment import Json
from harness.models.demands import DEMANDS
from harness.spec.schema import definition, fill_defaults
from harness.spec.settings import component

DATASETS: Mapping[str, FirstUse] = {name: info.first_use for name, info in catalog.DATASETS.items()}
"""How each data set is used, as its row of the catalogue says."""


def _vgg(side: int) -> Json:
    return {"convolutions": [1] * min(4, int(math.log2(side))), "width": 8}


def _always(members: Json) -> Callable[[int], Json]:
    return lambda side: members


MODELS: Mapping[str, Callable[[int], Json]] = {
    "perceptron": _always({"hidden": [256, 256]}),
    "convnet": _always({"width": 16}),
    "vgg": _vgg,
    "resnet": _always({"blocks": [1, 1, 1, 1], "width": 8}),
    "wide_resnet": _always({"depth": 10, "width": 8}),
    "densenet": _always({"layers": [2, 2, 2], "growth": 12}),
    "small_inception": _always({"width_multiplier": 0.25}),
    "small_alexnet": _always({"width": 16, "hidden": [96, 48]}),
}
"""By the names of `harness.models.registry.MODELS`; a function of the images' side in pixels."""

_SIDE_OF_UNKNOWN_IMAGES = 32


def dataset(name: str, path: str | None) -> Json:
    """Return the member `dataset` of a first specification."""
    found = {"name": name, **DATASETS[name].members}
    return {**found, "path": path} if path is not None else found


def known(name: str) -> Facts | None:
    """Return what is known of a data set in a first specification; None for a folder of images."""
    if name == "image_folder":
        return None
    return facts(component(fill_defaults(definition("dataset"), dataset(name, None))))


def model(name: str, of_dataset: str) -> Json:
    """Return the member `model` of a first specification."""
    found = known(of_dataset)
    side = (
        min(found.shape[:2])
        if found and found.shape and len(found.shape) == 3
        else _SIDE_OF_UNKNOWN_IMAGES
    )
    return {"name": name, **MODELS[name](side)}


def fitting_models(of_dataset: str) -> list[str]:
    """Return the networks that a data set's inputs fit."""
    found = known(of_dataset)
    vectors = found is not None and found.shape is not None and len(found.shape) != 3
    return [name for name in MODELS if DEMANDS[name].smallest is None or not vectors]
