"""How a first specification uses each data set and each network on a CPU."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from harness.data import catalog
from harness.data.facts import Facts, facts
from harness.data.info import FirstUse
from harness.experiment import Json
from harness.models import registry
from harness.spec.schema import definition, fill_defaults
from harness.spec.settings import component

DATASETS: Mapping[str, FirstUse] = {
    name: info.first_use for name, info in catalog.DATASETS.items() if info.first_use is not None
}
"""How each data set is used, as its row of the catalogue says."""

MODELS: Mapping[str, Callable[[int], Json]] = {
    name: row.start for name, row in registry.MODELS.items() if row.start is not None
}
"""What each network is given for images of so many pixels a side, as its row says."""


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
    return [name for name in MODELS if registry.MODELS[name].smallest is None or not vectors]
