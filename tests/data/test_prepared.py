"""Prepared data that are brought into the form in which a network sees them."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow_datasets as tfds
from numpy.typing import NDArray
from PIL import Image

from harness.data import loading
from harness.data.facts import Facts, facts_of, unfit
from harness.data.records import DataError
from harness.data.rows import whole
from harness.experiment import Component, Dataset, Json

QUALITIES = {"train": [7, 3, 12, 3, 7, 3], "test": [3, 12, 7], "odd": [3, 4]}


def image(index: int) -> NDArray[np.uint8]:
    """An image of a size of its own."""
    return np.random.default_rng(index).integers(0, 256, (5 + index, 9 - index, 3), np.uint8)


def jpeg(index: int) -> bytes:
    """A larger one, grey or in colour, as a file."""
    picture = Image.fromarray(image(index)).resize((40, 30 + index))
    return file_of(picture.convert("L" if index == 2 else "RGB"), "JPEG")


def file_of(picture: Image.Image, kind: str) -> bytes:
    content = io.BytesIO()
    picture.save(content, kind)
    return content.getvalue()


class Varied(tfds.core.GeneratorBasedBuilder):
    """Images of any size, and labels that are numbers."""

    VERSION = tfds.core.Version("1.0.0")
    name = "varied"

    def _info(self) -> tfds.core.DatasetInfo:
        return tfds.core.DatasetInfo(
            builder=self,
            description="varied",
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(),
                    "grey": tfds.features.Image(shape=(None, None, 1)),
                    "within": {"photo": tfds.features.Image(encoding_format="jpeg")},
                    "any": tfds.features.Image(shape=(None, None, None)),
                    "quality": tfds.features.Tensor(shape=(), dtype=np.int32),
                    "label": tfds.features.ClassLabel(names=["few", "many"]),
                }
            ),
            supervised_keys=("image", "quality"),
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager: Any) -> dict[str, Any]:
        return {split: self._generate_examples(split) for split in QUALITIES}

    def _generate_examples(self, split: str) -> Iterator[tuple[int, dict[str, Any]]]:
        for index, quality in enumerate(QUALITIES[split]):
            kind = "BMP" if split == "odd" else "PNG"
            yield (
                index,
                {
                    "image": image(index),
                    "grey": image(index)[..., :1],
                    "within": {"photo": io.BytesIO(jpeg(index))},
                    "any": io.BytesIO(file_of(Image.fromarray(image(index)), kind)),
                    "quality": quality,
                    "label": int(quality > 5),
                },
            )


@pytest.fixture(scope="module", params=["tfrecord", "array_record"])
def varied(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp(request.param)
    Varied(data_dir=str(folder), file_format=request.param).download_and_prepare()
    return folder


def wanted(**parameters: Json) -> Dataset:
    source = Component("tfds", {"dataset": "varied", "resize": [8, 6], **parameters})
    return Dataset(source, None, None, None, ())


class TestResize:
    """`resize` and `mode`"""

    @pytest.mark.parametrize(
        ("parameters", "made"),
        [
            ({}, lambda i: Image.fromarray(image(i))),
            ({"mode": "grayscale"}, lambda i: Image.fromarray(image(i)).convert("L")),
            ({"inputs": "grey"}, lambda i: Image.fromarray(image(i)[..., 0])),
            ({"inputs": "any", "mode": "rgb"}, lambda i: Image.fromarray(image(i))),
            (
                {"inputs": "within/photo"},
                lambda i: Image.open(io.BytesIO(jpeg(i))).convert("RGB"),
            ),
        ],
    )
    def test_images_are_those_that_pillow_makes_of_them(
        self, varied: Path, parameters: Json, made: Callable[[int], Image.Image]
    ) -> None:
        found = loading.read(wanted(**parameters), varied)
        resized = [made(i).resize((6, 8), Image.Resampling.BILINEAR) for i in range(6)]
        images = np.stack([np.asarray(each).reshape(8, 6, -1) for each in resized])
        np.testing.assert_array_equal(whole(found.train.inputs), images)
        np.testing.assert_array_equal(whole(found.test.inputs), images[:3])
        known = facts_of(wanted(**parameters), varied)
        assert known is not None
        assert (known.shape, found.maximum) == (images.shape[1:], 255.0)

    def test_an_image_of_a_kind_that_is_not_read_is_named(self, varied: Path) -> None:
        odd = wanted(inputs="any", mode="rgb", label="label", test_split="odd")
        message = "the image of example 0 of the split odd in .*: it is a BMP file"
        with pytest.raises(DataError, match=message):
            whole(loading.read(odd, varied).test.inputs)


class TestLabels:
    """Labels that are integers"""

    def test_their_classes_are_the_different_ones_for_training_sorted(self, varied: Path) -> None:
        found = loading.read(wanted(), varied)
        assert found.classes == ("3", "7", "12")
        assert found.train.labels.tolist() == [1, 0, 2, 0, 1, 0]
        assert found.test.labels.tolist() == [0, 2, 1]
        assert found.loaded.classes == found.classes

    def test_they_are_known_before_anything_is_loaded(self, varied: Path) -> None:
        assert facts_of(wanted(), varied) == Facts((8, 6, 3), 3, 6, 3)
        some = Dataset(wanted().source, None, None, None, (), classes=("12", "3"))
        known = facts_of(some, varied)
        assert known is not None
        assert (known.names, known.sizes) == (("12", "3"), ((1, 3), (1, 1)))
        found = loading.read(some, varied)
        assert (found.classes, found.test.labels.tolist()) == (("12", "3"), [1, 0])

    def test_one_for_testing_alone_is_a_fault_of_the_test_split(self, varied: Path) -> None:
        (fault,) = unfit(wanted(test_split="odd"), varied)
        assert fault.setting == ("test_split",)
        assert "of 4 there are examples for testing and none for training" in fault.message

    def test_the_examples_of_a_class_are_counted_too(self, varied: Path) -> None:
        some = Dataset(wanted(label="label").source, None, None, None, (), classes=("many",))
        known = facts_of(some, varied)
        assert known is not None
        assert (known.train_examples, known.test_examples) == (3, 2)

    def test_two_labels_of_one_data_set_are_told_apart(self, varied: Path) -> None:
        for _ in range(2):  # the second time labels of array_record are those that were kept
            assert loading.read(wanted(label="label"), varied).train.labels.tolist() == [
                int(quality > 5) for quality in QUALITIES["train"]
            ]
            assert loading.read(wanted(), varied).train.labels.tolist() == [1, 0, 2, 0, 1, 0]

    def test_damaged_records_leave_the_number_unknown(self, varied: Path, tmp_path: Path) -> None:
        folder = shutil.copytree(varied, tmp_path / "data")
        for file in folder.glob("varied/1.0.0/varied-train.*-00000-of-00001"):
            file.write_bytes(file.read_bytes()[:-3])
        some = Dataset(wanted(label="label").source, None, None, None, (), classes=("many",))
        known = facts_of(some, folder)
        assert known is None or known.train_examples is None
