"""How many examples each dataset has and what they look like, known before anything is loaded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.data.catalog import images_below
from harness.spec.records import Component, Json


@dataclass(frozen=True)
class Facts:
    """A dataset's input shape (None where only the data tell), classes and numbers of examples."""

    shape: tuple[int, ...] | None
    classes: int
    train_examples: int
    test_examples: int


def _blobs(parameters: Mapping[str, Json]) -> Facts:
    return Facts((2,), 2, 2 * parameters["train_per_class"], 2 * parameters["test_per_class"])


def _image_folder(parameters: Mapping[str, Json]) -> Facts | None:
    folder = Path(parameters["path"]).expanduser()
    train, test = (images_below(folder / split) for split in ("train", "test"))
    return Facts(None, len({path.parent.name for path in train}), len(train), len(test)) if train and test else None


def _restricted_imagenet(parameters: Mapping[str, Json]) -> Facts:
    return Facts((parameters["size"], parameters["size"], 3), 9, 257_748, 10_150)


def _always(facts: Facts) -> Callable[[Mapping[str, Json]], Facts | None]:
    return lambda parameters: facts


FACTS: dict[str, Callable[[Mapping[str, Json]], Facts | None]] = {
    "digits": _always(Facts((8, 8, 1), 10, 500, 1297)),
    "blobs": _blobs,
    "image_folder": _image_folder,
    "cifar10_jpeg": _always(Facts((32, 32, 3), 10, 50_000, 10_000)),
    "cifar10": _always(Facts((32, 32, 3), 10, 50_000, 10_000)),
    "cifar100": _always(Facts((32, 32, 3), 100, 50_000, 10_000)),
    "mnist": _always(Facts((28, 28, 1), 10, 60_000, 10_000)),
    "fashion_mnist": _always(Facts((28, 28, 1), 10, 60_000, 10_000)),
    "cinic10": _always(Facts((32, 32, 3), 10, 90_000, 90_000)),
    "restricted_imagenet": _restricted_imagenet,
}
"""Facts by dataset name; a function of the dataset's parameters, None where the data are not there."""


def facts(source: Component) -> Facts | None:
    """Return what is known of a dataset, or None where its data are not there to be looked at."""
    return FACTS[source.name](source.parameters)
