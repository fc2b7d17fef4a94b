"""A person's own tables and arrays, loaded as TFDS prepares them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow_datasets as tfds

from harness.data import availability, loading, tables
from harness.data.facts import Facts, facts
from harness.data.records import DataError
from harness.data.rows import whole
from harness.experiment import Component, Dataset, Json


def dataset(name: str, parameters: Json) -> Dataset:
    return Dataset(Component(name, parameters), None, None, None, ())


ROWS = [(i, 2 * i + 0.25, ("rose", "iris", "lily")[i % 3]) for i in range(12)]


def table(path: Path, rows: list[Any]) -> Path:
    path.write_text("a,b,kind\n" + "".join(f"{a},{b},{kind}\n" for a, b, kind in rows))
    return path


def csv(train: Path, test: Path | None = None, **changes: Json) -> Json:
    named = {"train": str(train), "test": str(test) if test else None, "label": "kind"}
    default = {"columns": None, "delimiter": ",", "test_share": None, "split_seed": 0}
    return named | default | changes


def npz(path: Path, **changes: Json) -> Json:
    named = {"train_inputs": "x_train", "train_labels": "y_train", "test_share": None}
    return {"path": str(path), "split_seed": 0} | named | changes


def test_tables_are_loaded_row_by_row(tmp_path: Path, data_dir: Path) -> None:
    parameters = csv(table(tmp_path / "a.csv", ROWS), table(tmp_path / "b.csv", ROWS[3:7]))
    found = loading.read(dataset("csv", parameters), data_dir)
    assert (found.classes, found.maximum) == (("iris", "lily", "rose"), 1.0)
    for split, rows in ((found.train, ROWS), (found.test, ROWS[3:7])):
        expected = np.array([row[:2] for row in rows], np.float32)
        np.testing.assert_array_equal(whole(split.inputs), expected)
        assert [found.classes[label] for label in split.labels] == [row[2] for row in rows]
    assert facts(Component("csv", parameters)) == Facts((2,), 3, 12, 4)


def test_tables_without_a_test_file_are_split(tmp_path: Path, data_dir: Path) -> None:
    parameters = csv(table(tmp_path / "a.csv", ROWS), test_share=0.25, columns=["b"])
    found = loading.read(dataset("csv", parameters), data_dir)
    assert facts(Component("csv", parameters)) == Facts((1,), 3, 9, 3)
    assert np.bincount(found.test.labels).tolist() == [1, 1, 1]
    both = np.concatenate([whole(found.train.inputs), whole(found.test.inputs)])
    assert sorted(both[:, 0].tolist()) == [row[1] for row in ROWS]


IMAGES = np.random.default_rng(0).integers(0, 256, (9, 4, 5), np.uint8)
LABELS = np.arange(9) % 3 + 5


def test_arrays_are_loaded_in_their_order(tmp_path: Path, data_dir: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, x_train=IMAGES, y_train=LABELS, x_test=IMAGES[:2, ::-1], y_test=LABELS[1:3])
    parameters = npz(path, test_inputs="x_test", test_labels="y_test")
    found = loading.read(dataset("npz", parameters), data_dir)
    assert (found.classes, found.maximum) == (("5", "6", "7"), 255.0)
    np.testing.assert_array_equal(whole(found.train.inputs)[..., 0], IMAGES)
    np.testing.assert_array_equal(whole(found.test.inputs)[..., 0], IMAGES[:2, ::-1])
    assert (found.train.labels.tolist(), found.test.labels.tolist()) == ([0, 1, 2] * 3, [1, 2])
    assert facts(Component("npz", parameters)) == Facts((4, 5, 1), 3, 9, 2)


def test_one_pair_of_arrays_is_split(tmp_path: Path, data_dir: Path) -> None:
    np.savez(tmp_path / "a.npz", x_train=np.arange(18.0).reshape(9, 2), y_train=LABELS)
    found = loading.read(dataset("npz", npz(tmp_path / "a.npz", test_share=0.3)), data_dir)
    assert (len(found.train), np.bincount(found.test.labels).tolist()) == (6, [1, 1, 1])
    for split in (found.train, found.test):
        np.testing.assert_array_equal(whole(split.inputs)[:, 0] / 2 % 3, split.labels)


def test_what_is_prepared_is_a_data_set_of_tfds(tmp_path: Path) -> None:
    parameters = csv(table(tmp_path / "a.csv", ROWS), test_share=0.25)
    found = loading.read(dataset("csv", parameters), tmp_path / "data")
    (folder,) = (tmp_path / "data/own_arrays").glob("*/1.0.0")
    rows = tfds.builder_from_directory(str(folder)).as_dataset(split="train")
    inputs = np.stack([row["inputs"] for row in rows.as_numpy_iterator()])
    np.testing.assert_array_equal(inputs, whole(found.train.inputs))


def test_what_is_prepared_and_was_changed_is_not_taken(tmp_path: Path) -> None:
    parameters = csv(table(tmp_path / "a.csv", ROWS), table(tmp_path / "b.csv", ROWS))
    loading.read(dataset("csv", parameters), tmp_path / "data")
    (records,) = (tmp_path / "data").rglob("*-test.tfrecord*")
    other = csv(table(tmp_path / "c.csv", ROWS[::-1]), table(tmp_path / "d.csv", ROWS[::-1]))
    loading.read(dataset("csv", other), tmp_path / "data")
    (exchanged,) = set((tmp_path / "data").rglob("*-test.tfrecord*")) - {records}
    records.write_bytes(exchanged.read_bytes())
    with pytest.raises(DataError, match="does not hold what was made there: remove this folder"):
        loading.read(dataset("csv", parameters), tmp_path / "data")


def test_a_file_that_changes_between_its_digest_and_its_reading_is_an_error(
    tmp_path: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = table(tmp_path / "a.csv", ROWS)
    real = tables.both

    def late(*arguments: Any) -> Any:
        if arguments[2] is not tables.look_at:
            table(path, ROWS[::-1])
        return real(*arguments)

    monkeypatch.setattr(tables, "both", late)
    with pytest.raises(DataError, match=r"a\.csv was changed after the run was planned"):
        loading.read(dataset("csv", csv(path, test_share=0.25)), data_dir)


class TestContent:
    """What identifies a person's own files."""

    def test_it_is_what_they_hold_wherever_they_lie(self, tmp_path: Path) -> None:
        def sha256(**parameters: Json) -> str | None:
            return availability.content("csv", parameters, tmp_path).sha256

        one, two = tmp_path / "one", tmp_path / "two"
        one.mkdir()
        two.mkdir()
        train, test = table(one / "a.csv", ROWS), table(one / "b.csv", ROWS[:6])
        first = sha256(**csv(train, test))
        moved = table(two / "x.csv", ROWS), table(tmp_path / "y.csv", ROWS[:6])
        assert first == sha256(**csv(*moved)) is not None
        assert sha256(**csv(test, train)) != first
        assert sha256(**csv(train, test_share=0.5)) != first
        table(test, ROWS[:9])
        assert sha256(**csv(train, test)) != first

    def test_files_that_are_not_there_block(self, tmp_path: Path) -> None:
        path = table(tmp_path / "a.csv", ROWS)
        said = availability.why_unavailable("csv", csv(path, tmp_path / "b.csv"), tmp_path)
        assert said == f"the file {tmp_path}/b.csv does not exist: put it there"
        assert availability.why_unavailable("csv", csv(path, path), tmp_path) is None
        missing = npz(tmp_path / "a.npz")
        assert "a.npz does not exist" in (
            availability.why_unavailable("npz", missing, tmp_path) or ""
        )
        assert facts(Component("npz", missing)) is facts(Component("csv", csv(missing["path"])))

    def test_what_is_wrong_with_a_cell_is_an_error_before_any_training(
        self, tmp_path: Path
    ) -> None:
        path = table(tmp_path / "a.csv", [*ROWS, (1, "", "rose")])
        said = availability.why_unusable("csv", csv(path, test_share=0.5), tmp_path)
        assert said == f"{path}:14: b is missing"

    def test_its_status_has_its_size(self, tmp_path: Path) -> None:
        path = table(tmp_path / "a.csv", ROWS)
        status = availability.availability("csv", tmp_path, csv(path, test_share=0.5))
        assert (status.folder, status.prepared_bytes) == (path, path.stat().st_size)
        assert status.next_step is None


def test_test_inputs_and_their_labels_go_together(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x_train=IMAGES, y_train=LABELS, x_test=IMAGES)
    parameters = npz(tmp_path / "a.npz", test_inputs="x_test", test_labels=None)
    said = availability.why_unusable("npz", parameters, tmp_path)
    assert said == "test_inputs and test_labels go together: give both, or neither"
