"""Loading datasets into memory, every one through a TFDS builder.

The one module that imports TFDS. The order of examples is the same on every machine: folders of
images by (class, file name), all others as their builder wrote them.
"""

from __future__ import annotations

import contextlib
import functools
import io
import json
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds
from filelock import FileLock

from harness.data import archives, catalog, randomness
from harness.data.records import DataError, Examples, Split
from harness.spec.records import Dataset

SUBSET_SEED = 0
READ_BATCH = 1024
REACH_SECONDS = 15


def load(dataset: Dataset, data_dir: Path) -> Examples:
    """The examples that a run sees, before randomization; never downloads anything.

    Data that are made here are prepared below `data_dir` on first use. Of a split of n examples
    `train_examples` (`test_examples`) takes the first ones of `permutation(0, "subset", 0, n)`,
    in that order: the same for all run seeds, and a smaller subset is part of a larger one.
    The last ones loaded are kept, read-only, so that runs side by side in a plan read them once.
    Raises DataError where data are missing, damaged or fewer than asked for.
    """
    name, parameters = dataset.source.name, dict(dataset.source.parameters)
    missing = catalog.SOURCES[name].missing(parameters, data_dir)
    if missing:
        raise DataError(missing)
    content = catalog.SOURCES[name].fingerprint(parameters, data_dir)
    identity = json.dumps([name, parameters, content, dataset.train_examples, dataset.test_examples], sort_keys=True)
    return _load(identity, data_dir)


@functools.lru_cache(maxsize=2)
def _load(identity: str, data_dir: Path) -> Examples:
    name, parameters, _, train_examples, test_examples = json.loads(identity)
    try:
        whole = LOADERS[name](parameters, data_dir)
    except OSError as error:
        raise DataError(f"cannot read or make {name} in {data_dir}: {error}") from error
    return Examples(
        train=_subset(whole.train, train_examples, f"{name} has {{}} training examples"),
        test=_subset(whole.test, test_examples, f"{name} has {{}} test examples"),
        classes=whole.classes,
        maximum=whole.maximum,
    )


def prepare(name: str, data_dir: Path) -> None:
    """Prepare the dataset `name` of TFDS's catalogue below `data_dir`, downloading what it needs.

    Raises DataError for a dataset that is not prepared this way and where the download fails.
    """
    if name not in CATALOGUE:
        raise DataError(f"{name} needs no preparation; these do: {', '.join(CATALOGUE)}")
    try:
        builder = tfds.builder(name, data_dir=str(data_dir))
        if not builder.is_prepared():
            _reach(CATALOGUE[name])
        _prepare(builder, data_dir)
    except (OSError, tfds.download.DownloadError) as error:
        raise DataError(f"cannot download and prepare {name}: {error}") from error


def _reach(url: str) -> None:
    """Raise OSError where a server does not answer: TFDS would try for minutes before it says so."""
    request = urllib.request.Request(url, method="HEAD")
    with contextlib.suppress(urllib.error.HTTPError):  # an answer too
        urllib.request.urlopen(request, timeout=REACH_SECONDS).close()


def _digits(parameters: Mapping[str, Any], data_dir: Path) -> Examples:
    from harness.data.builders.digits import Digits

    return _prepared(_prepare(Digits(data_dir=str(data_dir)), data_dir), maximum=16.0)


def _blobs(parameters: Mapping[str, Any], data_dir: Path) -> Examples:
    from harness.data.builders.blobs import Blobs, BlobsConfig, BlobsParameters

    points = BlobsParameters(
        train_per_class=int(parameters["train_per_class"]),
        test_per_class=int(parameters["test_per_class"]),
        shift=float(parameters["shift"]),
        data_seed=int(parameters["data_seed"]),
    )
    return _prepared(_prepare(Blobs(config=BlobsConfig(points), data_dir=str(data_dir)), data_dir), maximum=1.0)


def _image_folder(parameters: Mapping[str, Any], data_dir: Path) -> Examples:
    return _images(Path(parameters["path"]).expanduser())


def _archive(name: str) -> Callable[[Mapping[str, Any], Path], Examples]:
    def loader(parameters: Mapping[str, Any], data_dir: Path) -> Examples:
        if not catalog.is_unpacked(name, data_dir):
            archives.import_archive(name, catalog.find_archive(name) or Path(), data_dir)
        return _images(catalog.unpacked_folder(name, data_dir))

    return loader


def _catalogue(name: str) -> Callable[[Mapping[str, Any], Path], Examples]:
    def loader(parameters: Mapping[str, Any], data_dir: Path) -> Examples:
        builder = tfds.builder(name, data_dir=str(data_dir))
        if not builder.is_prepared():
            raise DataError(
                f"{data_dir} holds another version of {name} than {builder.version}: "
                f"get it with: python -m harness data prepare {name}"
            )
        return _prepared(builder, maximum=255.0)

    return loader


CATALOGUE = {
    "cifar10": "https://www.cs.toronto.edu/~kriz/cifar.html",
    "cifar100": "https://www.cs.toronto.edu/~kriz/cifar.html",
    "mnist": "https://storage.googleapis.com/cvdf-datasets/mnist/train-labels-idx1-ubyte.gz",
    "fashion_mnist": "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/train-labels-idx1-ubyte.gz",
}
"""The datasets of TFDS's own catalogue, and a page of the server that each is downloaded from."""

LOADERS: dict[str, Callable[[Mapping[str, Any], Path], Examples]] = {
    "digits": _digits,
    "blobs": _blobs,
    "image_folder": _image_folder,
    "cifar10_jpeg": _archive("cifar10_jpeg"),
    **{name: _catalogue(name) for name in CATALOGUE},
}
"""Every dataset by name: the same names as `harness.data.catalog.SOURCES`."""


def _subset(split: Split, count: int | None, have: str) -> Split:
    n = len(split)
    if count is not None:
        if count > n:
            raise DataError(f"{have.format(n)}, {count} were asked for")
        chosen = randomness.permutation(SUBSET_SEED, "subset", 0, n)[:count]
        split = Split(split.inputs[chosen], split.labels[chosen])
    split.inputs.flags.writeable = split.labels.flags.writeable = False
    return split


def _prepare(builder: tfds.core.DatasetBuilder, data_dir: Path) -> tfds.core.DatasetBuilder:
    if builder.is_prepared():
        return builder
    tfds.disable_progress_bar()
    lock = data_dir / "harness" / f"{builder.info.full_name.replace('/', '.')}.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    # What is made here is made in a moment: TFDS's announcement on the standard output is for downloads.
    output = sys.stderr if builder.name in CATALOGUE else io.StringIO()
    with FileLock(lock), contextlib.redirect_stdout(output):  # does nothing where another process was first
        builder.download_and_prepare(download_config=tfds.download.DownloadConfig(try_download_gcs=False))
    return builder


def _prepared(builder: tfds.core.DatasetBuilder, maximum: float) -> Examples:
    """Both splits of a builder that has prepared its data, whole, in the order they were written."""
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

    return Examples(split("train"), split("test"), tuple(builder.info.features[target].names), maximum)


def _images(folder: Path) -> Examples:
    """The images `<split>/<class>/<image>` of a folder, uint8, ordered by (class, file name)."""
    builder = tfds.folder_dataset.ImageFolder(str(folder))
    classes = tuple(builder.info.features["label"].names)
    train = _ordered(builder, "train", shape=None)
    test = _ordered(builder, "test", shape=train.inputs.shape[1:])
    for index in np.setdiff1d(test.labels, train.labels)[:1]:
        raise DataError(f"the class {classes[index]} of {folder} has test images and no training images")
    return Examples(train, test, classes, maximum=255.0)


def _ordered(builder: tfds.core.DatasetBuilder, split: str, shape: tuple[int, ...] | None) -> Split:
    """One split of an image folder; every image has `shape`, or that of the first one read."""
    # TFDS's own decoder takes TensorFlow's default JPEG transform, which differs a little from
    # that of PIL and PyTorch.
    data = builder.as_dataset(split=split, decoders={"image": tfds.decode.SkipDecoding()})
    if shape is None:
        shape = _shape(next(data.take(1).as_numpy_iterator())["image/filename"].decode())
    decoded = data.map(
        lambda row: (tf.ensure_shape(_decode(row["image"]), shape), row["label"], row["image/filename"]),
        num_parallel_calls=tf.data.AUTOTUNE,
    )
    try:
        images, labels, files = zip(*decoded.batch(READ_BATCH).prefetch(1).as_numpy_iterator(), strict=True)
    except tf.errors.OpError:
        _name_the_bad_file(data, shape)
        raise
    names, targets = np.concatenate(files), np.concatenate(labels).astype(np.int32)
    order = np.array(sorted(range(len(names)), key=lambda index: (targets[index], names[index])))
    return Split(np.concatenate(images)[order], targets[order])


def _decode(content: tf.Tensor) -> tf.Tensor:
    """The image in the bytes of a JPEG or PNG file; uint8 [height, width, channels]."""
    return tf.cond(
        tf.io.is_jpeg(content),
        lambda: tf.io.decode_jpeg(content, dct_method="INTEGER_ACCURATE"),
        lambda: tf.io.decode_png(content),
    )


def _shape(file: str) -> tuple[int, ...]:
    try:
        return tuple(_decode(tf.io.read_file(file)).shape)
    except tf.errors.OpError as error:
        raise DataError(f"cannot read the image {file}: {str(error.message).strip()}") from error


def _name_the_bad_file(data: tf.data.Dataset, shape: tuple[int, ...]) -> None:
    """Look at the images one by one: an error inside `tf.data` does not say in which file."""
    for row in data.as_numpy_iterator():
        file = row["image/filename"].decode()
        found = _shape(file)
        if found != shape:
            raise DataError(f"the image {file} has the shape {found}, others have {shape}: all must be alike")
