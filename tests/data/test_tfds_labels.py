"""Labels in record files, counted without TFDS: the files here are written by TensorFlow."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
import tensorflow as tf

from harness.data import digests, tfds_labels
from harness.data.errors import DataError
from harness.data.tfds_labels import LabelRecords, counted
from harness.data.tfds_records import IN_ORDER, records_of
from harness.data.tfds_splits import Part

Record = dict[str, tf.train.Feature]


def integers(*values: int) -> tf.train.Feature:
    return tf.train.Feature(int64_list=tf.train.Int64List(value=values))


def record(label: int) -> Record:
    """An example with a label, among values of all kinds."""
    picture = tf.train.BytesList(value=[bytes(300)])
    return {
        "image": tf.train.Feature(bytes_list=picture),
        "table/quality": integers(label),
        "width": tf.train.Feature(float_list=tf.train.FloatList(value=[1.5])),
        "z": integers(7, 8),
    }


def write(path: Path, records: Sequence[Record]) -> None:
    with tf.io.TFRecordWriter(str(path)) as file:
        for each in records:
            example = tf.train.Example(features=tf.train.Features(feature=each))
            file.write(example.SerializeToString())


@pytest.fixture
def records(tmp_path: Path) -> LabelRecords:
    """Two record files of one split, and one of another; in the middle one is no example."""
    write(tmp_path / "a-0", [record(label) for label in (3, -1, 3)])
    write(tmp_path / "a-1", [record(label) for label in (5, 2**40)])
    write(tmp_path / "b-0", [record(label) for label in (5, 3, 3, 9)])
    files = {"a": ("a-0", "a-1"), "b": ("b-0",)}
    train, test = [Part("a", 1, 5), Part("b", 3, 4)], [Part("b", 0, 3)]
    return LabelRecords(tmp_path, IN_ORDER, "table/quality", files, train, test)


@pytest.fixture
def _settled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digests, "COARSEST_CLOCK", 0)


COUNTS = {-1: 1, 3: 1, 5: 1, 2**40: 1, 9: 1}, {5: 1, 3: 2}


def test_the_labels_of_parts_are_counted(records: LabelRecords) -> None:
    assert counted(records) == COUNTS


@pytest.mark.usefixtures("_settled")
def test_what_was_counted_is_kept_until_a_file_changes(
    records: LabelRecords, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []

    def watched(path: Path, file_format: str) -> Iterator[bytes]:
        read.append(path.name)
        return records_of(path, file_format)

    monkeypatch.setattr(tfds_labels, "records_of", watched)
    counted(records)
    assert counted(records) == COUNTS
    assert read == ["a-0", "a-1", "b-0"]
    write(records.folder / "b-0", [record(label) for label in (5, 5, 5, 9)])
    assert counted(records) == (COUNTS[0], {5: 3})


@pytest.mark.usefixtures("_settled")
@pytest.mark.parametrize("text", ["", "[]", "{}", '{"files": {}, "train": 1, "test": []}'])
def test_a_damaged_count_is_counted_again(records: LabelRecords, text: str) -> None:
    counted(records)
    (kept,) = records.folder.glob("label-counts-*.json")
    kept.write_text(text)
    assert counted(records) == COUNTS


def test_files_that_were_changed_just_now_are_counted_again(records: LabelRecords) -> None:
    counted(records)
    assert not list(records.folder.glob("label-counts-*.json"))


def cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-3])


def without_label(path: Path) -> None:
    write(path, [record(3), {"width": record(3)["width"]}])


def two_labels(path: Path) -> None:
    write(path, [record(3) | {"table/quality": integers(1, 2)}])


def no_example(path: Path) -> None:
    with tf.io.TFRecordWriter(str(path)) as file:
        file.write(b"\xff\xff")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (cut_off, "b-0 is damaged: it ends within a record"),
        (without_label, "its example 1 has 0 integers for the label table/quality"),
        (two_labels, "its example 0 has 2 integers"),
        (no_example, "b-0 is damaged: its record 0 is no example"),
        (Path.unlink, "cannot read .*b-0"),
    ],
)
def test_what_cannot_be_counted_is_an_error(
    records: LabelRecords, damage: Callable[[Path], None], message: str
) -> None:
    damage(records.folder / "b-0")
    with pytest.raises(DataError, match=message):
        counted(records)
