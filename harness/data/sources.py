"""Loading datasets: folders of images, and all others through a TFDS builder.

The order of examples is the same on every machine: folders of images by (class, file name), all
others as their builder wrote them.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import io
import json
import sys
import tarfile
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import tensorflow_datasets as tfds
from filelock import FileLock

from harness.data import archives, catalog, folders, prepared, randomness
from harness.data.places import at_home
from harness.data.records import DataError, Examples, Split
from harness.data.rows import Chosen, settled, whole
from harness.data.tfds_files import RANDOM_ACCESS
from harness.experiment import Dataset

Loader = Callable[[Mapping[str, Any], Path, catalog.Content], Examples]
"""Loads a dataset whole, from its parameters, the folder of prepared data and what identifies
it.
"""

SUBSET_SEED = 0
REACH_SECONDS = 15


@dataclass(frozen=True)
class _Wanted:
    """What is to be loaded; `parameters` is JSON."""

    name: str
    parameters: str
    train_examples: int | None
    test_examples: int | None
    data_dir: Path
    content: catalog.Content


def load(dataset: Dataset, data_dir: Path) -> Examples:
    """The examples that a run sees, before randomization; never downloads anything.

    Data that are made here are prepared below `data_dir` on first use. Of a split of n examples
    `train_examples` (`test_examples`) takes the first ones of `permutation(0, "subset", 0, n)`,
    in that order: the same for all run seeds, and a smaller subset is part of a larger one.
    Inputs that fit are in memory (`harness.data.rows.LARGEST_IN_MEMORY`), others are read when they
    are asked for. The last ones loaded are kept, read-only, so that runs side by side in a plan
    read them once. What is read is what the digest of the content says, also when it is read later.
    Raises DataError where data are missing, damaged, changed meanwhile, or fewer than asked for.
    """
    name, parameters = dataset.source.name, dict(dataset.source.parameters)
    missing = catalog.SOURCES[name].missing(parameters, data_dir)
    if missing:
        raise DataError(missing)
    content = catalog.content(name, parameters, data_dir)
    text = json.dumps(parameters, sort_keys=True)
    return _load(
        _Wanted(name, text, dataset.train_examples, dataset.test_examples, data_dir, content)
    )


@functools.lru_cache(maxsize=2)
def _load(wanted: _Wanted) -> Examples:
    name, data_dir = wanted.name, wanted.data_dir
    try:
        found = LOADERS[name](json.loads(wanted.parameters), data_dir, wanted.content)
    except OSError as error:
        raise DataError(f"cannot read or make {name} in {data_dir}: {error}") from error
    return Examples(
        train=_subset(found.train, wanted.train_examples, f"{name} has {{}} training examples"),
        test=_subset(found.test, wanted.test_examples, f"{name} has {{}} test examples"),
        classes=found.classes,
        maximum=found.maximum,
        content=wanted.content.sha256,
    )


def prepare(name: str, parameters: Mapping[str, Any], data_dir: Path) -> None:
    """Prepare the dataset `name` below `data_dir`: one of TFDS's catalogue, downloaded, or one of a
    person's archives.

    `parameters` are the dataset's. Raises DataError for a dataset that is not prepared this way,
    and where its archives are missing or incomplete or the download fails.
    """
    if name in MANUAL:
        _prepare_archives(name, parameters, data_dir)
    elif name in CATALOGUE:
        _download(name, data_dir)
    elif name == "tfds":
        raise DataError(
            "a data set of one's own is prepared by TFDS: run "
            f"`tfds build --data_dir={data_dir}` in the folder of its builder"
        )
    else:
        raise DataError(
            f"{name} needs no preparation; these do: {', '.join((*CATALOGUE, *MANUAL))}"
        )


def _prepare_archives(name: str, parameters: Mapping[str, Any], data_dir: Path) -> None:
    builder = _by_index(name, parameters, data_dir)
    folder = catalog.find_manual(name, data_dir)
    if folder is None and not builder.is_prepared():
        raise DataError(f"{name} cannot be prepared: {catalog.lacking(name, data_dir)}")
    try:
        _prepare(builder, data_dir, sys.stderr, manual_dir=folder)
    except (OSError, tarfile.TarError, zlib.error, EOFError) as error:
        raise DataError(f"cannot prepare {name} from {folder}: {error}") from error
    # Reads all files once, and the labels, for all runs.
    LOADERS[name](parameters, data_dir, catalog.content(name, parameters, data_dir, progress=True))


def _download(name: str, data_dir: Path) -> None:
    try:
        builder = tfds.builder(name, data_dir=str(data_dir))
        if not builder.is_prepared():
            _reach(CATALOGUE[name])
        _prepare(builder, data_dir, sys.stderr)
    except (OSError, tfds.download.DownloadError) as error:
        raise DataError(f"cannot download and prepare {name}: {error}") from error


def _reach(url: str) -> None:
    """Raise OSError where a server does not answer: TFDS would try for minutes before it says
    so.
    """
    request = urllib.request.Request(url, method="HEAD")
    with contextlib.suppress(urllib.error.HTTPError):  # an answer too
        urllib.request.urlopen(request, timeout=REACH_SECONDS).close()


def _digits(parameters: Mapping[str, Any], data_dir: Path, content: catalog.Content) -> Examples:
    from harness.data.builders.digits import SHA256, Digits

    builder = _prepare(Digits(data_dir=str(data_dir)), data_dir, io.StringIO())
    examples = prepared.in_memory(builder, maximum=16.0)
    digest = hashlib.sha256()
    for split in (examples.train, examples.test):
        digest.update(whole(split.inputs).tobytes() + split.labels.tobytes())
    if digest.hexdigest() != SHA256:
        raise _not_as_made(builder)
    return examples


def _blobs(parameters: Mapping[str, Any], data_dir: Path, content: catalog.Content) -> Examples:
    from harness.data.builders.blobs import Blobs, BlobsConfig, BlobsParameters, draw

    points = BlobsParameters(
        train_per_class=int(parameters["train_per_class"]),
        test_per_class=int(parameters["test_per_class"]),
        shift=float(parameters["shift"]),
        data_seed=int(parameters["data_seed"]),
    )
    builder = Blobs(config=BlobsConfig(points), data_dir=str(data_dir))
    examples = prepared.in_memory(_prepare(builder, data_dir, io.StringIO()), maximum=1.0)
    for name, split, count in (
        ("train", examples.train, points.train_per_class),
        ("test", examples.test, points.test_per_class),
    ):
        inputs, labels = draw(name, count, points.shift, points.data_seed)
        # Another machine's mathematical functions may round the last bit in another way.
        found = whole(split.inputs)
        alike = inputs.shape == found.shape and np.allclose(inputs, found, 1e-5, 1e-6)
        if not alike or not np.array_equal(labels, split.labels):
            raise _not_as_made(builder)
    return examples


def _not_as_made(builder: tfds.core.DatasetBuilder) -> DataError:
    return DataError(
        f"{builder.data_path} does not hold what was made there: remove this folder, and it is made"
        " again"
    )


def _image_folder(
    parameters: Mapping[str, Any], data_dir: Path, content: catalog.Content
) -> Examples:
    return folders.examples(at_home(parameters["path"]), content.digests)


def _archive(name: str) -> Loader:
    def loader(parameters: Mapping[str, Any], data_dir: Path, content: catalog.Content) -> Examples:
        if not content.digests:  # it is still packed
            archives.import_archive(name, catalog.find_archive(name) or Path(), data_dir)
            content = catalog.content(name, parameters, data_dir)
        return folders.examples(catalog.unpacked_folder(name, data_dir), content.digests)

    return loader


def _prepared(parameters: Mapping[str, Any], data_dir: Path, content: catalog.Content) -> Examples:
    found = content.prepared
    if found is None:
        raise DataError(f"the data in {data_dir} were removed meanwhile")
    return prepared.load_prepared(found, content.digests, 1.0 if found.real else 255.0)


def _by_index(name: str, parameters: Mapping[str, Any], data_dir: Path) -> tfds.core.DatasetBuilder:
    try:
        return MANUAL[name](parameters, data_dir)
    except ValueError as error:
        raise DataError(
            f"{data_dir / name} is prepared in another way than {RANDOM_ACCESS}: {error}"
        ) from error


def _cinic10(parameters: Mapping[str, Any], data_dir: Path) -> tfds.core.DatasetBuilder:
    from harness.data.builders.cinic10 import Cinic10

    return Cinic10(data_dir=str(data_dir), file_format=RANDOM_ACCESS)


def _restricted_imagenet(parameters: Mapping[str, Any], data_dir: Path) -> tfds.core.DatasetBuilder:
    from harness.data.builders.restricted_imagenet import (
        RestrictedImagenet,
        RestrictedImagenetConfig,
    )

    config = RestrictedImagenetConfig(int(parameters["size"]))
    return RestrictedImagenet(config=config, data_dir=str(data_dir), file_format=RANDOM_ACCESS)


CATALOGUE = {
    "cifar10": "https://www.cs.toronto.edu/~kriz/cifar.html",
    "cifar100": "https://www.cs.toronto.edu/~kriz/cifar.html",
    "mnist": "https://storage.googleapis.com/cvdf-datasets/mnist/train-labels-idx1-ubyte.gz",
    "fashion_mnist": (
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/train-labels-idx1-ubyte.gz"
    ),
}
"""The datasets of TFDS's own catalogue, and a page of the server that each is downloaded from."""

MANUAL: dict[str, Callable[[Mapping[str, Any], Path], tfds.core.DatasetBuilder]] = {
    "cinic10": _cinic10,
    "restricted_imagenet": _restricted_imagenet,
}
"""The builders of the datasets that are prepared from archives which a person brings."""

LOADERS: dict[str, Loader] = {
    "digits": _digits,
    "blobs": _blobs,
    "image_folder": _image_folder,
    "cifar10_jpeg": _archive("cifar10_jpeg"),
    "tfds": _prepared,
    **dict.fromkeys((*CATALOGUE, *MANUAL), _prepared),
}
"""Every dataset by name: the same names as `harness.data.catalog.SOURCES`."""


def _subset(split: Split, count: int | None, have: str) -> Split:
    n = len(split)
    if count is not None:
        if count > n:
            raise DataError(f"{have.format(n)}, {count} were asked for")
        chosen = randomness.permutation(SUBSET_SEED, "subset", 0, n)[:count]
        split = Split(Chosen(split.inputs, chosen), split.labels[chosen])
    split = settled(split)
    for array in (split.inputs, split.labels):
        if isinstance(array, np.ndarray):
            array.flags.writeable = False
    return split


def _prepare(
    builder: tfds.core.DatasetBuilder,
    data_dir: Path,
    output: IO[str],
    manual_dir: Path | None = None,
) -> tfds.core.DatasetBuilder:
    """Prepare what is not prepared yet; what TFDS says on the standard output goes to `output`."""
    if builder.is_prepared():
        return builder
    tfds.disable_progress_bar()
    lock = data_dir / "harness" / f"{builder.info.full_name.replace('/', '.')}.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    config = tfds.download.DownloadConfig(try_download_gcs=False, manual_dir=manual_dir)
    with (
        FileLock(lock),
        contextlib.redirect_stdout(output),
    ):  # does nothing where another process was first
        builder.download_and_prepare(download_config=config)
    if not builder.info.initialized:  # the other process was ready after this builder had looked
        builder.info.read_from_directory(builder.data_path)
    return builder
