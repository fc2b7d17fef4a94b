import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from harness.data import pipeline as pipelines
from harness.data.pipeline import Pipeline
from harness.data.records import DataError, Split
from harness.spec.records import Component, Dataset, Normalization

MEAN, DEVIATION = (0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)
CROP_FLIP = (Component("random_crop", {"padding": 4}), Component("random_flip", {}))


def random_split(n: int) -> Split:
    rng = np.random.default_rng(0)
    return Split(rng.integers(0, 256, (n, 32, 32, 3), dtype=np.uint8), rng.integers(0, 10, n).astype(np.int32))


@pytest.fixture
def pipeline() -> Pipeline:
    return Pipeline(
        train=random_split(70),
        test=random_split(30),
        classes=tuple("0123456789"),
        maximum=255.0,
        normalize=Normalization(MEAN, DEVIATION),
        augmentation=CROP_FLIP,
        seed=3,
    )


def batches(dataset: tf.data.Dataset) -> list[tuple[np.ndarray, np.ndarray]]:
    return list(dataset.as_numpy_iterator())


def by_hand(pipeline: Pipeline, epoch: int) -> tuple[np.ndarray, np.ndarray]:
    """The whole epoch, an example at a time, in float64."""
    drawn = pipelines.decisions(pipeline, epoch)
    images = []
    for index, top, left, flip in zip(*(drawn[k] for k in ("order", "0/top", "0/left", "1/flip")), strict=True):
        image = np.pad(pipeline.train.inputs[index], ((4, 4), (4, 4), (0, 0)))[top : top + 32, left : left + 32]
        images.append(image[:, ::-1] if flip else image)
    return (np.array(images) / 255 - np.array(MEAN)) / np.array(DEVIATION), pipeline.train.labels[drawn["order"]]


def test_training_batches_are_the_epoch_worked_out_by_hand(pipeline: Pipeline) -> None:
    x, y = (
        np.concatenate(part) for part in zip(*batches(pipelines.training_batches(pipeline, 2, 16, "keep")), strict=True)
    )
    expected_x, expected_y = by_hand(pipeline, 2)
    assert x.dtype == np.float32
    assert y.dtype == np.int32
    np.testing.assert_allclose(x, expected_x, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(y, expected_y)


@pytest.mark.parametrize(("last_batch", "sizes"), [("keep", [16, 16, 16, 16, 6]), ("drop", [16, 16, 16, 16])])
def test_training_batches_equal_make_batch_bit_by_bit(pipeline: Pipeline, last_batch: str, sizes: list[int]) -> None:
    got = batches(pipelines.training_batches(pipeline, 1, 16, last_batch))  # type: ignore[arg-type]
    assert [len(y) for _, y in got] == sizes
    inputs, labels = pipelines.tensors(pipeline.train)
    drawn = pipelines.decisions(pipeline, 1)
    for number, (x, y) in enumerate(got):
        chosen = {name: tf.constant(values[16 * number : 16 * number + 16]) for name, values in drawn.items()}
        expected_x, expected_y = pipelines.make_batch(pipeline, inputs, labels, chosen)
        np.testing.assert_array_equal(x, expected_x)
        np.testing.assert_array_equal(y, expected_y)


def test_make_batch_compiles(pipeline: Pipeline) -> None:
    drawn = {name: tf.constant(values) for name, values in pipelines.decisions(pipeline, 4).items()}
    inputs, labels = pipelines.tensors(pipeline.train)
    compiled = tf.function(lambda chosen: pipelines.make_batch(pipeline, inputs, labels, chosen), jit_compile=True)
    x, y = compiled(drawn)
    expected_x, expected_y = by_hand(pipeline, 4)
    np.testing.assert_allclose(x, expected_x, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(y, expected_y)


def test_epochs_differ_and_repeat(pipeline: Pipeline) -> None:
    one, again, two = (batches(pipelines.training_batches(pipeline, epoch, 70, "keep"))[0] for epoch in (1, 1, 2))
    np.testing.assert_array_equal(one[0], again[0])
    assert not np.array_equal(one[1], two[1])


def test_decisions_go_with_the_example_and_not_with_its_position(pipeline: Pipeline) -> None:
    drawn = pipelines.decisions(pipeline, 1)
    assert drawn["order"].dtype == np.int32
    np.testing.assert_array_equal(np.sort(drawn["order"]), range(70))
    fewer = dataclasses.replace(pipeline, train=random_split(50))
    back = {name: values[np.argsort(drawn["order"])] for name, values in drawn.items()}
    other = pipelines.decisions(fewer, 1)
    for name in ("0/top", "0/left", "1/flip"):
        np.testing.assert_array_equal(back[name][:50], other[name][np.argsort(other["order"])])


def test_evaluation_batches_are_all_examples_in_order(pipeline: Pipeline) -> None:
    got = batches(pipelines.evaluation_batches(pipeline, pipeline.test, 8))
    assert [len(y) for _, y in got] == [8, 8, 8, 6]
    x = np.concatenate([x for x, _ in got])
    expected = (pipeline.test.inputs.astype(np.float64) / 255 - np.array(MEAN)) / np.array(DEVIATION)
    np.testing.assert_allclose(x, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(np.concatenate([y for _, y in got]), pipeline.test.labels)


def test_no_full_batch_is_refused(pipeline: Pipeline) -> None:
    with pytest.raises(DataError, match="70 training examples"):
        pipelines.training_batches(pipeline, 1, 71, "drop")


def test_build_randomizes_the_training_set_alone(dataset: Callable[..., Dataset], data_dir: Path) -> None:
    confused = Component("confusion", {"replicas": 2, "zero_out": 0.1, "unit": "channel"})
    plain = pipelines.build(dataset("digits"), (), 0, data_dir)
    built = pipelines.build(dataclasses.replace(dataset("digits"), randomize=(confused,)), (), 0, data_dir)
    assert len(built.train) == 1000
    np.testing.assert_array_equal(built.test.inputs, plain.test.inputs)
    np.testing.assert_array_equal(built.test.labels, plain.test.labels)
    x = pipelines.scaled(built, tf.constant(built.test.inputs))
    np.testing.assert_allclose(x, built.test.inputs.astype(np.float64) / 16, rtol=1e-6)


def test_build_finds_what_does_not_fit(dataset: Callable[..., Dataset], data_dir: Path) -> None:
    points = dataset("blobs", train_per_class=5, test_per_class=5, shift=0.65, data_seed=0)
    with pytest.raises(DataError, match="random_flip needs images"):
        pipelines.build(points, (Component("random_flip", {}),), 0, data_dir)
    wrong = dataclasses.replace(points, normalize=Normalization((0.1, 0.2, 0.3), (1.0, 1.0, 1.0)))
    with pytest.raises(DataError, match="3 values of mean"):
        pipelines.build(wrong, (), 0, data_dir)
