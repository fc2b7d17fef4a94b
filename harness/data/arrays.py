"""Arrays in a NumPy file (`.npz`): inputs and labels of a data set, checked when they are read.

Images are uint8 [n, height, width] or [n, height, width, channels], vectors numbers [n, values];
labels are integers or texts [n] or [n, 1].
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from harness.data import own_labels
from harness.data.digests import reason
from harness.data.errors import DataError, Unfit, UnknownName
from harness.data.facts_record import Facts
from harness.data.own_examples import Pair
from harness.system import files

PARTS = ("train_inputs", "train_labels", "test_inputs", "test_labels")
"""The settings that name arrays."""

_UNREADABLE = (OSError, ValueError, LookupError, EOFError, zipfile.BadZipFile, zlib.error)
"""What NumPy raises where a file is damaged, or is none of its own."""


@dataclass(frozen=True)
class _Head:
    """What is known of an array without its values."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]


def unfit(path: Path, parameters: Mapping[str, Any]) -> Iterator[Unfit]:
    """Yield the settings that name arrays which a file does not have.

    Raises:
        DataError: it cannot be read.
    """
    there = _names(path)
    for part in PARTS:
        name = parameters.get(part)
        if name is not None and name not in there:
            yield UnknownName((part,), "array", name, there, str(path))


def facts(path: Path, parameters: Mapping[str, Any]) -> Facts:
    """Return what a file tells without its inputs being read.

    Raises:
        DataError: it cannot be read, or its arrays cannot be inputs and labels.
    """
    heads = {part: _head(path, name) for part, name in _named(parameters)}
    shape = _row_shape(path, heads, parameters)
    labels = {
        part: _labels(path, _loaded(path, name), name) for part, name in _labelled(parameters)
    }
    for part, found in labels.items():
        _check_count(path, parameters, part, heads, len(found))
    test = labels.get("test_labels")
    return own_labels.facts(
        shape,
        labels["train_labels"].tolist(),
        None if test is None else test.tolist(),
        parameters,
        str(path),
    )


def pairs(path: Path, content: bytes, parameters: Mapping[str, Any]) -> tuple[Pair, Pair | None]:
    """Return the inputs and labels in the bytes of a file, those for testing where it has some.

    Raises:
        DataError: it is damaged, or they cannot be used.
    """
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as opened:
            arrays = {part: opened[name] for part, name in _named(parameters)}
    except _UNREADABLE as error:
        raise _damaged(path, error) from error
    heads = {part: _Head(array.shape, array.dtype) for part, array in arrays.items()}
    _row_shape(path, heads, parameters)

    def pair(split: str) -> Pair:
        name = parameters[f"{split}_labels"]
        labels = _labels(path, arrays[f"{split}_labels"], name)
        _check_count(path, parameters, f"{split}_labels", heads, len(labels))
        return Pair(_inputs(path, arrays[f"{split}_inputs"], parameters[f"{split}_inputs"]), labels)

    return pair("train"), pair("test") if "test_inputs" in arrays else None


def _named(parameters: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the settings that name an array, each with the name."""
    return [(part, parameters[part]) for part in PARTS if parameters.get(part) is not None]


def _labelled(parameters: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(part, name) for part, name in _named(parameters) if part.endswith("_labels")]


def _names(path: Path) -> Sequence[str]:
    try:
        with files.open_regular(path) as file, zipfile.ZipFile(file) as archive:
            return [name.removesuffix(".npy") for name in archive.namelist()]
    except _UNREADABLE as error:
        raise _damaged(path, error) from error


def _head(path: Path, name: str) -> _Head:
    try:
        with (
            files.open_regular(path) as file,
            zipfile.ZipFile(file) as archive,
            archive.open(f"{name}.npy") as member,
        ):
            return _read_head(member)
    except _UNREADABLE as error:
        raise _damaged(path, error) from error


def _read_head(member: IO[bytes]) -> _Head:
    readers = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    shape, _, dtype = readers[np.lib.format.read_magic(member)](member)
    return _Head(shape, dtype)


def _loaded(path: Path, name: str) -> NDArray[Any]:
    try:
        with files.open_regular(path) as file, np.load(file, allow_pickle=False) as opened:
            array: NDArray[Any] = opened[name]
            return array
    except _UNREADABLE as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> DataError:
    return DataError(
        f"{path} is damaged, or is no file of arrays as numpy.savez writes it ({reason(error)})"
    )


def _row_shape(
    path: Path, heads: Mapping[str, _Head], parameters: Mapping[str, Any]
) -> tuple[int, ...]:
    """Return the shape of one example, the same for training and testing."""
    shapes = {
        part: _shape_of(path, parameters[part], head)
        for part, head in heads.items()
        if part.endswith("_inputs")
    }
    if len(set(shapes.values())) > 1:
        (train, test) = (list(shape) for shape in shapes.values())
        raise DataError(
            f"{path}: an input for training has the shape {train}, one for testing {test}"
        )
    return shapes["train_inputs"]


def _shape_of(path: Path, name: str, head: _Head) -> tuple[int, ...]:
    if head.dtype == np.uint8 and len(head.shape) in (3, 4):
        return (*head.shape[1:], 1) if len(head.shape) == 3 else head.shape[1:]
    if head.dtype.kind in "biuf" and len(head.shape) == 2:
        return head.shape[1:]
    raise DataError(
        f"{path}: the array {name}, {head.dtype} {list(head.shape)}, cannot be inputs: images "
        "uint8 [n, height, width] or [n, height, width, channels] and vectors [n, values] are read"
    )


def _labels(path: Path, array: NDArray[Any], name: str) -> NDArray[Any]:
    """Return labels [n]."""
    if array.dtype.kind not in "biuU" or array.shape not in ((len(array),), (len(array), 1)):
        raise DataError(
            f"{path}: the array {name}, {array.dtype} {list(array.shape)}, cannot be labels: "
            "integers and texts [n] are read"
        )
    return array.reshape(-1)


def _check_count(
    path: Path, parameters: Mapping[str, Any], part: str, heads: Mapping[str, _Head], labels: int
) -> None:
    inputs = part.replace("labels", "inputs")
    count = heads[inputs].shape[0]
    if count != labels or not count:
        raise DataError(
            f"{path}: {parameters[inputs]} has {count:,} examples and {parameters[part]} "
            f"{labels:,} labels: there must be one for each, and at least one"
        )


def _inputs(path: Path, array: NDArray[Any], name: str) -> NDArray[Any]:
    """Return images uint8 [n, height, width, channels], or vectors float32 [n, values]."""
    if array.ndim > 2:
        return array[..., np.newaxis] if array.ndim == 3 else array
    with np.errstate(over="ignore"):
        vectors = array.astype(np.float32)
    wrong = np.argwhere(~np.isfinite(vectors))
    if len(wrong):
        row, column = wrong[0].tolist()
        raise DataError(
            f"{path}: {len(wrong):,} of the values of {name} are no finite numbers of float32, "
            f"such as {array[row, column]} at [{row}, {column}]"
        )
    return vectors
