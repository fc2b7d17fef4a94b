"""How a first specification uses each data set: small enough for a CPU, and sensible."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.data.facts import Facts, facts
from harness.experiment import Json
from harness.models.registry import MODELS
from harness.spec.expand import component
from harness.spec.schema import definition, fill_defaults

_IMAGES: Json = {"train_examples": 2000, "test_examples": 2000, "normalize": "per_image"}
_CROP_AND_FLIP: Json = [{"name": "random_crop", "padding": 4}, {"name": "random_flip"}]
_CROP: Json = [{"name": "random_crop", "padding": 2}]

_ON_IMAGES: Json = {
    "optimizer": {"name": "sgd", "learning_rate": 0.05},
    "batch_size": 64,
    "epochs": 50,
    "measure_every": 5,
}
_MEMORIZE_IMAGES: Json = {"epochs": 200, "stop_when": {"train_accuracy": 1.0, "check_every": 5}}


@dataclass(frozen=True)
class DatasetStart:
    """How a data set is used: its members besides the name, its augmentation, strengths and
    training.

    `memorize` changes the training of a run that fits random labels; `confusion` are the parameters
    of a confusion set; `quality` is the metric that tells good minima from bad ones.
    """

    members: Mapping[str, Json] = field(default_factory=dict)
    augmentation: Json = field(
        default_factory=lambda: [{"name": "gaussian_noise", "deviation": 0.1}]
    )
    l2: float = 0.002
    training: Json = field(default_factory=lambda: _ON_IMAGES)
    memorize: Json = field(default_factory=lambda: _MEMORIZE_IMAGES)
    confusion: Mapping[str, Json] = field(default_factory=lambda: {"replicas": 1, "zero_out": 0.1})
    quality: str = "test_accuracy"


DATASETS: Mapping[str, DatasetStart] = {
    "digits": DatasetStart(
        augmentation=[{"name": "random_crop", "padding": 1}],
        training={
            "optimizer": {"name": "sgd", "learning_rate": 0.03},
            "batch_size": 64,
            "epochs": 400,
            "measure_every": 10,
        },
        memorize={
            "optimizer": {"learning_rate": 0.1},
            "epochs": 500,
            "stop_when": {"train_accuracy": 1.0, "check_every": 10},
        },
        confusion={"replicas": 4, "zero_out": 0.1},
    ),
    "blobs": DatasetStart(
        l2=0.1,
        training={
            "loss": "binary_cross_entropy",
            "loss_reduction": "sum",
            "optimizer": {"name": "sgd", "learning_rate": 0.01},
            "batch_size": 10,
            "epochs": 1000,
            "measure_every": 100,
        },
        memorize={
            "optimizer": {"learning_rate": 0.003},
            "epochs": 200_000,
            "stop_when": {"train_accuracy": 1.0, "check_every": 100},
            "measure_every": 1000,
        },
        confusion={"replicas": 1, "zero_out": 0},
        quality="boundary_length",
    ),
    "image_folder": DatasetStart({"normalize": "per_image"}, [{"name": "random_flip"}]),
    "tfds": DatasetStart({"dataset": "my_dataset", "normalize": "per_image"}),
    "cifar10_jpeg": DatasetStart(_IMAGES, _CROP_AND_FLIP),
    "cifar10": DatasetStart(_IMAGES, _CROP_AND_FLIP),
    "cifar100": DatasetStart(_IMAGES, _CROP_AND_FLIP),
    "mnist": DatasetStart(_IMAGES, _CROP),
    "fashion_mnist": DatasetStart(_IMAGES, _CROP),
    "cinic10": DatasetStart(_IMAGES, _CROP_AND_FLIP),
    "restricted_imagenet": DatasetStart({"size": 64, **_IMAGES}, _CROP_AND_FLIP),
}
"""By the names of `harness.data.catalog.SOURCES`."""


_SIDE_OF_UNKNOWN_IMAGES = 32


def dataset(name: str, path: str | None) -> Json:
    """Return the member `dataset` of a first specification."""
    found = {"name": name, **DATASETS[name].members}
    return {**found, "path": path} if path is not None else found


def known(name: str) -> Facts | None:
    """Return what is known of a data set as a first specification uses it, None for a folder of
    images.
    """
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
