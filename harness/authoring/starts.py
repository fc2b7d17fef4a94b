"""How a first specification uses each data set and each network on a CPU."""

from __future__ import annotations

from collections.abc import Mapping

from harness.data import catalog
from harness.data.facts import Facts, facts
from harness.data.info import FirstUse
from harness.experiment import Json
from harness.models.registry import MODELS
from harness.spec.schema import definition, fill_defaults
from harness.spec.settings import component

DATASETS: Mapping[str, FirstUse] = {name: info.first_use for name, info in catalog.DATASETS.items()}
"""How each data set is used, as its row of the catalogue says."""


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
    return {"name": name, **MODELS[name].start(side)}


def fitting_models(of_dataset: str) -> list[str]:
    """Return the networks that a data set's inputs fit."""
    found = known(of_dataset)
    vectors = found is not None and found.shape is not None and len(found.shape) != 3
    return [name for name in MODELS if MODELS[name].smallest is None or not vectors]
