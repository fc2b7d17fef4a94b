"""NumPy files: which arrays can be inputs and labels."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.data import arrays
from harness.data.errors import DataError
from harness.experiment import Json

NAMES: Json = {
    "train_inputs": "x",
    "train_labels": "y",
    "test_inputs": None,
    "test_labels": None,
    "test_share": 0.5,
    "split_seed": 0,
}
TESTED = NAMES | {"test_inputs": "u", "test_labels": "v", "test_share": None}
Y = np.array([0, 1, 1, 0])


def saved(folder: Path, **found: Any) -> Path:
    np.savez(folder / "a.npz", **found)
    return folder / "a.npz"


@pytest.mark.parametrize(
    ("x", "shape"),
    [
        (np.zeros((4, 5, 6), np.uint8), (5, 6, 1)),
        (np.zeros((4, 5, 6, 3), np.uint8), (5, 6, 3)),
        (np.zeros((4, 7), np.float64), (7,)),
        (np.zeros((4, 7), np.uint8), (7,)),
        (np.zeros((4, 2), np.bool_), (2,)),
    ],
)
def test_images_and_vectors_are_inputs(tmp_path: Path, x: Any, shape: tuple[int, ...]) -> None:
    path = saved(tmp_path, x=x, y=Y)
    found = arrays.facts(path, NAMES)
    assert (found.shape, found.sizes) == (shape, ((1, 1), (1, 1)))
    train, test = arrays.pairs(path, path.read_bytes(), NAMES)
    assert (train.inputs.shape, test) == ((4, *shape), None)
    assert train.inputs.dtype == (np.uint8 if len(shape) == 3 else np.float32)


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (np.array([30, 4, 30, 4], np.int8), ("4", "30")),
        (np.array([[1], [0], [1], [0]], np.uint8), ("0", "1")),
        (np.array(["rose", "iris", "rose", "iris"]), ("iris", "rose")),
    ],
)
def test_integers_and_texts_are_labels(tmp_path: Path, labels: Any, names: tuple[str, ...]) -> None:
    path = saved(tmp_path, x=np.zeros((4, 2)), y=labels)
    assert arrays.facts(path, NAMES).names == names


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"x": np.zeros((4, 5, 6), np.float32)},
            r"the array x, float32 \[4, 5, 6\], cannot be inp",
        ),
        ({"x": np.zeros(4, np.float32)}, r"the array x, float32 \[4\], cannot be inputs: images"),
        ({"x": np.zeros((4, 2), np.complex64)}, "complex64"),
        (
            {"y": np.array([0.0, 1, 1, 0])},
            r"the array y, float64 \[4\], cannot be labels: integers",
        ),
        ({"y": np.eye(4, dtype=np.int64)}, r"the array y, int64 \[4, 4\], cannot be labels"),
        ({"y": np.array([0, 1, 1])}, "x has 4 examples and y 3 labels: there must be one for each"),
        ({"x": np.zeros((0, 2)), "y": np.zeros(0, int)}, "x has 0 examples and y 0 labels"),
        ({"y": np.array([0, 1, 1, None], object)}, "is damaged, or is no file of arrays"),
        ({"y": np.array([0, 1, 1, 1])}, "has a single example of 0"),
    ],
)
def test_what_can_be_neither_is_told(tmp_path: Path, changes: Json, said: str) -> None:
    path = saved(tmp_path, **{"x": np.zeros((4, 2)), "y": Y} | changes)
    with pytest.raises(DataError, match=said):
        arrays.facts(path, NAMES)


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300])
def test_what_is_no_number_of_single_precision_is_named(tmp_path: Path, value: float) -> None:
    x = np.zeros((4, 2))
    x[2, 1] = value
    path = saved(tmp_path, x=x, y=Y)
    with pytest.raises(DataError, match=r"1 of the values of x are no finite .* at \[2, 1\]"):
        arrays.pairs(path, path.read_bytes(), NAMES)


def test_arrays_for_testing_must_be_alike(tmp_path: Path) -> None:
    path = saved(tmp_path, x=np.zeros((4, 2)), y=Y, u=np.zeros((1, 2)), v=np.array([1]))
    found = arrays.facts(path, TESTED)
    assert found.sizes == ((2, 2), (0, 1))
    path = saved(tmp_path, x=np.zeros((4, 2)), y=Y, u=np.zeros((1, 3)), v=np.array([1]))
    with pytest.raises(DataError, match=r"for training has the shape \[2\], one for testing \[3\]"):
        arrays.facts(path, TESTED)


def test_arrays_that_are_not_there_are_told_at_their_setting(tmp_path: Path) -> None:
    path = saved(tmp_path, x=np.zeros((4, 2)), labels=Y)
    found = list(arrays.unfit(path, TESTED))
    assert [each.setting for each in found] == [
        ("train_labels",),
        ("test_inputs",),
        ("test_labels",),
    ]
    assert str(found[0]) == f"{path} has no array y; it has x, labels"


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x03\x04 broken"])
def test_what_is_no_file_of_arrays_is_said(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.npz"
    path.write_bytes(content)
    for look in (lambda: list(arrays.unfit(path, NAMES)), lambda: arrays.facts(path, NAMES)):
        with pytest.raises(DataError, match=r"a\.npz is damaged, or is no file of arrays"):
            look()


def test_a_file_that_is_cut_off_is_damaged(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    np.savez(buffer, x=np.zeros((4, 2)), y=Y)
    path = tmp_path / "a.npz"
    path.write_bytes(buffer.getvalue()[:-30])
    with pytest.raises(DataError, match="is damaged"):
        arrays.facts(path, NAMES)
