"""A person's own arrays and tables as a TFDS dataset, prepared from its files on first use."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds
from numpy.typing import NDArray

from harness.data import arrays, tables
from harness.data.digests import Digest, changed_meanwhile, reason
from harness.data.info import Content, Request
from harness.data.own_examples import Pair, examples
from harness.data.preparing import made_here, not_as_made
from harness.data.records import DataError, Examples, Split
from harness.data.rows import whole
from harness.data.tables import Reading, Table
from harness.system import files

_DIGITS = 32
"""Hexadecimal digits of the digest that names a configuration."""


class OwnArraysConfig(tfds.core.BuilderConfig):
    """The examples of some files, named by what identifies them, so that each has a folder."""

    def __init__(self, found: Examples, identity: str) -> None:
        super().__init__(name=identity, description="examples of a person's own files")
        self.examples = found


class OwnArrays(tfds.core.GeneratorBasedBuilder):
    """Examples of a person's own files.

    Features: `inputs`, uint8 [height, width, channels] or float32 [n], and `label`. The splits
    `train` and `test` have the order of the files.
    """

    VERSION = tfds.core.Version("1.0.0")

    def _info(self) -> tfds.core.DatasetInfo:
        found = self.builder_config.examples
        inputs = found.train.inputs
        return tfds.core.DatasetInfo(
            builder=self,
            description=self.__doc__,
            features=tfds.features.FeaturesDict(
                {
                    "inputs": tfds.features.Tensor(shape=inputs.shape[1:], dtype=inputs.dtype),
                    "label": tfds.features.ClassLabel(names=list(found.classes)),
                }
            ),
            supervised_keys=("inputs", "label"),
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Any]:
        found = self.builder_config.examples
        return {
            "train": self._generate_examples(found.train),
            "test": self._generate_examples(found.test),
        }

    def _generate_examples(self, split: Split) -> Iterator[tuple[int, dict[str, Any]]]:
        rows = zip(whole(split.inputs), split.labels.tolist(), strict=True)
        for index, (row, label) in enumerate(rows):
            yield index, {"inputs": row, "label": label}


def load_csv(request: Request, content: Content) -> Examples:
    """Load the tables in a person's CSV files."""
    by_path = {Path(each.path): each for each in content.digests}

    def read(path: Path, reading: Reading) -> Table:
        return tables.parse(path, _read(by_path[path]), reading)

    train, test = tables.both(list(by_path), Reading.of(request.parameters), read)
    found = examples(
        _pair(train),
        None if test is None else _pair(test),
        request.parameters,
        content.digests[-1].path,
    )
    return _by_tfds(found, request, content)


def load_npz(request: Request, content: Content) -> Examples:
    """Load the arrays in a person's NumPy file."""
    (digest,) = content.digests
    train, test = arrays.pairs(Path(digest.path), _read(digest), request.parameters)
    found = examples(train, test, request.parameters, digest.path)
    return _by_tfds(found, request, content)


def _pair(table: Table) -> Pair:
    numbers = np.frombuffer(table.numbers, np.float64).astype(np.float32)
    return Pair(numbers.reshape(len(table.labels), -1), np.array(table.labels))


def _read(digest: Digest) -> bytes:
    """Read a file, and check that it still has its digest."""
    try:
        content = files.read_bytes(Path(digest.path))
    except OSError as error:
        raise DataError(f"cannot read {digest.path}: {reason(error)}") from error
    if hashlib.sha256(content).digest() != digest.sha256:
        raise DataError(changed_meanwhile(digest.path))
    return content


def _by_tfds(found: Examples, request: Request, content: Content) -> Examples:
    """Prepare examples with TFDS where they are not yet, and read them.

    Raises:
        DataError: what lies prepared is not what the files hold.
    """
    builder = OwnArrays(
        config=OwnArraysConfig(found, _identity(request, content)),
        data_dir=str(request.data_dir),
    )
    read = made_here(builder, request.data_dir, found.maximum)
    if read.classes != found.classes or not (
        _equal(read.train, found.train) and _equal(read.test, found.test)
    ):
        raise not_as_made(builder)
    return read


def _equal(one: Split, other: Split) -> bool:
    return _alike(whole(one.inputs), whole(other.inputs)) and _alike(one.labels, other.labels)


def _alike(one: NDArray[Any], other: NDArray[Any]) -> bool:
    return one.dtype == other.dtype and np.array_equal(one, other)


def _identity(request: Request, content: Content) -> str:
    """Return a digest of all that decides the examples, wherever the files lie."""
    located = request.info.origin.location_parameters
    parameters = {k: v for k, v in sorted(request.parameters.items()) if k not in located}
    named = json.dumps([request.name, parameters, content.sha256])
    return hashlib.sha256(named.encode()).hexdigest()[:_DIGITS]
