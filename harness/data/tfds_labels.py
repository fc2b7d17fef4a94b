"""Labels in the record files that TFDS wrote, counted without TFDS: how many examples each has.

Each record is a tf.train.Example, of which only the label is looked at. Nothing here imports
TensorFlow or NumPy.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import time
from array import array
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.protobuf import (
    descriptor_pb2,
    descriptor_pool,
    message,
    message_factory,
    text_format,
)

from harness.data.digests import Signature, settled, signature_of
from harness.data.errors import DataError
from harness.data.tfds_records import records_of
from harness.data.tfds_splits import Parts
from harness.system import files

_LARGEST_KEPT = 2**26

Counts = Mapping[int, int]
"""How many examples each label has."""


@dataclass(frozen=True)
class LabelRecords:
    """Where the labels of a prepared data set lie.

    `feature` is the path of the label. `files` has the names of the record files of each split that
    `train` or `test` takes parts of, in order.
    """

    folder: Path
    file_format: str
    feature: str
    files: Mapping[str, Sequence[str]]
    train: Parts
    test: Parts


def counted(records: LabelRecords) -> tuple[Counts, Counts]:
    """Count how many examples of each label are for training, and how many for testing.

    What was counted is kept in a file beside the records, as long as these do not change.

    Raises:
        DataError: a file is damaged, or an example has no integer for a label.
    """
    names = sorted({name for each in records.files.values() for name in each})
    signatures = {name: signature_of(f"{records.folder}/{name}") for name in names}
    kept = records.folder / f"label-counts-{_digest(records)}.json"
    known = _load(kept, signatures)
    if known is not None:
        return known
    now = time.time_ns()
    labels = {
        split: array("q", (label for name in each for label in _labels(records, name)))
        for split, each in records.files.items()
    }
    found = _of(labels, records.train), _of(labels, records.test)
    if all(settled(signature, now) for signature in signatures.values()):
        _save(kept, signatures, found)
    return found


def _of(labels: Mapping[str, array[int]], parts: Parts) -> Counts:
    counts: Counter[int] = Counter()
    for part in parts:
        counts.update(labels[part.split][part.start : part.stop])
    return counts


def _digest(records: LabelRecords) -> str:
    """Return what tells apart what may be counted of the same files."""
    parts = [[[part.split, part.start, part.stop] for part in each] for each in _both(records)]
    return hashlib.sha256(json.dumps([records.feature, parts]).encode()).hexdigest()[:16]


def _both(records: LabelRecords) -> tuple[Parts, Parts]:
    return records.train, records.test


def _load(kept: Path, signatures: Mapping[str, Signature]) -> tuple[Counts, Counts] | None:
    """Read what was counted of files that are the same still; None where there is none."""
    try:
        found = json.loads(files.read_bytes(kept, _LARGEST_KEPT))
        train, test = ({int(k): int(n) for k, n in found[name]} for name in ("train", "test"))
        same = found["files"] == {name: list(each) for name, each in signatures.items()}
        return (train, test) if same else None
    except (OSError, ValueError, TypeError, LookupError):
        return None


def _save(kept: Path, signatures: Mapping[str, Signature], found: tuple[Counts, Counts]) -> None:
    train, test = (sorted(each.items()) for each in found)
    content = json.dumps({"files": signatures, "train": train, "test": test})

    def write(path: Path) -> None:
        path.write_text(content)

    with contextlib.suppress(OSError):  # where nothing can be written, it is counted again
        files.sweep(kept.parent)
        files.replace(kept, write)


def _labels(records: LabelRecords, name: str) -> Iterator[int]:
    """Yield the labels in a record file."""
    path = records.folder / name
    example = _example()
    for index, record in enumerate(records_of(path, records.file_format)):
        try:
            feature = example.FromString(record).features.feature[records.feature]
        except message.DecodeError as error:
            raise DataError(f"{path} is damaged: its record {index} is no example") from error
        values = feature.int64_list.value
        if len(values) != 1:
            raise DataError(
                f"{path}: its example {index} has {len(values)} integers for the label "
                f"{records.feature}, not one"
            )
        yield values[0]


_EXAMPLE = """
name: "example.proto" package: "harness" syntax: "proto3"
message_type {
  name: "Example"
  field { name: "features" number: 1 type: TYPE_MESSAGE type_name: "Features" }
}
message_type {
  name: "Features"
  field { name: "feature" number: 1 label: LABEL_REPEATED type: TYPE_MESSAGE type_name: "Named" }
  nested_type {
    name: "Named"
    field { name: "key" number: 1 type: TYPE_STRING }
    field { name: "value" number: 2 type: TYPE_MESSAGE type_name: "Feature" }
    options { map_entry: true }
  }
}
message_type {
  name: "Feature"
  field { name: "int64_list" number: 3 type: TYPE_MESSAGE type_name: "Int64List" }
}
message_type {
  name: "Int64List"
  field { name: "value" number: 1 label: LABEL_REPEATED type: TYPE_INT64 }
}
"""
"""What is needed of tensorflow/core/example/example.proto; other kinds of values are skipped."""


def _example() -> Any:
    """Return the class of the messages that records are."""
    file = text_format.Parse(_EXAMPLE, descriptor_pb2.FileDescriptorProto())
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("harness.Example"))
