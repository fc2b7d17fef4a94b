"""Splits that a TFDS builder has prepared, read in the order in which they were written."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import io
import itertools
import math
import zipfile
import zlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds
from numpy.typing import NDArray

from harness.data.conversion import Conversion
from harness.data.dataset_options import in_order
from harness.data.decoding import check_readable, decoded
from harness.data.digests import Digest, check_unchanged, content_digest
from harness.data.records import DataError, Examples, Indices, Split
from harness.data.rows import MOST_THREADS
from harness.data.tfds_files import Inputs, Prepared
from harness.data.tfds_records import RANDOM_ACCESS
from harness.system import files

READ_BATCH = 1024
"""Examples of a split read at once on their way into memory."""

READ_BYTES = 2**25
"""What the examples that are read at once for their labels may take."""


@dataclass(frozen=True)
class Pictures:
    """Makes images of one shape of those in a split, which are files in bytes, or arrays.

    `place` is the split, for messages.
    """

    conversion: Conversion
    shape: tuple[int, ...]
    place: str

    def of(self, index: int, found: bytes | NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the image of an example, uint8 [height, width, channels].

        Raises:
            DataError: it is damaged, of a kind that is not read, or has other channels.
        """
        name = f"of example {index} of {self.place}"
        if isinstance(found, bytes):
            check_readable(name, found)
            found = decoded(name, found)
        image = self.conversion.of(found)
        if image.shape != self.shape:
            raise DataError(
                f"the image {name} has {image.shape[-1]} channels, not {self.shape[-1]}: `mode` "
                "makes them all grey or all colour"
            )
        return image

    def whole(self, first: int, batch: Sequence[Any]) -> NDArray[np.uint8]:
        """Return the images of some examples, [b, height, width, channels], `first` and so on."""
        with ThreadPoolExecutor(MOST_THREADS) as threads:
            return np.stack(list(threads.map(self.of, itertools.count(first), batch)))


@dataclass(frozen=True, eq=False)
class Records:
    """The inputs of a prepared split in the random-access format, read when they are asked for.

    `digests` are those of the record files, which must not change as long as they are read.
    `pictures` make images of what the source has, None where this is what is read.
    """

    source: Sequence[Any]
    feature: Inputs
    row_shape: tuple[int, ...]
    dtype: np.dtype[Any]
    digests: tuple[Digest, ...]
    pictures: Pictures | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """That of all inputs: (n, ...)."""
        return len(self.source), *self.row_shape

    def take(self, indices: Indices) -> NDArray[Any]:
        """Read the inputs of these indices.

        Raises:
            DataError: the files are damaged or changed.
        """
        rows = np.empty((len(indices), *self.row_shape), self.dtype)
        examples = _at(self.source, indices)
        for row, index, example in zip(rows, indices.tolist(), examples, strict=True):
            found = _input_of(example, self.feature)
            row[...] = found if self.pictures is None else self.pictures.of(index, found)
        check_unchanged(self.digests)
        return rows


def raw_images_info(
    builder: tfds.core.DatasetBuilder, side: int, classes: Sequence[str], homepage: str
) -> tfds.core.DatasetInfo:
    """Describe images [side, side, 3] and their labels that are to be read by index.

    The pixels are kept as they are: decoding PNG would take most of the time.
    """
    image = tfds.features.Tensor(
        shape=(side, side, 3), dtype=np.uint8, encoding=tfds.features.Encoding.BYTES
    )
    return tfds.core.DatasetInfo(
        builder=builder,
        description=builder.__doc__,
        features=tfds.features.FeaturesDict(
            {"image": image, "label": tfds.features.ClassLabel(names=list(classes))}
        ),
        supervised_keys=("image", "label"),
        homepage=homepage,
    )


def load_prepared(prepared: Prepared, digests: Sequence[Digest], maximum: float) -> Examples:
    """Return both splits of what TFDS has prepared in a folder; no code of its author runs.

    What is prepared in order is read whole, what is prepared in the random-access format when it
    is asked for.

    Args:
        prepared: what lies there.
        digests: those of all files that are read.
        maximum: the raw value that becomes 1.0 when inputs are scaled.

    Raises:
        DataError: files are damaged, were changed since their digests were made, or do not hold
            what they say.
    """
    builder = tfds.builder_from_directory(str(prepared.folder))
    read = _by_index if prepared.file_format == RANDOM_ACCESS else _whole
    by_name = {Path(each.path).name: each for each in digests}

    def split(index: int) -> Split:
        of_split = tuple(by_name[name] for name in prepared.records[index])
        found = read(builder, prepared, index, of_split)
        _check_split(found, prepared, index)
        return found

    examples = Examples(split(0), split(1), prepared.class_names, maximum)
    check_unchanged(digests)
    return examples


def _whole(
    builder: tfds.core.DatasetBuilder, prepared: Prepared, index: int, _: tuple[Digest, ...]
) -> Split:
    inputs, labels = _arrays(
        builder,
        prepared.splits[index],
        (prepared.inputs, prepared.label),
        _pictures(builder, prepared, index),
    )
    if prepared.real:
        inputs = inputs.astype(np.float32)
    return Split(inputs, _places(labels, prepared))


def _pictures(builder: tfds.core.DatasetBuilder, prepared: Prepared, index: int) -> Pictures | None:
    """Return what converts the images of a split, None where they stay as they are."""
    if not prepared.converts:
        return None
    place = f"the split {prepared.splits[index]} in {builder.data_path}"
    return Pictures(Conversion(prepared.mode, prepared.resize), prepared.shape, place)


def _undecoded(features: Any) -> dict[str, Any]:
    """Return the decoders that leave all images of some features as the bytes of their files.

    What TFDS makes of these depends on the file format, and for JPEG on a coarser transform.
    """
    found: dict[str, Any] = {}
    for name, feature in features.items():
        if isinstance(feature, tfds.features.Image):
            found[name] = tfds.decode.SkipDecoding()
        elif isinstance(feature, tfds.features.FeaturesDict):
            found[name] = _undecoded(feature)
    return found


def _places(labels: NDArray[np.int64], prepared: Prepared) -> NDArray[np.int32]:
    """Return the indices of the classes of labels, -1 for what is no class.

    Those of a ClassLabel are indices already.
    """
    if prepared.values is None:
        return labels.astype(np.int32)
    values = np.array(prepared.values, np.int64)
    places = np.minimum(np.searchsorted(values, labels), len(values) - 1)
    return np.where(values[places] == labels, places, -1).astype(np.int32)


def _member(features: Any, path: str) -> Any:
    """Return what a dictionary of features, or of their values, has at a path."""
    return functools.reduce(lambda inner, name: inner[name], path.split("/"), features)


def _input_of(example: Any, inputs: Inputs) -> Any:
    """Return the input that some features of an example make."""
    if isinstance(inputs, str):
        return _member(example, inputs)
    numbers = [np.asarray(_member(example, name), np.float32) for name in inputs]
    return np.concatenate([each.reshape(-1) for each in numbers])


def _joined(row: Any, inputs: Inputs) -> tf.Tensor:
    """Do the same as `_input_of` in a TensorFlow graph."""
    if isinstance(inputs, str):
        return _member(row, inputs)
    numbers = [tf.cast(_member(row, name), tf.float32) for name in inputs]
    return tf.concat([tf.reshape(each, [-1]) for each in numbers], axis=0)


def _by_index(
    builder: tfds.core.DatasetBuilder, prepared: Prepared, index: int, digests: tuple[Digest, ...]
) -> Split:
    """Return a split whose labels are in memory and whose inputs are read by index."""
    name = prepared.splits[index]
    try:
        decoders = _undecoded(builder.info.features) if prepared.converts else None
        source = builder.as_data_source(name, decoders=decoders)
    except (OSError, RuntimeError, ValueError) as error:
        raise DataError(f"cannot read {prepared.folder}: {error}") from error
    dtype = np.dtype(np.float32 if prepared.real else np.uint8)
    pictures = _pictures(builder, prepared, index)
    rows = Records(source, prepared.inputs, prepared.shape, dtype, digests, pictures)
    labels = _labels(rows, prepared.label, prepared.folder / _labels_file(prepared, index))
    return Split(rows, _places(labels, prepared))


def _labels_file(prepared: Prepared, index: int) -> str:
    """Return the name of the file that keeps the labels of a split, or of parts of some."""
    what = f"{prepared.splits[index]}-{prepared.label}"
    plain = what.replace("_", "").replace("-", "").isalnum()
    return f"labels-{what if plain else hashlib.sha256(what.encode()).hexdigest()[:16]}.npz"


def _check_split(split: Split, prepared: Prepared, index: int) -> None:
    name, count = prepared.splits[index], prepared.counts[index]
    if len(split) != count or split.inputs.shape[0] != count:
        raise DataError(f"{prepared.folder} has {len(split)} of the {count} examples of {name}")
    wrong = (split.labels < 0) | (split.labels >= prepared.classes)
    if wrong.any():
        raise DataError(
            f"{prepared.folder}: {wrong.sum():,} of the {count:,} examples of its split {name} "
            f"have a label that is none of the {prepared.classes} classes, such as "
            f"{split.labels[wrong][0]}"
        )
    _check_numbers(split, f"{prepared.folder}: of the split {name}")


def _check_numbers(split: Split, what: str) -> None:
    """Raise DataError where inputs in memory are no finite numbers."""
    if not isinstance(split.inputs, np.ndarray) or split.inputs.dtype != np.float32:
        return
    wrong = ~np.isfinite(split.inputs).all(axis=1)
    if wrong.any():
        raise DataError(
            f"{what} {wrong.sum():,} of the {len(split):,} examples have values that are no finite "
            f"numbers, such as example {int(np.argmax(wrong))}"
        )


def in_memory(builder: tfds.core.DatasetBuilder, maximum: float) -> Examples:
    """Read both splits of a builder whose data are made here.

    Raises:
        DataError: they cannot be read.
    """
    keys = builder.info.supervised_keys
    try:
        train, test = (read_whole(builder, name, keys) for name in ("train", "test"))
    except DataError as error:
        raise DataError(
            f"{error}; remove the folder {builder.data_path}, and they are made again"
        ) from error
    return Examples(train, test, tuple(builder.info.features[keys[1]].names), maximum)


def read_whole(builder: tfds.core.DatasetBuilder, name: str, keys: tuple[Inputs, str]) -> Split:
    """Read a split of a builder in the order in which it was written.

    Args:
        builder: that of a prepared data set.
        name: the split, or parts of some.
        keys: the features that are the inputs and the labels.

    Raises:
        DataError: it cannot be read.
    """
    inputs, labels = _arrays(builder, name, keys)
    return Split(inputs, labels.astype(np.int32))


def _arrays(
    builder: tfds.core.DatasetBuilder,
    name: str,
    keys: tuple[Inputs, str],
    pictures: Pictures | None = None,
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Return the inputs of a split and its labels, images converted where `pictures` does it."""
    source, target = keys
    try:
        data = builder.as_dataset(
            split=name,
            shuffle_files=False,
            # One shard after the other: read side by side, their order depends on how many there
            # are.
            read_config=tfds.ReadConfig(
                interleave_cycle_length=1, try_autocache=False, options=in_order()
            ),
            decoders=None if pictures is None else _undecoded(builder.info.features),
        )
        rows = (
            data.map(lambda row: (_joined(row, source), _member(row, target)))
            .batch(READ_BATCH)
            .as_numpy_iterator()
        )
        inputs, labels = [], []
        for number, (batch, targets) in enumerate(rows):
            first = number * READ_BATCH
            inputs.append(batch if pictures is None else pictures.whole(first, batch))
            labels.append(targets)
    except (tf.errors.OpError, OSError, ValueError, AssertionError) as error:
        said = " ".join(str(getattr(error, "message", error)).split())
        raise DataError(f"cannot read the split {name} in {builder.data_path}: {said}") from error
    return np.concatenate(inputs), np.concatenate(labels).astype(np.int64)


def _labels(rows: Records, target: str, file: Path) -> NDArray[np.int64]:
    """Return the labels of a split, int64 [n], from the file that keeps them or from the records.

    What is kept names the content of the records that it was read from, and is of no use for any
    other; its own content is checked by the checksums of the file's format.
    """
    content = content_digest([Path(each.path).name for each in rows.digests], rows.digests)
    kept = _kept_labels(file, content)
    if kept is not None:
        return kept
    labels = np.empty(len(rows.source), np.int64)
    step = max(1, READ_BYTES // (math.prod(rows.row_shape) * rows.dtype.itemsize))
    for first in range(0, len(labels), step):
        indices = np.arange(first, min(first + step, len(labels)))
        labels[indices] = [_member(each, target) for each in _at(rows.source, indices)]
    check_unchanged(rows.digests)

    def write(path: Path) -> None:
        with path.open("wb") as opened:
            np.savez(opened, labels=labels, content=np.array(content))

    with contextlib.suppress(
        OSError
    ):  # where nothing can be written, they are read again next time
        files.sweep(file.parent)
        files.replace(file, write)
    return labels


def _kept_labels(file: Path, content: str) -> NDArray[np.int64] | None:
    try:
        with np.load(io.BytesIO(files.read_bytes(file)), allow_pickle=False) as kept:
            labels: NDArray[np.int64] = kept["labels"].astype(np.int64)
            return labels if str(kept["content"]) == content else None
    except (OSError, ValueError, LookupError, EOFError, zipfile.BadZipFile, zlib.error):
        return None


def _at(source: Sequence[Any], indices: Indices) -> Sequence[Any]:
    try:
        examples: Sequence[Any] = source.__getitems__(indices.tolist())  # type: ignore[attr-defined]
    except (OSError, RuntimeError, ValueError, IndexError) as error:
        raise DataError(f"cannot read {source}: {error}") from error
    return examples
