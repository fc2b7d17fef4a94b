import dataclasses
import os
import resource
import subprocess
import sys
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import tensorflow as tf

from harness.data import batches, rows
from harness.data import pipeline as pipelines
from harness.data.pipeline import Pipeline
from harness.data.randomizations import randomize
from harness.data.records import DataError, Indices, Split
from harness.data.rows import whole
from harness.experiment import PER_IMAGE, Component
from harness.system import processor
from tests.data.test_pipeline import (
    CROP_FLIP,
    CUTMIX,
    MIXUP,
    by_hand,
    make,
    mixed,
    random_split,
)

NOISE = Component("gaussian_noise", {"deviation": 0.1})


class Unread:
    """Rows that are not in memory, and count how often they are asked for."""

    def __init__(self, array: np.ndarray) -> None:
        self.array, self.asked = array, 0

    @property
    def shape(self) -> tuple[int, ...]:
        return self.array.shape

    @property
    def dtype(self) -> np.dtype[np.generic]:
        return self.array.dtype

    def take(self, indices: Indices) -> np.ndarray:
        self.asked += 1
        return self.array[indices]


def unread(split: Split) -> Split:
    return Split(Unread(whole(split.inputs)), split.labels)


@pytest.fixture
def pipeline() -> Pipeline:
    return make(random_split(70))


def only(epoch: int) -> range:
    return range(epoch, epoch + 1)


def read(dataset: tf.data.Dataset) -> list[tuple[np.ndarray, np.ndarray]]:
    return list(dataset.as_numpy_iterator())


def same(
    one: Sequence[tuple[np.ndarray, np.ndarray]], other: Sequence[tuple[np.ndarray, np.ndarray]]
) -> bool:
    return len(one) == len(other) and all(
        np.array_equal(a, b)
        for pair in zip(one, other, strict=True)
        for a, b in zip(*pair, strict=True)
    )


def test_training_batches_are_the_epoch_worked_out_by_hand(pipeline: Pipeline) -> None:
    x, y = map(
        np.concatenate,
        zip(*read(batches.training_batches(pipeline, only(2), 16, "keep")), strict=True),
    )
    expected_x, expected_y = by_hand(pipeline, 2)
    assert (x.dtype, y.dtype) == (np.dtype(np.float32), np.dtype(np.int32))
    np.testing.assert_allclose(x, expected_x, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(y, expected_y)


@pytest.mark.parametrize(
    ("last_batch", "sizes"), [("keep", [16, 16, 16, 16, 6]), ("drop", [16, 16, 16, 16])]
)
def test_training_batches_equal_make_batch_bit_by_bit(
    pipeline: Pipeline, last_batch: str, sizes: list[int]
) -> None:
    got = read(batches.training_batches(pipeline, only(1), 16, last_batch))  # type: ignore[arg-type]
    assert [len(y) for _, y in got] == sizes
    inputs, labels = batches.tensors(pipeline.train)
    drawn = pipelines.decisions(pipeline, 1)
    for number, (x, y) in enumerate(got):
        chosen = {
            name: tf.constant(values[16 * number : 16 * number + 16])
            for name, values in drawn.items()
        }
        expected_x, expected_y = pipelines.make_batch(pipeline, inputs, labels, chosen)
        np.testing.assert_array_equal(x, expected_x)
        np.testing.assert_array_equal(y, expected_y)


@pytest.mark.parametrize("component", [MIXUP, CUTMIX])
@pytest.mark.parametrize(("batch_size", "last_batch"), [(16, "keep"), (16, "drop"), (70, "keep")])
@pytest.mark.parametrize("source", ["memory", "read", "late"])
def test_how_an_epoch_is_cut_into_batches_changes_nothing_that_is_mixed(
    component: Component,
    batch_size: int,
    last_batch: Literal["keep", "drop"],
    source: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pipeline = make(random_split(70), augmentation=(*CROP_FLIP, component))
    expected, targets = mixed(pipeline, 2)
    if source == "read":
        pipeline = dataclasses.replace(pipeline, train=unread(pipeline.train))
    if source == "late":
        monkeypatch.setattr(batches, "LARGEST_DECISIONS", 0)
    got = read(batches.training_batches(pipeline, only(2), batch_size, last_batch))
    sizes = [len(x) for x, _ in got]
    assert sum(sizes) == (70 if last_batch == "keep" else 64)
    x = np.concatenate([x for x, _ in got])
    np.testing.assert_allclose(x, expected[: sum(sizes)], rtol=1e-5, atol=1e-5)
    for place, whole_epoch in enumerate(targets):
        parts = np.concatenate([y[place] for _, y in got])
        np.testing.assert_array_equal(parts, whole_epoch[: sum(sizes)])


def test_epochs_differ_and_repeat(pipeline: Pipeline) -> None:
    one, again, two = (
        read(batches.training_batches(pipeline, only(epoch), 70, "keep"))[0] for epoch in (1, 1, 2)
    )
    np.testing.assert_array_equal(one[0], again[0])
    assert not np.array_equal(one[1], two[1])


@pytest.mark.parametrize("last_batch", ["keep", "drop"])
def test_epochs_follow_one_another(pipeline: Pipeline, last_batch: Literal["keep", "drop"]) -> None:
    apart = [
        read(batches.training_batches(pipeline, only(epoch), 16, last_batch)) for epoch in (2, 3, 4)
    ]
    together = read(batches.training_batches(pipeline, range(2, 5), 16, last_batch))
    assert same(together, [batch for epoch in apart for batch in epoch])


@pytest.mark.parametrize("in_memory", [True, False])
def test_data_are_gone_when_their_last_dataset_is(in_memory: bool) -> None:
    split = random_split(70) if in_memory else unread(random_split(70))
    pipeline = make(split, augmentation=CROP_FLIP)
    iterators = [
        iter(batches.training_batches(pipeline, range(2), 16, "keep")),
        iter(batches.evaluation_batches(pipeline, split, 16)),
    ]
    held: list[weakref.ref[Any]] = [weakref.ref(split), weakref.ref(split.inputs)]
    del split, pipeline
    assert [sum(len(y) for _, y in iterator) for iterator in iterators] == [140, 70]
    assert all(each() is not None for each in held)
    del iterators
    assert all(each() is None for each in held)


@pytest.mark.parametrize("in_memory", [True, False])
def test_evaluation_batches_are_all_examples_in_order(pipeline: Pipeline, in_memory: bool) -> None:
    split = pipeline.test if in_memory else unread(pipeline.test)
    got = read(batches.evaluation_batches(pipeline, split, 8))
    assert [len(y) for _, y in got] == [8, 8, 8, 6]
    x = np.concatenate([x for x, _ in got])
    mean, deviation = pipeline.normalize.mean, pipeline.normalize.deviation  # type: ignore[union-attr]
    expected = (whole(split.inputs).astype(np.float64) / 255 - np.array(mean)) / np.array(deviation)
    np.testing.assert_allclose(x, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(np.concatenate([y for _, y in got]), split.labels)


def test_no_full_batch_is_refused(pipeline: Pipeline) -> None:
    with pytest.raises(DataError, match="70 training examples"):
        batches.training_batches(pipeline, only(1), 71, "drop")


@pytest.mark.parametrize(
    ("changes", "last_batch"),
    [
        ({}, "keep"),
        ({}, "drop"),
        ({"augmentation": (), "normalize": PER_IMAGE, "center_crop": 28}, "keep"),
        ({"augmentation": (*CROP_FLIP, NOISE)}, "keep"),
    ],
)
def test_batches_that_are_read_equal_those_from_memory_bit_by_bit(
    changes: dict[str, object], last_batch: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_memory = make(random_split(70), **changes)
    late = make(unread(in_memory.train), **changes)
    expected = read(batches.training_batches(in_memory, only(3), 16, last_batch))  # type: ignore[arg-type]
    evaluated = read(batches.evaluation_batches(in_memory, in_memory.train, 16))
    assert same(
        read(batches.evaluation_batches(in_memory, in_memory.train, 16, passes=2)), evaluated * 2
    )
    for in_flight in (1, 10**9):
        monkeypatch.setattr(batches, "IN_FLIGHT_BYTES", in_flight)
        assert same(read(batches.training_batches(late, only(3), 16, last_batch)), expected)  # type: ignore[arg-type]
        assert same(read(batches.evaluation_batches(late, late.train, 16)), evaluated)
    assert late.train.inputs.asked == 2 * (len(expected) + len(evaluated))  # type: ignore[union-attr]


def test_no_thread_sleeps_for_which_whoever_lets_go_would_wait() -> None:
    """As the one that tunes how many batches are made at once does."""
    in_memory = make(random_split(70))
    for pipeline in (in_memory, make(unread(in_memory.train))):
        for dataset in (
            batches.training_batches(pipeline, only(0), 16, "keep"),
            batches.evaluation_batches(pipeline, pipeline.train, 16),
        ):
            assert dataset.options().autotune.enabled is False


@pytest.mark.parametrize(("cpus", "expected"), [(1, 1), (7, 7), (10**6, 2**29 // (4 * 16 * 3072))])
def test_as_many_batches_are_made_at_once_as_there_are_cpus_and_memory_for(
    cpus: int, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processor, "share", lambda: cpus)
    assert batches._in_flight(make(random_split(70)), 16) == expected


def test_decisions_that_are_drawn_late_are_those_drawn_for_the_epoch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pipeline = make(random_split(70), augmentation=(*CROP_FLIP, NOISE))
    expected = read(batches.training_batches(pipeline, only(3), 16, "keep"))
    for limit in (70 * 8, 0):  # all but the noise are below, none are
        monkeypatch.setattr(batches, "LARGEST_DECISIONS", limit)
        monkeypatch.setattr("harness.data.augmentation.BLOCK_BYTES", 5 * 8 * 3072)
        assert same(read(batches.training_batches(pipeline, only(3), 16, "keep")), expected)


CHAIN = (
    Component("confusion", {"replicas": 3, "zero_out": 0.1, "unit": "channel"}),
    Component("random_pixels", {"unit": "pixel"}),
    Component("gaussian", {}),
    Component("confusion", {"replicas": 2, "zero_out": 0.3, "unit": "pixel"}),
)


def test_batches_of_randomized_rows_equal_those_from_memory_bit_by_bit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    split = random_split(20, (8, 8, 3))
    in_memory = make(randomize(split, CHAIN, seed=1, classes=10, maximum=255.0))
    monkeypatch.setattr(rows, "LARGEST_IN_MEMORY", 0)
    late = make(randomize(unread(split), CHAIN, seed=1, classes=10, maximum=255.0))
    assert len(late.train) == 120
    assert not isinstance(late.train.inputs, np.ndarray)
    for epoch in (1, 2):
        one, other = (
            read(batches.training_batches(p, only(epoch), 32, "keep")) for p in (in_memory, late)
        )
        assert same(one, other)


def test_an_error_of_reading_ends_the_epoch_with_its_words(pipeline: Pipeline) -> None:
    class Damaged(Unread):
        def take(self, indices: Indices) -> np.ndarray:
            raise DataError("cannot read record 17")

    damaged = Split(Damaged(whole(pipeline.train.inputs)), pipeline.train.labels)
    with pytest.raises(tf.errors.OpError, match="cannot read record 17"):
        read(batches.evaluation_batches(pipeline, damaged, 16))


class OnDisk(Unread):
    """Images that lie in a file one after the other, and are read from it one by one."""

    def __init__(self, path: Path, n: int) -> None:
        super().__init__(np.broadcast_to(np.uint8(0), (n, 64, 64, 3)))  # for its shape
        self.path = path

    def take(self, indices: Indices) -> np.ndarray:
        images = np.empty((len(indices), 64, 64, 3), np.uint8)
        with self.path.open("rb") as file:
            for image, index in zip(images, indices, strict=True):
                file.seek(int(index) * image.size)
                image[...] = np.frombuffer(file.read(image.size), np.uint8).reshape(image.shape)
        return images


def peak(path: Path, n: int) -> int:
    """Train and evaluate on four replicas of n images; the process's largest resident memory so
    far, in bytes.
    """
    rows.LARGEST_IN_MEMORY = batches.LARGEST_DECISIONS = 0
    images = Split(OnDisk(path, n), np.zeros(n, np.int32))
    confused = Component("confusion", {"replicas": 4, "zero_out": 0.1, "unit": "pixel"})
    train = randomize(images, [confused], seed=0, classes=10, maximum=255.0)
    pipeline = make(train, augmentation=(NOISE,))
    for _ in batches.training_batches(pipeline, only(1), 16, "keep"):
        pass
    for _ in batches.evaluation_batches(pipeline, train, 16):
        pass
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def test_peak_memory_does_not_grow_with_the_number_of_images(tmp_path: Path) -> None:
    few, many = 32, 256
    (tmp_path / "images").write_bytes(os.urandom(many * 64 * 64 * 3))
    code = (
        "import sys; from pathlib import Path; from tests.data.test_batches import peak;"
        "print(*(peak(Path(sys.argv[1]), int(n)) for n in sys.argv[2:]))"
    )
    arguments = [
        sys.executable,
        "-c",
        code,
        str(tmp_path / "images"),
        str(few),
        str(few),
        str(many),
    ]
    root = Path(__file__).parents[2]
    _, before, after = map(
        int, subprocess.run(arguments, cwd=root, capture_output=True, check=True).stdout.split()
    )
    # Three times what all replicas take as float32 has passed through: the images, the noise, and
    # their sum.
    assert after - before < many * 4 * 64 * 64 * 3 / 2
