"""What TFDS has prepared, as its files tell."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.data.errors import DataError
from harness.data.tfds_files import Selection, find_version, read_prepared, unfit
from harness.experiment import Json
from tests.data.preparing import LABEL, image_feature, pretend_prepared

SPLITS = {"train": [5, 4], "test": [3], "validation": [2]}
TENSOR = "tensorflow_datasets.core.features.tensor_feature.Tensor"


def tensor(dtype: str, *sides: int) -> Json:
    return {
        "pythonClassName": TENSOR,
        "tensor": {"dtype": dtype, "shape": {"dimensions": [*map(str, sides)]}},
    }


def refused(folder: Path, wanted: Selection | None = None) -> str:
    with pytest.raises(DataError) as told:
        read_prepared(folder, wanted or Selection())
    return str(told.value)


class TestFindVersion:
    """`find_version`"""

    def test_the_latest_is_found_by_its_numbers(self, tmp_path: Path) -> None:
        for version in ("1.9.0", "1.10.0", "1.2.0"):
            pretend_prepared(tmp_path / "mine" / version, SPLITS)
        assert find_version(tmp_path / "mine") == tmp_path / "mine/1.10.0"
        assert find_version(tmp_path / "mine", "1.2.0") == tmp_path / "mine/1.2.0"
        assert find_version(tmp_path / "mine", "2.0.0") is None

    def test_what_is_none_is_not_found(self, tmp_path: Path) -> None:
        assert find_version(tmp_path / "mine") is None
        pretend_prepared(tmp_path / "mine/incomplete.ABC_1.0.0", SPLITS)
        pretend_prepared(tmp_path / "mine/small/1.0.0", SPLITS)
        (tmp_path / "mine/3.0.0").mkdir()
        assert find_version(tmp_path / "mine") is None


class TestReadPrepared:
    """`read_prepared`"""

    def test_counts_shape_and_files_are_told(self, tmp_path: Path) -> None:
        found = read_prepared(
            pretend_prepared(tmp_path / "mine/1.0.0", SPLITS), Selection(test="validation")
        )
        assert (found.shape, found.real, found.classes, found.counts) == (
            (28, 28, 1),
            False,
            10,
            (9, 2),
        )
        assert (found.inputs, found.label, found.file_format) == ("image", "label", "tfrecord")
        assert found.records == (
            ("mine-train.tfrecord-00000-of-00002", "mine-train.tfrecord-00001-of-00002"),
            ("mine-validation.tfrecord-00000-of-00001",),
        )

    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    def test_vectors_of_real_numbers_are_inputs(self, tmp_path: Path, dtype: str) -> None:
        features = {"x": tensor(dtype, 4), "label": LABEL}
        folder = pretend_prepared(tmp_path / "mine/1.0.0", SPLITS, features, {"supervisedKeys": {}})
        found = read_prepared(folder, Selection(inputs="x", label="label"))
        assert (found.shape, found.real) == ((4,), True)
        assert "give the data set's inputs and label, of x, label" in refused(folder)

    @pytest.mark.parametrize(
        "feature",
        [
            image_feature(28, 28, 1, dtype="uint16"),
            image_feature(28, 28, 1, dtype="float32"),
            tensor("string", 4),
            tensor("float32", 4, 4),
            tensor("float32", -1),
            tensor("float32"),
            {"pythonClassName": "tensorflow_datasets.core.features.text_feature.Text", "text": {}},
        ],
    )
    def test_inputs_that_a_network_cannot_see_are_refused(
        self, tmp_path: Path, feature: Json
    ) -> None:
        folder = pretend_prepared(
            tmp_path / "mine/1.0.0", SPLITS, {"image": feature, "label": LABEL}
        )
        assert "its feature image (" in refused(folder)
        assert "cannot be an input: images uint8 [height, width, channels] and vec" in refused(
            folder
        )

    @pytest.mark.parametrize(
        ("sides", "resize", "mode", "shape", "made"),
        [
            ((-1, -1, 3), (8, 6), None, (8, 6, 3), "rgb"),
            ((-1, -1, 1), (8, 6), None, (8, 6, 1), "grayscale"),
            ((-1, -1, 3), (8, 6), "grayscale", (8, 6, 1), "grayscale"),
            ((-1, -1, 4), (8, 6), None, (8, 6, 4), None),
            ((-1, -1, -1), (8, 6), "rgb", (8, 6, 3), "rgb"),
            ((28, 20, 1), None, "rgb", (28, 20, 3), "rgb"),
            ((28, 20, 1), None, None, (28, 20, 1), None),
        ],
    )
    def test_images_of_any_size_have_the_one_that_they_are_brought_to(
        self,
        tmp_path: Path,
        sides: tuple[int, ...],
        resize: tuple[int, int] | None,
        mode: str | None,
        shape: tuple[int, ...],
        made: str | None,
    ) -> None:
        features = {"image": image_feature(*sides), "label": LABEL}
        folder = pretend_prepared(tmp_path / "mine/1.0.0", SPLITS, features)
        found = read_prepared(folder, Selection(resize=resize, mode=mode))
        assert (found.shape, found.mode) == (shape, made)

    def test_what_makes_images_alike_is_told_where_it_is_missing(self, tmp_path: Path) -> None:
        features = {"image": image_feature(-1, -1, -1), "label": LABEL, "x": tensor("float32", 4)}
        folder = pretend_prepared(tmp_path / "mine/1.0.0", SPLITS, features)
        for wanted, setting, words in (
            (Selection(mode="rgb"), "resize", "its feature image vary in size, and `resize` makes"),
            (Selection(resize=(2, 2)), "mode", "its feature image vary, and `mode` makes"),
            (Selection(inputs="x", mode="rgb"), "mode", "mode is for images: x of"),
            (Selection(inputs=("x",), resize=(2, 2)), "resize", "resize is for images: x of"),
        ):
            (fault,) = unfit(folder, wanted)
            assert fault.setting == (setting,)
            assert words in fault.message

    def test_an_array_of_no_known_size_is_no_image(self, tmp_path: Path) -> None:
        features = {"image": tensor("uint8", -1, 4, 3), "label": LABEL}
        folder = pretend_prepared(tmp_path / "mine/1.0.0", SPLITS, features)
        assert "(Tensor, uint8 [?, 4, 3]) cannot be an input" in refused(
            folder, Selection(resize=(2, 2))
        )

    @pytest.mark.parametrize(
        "feature", [tensor("float32"), tensor("int64", 2), tensor("uint64"), tensor("string")]
    )
    def test_a_label_that_is_no_class_and_no_integer_is_refused(
        self, tmp_path: Path, feature: Json
    ) -> None:
        features = {"image": image_feature(2, 2, 1), "label": feature}
        folder = pretend_prepared(tmp_path / "mine/1.0.0", SPLITS, features)
        assert "cannot be the label: a ClassLabel and an integer are read" in refused(folder)

    def test_names_that_are_not_there_are_told_with_those_that_are(self, tmp_path: Path) -> None:
        folder = pretend_prepared(tmp_path / "mine/1.0.0", SPLITS)
        assert "has no split eval; it has train, test, validation" in refused(
            folder, Selection(test="eval")
        )
        assert "has no feature picture; it has image, label" in refused(
            folder, Selection(inputs="picture")
        )

    def test_a_format_that_is_not_read_is_named(self, tmp_path: Path) -> None:
        folder = pretend_prepared(tmp_path / "mine/1.0.0", SPLITS, info={"fileFormat": "riegeli"})
        assert (
            "is prepared in the file format riegeli; tfrecord and array_record are read"
            in refused(folder)
        )

    def test_a_feature_of_a_class_of_its_own_is_refused(self, tmp_path: Path) -> None:
        features = {
            "image": image_feature(2, 2, 1),
            "label": LABEL,
            "more": {"pythonClassName": "mine.code.Feature"},
        }
        folder = pretend_prepared(tmp_path / "mine/1.0.0", SPLITS, features)
        assert "a feature of the class mine.code.Feature, which is none of TFDS's own" in refused(
            folder
        )

    def test_a_split_without_examples_is_refused(self, tmp_path: Path) -> None:
        folder = pretend_prepared(tmp_path / "mine/1.0.0", {"train": [3], "test": []})
        assert "without an example in its split test" in refused(folder)

    def test_bytes_that_are_missing_are_noticed_without_reading(self, tmp_path: Path) -> None:
        # A record of 100 bytes lies in a frame of 16: its length, and two checksums.
        folder = pretend_prepared(
            tmp_path / "mine/1.0.0", {"train": [3], "test": [3]}, content=b"x" * 3 * 116
        )
        info = folder / "dataset_info.json"
        said = json.loads(info.read_text())
        for split in said["splits"]:
            split["numBytes"] = "300"
        info.write_text(json.dumps(said))
        assert read_prepared(folder, Selection()).counts == (3, 3)
        (folder / "mine-test.tfrecord-00000-of-00001").write_bytes(b"x" * 347)
        assert "the files of its split test have 347 instead of 348 bytes" in refused(folder)

    @pytest.mark.parametrize(
        "text", ["", "[]", "{}", '{"splits": 3}', '{"name": "a", "splits": [{}]}', "null"]
    )
    @pytest.mark.parametrize("name", ["dataset_info.json", "features.json"])
    def test_files_of_another_form_are_refused(self, tmp_path: Path, name: str, text: str) -> None:
        folder = pretend_prepared(tmp_path / "mine/1.0.0", SPLITS)
        (folder / name).write_text(text)
        assert str(folder) in refused(folder)
