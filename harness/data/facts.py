"""How many examples each dataset has and what they look like, known before anything is loaded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.data import tfds_files
from harness.data.errors import DataError
from harness.data.image_files import find_images
from harness.data.places import at_home, data_dir
from harness.experiment import Component, Json

Parameters = Mapping[str, Json]


@dataclass(frozen=True)
class Facts:
    """A dataset's input shape (None where only the data tell), classes and numbers of examples."""

    shape: tuple[int, ...] | None
    classes: int
    train_examples: int
    test_examples: int


def _blobs(parameters: Parameters, _: Path) -> Facts:
    return Facts((2,), 2, 2 * parameters["train_per_class"], 2 * parameters["test_per_class"])


def _image_folder(parameters: Parameters, _: Path) -> Facts | None:
    found = find_images(at_home(parameters["path"]))
    train, test = (len(found.images[split]) for split in ("train", "test"))
    return Facts(None, len(found.classes("train")), train, test) if train and test else None


def _tfds(parameters: Parameters, folder: Path) -> Facts | None:
    version = parameters.get("version")
    found = tfds_files.find_version(tfds_files.folder_of(parameters, folder), version)
    if found is None:
        return None
    try:
        prepared = tfds_files.read_prepared(found, tfds_files.wanted_of(parameters))
    except DataError:
        return None
    return Facts(prepared.shape, prepared.classes, *prepared.counts)


def _restricted_imagenet(parameters: Parameters, _: Path) -> Facts:
    return Facts((parameters["size"], parameters["size"], 3), 9, 257_748, 10_150)


def _always(facts: Facts) -> Callable[[Parameters, Path], Facts | None]:
    return lambda parameters, folder: facts


BY_THEIR_FILES = frozenset(("image_folder", "tfds"))
"""The datasets of which only their files tell how many examples they have."""

FACTS: dict[str, Callable[[Parameters, Path], Facts | None]] = {
    "digits": _always(Facts((8, 8, 1), 10, 500, 1297)),
    "blobs": _blobs,
    "image_folder": _image_folder,
    "tfds": _tfds,
    "cifar10_jpeg": _always(Facts((32, 32, 3), 10, 50_000, 10_000)),
    "cifar10": _always(Facts((32, 32, 3), 10, 50_000, 10_000)),
    "cifar100": _always(Facts((32, 32, 3), 100, 50_000, 10_000)),
    "mnist": _always(Facts((28, 28, 1), 10, 60_000, 10_000)),
    "fashion_mnist": _always(Facts((28, 28, 1), 10, 60_000, 10_000)),
    "cinic10": _always(Facts((32, 32, 3), 10, 90_000, 90_000)),
    "restricted_imagenet": _restricted_imagenet,
}
"""Facts by dataset name; a function of the dataset's parameters and the folder of prepared data,
None where the data are not there."""


def facts(source: Component, folder: Path | None = None) -> Facts | None:
    """Return what is known of a dataset, or None where its data are not there to be looked at.

    Prepared data are looked for in `folder`, else in `data_dir()`.
    """
    return FACTS[source.name](source.parameters, folder if folder is not None else data_dir())
