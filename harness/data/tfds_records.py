"""The record files that TFDS writes, read without it. Imports neither TensorFlow nor NumPy."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from harness.data.digests import reason
from harness.data.errors import DataError
from harness.system import files

IN_ORDER = "tfrecord"
RANDOM_ACCESS = "array_record"
"""TFDS's file formats that are read: one after the other, and by index."""

_HEAD = 12
"""Bytes before a record of a TFRecord file: its length, and a checksum of that."""

_TAIL = 4
"""Bytes after it: its own checksum."""

_READ_AT_ONCE = 1024


def records_of(path: Path, file_format: str) -> Iterator[bytes]:
    """Yield the records of a file, in their order; their checksums are not looked at.

    Raises:
        DataError: it cannot be read, or is cut off.
    """
    yield from _in_order(path) if file_format == IN_ORDER else _by_index(path)


def _in_order(path: Path) -> Iterator[bytes]:
    """Yield the records of a TFRecord file: each lies between its length and checksums.

    Source: https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details
    """
    try:
        with files.open_regular(path) as file:
            left = os.fstat(file.fileno()).st_size
            while head := file.read(_HEAD):
                size = int.from_bytes(head[:8], "little")
                left -= _HEAD + size + _TAIL
                if left < 0:
                    raise DataError(f"{path} is damaged: it ends within a record")
                yield file.read(size)
                file.seek(_TAIL, os.SEEK_CUR)
    except OSError as error:
        raise DataError(f"cannot read {path}: {reason(error)}") from error


def _by_index(path: Path) -> Iterator[bytes]:
    """Yield the records of an ArrayRecord file."""
    from array_record.python.array_record_module import ArrayRecordReader

    try:
        reader = ArrayRecordReader(str(path))
        there = reader.num_records()
        for first in range(0, there, _READ_AT_ONCE):
            yield from reader.read(first, min(first + _READ_AT_ONCE, there))
        reader.close()
    except (OSError, RuntimeError, ValueError, IndexError) as error:
        raise DataError(f"cannot read {path}: {error}") from error
