"""Data sets of one's own: what functions return, brought into one form and checked."""

from __future__ import annotations

import inspect
from dataclasses import replace
from typing import Any

import numpy as np
import tensorflow_datasets as tfds
from numpy.typing import NDArray

from harness.data.info import Content, Request
from harness.data.preparing import made_here
from harness.data.records import DataError, Examples, Split
from harness.own.kinds import DATASET
from harness.own.running import function, keywords

_EXPECTED = (
    "expected ((inputs, labels), (inputs, labels)) for training and testing, a builder of TFDS, or"
    " harness.data.records.Examples"
)


def load(request: Request, content: Content) -> Examples:
    """Return the examples that a function of one's own gives.

    Raises:
        DataError: they are no examples, or some that no network can be trained on.
        OwnPartError: the function cannot be imported, or was changed meanwhile.
    """
    assert request.own is not None
    called = function(request.own)
    takes = inspect.signature(called).parameters
    offered = {name: str(request.data_dir) for name in DATASET.offered if name in takes}
    given = keywords(request.own, request.parameters)
    examples = _examples(called(**{**offered, **given}), request)
    for split in (examples.train, examples.test):
        _check(split, len(examples.classes), str(request.own.call))
    return examples


def _examples(found: object, request: Request) -> Examples:
    match found:
        case Examples():
            return found
        case tfds.core.DatasetBuilder():
            examples = made_here(found, request.data_dir, 1.0)
            return replace(examples, maximum=_maximum(examples.train.inputs.dtype))
        case ((train_inputs, train_labels), (test_inputs, test_labels)):
            call = str(request.own.call if request.own else "")
            train = _split(train_inputs, train_labels, f"{call}, training")
            test = _split(test_inputs, test_labels, f"{call}, testing")
            return _of_splits(train, test)
    raise DataError(f"{_name(request)} returned {type(found).__name__}: {_EXPECTED}")


def _name(request: Request) -> str:
    return str(request.own.call) if request.own else request.name


def _of_splits(train: Split, test: Split) -> Examples:
    """Return examples whose classes are named by their numbers."""
    count = 1 + max((int(split.labels.max()) for split in (train, test) if len(split)), default=0)
    maximum = _maximum(train.inputs.dtype)
    return Examples(train, test, tuple(map(str, range(count))), maximum)


def _maximum(dtype: np.dtype[Any]) -> float:
    """Return the raw value that becomes 1.0: bytes are pixels, real numbers stay as they are."""
    return 255.0 if dtype == np.uint8 else 1.0


def _split(inputs: object, labels: object, where: str) -> Split:
    values, numbers = np.asarray(inputs), np.asarray(labels)
    if numbers.ndim == 2 and numbers.shape[1] == 1:  # as keras.datasets gives the labels of CIFAR
        numbers = numbers[:, 0]
    if numbers.ndim != 1 or not np.issubdtype(numbers.dtype, np.integer):
        raise DataError(f"{where}: expected labels that are integers [n], found {_shown(numbers)}")
    return Split(_inputs(values, where), numbers.astype(np.int32))


def _inputs(values: NDArray[Any], where: str) -> NDArray[Any]:
    """Return images as uint8 or float32 [n, height, width, channels], points as float32 [n, m]."""
    pixels = values[..., np.newaxis] if values.ndim == 3 else values
    real = np.issubdtype(values.dtype, np.floating)
    if pixels.ndim not in (2, 4) or not (real or (pixels.ndim == 4 and values.dtype == np.uint8)):
        raise DataError(
            f"{where}: expected images [n, height, width(, channels)] of bytes or real numbers, or"
            f" vectors [n, features] of real numbers, found {_shown(values)}"
        )
    return pixels.astype(np.float32) if real else pixels


def _shown(values: NDArray[Any]) -> str:
    return f"{values.dtype} {list(values.shape)}"


def _check(split: Split, classes: int, call: str) -> None:
    if not len(split) or split.inputs.shape[0] != len(split):
        raise DataError(
            f"{call} returned {split.inputs.shape[0]} inputs and {len(split)} labels: expected as"
            " many of each, and one at least"
        )
    if split.labels.min() < 0 or split.labels.max() >= classes:
        raise DataError(
            f"{call} returned the labels {split.labels.min()} to {split.labels.max()}: expected"
            f" 0 to {classes - 1}"
        )
    inputs = split.inputs
    if not isinstance(inputs, np.ndarray) or np.issubdtype(inputs.dtype, np.integer):
        return
    if not np.isfinite(inputs.astype(np.float64)).all():
        raise DataError(f"{call} returned inputs that are no finite numbers")
