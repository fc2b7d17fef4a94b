"""Loading data sets: each by the function that its row of the catalogue names.

The order of examples is the same on every machine: folders of images by (class, file name), all
others as they were made or as their builder wrote them.
"""

from __future__ import annotations

import functools
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from pkgutil import resolve_name

import numpy as np

from harness.data import archives, class_subset, folders, prepared, randomness
from harness.data.availability import content, requested, why_unavailable
from harness.data.conversion import Conversion
from harness.data.info import Content, Request
from harness.data.origins import ImageArchive
from harness.data.places import at_home
from harness.data.randomness import Stream
from harness.data.records import DataError, Examples, Split
from harness.data.rows import Chosen, materialized
from harness.data.splitting import SeededSplit
from harness.experiment import Dataset, OwnPart
from harness.words import listed

Loader = Callable[[Request, Content], Examples]
"""Loads a data set whole: what a row of the catalogue names as its origin's `loader`."""

SUBSET = Stream(0, "subset")
"""What the order is drawn from in which a split's examples are taken."""


@dataclass(frozen=True)
class _Loading:
    """What is to be loaded, as the key of what was loaded last; `parameters` is JSON."""

    name: str
    parameters: str
    train_examples: int | None
    test_examples: int | None
    classes: tuple[str | int, ...] | None
    data_dir: Path
    content: Content
    own: OwnPart | None


_LOADING = threading.Lock()
"""Held while data are loaded: once for all threads that ask for them, and since TFDS parses Python,
which Python itself does in one thread at a time.
"""


def load(dataset: Dataset, data_dir: Path) -> Examples:
    """Load the examples that a run sees, before randomization; nothing is downloaded.

    Data that are made here are prepared below `data_dir` on first use. Of a split of n examples
    `train_examples` (`test_examples`) takes the first ones of a permutation that is the same for
    all run seeds, in that order: a smaller subset is part of a larger one. Where `classes` are
    named, the examples of these are the split, and their labels are their places there. Inputs that
    fit are in memory (`harness.data.rows.LARGEST_IN_MEMORY`), others are read when they are asked
    for. The last ones loaded are kept, read-only, so that runs of one plan read them once. What is
    read is what the digest of the content says, also when it is read later.

    Raises:
        DataError: data are missing, damaged, changed meanwhile, or fewer than asked for.
    """
    with _LOADING:
        return _last_loaded(_checked(dataset, data_dir))


def read(dataset: Dataset, data_dir: Path) -> Examples:
    """Load the examples as `load` does, but from their files, whatever was loaded before."""
    with _LOADING:
        return _read(_checked(dataset, data_dir))


def _checked(dataset: Dataset, data_dir: Path) -> _Loading:
    name, parameters = dataset.source.name, dict(dataset.source.parameters)
    unavailable = why_unavailable(name, parameters, data_dir)
    if unavailable:
        raise DataError(unavailable)
    return _Loading(
        name=name,
        parameters=json.dumps(parameters, sort_keys=True),
        train_examples=dataset.train_examples,
        test_examples=dataset.test_examples,
        classes=dataset.classes,
        data_dir=data_dir,
        content=content(name, parameters, data_dir),
        own=dataset.source.own,
    )


def _read(asked: _Loading) -> Examples:
    name, data_dir = asked.name, asked.data_dir
    request = requested(name, json.loads(asked.parameters), data_dir)
    try:
        found = load_whole(replace(request, own=asked.own), asked.content)
    except OSError as error:
        raise DataError(f"cannot read or make {name} in {data_dir}: {error}") from error
    found = found if asked.classes is None else _of_classes(found, asked.classes, name)
    return replace(
        found,
        train=_subset(found.train, asked.train_examples, f"{name} has {{}} training examples"),
        test=_subset(found.test, asked.test_examples, f"{name} has {{}} test examples"),
        content=asked.content.sha256,
        version=asked.content.version,
    )


_last_loaded = functools.lru_cache(maxsize=2)(_read)


def load_whole(request: Request, content: Content) -> Examples:
    """Load all examples of a data set by the function that its row names.

    Raises:
        DataError: data are damaged, or changed since their digests were made.
    """
    loader: Loader = resolve_name(request.info.origin.loader)
    return loader(request, content)


def load_image_folder(request: Request, content: Content) -> Examples:
    """Load a person's folder of images."""
    parameters = request.parameters
    size = parameters.get("resize")
    conversion = Conversion(parameters.get("mode"), tuple(size) if size is not None else None)
    split = None
    if parameters.get("test_share") is not None:
        split = SeededSplit(parameters["test_share"], parameters.get("split_seed", 0))
    return folders.examples(at_home(parameters["path"]), content.digests, conversion, split)


def load_image_archive(request: Request, found: Content) -> Examples:
    """Load the images of an archive, which is unpacked first where it is still packed."""
    origin = request.info.origin
    if not found.digests and isinstance(origin, ImageArchive):
        archives.import_archive(request.name, origin.find() or Path(), request.data_dir)
        found = content(request.name, request.parameters, request.data_dir)
    return folders.examples(request.info.origin.folder(request), found.digests)


def load_prepared_data(request: Request, content: Content) -> Examples:
    """Load what TFDS has prepared."""
    found = content.prepared
    if found is None:
        raise DataError(f"the data in {request.data_dir} were removed meanwhile")
    return prepared.load_prepared(found, content.digests, 1.0 if found.real else 255.0)


def _of_classes(found: Examples, wanted: class_subset.Wanted, name: str) -> Examples:
    """Return the examples of some classes, whose places are their labels.

    Raises:
        DataError: there is no such class, or a split has no example of any.
    """
    places = class_subset.indices(wanted, found.classes, name)
    renumbered = np.full(len(found.classes), -1, np.int32)
    renumbered[places] = np.arange(len(places))

    def chosen(split: Split) -> Split:
        labels = renumbered[split.labels]
        (kept,) = np.nonzero(labels >= 0)
        if not len(kept):
            raise DataError(f"{name} has a split without an example of {listed(names, 3)}")
        return Split(Chosen(split.inputs, kept), labels[kept])

    names = tuple(found.classes[place] for place in places)
    return replace(found, train=chosen(found.train), test=chosen(found.test), classes=names)


def _subset(split: Split, count: int | None, have: str) -> Split:
    n = len(split)
    if count is not None:
        if count > n:
            raise DataError(f"{have.format(n)}, {count} were asked for")
        chosen = randomness.permutation(SUBSET, n)[:count]
        split = Split(Chosen(split.inputs, chosen), split.labels[chosen])
    split = materialized(split)
    for array in (split.inputs, split.labels):
        if isinstance(array, np.ndarray):
            array.flags.writeable = False
    return split
