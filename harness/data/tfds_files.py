"""Data sets that TFDS has prepared, as their files tell, without TFDS: what is there and whole.

Nothing here imports TensorFlow or NumPy, and no code of a data set's author runs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from harness.data import own_labels, tfds_labels, tfds_splits
from harness.data.digests import reason
from harness.data.errors import DataError, Setting, Unfit, UnknownName
from harness.data.facts_record import Facts, Sizes
from harness.data.image_files import CHANNELS
from harness.data.tfds_labels import Counts, LabelRecords
from harness.data.tfds_records import IN_ORDER, RANDOM_ACCESS
from harness.system import files
from harness.words import listed

INFO = "dataset_info.json"
FEATURES = "features.json"
_VERSION = re.compile(r"\d+\.\d+\.\d+")
_OWN_FEATURES = "tensorflow_datasets.core.features."
_TEMPLATE = "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}"
_FRAME = 16
"""Bytes around every record of a TFRecord file: its length and two checksums."""

_LARGEST_INFO = 2**28


_NUMBERS = re.compile(r"(bfloat|float|u?int)\d+|bool")
_INTEGERS = re.compile(r"u?int(8|16|32)|int64|bool")

_MODE_OF = {1: "grayscale", 3: "rgb"}
"""The colour mode of an image feature by its channels: TFDS brings what it decodes into it."""

_MOST_NAMED = 3

Inputs = str | tuple[str, ...]
"""A feature that is the input, or the features whose numbers make a vector, in this order.

One within a dictionary has its path: "measurements/width".
"""


@dataclass(frozen=True)
class Selection:
    """What is to be read of a prepared data set; None: what it says itself is usual.

    `train` and `test` are splits, or parts of them as TFDS writes these: "train[:80%]". Images are
    brought to the size `resize`, [height, width], and to the colour mode `mode`.
    """

    train: str = "train"
    test: str = "test"
    inputs: Inputs | None = None
    label: str | None = None
    resize: tuple[int, int] | None = None
    mode: str | None = None

    @property
    def converts(self) -> str | None:
        """Return the setting by which images are converted, None where they stay as they are."""
        if self.resize is not None:
            return "resize"
        return None if self.mode is None else "mode"


@dataclass(frozen=True)
class Prepared:
    """A prepared version of a data set, whole as far as its files' names and sizes tell.

    `shape` is that of one example of the feature `inputs`: images [height, width, channels] of
    bytes, or where `real` says so vectors [n] of real numbers. Images are brought to the size
    `resize` and the colour mode `mode`, where these are not None. The labels lie where `labels`
    says; of the classes, called `class_names`, they are the indices or, where these are not None,
    the `values`. `counts` and `records` are the number of examples and the names of the record
    files of the splits `train` and `test`, in this order.
    """

    folder: Path
    file_format: str
    inputs: Inputs
    shape: tuple[int, ...]
    real: bool
    resize: tuple[int, int] | None
    mode: str | None
    labels: LabelRecords
    class_names: tuple[str, ...]
    values: tuple[int, ...] | None
    splits: tuple[str, str]
    counts: tuple[int, int]
    records: tuple[tuple[str, ...], tuple[str, ...]]

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the files that decide what is read."""
        labels = sorted(path.name for path in self.folder.glob("*.labels.txt"))
        return tuple(dict.fromkeys((FEATURES, *labels, *self.records[0], *self.records[1])))

    @property
    def classes(self) -> int:
        """Return the number of classes."""
        return len(self.class_names)

    @property
    def label(self) -> str:
        """Return the feature with the labels."""
        return self.labels.feature

    @property
    def converts(self) -> bool:
        """Tell whether images are brought to a size or a colour mode."""
        return self.resize is not None or self.mode is not None

    @property
    def head(self) -> str:
        """Return what decides, besides the files, which examples are read in which order."""
        return json.dumps([self.file_format, self.inputs, self.label, self.splits, self.counts])

    @property
    def facts(self) -> Facts:
        """Return what is known of the examples; those of each class are counted when asked for."""
        return Facts(
            self.shape, self.classes, *self.counts, self.class_names, count_sizes=self.sizes
        )

    def sizes(self) -> Sizes | None:
        """Count the examples of each class; None where the files are damaged."""
        try:
            train, test = tfds_labels.counted(self.labels)
        except DataError:
            return None
        return self._in_order(train), self._in_order(test)

    def _in_order(self, counts: Counts) -> tuple[int, ...]:
        values = range(self.classes) if self.values is None else self.values
        return tuple(counts.get(value, 0) for value in values)


def folder_of(parameters: Mapping[str, Any], data_dir: Path) -> Path:
    """Return the folder of a person's own data set, or of its configuration, as TFDS has it."""
    folder = data_dir / parameters["dataset"]
    config = parameters.get("config")
    return folder / config if config else folder


def selection_of(parameters: Mapping[str, Any]) -> Selection:
    """Return what a specification wants of a person's own data set."""
    inputs = parameters.get("inputs")
    return Selection(
        train=parameters.get("train_split", "train"),
        test=parameters.get("test_split", "test"),
        inputs=tuple(inputs) if isinstance(inputs, list) else inputs,
        label=parameters.get("label"),
        resize=tuple(parameters["resize"]) if parameters.get("resize") else None,
        mode=parameters.get("mode"),
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
        described = _described(folder)
        if described.file_format not in (IN_ORDER, RANDOM_ACCESS):
            raise DataError(
                f"{folder} is prepared in the file format {described.file_format}; {IN_ORDER} and "
                f"{RANDOM_ACCESS} are read"
            )
        _check_classes(folder, described.features)
        return _read_prepared(described, selection)
    except _OTHER_FORM as error:
        raise DataError(
            f"{folder} is damaged, or was prepared by a version of TFDS whose files are not "
            f"known ({type(error).__name__}: {error}): prepare it again"
        ) from error


_OTHER_FORM = (LookupError, TypeError, ValueError, AttributeError)
"""What comes of files of another form than TFDS writes."""


def unfit(folder: Path, selection: Selection) -> Iterator[Unfit]:
    """Yield the settings that do not go with what is prepared in the folder of one version.

    Raises:
        DataError: its files cannot be read.
    """
    described = _described(folder)
    checks: tuple[Callable[[], object], ...] = (
        lambda: _input(described, selection),
        lambda: _check_label(described, _label_name(described, selection)),
        lambda: _parts(described, selection.train, "train_split"),
        lambda: _parts(described, selection.test, "test_split"),
        lambda: _check_apart(described, selection),
        lambda: _check_tested(described, selection),
    )
    for check in checks:
        try:
            check()
        except Unfit as fault:
            yield fault
        except (DataError, *_OTHER_FORM):
            continue  # the files are at fault, and reading them says so


@dataclass(frozen=True)
class _Described:
    """What the files of a version say of it."""

    folder: Path
    info: Any
    features: Any

    @property
    def file_format(self) -> str:
        return str(self.info.get("fileFormat", IN_ORDER))


def _described(folder: Path) -> _Described:
    return _Described(folder, *(_parsed(folder / name) for name in (INFO, FEATURES)))


def _read_prepared(described: _Described, selection: Selection) -> Prepared:
    found = _input(described, selection)
    label = _label_name(described, selection)
    _check_label(described, label)
    train = _parts(described, selection.train, "train_split")
    test = _parts(described, selection.test, "test_split")
    _check_apart(described, selection)
    labels = _label_records(described, label, train, test)
    values = _values(labels, _feature(described, label, ("label",)))
    names = _class_names(described, label) if values is None else tuple(map(str, values))
    return Prepared(
        folder=described.folder,
        file_format=described.file_format,
        inputs=found.names,
        shape=found.shape,
        real=found.real,
        resize=selection.resize,
        mode=found.mode,
        labels=labels,
        class_names=names,
        values=values,
        splits=(selection.train, selection.test),
        counts=(tfds_splits.count(train), tfds_splits.count(test)),
        records=(_records(described, train), _records(described, test)),
    )


def _input_names(described: _Described, selection: Selection) -> Inputs:
    return selection.inputs or _usual(described, 0)


def _label_name(described: _Described, selection: Selection) -> str:
    return selection.label or _usual(described, 1)


def _usual(described: _Described, place: int) -> str:
    """Return the feature that a data set says is its input (0) or its label (1)."""
    name = _supervised(described.info)[place]
    if name is None:
        features = ", ".join(described.features["featuresDict"]["features"])
        raise Unfit(
            (("inputs",), ("label",))[place],
            f"{described.folder} does not say which features are inputs and labels: give the data "
            f"set's inputs and label, of {features}",
        )
    return name


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


def _feature(described: _Described, name: str, setting: Setting) -> Any:
    """Return a feature by its name, or by its path where it is within a dictionary."""
    inner = described.features["featuresDict"]["features"]
    *above, last = name.split("/")
    for part in above:
        inner = inner.get(part, {}).get("featuresDict", {}).get("features", {})
    if last not in inner:
        there = list(_leaves(described.features))
        raise UnknownName(setting, "feature", name, there, str(described.folder))
    return inner[last]


def _leaves(feature: Any, path: str = "") -> Iterator[str]:
    """Yield the paths of all features within one."""
    for name, each in feature.get("featuresDict", {}).get("features", {}).items():
        inner = list(_leaves(each, f"{path}{name}/"))
        yield from inner or [f"{path}{name}"]


class _Input(NamedTuple):
    """The features that are the input, its shape, and whether it is of real numbers.

    `mode` is the colour mode that images are brought to, None where they stay as they are.
    """

    names: Inputs
    shape: tuple[int, ...]
    real: bool
    mode: str | None = None


def _input(described: _Described, selection: Selection) -> _Input:
    names = _input_names(described, selection)
    feature = _feature(described, names, ("inputs",)) if isinstance(names, str) else {}
    shape, dtype = _form(feature)
    if isinstance(names, str) and len(shape) == 3 and dtype == "uint8":
        return _image(described, names, selection)
    found = _vector(described, names)
    if selection.converts is not None:
        named = names if isinstance(names, str) else listed(names, _MOST_NAMED)
        raise Unfit(
            (selection.converts,),
            f"{selection.converts} is for images: {named} of {described.folder} are numbers",
        )
    return found


def _vector(described: _Described, names: Inputs) -> _Input:
    if isinstance(names, tuple):
        return _Input(names, (sum(_widths(described, names)),), True)
    feature = _feature(described, names, ("inputs",))
    if "featuresDict" in feature:
        within = tuple(sorted(_leaves(feature, f"{names}/")))
        return _Input(within, (sum(_widths(described, within)),), True)
    shape, dtype = _form(feature)
    if len(shape) == 1 and shape[0] > 0 and "tensor" in feature and _NUMBERS.fullmatch(dtype):
        return _Input(names, shape, True)
    raise _no_input(
        described,
        names,
        ("inputs",),
        "images uint8 [height, width, channels] and vectors of numbers [n]",
    )


def _image(described: _Described, name: str, selection: Selection) -> _Input:
    """Return the images of a feature, of one size and with as many channels.

    Raises:
        Unfit: nothing tells their size, or how many channels they have.
    """
    feature = _feature(described, name, ("inputs",))
    shape, _ = _form(feature)
    height, width, channels = shape
    if min(shape) < 1 and "image" not in feature:
        raise _no_input(described, name, ("inputs",), "of arrays, images of one size")
    what = f"{described.folder}: the images of its feature {name}"
    if min(height, width) < 1 and selection.resize is None:
        raise Unfit(("resize",), f"{what} vary in size, and `resize` makes them one size")
    if channels < 1 and selection.mode is None:
        raise Unfit(("mode",), f"{what} vary, and `mode` makes them all grey or all colour")
    if selection.converts is None:
        return _Input(name, shape, False)
    mode = selection.mode or _MODE_OF.get(channels)
    size = selection.resize or (height, width)
    return _Input(name, (*size, CHANNELS[mode] if mode else channels), False, mode)


def _widths(described: _Described, names: Sequence[str]) -> Iterator[int]:
    """Yield how many numbers each of some features adds to a vector."""
    for place, name in enumerate(names):
        feature = _feature(described, name, ("inputs", place))
        shape, dtype = _form(feature)
        if "tensor" not in feature or len(shape) > 1 or not _NUMBERS.fullmatch(dtype):
            raise _no_input(described, name, ("inputs", place), "of several, numbers and vectors")
        if min(shape, default=1) < 1:
            raise _no_input(described, name, ("inputs", place), "of several, those of a fixed size")
        yield shape[0] if shape else 1


def _form(feature: Any) -> tuple[tuple[int, ...], str]:
    """Return the shape of a feature, of which -1 is not known, and the type of its values."""
    content = feature.get("image") or feature.get("tensor") or {}
    dimensions = content.get("shape", {}).get("dimensions", [])
    return tuple(int(side) for side in dimensions), str(content.get("dtype"))


def _no_input(described: _Described, name: str, setting: Setting, read: str) -> Unfit:
    what = _kind(_feature(described, name, setting))
    return Unfit(
        setting,
        f"{described.folder}: its feature {name} ({what}) cannot be an input: {read} are read",
    )


def _kind(feature: Any) -> str:
    """Return the class of a feature, and the type and shape of its values."""
    shape, dtype = _form(feature)
    name = str(feature.get("pythonClassName", "")).rpartition(".")[2]
    return f"{name}, {dtype} [{', '.join(['?' if side < 0 else str(side) for side in shape])}]"


def _class_names(described: _Described, name: str) -> tuple[str, ...]:
    """Return the names of the classes of a ClassLabel; numbers where it has none."""
    feature = _feature(described, name, ("label",))
    count = int(feature["classLabel"]["numClasses"])
    try:
        lines = files.read_bytes(described.folder / f"{name}.labels.txt", _LARGEST_INFO).decode()
    except (OSError, ValueError):
        return tuple(map(str, range(count)))
    names = tuple(lines.splitlines())
    return names if len(names) == count else tuple(map(str, range(count)))


def _check_label(described: _Described, name: str) -> None:
    """Check that a feature can be the label.

    Raises:
        Unfit: it is neither a ClassLabel nor an integer.
    """
    feature = _feature(described, name, ("label",))
    shape, dtype = _form(feature)
    integer = "tensor" in feature and not shape and _INTEGERS.fullmatch(dtype)
    if "classLabel" not in feature and not integer:
        raise Unfit(
            ("label",),
            f"{described.folder}: its feature {name} ({_kind(feature)}) cannot be the label: "
            "a ClassLabel and an integer are read",
        )


def _label_records(
    described: _Described, label: str, train: tfds_splits.Parts, test: tfds_splits.Parts
) -> LabelRecords:
    splits = dict.fromkeys(part.split for part in (*train, *test))
    return LabelRecords(
        folder=described.folder,
        file_format=described.file_format,
        feature=label,
        files={split: _split(described, split) for split in splits},
        train=train,
        test=test,
    )


def _values(labels: LabelRecords, feature: Any) -> tuple[int, ...] | None:
    """Return the different integers that are labels for training, sorted; None for a ClassLabel.

    Raises:
        Unfit: another one is for testing.
        DataError: the labels cannot be read.
    """
    if "classLabel" in feature:
        return None
    train, test = tfds_labels.counted(labels)
    try:
        own_labels.check_known(test, train, str(labels.folder))
    except DataError as error:
        raise Unfit(("test_split",), str(error)) from error
    return tuple(sorted(train))


def _check_tested(described: _Described, selection: Selection) -> None:
    """Check that all labels for testing are also for training.

    Raises:
        Unfit: one is not.
    """
    label = _label_name(described, selection)
    try:
        _check_label(described, label)
        train = _parts(described, selection.train, "train_split")
        test = _parts(described, selection.test, "test_split")
    except Unfit:
        return
    records = _label_records(described, label, train, test)
    _values(records, _feature(described, label, ("label",)))


def _parts(described: _Described, written: str, setting: str) -> tfds_splits.Parts:
    """Return the parts of splits that a setting names."""
    splits = described.info.get("splits", [])
    sizes = {each["name"]: sum(map(int, each.get("shardLengths", []))) for each in splits}
    return tfds_splits.parts(written, sizes, setting, str(described.folder))


def _check_apart(described: _Described, selection: Selection) -> None:
    """Check that no example is for both training and testing.

    Raises:
        Unfit: one is.
    """
    try:
        train = _parts(described, selection.train, "train_split")
        test = _parts(described, selection.test, "test_split")
    except Unfit:
        return
    if tfds_splits.overlap(train, test):
        raise Unfit(
            ("test_split",),
            f"{selection.test} has examples of {selection.train}: what a network is tested on must "
            "not be what it is trained on",
        )


def _records(described: _Described, parts: tfds_splits.Parts) -> tuple[str, ...]:
    """Return the names of the record files of the splits that some parts are of."""
    return tuple(
        name
        for split in dict.fromkeys(part.split for part in parts)
        for name in _split(described, split)
    )


def _split(described: _Described, name: str) -> tuple[str, ...]:
    """Return the names of a split's record files; raises DataError where they are not whole."""
    folder, info, file_format = described.folder, described.info, described.file_format
    split = next(each for each in info["splits"] if each["name"] == name)
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
    if file_format == IN_ORDER and split.get("numBytes") and size != expected:
        raise DataError(
            f"{folder} is damaged: the files of its split {name} have {size:,} instead of "
            f"{expected:,} bytes: prepare it again"
        )
    return tuple(names)


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
