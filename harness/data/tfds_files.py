"""Data sets that TFDS has prepared, as their files tell, without TFDS: what is there and whole.

Nothing here imports TensorFlow or NumPy, and no code of a data set's author runs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.data.digests import reason
from harness.data.errors import DataError
from harness.system import files

IN_ORDER = "tfrecord"
RANDOM_ACCESS = "array_record"
"""TFDS's file formats that are read: one after the other, and by index."""

INFO = "dataset_info.json"
FEATURES = "features.json"
_VERSION = re.compile(r"\d+\.\d+\.\d+")
_OWN_FEATURES = "tensorflow_datasets.core.features."
_TEMPLATE = "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}"
_FRAME = 16
"""Bytes around every record of a TFRecord file: its length and two checksums."""

_LARGEST_INFO = 2**28


@dataclass(frozen=True)
class Selection:
    """What is to be read of a prepared data set; None: what it says itself is usual."""

    train: str = "train"
    test: str = "test"
    inputs: str | None = None
    label: str | None = None


@dataclass(frozen=True)
class Prepared:
    """A prepared version of a data set, whole as far as its files' names and sizes tell.

    `shape` is that of one example of the feature `inputs`: images [height, width, channels] of
    bytes, or where `real` says so vectors [n] of real numbers. `label` is the feature with the
    labels, of which there are `classes`. `counts` and `records` are the number of examples and
    the names of the record files of the splits `train` and `test`, in this order.
    """

    folder: Path
    file_format: str
    inputs: str
    label: str
    shape: tuple[int, ...]
    real: bool
    classes: int
    splits: tuple[str, str]
    counts: tuple[int, int]
    records: tuple[tuple[str, ...], tuple[str, ...]]

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the files that decide what is read."""
        labels = sorted(path.name for path in self.folder.glob("*.labels.txt"))
        return (FEATURES, *labels, *self.records[0], *self.records[1])

    @property
    def head(self) -> str:
        """Return what decides, besides the files, which examples are read in which order."""
        return json.dumps([self.file_format, self.inputs, self.label, self.splits, self.counts])


def folder_of(parameters: Mapping[str, Any], data_dir: Path) -> Path:
    """Return the folder of a person's own data set, or of its configuration, as TFDS has it."""
    folder = data_dir / parameters["dataset"]
    config = parameters.get("config")
    return folder / config if config else folder


def selection_of(parameters: Mapping[str, Any]) -> Selection:
    """Return what a specification wants of a person's own data set."""
    return Selection(
        train=parameters.get("train_split", "train"),
        test=parameters.get("test_split", "test"),
        inputs=parameters.get("inputs"),
        label=parameters.get("label"),
    )


def find_version(folder: Path, version: str | None = None) -> Path | None:
    """Return the folder of the given version of a data set, else of its latest one.

    A preparation that was broken off lies in a folder `incomplete.*`, which is none.
    """
    try:
        names = [path.name for path in folder.iterdir() if (path / INFO).is_file()]
    except OSError:
        return None
    found = [name for name in names if _VERSION.fullmatch(name) and version in (None, name)]
    latest = max(found, key=lambda name: tuple(map(int, name.split("."))), default=None)
    return folder / latest if latest is not None else None


def read_prepared(folder: Path, selection: Selection) -> Prepared:
    """Return what is prepared in the folder of one version.

    Raises:
        DataError: it is not whole, or is of a kind that is not read; the text says which.
    """
    try:
        return _read_prepared(folder, selection)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise DataError(
            f"{folder} is damaged, or was prepared by a version of TFDS whose files are not "
            f"known ({type(error).__name__}: {error}): prepare it again"
        ) from error


def _read_prepared(folder: Path, selection: Selection) -> Prepared:
    info, features = (_parsed(folder / name) for name in (INFO, FEATURES))
    file_format = info.get("fileFormat", IN_ORDER)
    if file_format not in (IN_ORDER, RANDOM_ACCESS):
        raise DataError(
            f"{folder} is prepared in the file format {file_format}; {IN_ORDER} and {RANDOM_ACCESS}"
            " are read"
        )
    _check_classes(folder, features)
    usual = _supervised(info)
    inputs, label = selection.inputs or usual[0], selection.label or usual[1]
    if inputs is None or label is None:
        raise DataError(
            f"{folder} does not say which features are inputs and labels: give the data set's "
            f"inputs and label, of {', '.join(features['featuresDict']['features'])}"
        )
    shape, real = _inputs(folder, inputs, _feature(folder, features, inputs))
    classes = _classes(folder, label, _feature(folder, features, label))
    train, test = (
        _split(folder, info, file_format, name) for name in (selection.train, selection.test)
    )
    return Prepared(
        folder=folder,
        file_format=file_format,
        inputs=inputs,
        label=label,
        shape=shape,
        real=real,
        classes=classes,
        splits=(selection.train, selection.test),
        counts=(train[0], test[0]),
        records=(train[1], test[1]),
    )


def _parsed(path: Path) -> Any:
    try:
        return json.loads(files.read_bytes(path, _LARGEST_INFO))
    except OSError as error:
        raise DataError(f"cannot read {path}: {reason(error)}: prepare it again") from error
    except ValueError as error:
        raise DataError(f"{path} is no JSON ({error}): prepare the data set again") from error


def _check_classes(folder: Path, features: Any) -> None:
    """Raise DataError for a feature whose class is not TFDS's own: TFDS would import it."""
    for name in _python_classes(features):
        if not str(name).startswith(_OWN_FEATURES):
            raise DataError(
                f"{folder} has a feature of the class {name}, which is none of TFDS's own: "
                "no code of a data set's author is run here"
            )


def _python_classes(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        names = (value.get(key) for key in ("pythonClassName", "type"))
        yield from (name for name in names if isinstance(name, str))
        for each in value.values():
            yield from _python_classes(each)


def _supervised(info: Any) -> tuple[str | None, str | None]:
    items = info.get("supervisedKeys", {}).get("tuple", {}).get("items", [])
    keys = [item.get("featureKey") for item in items]
    return (keys[0], keys[1]) if len(keys) == 2 else (None, None)


def _feature(folder: Path, features: Any, name: str) -> Any:
    found = features["featuresDict"]["features"]
    if name not in found:
        raise DataError(f"{folder} has no feature {name}; it has {', '.join(found)}")
    return found[name]


def _inputs(folder: Path, name: str, feature: Any) -> tuple[tuple[int, ...], bool]:
    content = feature.get("image") or feature.get("tensor") or {}
    dimensions = content.get("shape", {}).get("dimensions", [])
    shape, dtype = tuple(int(side) for side in dimensions), content.get("dtype")
    known = bool(shape) and min(shape) > 0
    if known and len(shape) == 3 and dtype == "uint8":
        return shape, False
    if known and len(shape) == 1 and "tensor" in feature and dtype in ("float32", "float64"):
        return shape, True
    kind = str(feature.get("pythonClassName", "")).rpartition(".")[2]
    what = ", ".join(["?" if side < 0 else str(side) for side in shape])
    raise DataError(
        f"{folder}: its feature {name} ({kind}, {dtype} [{what}]) cannot be an input: images "
        "uint8 [height, width, channels] of one size and vectors float32 [n] are read"
    )


def _classes(folder: Path, name: str, feature: Any) -> int:
    if "classLabel" not in feature:
        raise DataError(f"{folder}: its feature {name} cannot be the label: it is no ClassLabel")
    return int(feature["classLabel"]["numClasses"])


def _split(folder: Path, info: Any, file_format: str, name: str) -> tuple[int, tuple[str, ...]]:
    splits = {split["name"]: split for split in info.get("splits", [])}
    if name not in splits:
        there = ", ".join(splits) or "none"
        raise DataError(f"{folder} has no split {name}; its splits are: {there}")
    split = splits[name]
    lengths = [int(length) for length in split.get("shardLengths", [])]
    names = list(_shards(split, info["name"], file_format, len(lengths)))
    sizes = [_size(folder / each) for each in names]
    absent = [each for each, size in zip(names, sizes, strict=True) if size is None]
    if absent:
        raise DataError(
            f"{folder} is not whole: {len(absent)} of the {len(names)} files of its split {name} "
            f"are missing, such as {absent[0]}: prepare it again"
        )
    count, size = sum(lengths), sum(each or 0 for each in sizes)
    expected = int(split.get("numBytes", 0)) + _FRAME * count
    if not count:
        raise DataError(f"{folder} is prepared without an example in its split {name}")
    if file_format == IN_ORDER and split.get("numBytes") and size != expected:
        raise DataError(
            f"{folder} is damaged: the files of its split {name} have {size:,} instead of "
            f"{expected:,} bytes: prepare it again"
        )
    return count, tuple(names)


def _shards(split: Mapping[str, Any], dataset: str, file_format: str, count: int) -> Iterator[str]:
    template = split.get("filepathTemplate") or _TEMPLATE
    for index in range(count):
        parts = {
            "DATASET": dataset,
            "SPLIT": split["name"],
            "FILEFORMAT": file_format,
            "SHARD_INDEX": f"{index:05}",
            "NUM_SHARDS": f"{count:05}",
            "SHARD_X_OF_Y": f"{index:05}-of-{count:05}",
        }
        yield re.sub(r"\{(\w+)\}", lambda found, parts=parts: parts[found[1]], template)


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None
