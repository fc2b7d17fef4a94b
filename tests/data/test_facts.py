from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from harness.data import catalog, class_names, loading
from harness.data.builders import restricted_imagenet
from harness.data.facts import Facts, facts
from harness.experiment import Component, Dataset, Json
from tests.data.preparing import pretend_prepared

MakeDataset = Callable[..., Dataset]


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("digits", {}),
        ("blobs", {"train_per_class": 7, "test_per_class": 5, "shift": 0.65, "data_seed": 0}),
    ],
)
def test_the_facts_are_what_is_loaded(
    name: str, parameters: Json, data_dir: Path, dataset: MakeDataset
) -> None:
    loaded = loading.load(dataset(name, **parameters), data_dir)
    assert facts(Component(name, parameters)) == Facts(
        loaded.train.inputs.shape[1:], len(loaded.classes), len(loaded.train), len(loaded.test)
    )


@pytest.mark.parametrize("name", ["digits", "blobs"])
def test_the_sizes_of_classes_are_those_that_are_loaded(
    name: str, data_dir: Path, dataset: MakeDataset
) -> None:
    parameters = {"train_per_class": 7, "test_per_class": 5, "shift": 0.65, "data_seed": 0}
    loaded = loading.load(dataset(name, **parameters if name == "blobs" else {}), data_dir)
    known = facts(Component(name, parameters))
    assert known is not None
    assert known.names == loaded.classes
    counted = [np.bincount(split.labels) for split in (loaded.train, loaded.test)]
    assert known.sizes == tuple(tuple(each.tolist()) for each in counted)


@pytest.mark.parametrize("name", catalog.DATASETS)
def test_the_sizes_of_classes_add_up(name: str) -> None:
    known = catalog.DATASETS[name].facts
    if isinstance(known, Facts):
        assert known.names is not None
        assert known.sizes is not None
        assert len(set(known.names)) == known.classes == len(known.sizes[0]) == len(known.sizes[1])
        assert tuple(map(sum, known.sizes)) == (known.train_examples, known.test_examples)


def test_the_names_of_super_classes_are_those_of_the_builder() -> None:
    assert tuple(restricted_imagenet.RANGES) == class_names.RESTRICTED_IMAGENET


def test_the_images_of_a_folder_are_counted(
    tmp_path: Path, data_dir: Path, dataset: MakeDataset
) -> None:
    for place in (
        "train/a/1.png",
        "train/a/2.PNG",
        "train/b/1.jpg",
        "test/a/1.png",
        "test/b/x.jpeg",
    ):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (5, 4)).save(tmp_path / place)
    (tmp_path / "train" / "a" / "notes.txt").write_text("")
    found = facts(Component("image_folder", {"path": str(tmp_path)}))
    assert found == Facts(None, 2, 3, 2)
    loaded = loading.load(dataset("image_folder", path=str(tmp_path)), data_dir)
    assert (len(loaded.classes), len(loaded.train), len(loaded.test)) == (2, 3, 2)


def test_the_facts_of_a_prepared_data_set_are_those_of_its_files(tmp_path: Path) -> None:
    mine = Component("tfds", {"dataset": "mine"})
    assert facts(mine, tmp_path) is None
    info = (
        pretend_prepared(tmp_path / "mine/1.0.0", {"train": [4, 3], "test": [2]})
        / "dataset_info.json"
    )
    assert facts(mine, tmp_path) == Facts((28, 28, 1), 10, 7, 2)
    info.write_text("{}")
    assert facts(mine, tmp_path) is None


def test_restricted_imagenet_has_the_size_that_is_asked_for() -> None:
    found = facts(Component("restricted_imagenet", {"size": 64}))
    assert found == Facts((64, 64, 3), 9, 257_748, 203 * 50)


@pytest.mark.parametrize("path", ["nowhere", "\0", "x" * 5000])
def test_of_a_folder_that_is_not_there_nothing_is_known(tmp_path: Path, path: str) -> None:
    assert facts(Component("image_folder", {"path": str(tmp_path / path)})) is None


def test_a_home_of_nobody_is_a_folder_that_is_not_there() -> None:
    assert facts(Component("image_folder", {"path": "~nobody-has-this-name/images"})) is None
