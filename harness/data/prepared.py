"""Splits that a TFDS builder has prepared, read in the order in which they were written."""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds
from numpy.typing import NDArray

from harness.data.records import DataError, Examples, Indices, Split

READ_BATCH = 1024
"""Examples of a split read at once on their way into memory."""

READ_BYTES = 2**25
"""What the examples that are read at once for their labels may take."""

RANDOM_ACCESS = "array_record"
"""TFDS's file format for sets that are read by index: any record is found by its place in the file."""


@dataclass(frozen=True, eq=False)
class Records:
    """The inputs of a prepared split in the random-access format, read when they are asked for."""

    source: Sequence[Any]
    feature: str
    row_shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def shape(self) -> tuple[int, ...]:
        """That of all inputs: (n, ...)."""
        return len(self.source), *self.row_shape

    def take(self, indices: Indices) -> NDArray[Any]:
        """Read the inputs of these indices; raises DataError where the files are damaged."""
        rows = np.empty((len(indices), *self.row_shape), self.dtype)
        for row, example in zip(rows, _at(self.source, indices), strict=True):
            row[...] = example[self.feature]
        return rows


def raw_images_info(
    builder: tfds.core.DatasetBuilder, side: int, classes: Sequence[str], homepage: str
) -> tfds.core.DatasetInfo:
    """What a builder says of images [side, side, 3] and their labels that are to be read by index.

    The pixels are kept as they are: decoding PNG would take most of the time.
    """
    image = tfds.features.Tensor(shape=(side, side, 3), dtype=np.uint8, encoding=tfds.features.Encoding.BYTES)
    return tfds.core.DatasetInfo(
        builder=builder,
        description=builder.__doc__,
        features=tfds.features.FeaturesDict({"image": image, "label": tfds.features.ClassLabel(names=list(classes))}),
        supervised_keys=("image", "label"),
        homepage=homepage,
    )


def in_memory(builder: tfds.core.DatasetBuilder, maximum: float) -> Examples:
    """Both splits of a builder, read whole."""
    source, target = builder.info.supervised_keys

    def split(name: str) -> Split:
        data = builder.as_dataset(
            split=name,
            shuffle_files=False,
            # One shard after the other: read side by side, their order depends on how many there are.
            read_config=tfds.ReadConfig(interleave_cycle_length=1, try_autocache=False),
        )
        rows = data.map(lambda row: (row[source], row[target])).batch(READ_BATCH).as_numpy_iterator()
        inputs, labels = zip(*rows, strict=True)
        return Split(np.concatenate(inputs), np.concatenate(labels).astype(np.int32))

    return _examples(builder, split("train"), split("test"), maximum)


def by_index(builder: tfds.core.DatasetBuilder, maximum: float) -> Examples:
    """Both splits of a builder in the random-access format: labels in memory, inputs read when they are asked for.

    Labels are read with all the examples, once, and then kept in a file beside them. Raises
    DataError where the files are damaged.
    """
    inputs, target = builder.info.supervised_keys
    feature = builder.info.features[inputs]

    def split(name: str) -> Split:
        rows = Records(builder.as_data_source(name), inputs, feature.shape, np.dtype(feature.np_dtype))
        return Split(rows, _labels(rows, target, Path(builder.data_path) / f"labels-{name}.npy"))

    return _examples(builder, split("train"), split("test"), maximum)


def _examples(builder: tfds.core.DatasetBuilder, train: Split, test: Split, maximum: float) -> Examples:
    names = builder.info.features[builder.info.supervised_keys[1]].names
    return Examples(train, test, tuple(names), maximum)


def _labels(rows: Records, target: str, file: Path) -> NDArray[np.int32]:
    """The labels of a split, int32 [n], from the file that keeps them or else from the records."""
    if file.exists():
        kept: NDArray[np.int32] = np.load(file)
        return kept
    labels = np.empty(len(rows.source), np.int32)
    step = max(1, READ_BYTES // (math.prod(rows.row_shape) * rows.dtype.itemsize))
    for first in range(0, len(labels), step):
        indices = np.arange(first, min(first + step, len(labels)))
        labels[indices] = [example[target] for example in _at(rows.source, indices)]
    temporary = file.with_name(f"{file.name}.{os.getpid()}")
    with contextlib.suppress(OSError):  # where nothing can be written, they are read again next time
        with temporary.open("wb") as opened:
            np.save(opened, labels)
        temporary.replace(file)
    return labels


def _at(source: Sequence[Any], indices: Indices) -> Sequence[Any]:
    try:
        examples: Sequence[Any] = source.__getitems__(indices.tolist())  # type: ignore[attr-defined]
    except (OSError, RuntimeError, ValueError) as error:
        raise DataError(f"cannot read {source}: {error}") from error
    return examples
