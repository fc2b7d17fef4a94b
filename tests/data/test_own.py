"""Data sets, randomizations and augmentations of one's own: brought into form, or refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.data.augmentation import AUGMENTATIONS
from harness.data.loading import load
from harness.data.pipeline import build, decisions
from harness.data.randomizations import randomize
from harness.data.randomness import Stream
from harness.data.records import DataError, Examples, Split
from harness.data.rows import whole
from harness.experiment import Component, Dataset
from harness.own.sources import identified

SOURCE = """
import numpy as np
from harness.data import randomness
from harness.data.augmentation import Augmentation
from harness.data.randomizations import Change


def returns(*, inputs, labels, dtype="float32"):
    made = np.array(inputs, dtype), np.array(labels)
    return made, made


def nothing():
    return None


def of_files(*, files, data_dir):
    values = np.loadtxt(files[0], dtype=np.float32).reshape(-1, 1)
    return (values, np.zeros(len(values), int)), (values, np.zeros(len(values), int))


def double(split, draw, *, add=0):
    labels = np.tile(split.labels + add, 2)

    def rows(inputs, indices):
        inputs += (indices >= len(split)).astype(inputs.dtype)[:, None]
        return inputs

    return Change(labels, rows)


def drawn(split, draw):
    return Change(randomness.integers(draw.stream(), 0, len(split), 1, draw.classes)[:, 0])


def shift(*, by):
    def decide(stream, indices, shape):
        return {"by": by * np.ones(len(indices), np.float32)}

    def apply(inputs, decisions, maximum):
        return inputs + decisions["by"][:, None]

    return Augmentation(decide, apply)
"""


@pytest.fixture
def part(tmp_path: Path) -> Any:
    (tmp_path / "own_data.py").write_text(SOURCE)

    def made(function: str, files: tuple[str, ...] = (), **rest: Any) -> Component:
        call = f"own_data:{function}"
        settings = {"call": call, "parameters": rest.pop("parameters", {}), **rest}
        return Component("python", settings, identified(call, tmp_path, files))

    return made


def loaded(source: Component, folder: Path) -> Examples:
    return load(Dataset(source, None, None, None, ()), folder)


class TestDataSets:
    """What a function may return, and what becomes of it."""

    def test_images_of_bytes_get_their_channel(self, part: Any, tmp_path: Path) -> None:
        parameters = {"inputs": [[[0, 9]], [[7, 255]]], "labels": [[1], [0]], "dtype": "uint8"}
        found = loaded(part("returns", parameters=parameters), tmp_path)
        np.testing.assert_array_equal(whole(found.train.inputs), [[[[0], [9]]], [[[7], [255]]]])
        assert (whole(found.train.inputs).dtype.name, found.train.labels.dtype.name) == (
            "uint8",
            "int32",
        )
        assert (found.train.labels.tolist(), found.classes) == ([1, 0], ("0", "1"))
        assert found.maximum == 255.0

    def test_vectors_of_real_numbers_stay_as_they_are(self, part: Any, tmp_path: Path) -> None:
        parameters = {"inputs": [[0.5, -2], [3, 4]], "labels": [0, 2], "dtype": "float64"}
        found = loaded(part("returns", parameters=parameters), tmp_path)
        np.testing.assert_array_equal(whole(found.test.inputs), [[0.5, -2], [3, 4]])
        assert (found.maximum, found.classes) == (1.0, ("0", "1", "2"))

    def test_a_function_is_given_its_files_and_the_data_folder(
        self, part: Any, tmp_path: Path
    ) -> None:
        file = tmp_path / "values.txt"
        file.write_text("1\n2.5\n")
        found = loaded(part("of_files", (str(file),)), tmp_path)
        np.testing.assert_array_equal(whole(found.train.inputs), [[1], [2.5]])

    @pytest.mark.parametrize(
        ("parameters", "message"),
        [
            ({"inputs": [[1], [2]], "labels": [0.5, 1]}, "expected labels that are integers"),
            ({"inputs": [[1], [2]], "labels": [0]}, "returned 2 inputs and 1 labels"),
            ({"inputs": [[1]], "labels": [-1]}, "the labels -1 to -1: expected 0 to"),
            ({"inputs": [1, 2], "labels": [0, 1]}, "expected images .* found float32"),
            ({"inputs": [[1]], "labels": [0], "dtype": "int64"}, "found int64"),
            ({"inputs": [["nan"]], "labels": [0]}, "inputs that are no finite numbers"),
            ({"inputs": [], "labels": []}, "expected"),
        ],
    )
    def test_what_no_network_can_be_trained_on_is_told(
        self, part: Any, tmp_path: Path, parameters: dict[str, Any], message: str
    ) -> None:
        with pytest.raises(DataError, match=message):
            loaded(part("returns", parameters=parameters), tmp_path)

    def test_what_is_no_data_set_is_told(self, part: Any, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="own_data:nothing returned NoneType: expected"):
            loaded(part("nothing"), tmp_path)


POINTS = np.array([[1, 2], [3, 4], [5, 6]], np.float32)
SPLIT = Split(POINTS, np.array([0, 1, 2], np.int32))


class TestRandomizations:
    """What a function makes of a split."""

    def test_replicas_are_made_row_by_row(self, part: Any) -> None:
        chain = [part("double", replicas=2, test=False)]
        found = randomize(SPLIT, chain, seed=0, classes=3, maximum=1.0)
        np.testing.assert_array_equal(
            whole(found.inputs), [[1, 2], [3, 4], [5, 6], [2, 3], [4, 5], [6, 7]]
        )
        assert found.labels.tolist() == [0, 1, 2, 0, 1, 2]

    def test_it_draws_from_its_place_and_seed(self, part: Any) -> None:
        chain = [part("drawn", replicas=1, test=True)]
        found = {
            (part, seed): randomize(
                SPLIT, chain, seed=seed, classes=1000, maximum=1.0, part=part
            ).labels.tolist()
            for seed in (0, 1)
            for part in ("train", "test")
        }
        assert len({tuple(labels) for labels in found.values()}) == 4

    def test_the_test_set_stays_where_nothing_else_is_said(self, part: Any) -> None:
        chain = [part("drawn", replicas=1, test=False)]
        found = randomize(SPLIT, chain, seed=0, classes=3, maximum=1.0, part="test")
        assert found.labels.tolist() == [0, 1, 2]

    @pytest.mark.parametrize(
        ("parameters", "replicas", "message"),
        [
            ({}, 1, r"labels int32 \[6\]: expected integers \[3\]"),
            ({"add": 9}, 2, "labels 9 to 11"),
        ],
    )
    def test_what_does_not_fit_is_told(
        self, part: Any, parameters: dict[str, int], replicas: int, message: str
    ) -> None:
        chain = [part("double", parameters=parameters, replicas=replicas, test=False)]
        with pytest.raises(DataError, match=message):
            randomize(SPLIT, chain, seed=0, classes=3, maximum=1.0)


class TestAugmentations:
    """The pair that a function returns takes the place of the harness's own."""

    def test_it_decides_and_applies(self, part: Any) -> None:
        component = part("shift", parameters={"by": 2.5})
        row, given = AUGMENTATIONS["python"], component.parameters
        drawn = row.decide(Stream(0, "t"), np.arange(3), (2,), *component.leading, **given)
        found = row.apply(POINTS, drawn, 1.0, *component.leading, **given)
        np.testing.assert_array_equal(found, POINTS + 2.5)

    def test_a_pipeline_draws_it(self, part: Any, tmp_path: Path) -> None:
        source = part("returns", parameters={"inputs": [[1], [2]], "labels": [0, 1]})
        dataset = Dataset(source, None, None, None, ())
        pipeline = build(dataset, [part("shift", parameters={"by": 1.0})], 0, tmp_path)
        assert decisions(pipeline, 1)["0/by"].tolist() == [1.0, 1.0]

    def test_what_is_no_augmentation_is_told(self, part: Any) -> None:
        component = part("nothing")
        with pytest.raises(DataError, match="own_data:nothing returned NoneType, not an Augm"):
            AUGMENTATIONS["python"].decide(
                Stream(0, "t"), np.arange(3), (2,), *component.leading, **component.parameters
            )
