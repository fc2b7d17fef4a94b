import dataclasses
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from harness.data import pipeline as pipelines
from harness.data.pipeline import Pipeline
from harness.data.records import DataError, Mixed, Split
from harness.data.rows import whole
from harness.experiment import (
    PER_IMAGE,
    Component,
    Dataset,
    Normalization,
    Standardization,
)
from harness.own.sources import identified

MEAN, DEVIATION = (0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)
CROP_FLIP = (Component("random_crop", {"padding": 4}), Component("random_flip", {}))


def random_split(n: int, shape: tuple[int, ...] = (32, 32, 3)) -> Split:
    rng = np.random.default_rng(0)
    return Split(
        rng.integers(0, 256, (n, *shape), dtype=np.uint8), rng.integers(0, 10, n).astype(np.int32)
    )


def make(train: Split, **changes: object) -> Pipeline:
    pipeline = Pipeline(
        train=train,
        test=random_split(30, train.inputs.shape[1:]),
        classes=tuple("0123456789"),
        maximum=255.0,
        normalize=Normalization(MEAN, DEVIATION),
        augmentation=CROP_FLIP,
        seed=3,
    )
    return dataclasses.replace(pipeline, **changes)  # type: ignore[arg-type]


@pytest.fixture
def pipeline() -> Pipeline:
    return make(random_split(70))


def by_hand(pipeline: Pipeline, epoch: int) -> tuple[np.ndarray, np.ndarray]:
    """The whole epoch, an example at a time, in float64."""
    drawn = pipelines.decisions(pipeline, epoch)
    images = []
    for index, top, left, flip in zip(
        *(drawn[k] for k in ("order", "0/top", "0/left", "1/flip")), strict=True
    ):
        padded = np.pad(whole(pipeline.train.inputs)[index], ((4, 4), (4, 4), (0, 0)))
        image = padded[top : top + 32, left : left + 32]
        images.append(image[:, ::-1] if flip else image)
    return (np.array(images) / 255 - np.array(MEAN)) / np.array(DEVIATION), pipeline.train.labels[
        drawn["order"]
    ]


def made(pipeline: Pipeline, epoch: int, compiled: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """All of an epoch as one batch."""
    inputs, labels = tf.constant(whole(pipeline.train.inputs)), tf.constant(pipeline.train.labels)
    function = tf.function(
        lambda chosen: pipelines.make_batch(pipeline, inputs, labels, chosen), jit_compile=compiled
    )
    drawn = {
        name: tf.constant(values) for name, values in pipelines.decisions(pipeline, epoch).items()
    }
    x, y = function(drawn)
    return x.numpy(), y.numpy()


@pytest.mark.parametrize("compiled", [False, True])
def test_a_batch_is_what_was_decided_worked_out_by_hand(pipeline: Pipeline, compiled: bool) -> None:
    x, y = made(pipeline, 4, compiled)
    expected_x, expected_y = by_hand(pipeline, 4)
    assert (x.dtype, y.dtype) == (np.dtype(np.float32), np.dtype(np.int32))
    np.testing.assert_allclose(x, expected_x, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(y, expected_y)


def test_decisions_go_with_the_example_and_not_with_its_position(pipeline: Pipeline) -> None:
    drawn = pipelines.decisions(pipeline, 1)
    assert drawn["order"].dtype == np.int32
    np.testing.assert_array_equal(np.sort(drawn["order"]), range(70))
    fewer = dataclasses.replace(pipeline, train=random_split(50))
    back = {name: values[np.argsort(drawn["order"])] for name, values in drawn.items()}
    other = pipelines.decisions(fewer, 1)
    for name in ("0/top", "0/left", "1/flip"):
        np.testing.assert_array_equal(back[name][:50], other[name][np.argsort(other["order"])])


def test_what_finished_runs_were_trained_on_stays_as_it_was(pipeline: Pipeline) -> None:
    drawn = pipelines.decisions(pipeline, 2)
    found = {name: values[:6].astype(int).tolist() for name, values in drawn.items()}
    assert found == {
        "order": [12, 64, 53, 46, 13, 62],
        "0/top": [7, 8, 6, 0, 5, 1],
        "0/left": [8, 0, 8, 0, 4, 2],
        "1/flip": [0, 1, 0, 1, 1, 0],
    }


@pytest.mark.parametrize(
    "augmentation",
    [
        (),
        CROP_FLIP,
        (*CROP_FLIP, Component("gaussian_noise", {"deviation": 0.1})),
        (*CROP_FLIP, Component("mixup", {"alpha": 0.5})),
    ],
)
def test_the_size_of_decisions_is_known_without_drawing_them(
    augmentation: tuple[Component, ...],
) -> None:
    pipeline = make(random_split(7), augmentation=augmentation)
    drawn = pipelines.decisions(pipeline, 0)
    assert pipelines.decision_bytes(pipeline) == sum(values.nbytes for values in drawn.values())


MIXUP = Component("mixup", {"alpha": 0.5})
CUTMIX = Component("cutmix", {"alpha": 1.0, "probability": 0.9})


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_an_epoch_is_mixed_with_the_one_that_comes_next_and_the_last_with_the_first(
    compiled: bool, place: int
) -> None:
    """Wherever mixup stands: each step worked out by hand on the whole epoch, in float64."""
    others = CROP_FLIP
    augmentation = (*others[:place], MIXUP, *others[place:])
    pipeline = make(random_split(20), augmentation=augmentation, normalize=None)
    drawn = pipelines.decisions(pipeline, 3)
    assert {len(values) for values in drawn.values()} == {21}
    rows = {name: values[:20] for name, values in drawn.items()}
    x = whole(pipeline.train.inputs)[rows["order"]].astype(np.float64)
    for position, component in enumerate(augmentation):
        own = {name[2:]: rows[name] for name in rows if name.startswith(f"{position}/")}
        if component.name == "mixup":
            share = own["share"].astype(np.float64).reshape(-1, 1, 1, 1)
            x = share * x + (1 - share) * np.roll(x, -1, axis=0)
            shares = own["share"]
        elif component.name == "random_flip":
            x = np.where(own["flip"].reshape(-1, 1, 1, 1), x[:, :, ::-1], x)
        else:
            padded = np.pad(x, ((0, 0), (4, 4), (4, 4), (0, 0)))
            x = np.stack(
                [
                    image[top : top + 32, left : left + 32]
                    for image, top, left in zip(padded, own["top"], own["left"], strict=True)
                ]
            )
    got, targets = mixed(pipeline, 3, compiled)
    np.testing.assert_allclose(got, x / 255, rtol=1e-4, atol=1e-5)
    labels = pipeline.train.labels[rows["order"]]
    np.testing.assert_array_equal(targets.labels, labels)
    np.testing.assert_array_equal(targets.partners, np.roll(labels, -1))
    np.testing.assert_array_equal(targets.shares, shares)


def mixed(pipeline: Pipeline, epoch: int, compiled: bool = False) -> tuple[np.ndarray, Mixed]:
    """All of an epoch as one batch, with its mixed targets."""
    inputs, labels = tf.constant(whole(pipeline.train.inputs)), tf.constant(pipeline.train.labels)
    function = tf.function(
        lambda chosen: pipelines.make_batch(pipeline, inputs, labels, chosen), jit_compile=compiled
    )
    drawn = pipelines.decisions(pipeline, epoch)
    x, targets = function({name: tf.constant(values) for name, values in drawn.items()})
    return x.numpy(), Mixed(*(part.numpy() for part in targets))


@pytest.mark.parametrize(
    ("normalize", "expected"),
    [(None, (0.0,)), (Normalization((0.25,), (0.2,)), (4.0,)), (PER_IMAGE, None)],
)
def test_what_is_cut_out_is_what_becomes_0(
    normalize: Normalization | Standardization | None,
    expected: tuple[float, ...] | None,
    dataset: Callable[..., Dataset],
    data_dir: Path,
) -> None:
    digits = dataclasses.replace(dataset("digits"), normalize=normalize)
    built = pipelines.build(digits, (Component("cutout", {"length": 4}),), 0, data_dir)
    assert built.augmentation == (Component("cutout", {"length": 4, "fill": expected}),)
    x, _ = made(built, 1)
    if normalize != PER_IMAGE:
        # A square of 4x4 lies in each of them, at least the quarter of it that touches its centre.
        assert ((abs(x) < 1e-6).sum(axis=(1, 2, 3)) >= 4).all()


@pytest.mark.parametrize(
    ("shape", "size", "expected"),
    [
        ((32, 32, 3), 28, (slice(2, 30), slice(2, 30))),
        ((9, 8, 1), 5, (slice(2, 7), slice(1, 6))),  # margins of 4 and 3 pixels
        ((6, 11, 2), 6, (slice(0, 6), slice(2, 8))),  # margins of 0 and 5 pixels
        ((8, 8, 3), 8, (slice(0, 8), slice(0, 8))),
    ],
)
def test_the_centre_is_cut_out_for_training_and_for_evaluation(
    shape: tuple[int, ...], size: int, expected: tuple[slice, slice]
) -> None:
    pipeline = make(random_split(5, shape), normalize=None, augmentation=(), center_crop=size)
    assert pipeline.input_shape == (size, size, shape[2])
    cut = whole(pipeline.train.inputs)[:, expected[0], expected[1]].astype(np.float64) / 255
    found = pipelines.scaled(pipeline, tf.constant(whole(pipeline.train.inputs)))
    np.testing.assert_allclose(found, cut, rtol=1e-6)
    x, y = made(pipeline, 1)
    order = pipelines.decisions(pipeline, 1)["order"]
    np.testing.assert_allclose(x, cut[order], rtol=1e-6)
    np.testing.assert_array_equal(y, pipeline.train.labels[order])


def test_random_crops_of_the_crop_size_are_cut_from_whole_images_and_then_flipped() -> None:
    sized = (Component("random_crop", {"padding": 0, "size": 28}), Component("random_flip", {}))
    pipeline = make(random_split(40), normalize=None, augmentation=sized, center_crop=28)
    drawn = pipelines.decisions(pipeline, 1)
    x, _ = made(pipeline, 1)
    assert x.shape == (40, 28, 28, 3)
    assert (drawn["0/top"].min(), drawn["0/top"].max()) == (0, 4)
    for image, index, top, left, flip in zip(
        x, *(drawn[key] for key in ("order", "0/top", "0/left", "1/flip")), strict=True
    ):
        window = whole(pipeline.train.inputs)[index, top : top + 28, left : left + 28] / 255
        np.testing.assert_allclose(image, window[:, ::-1] if flip else window, rtol=1e-6)
    found = pipelines.scaled(pipeline, tf.constant(whole(pipeline.test.inputs)))
    np.testing.assert_allclose(found, whole(pipeline.test.inputs)[:, 2:30, 2:30] / 255, rtol=1e-6)


def test_noise_is_as_large_as_what_it_is_added_to() -> None:
    noise = Component("gaussian_noise", {"deviation": 0.1})
    for augmentation, side in (
        ((noise,), 28),
        ((noise, *CROP_FLIP), 32),
        ((*CROP_FLIP, noise), 28),
    ):
        sized = tuple(
            Component(c.name, {**c.parameters, "size": 28}) if c.name == "random_crop" else c
            for c in augmentation
        )
        pipeline = make(random_split(4), augmentation=sized, center_crop=28)
        drawn = pipelines.decisions(pipeline, 1)[f"{augmentation.index(noise)}/noise"]
        assert drawn.shape == (4, side, side, 3)
        assert made(pipeline, 1)[0].shape == (4, 28, 28, 3)


def standardized(images: np.ndarray) -> np.ndarray:
    """Each image minus its mean, over its deviation or over 1/sqrt(values), whichever is larger;
    float64.
    """
    values = images.reshape(len(images), -1).astype(np.float64)
    deviation = np.maximum(values.std(axis=1, keepdims=True), 1 / np.sqrt(values.shape[1]))
    return ((values - values.mean(axis=1, keepdims=True)) / deviation).reshape(images.shape)


@pytest.mark.parametrize("maximum", [16.0, 255.0])
def test_images_are_standardized_each_on_its_own(maximum: float) -> None:
    split = random_split(6)
    images = whole(split.inputs).copy()
    images[1], images[2] = 7, np.where(np.arange(3) == 1, 8, 7)  # constant, and nearly so
    images[3, ...] = 0
    images[3, 0, 0, 0] = 1  # its deviation, 0.018, is just below 1/sqrt(3072), also 0.018
    pipeline = make(
        Split(images, split.labels), normalize=PER_IMAGE, augmentation=(), maximum=maximum
    )
    found = pipelines.scaled(pipeline, tf.constant(images))
    assert found.dtype == tf.float32
    np.testing.assert_allclose(found, standardized(images), rtol=2e-5, atol=2e-5)
    np.testing.assert_allclose(
        found, tf.image.per_image_standardization(images), rtol=1e-4, atol=1e-4
    )
    np.testing.assert_array_equal(found[1], 0)


def test_what_is_standardized_is_what_the_network_sees() -> None:
    sized = (Component("random_crop", {"padding": 0, "size": 28}),)
    pipeline = make(random_split(6), normalize=PER_IMAGE, augmentation=sized, center_crop=28)
    x, _ = made(pipeline, 1)
    np.testing.assert_allclose(x.mean(axis=(1, 2, 3)), 0, atol=1e-5)
    np.testing.assert_allclose(x.std(axis=(1, 2, 3)), 1, rtol=1e-5)
    found = pipelines.scaled(pipeline, tf.constant(whole(pipeline.test.inputs)))
    np.testing.assert_allclose(
        found, standardized(whole(pipeline.test.inputs)[:, 2:30, 2:30]), rtol=2e-5, atol=2e-5
    )


def test_build_randomizes_the_training_set_alone(
    dataset: Callable[..., Dataset], data_dir: Path
) -> None:
    confused = Component("confusion", {"replicas": 2, "zero_out": 0.1, "unit": "channel"})
    plain = pipelines.build(dataset("digits"), (), 0, data_dir)
    built = pipelines.build(
        dataclasses.replace(dataset("digits"), randomize=(confused,)), (), 0, data_dir
    )
    assert len(built.train) == 1000
    assert built.test is plain.test
    x = pipelines.scaled(built, tf.constant(whole(built.test.inputs)))
    np.testing.assert_allclose(x, whole(built.test.inputs).astype(np.float64) / 16, rtol=1e-6)


def test_build_shuffles_the_pixels_of_both_sets_alike(
    dataset: Callable[..., Dataset], data_dir: Path
) -> None:
    shuffled = Component("shuffled_pixels", {"unit": "pixel"})
    plain = pipelines.build(dataset("digits"), (), 0, data_dir)
    built = pipelines.build(
        dataclasses.replace(dataset("digits"), randomize=(shuffled,)), (), 0, data_dir
    )
    # The same columns of the table of all images, in another order.
    before, after = (
        np.concatenate([whole(part.inputs).reshape(-1, 64) for part in (p.train, p.test)])
        for p in (plain, built)
    )
    assert sorted(map(bytes, before.T.copy())) == sorted(map(bytes, after.T.copy()))
    assert not np.array_equal(before, after)
    np.testing.assert_array_equal(built.test.labels, plain.test.labels)


def test_build_gives_gaussian_images_the_largest_raw_value(
    dataset: Callable[..., Dataset], data_dir: Path
) -> None:
    built = pipelines.build(
        dataclasses.replace(dataset("digits"), randomize=(Component("gaussian", {}),)),
        (),
        0,
        data_dir,
    )
    assert whole(built.train.inputs).max() == 16


def test_build_tells_random_crops_the_size(dataset: Callable[..., Dataset], data_dir: Path) -> None:
    cropped = dataclasses.replace(dataset("digits"), center_crop=6)
    built = pipelines.build(cropped, (Component("random_crop", {"padding": 0}),), 0, data_dir)
    assert built.augmentation == (Component("random_crop", {"padding": 0, "size": 6}),)
    assert built.input_shape == (6, 6, 1)


def test_build_leaves_augmentations_of_ones_own_as_they_are(
    dataset: Callable[..., Dataset],
    data_dir: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "own_flip.py").write_text(
        "from harness.data.augmentation import AUGMENTATIONS\n\n"
        "def flip(): return AUGMENTATIONS['random_flip']\n"
    )
    part = identified("own_flip:flip", tmp_path)
    own = Component("python", {"call": part.call, "parameters": {}}, part)
    assert pipelines.build(dataset("digits"), (own,), 0, data_dir).augmentation == (own,)


def test_build_finds_what_does_not_fit(dataset: Callable[..., Dataset], data_dir: Path) -> None:
    points = dataset("blobs", train_per_class=5, test_per_class=5, shift=0.65, data_seed=0)
    with pytest.raises(DataError, match="random_flip needs images"):
        pipelines.build(points, (Component("random_flip", {}),), 0, data_dir)
    wrong = dataclasses.replace(points, normalize=Normalization((0.1, 0.2, 0.3), (1.0, 1.0, 1.0)))
    with pytest.raises(DataError, match="3 values of mean"):
        pipelines.build(wrong, (), 0, data_dir)
    for source, size in ((points, 1), (dataset("digits"), 9)):
        with pytest.raises(DataError, match=f"no square of {size} pixels"):
            pipelines.build(dataclasses.replace(source, center_crop=size), (), 0, data_dir)


def test_what_is_left_without_the_examples_makes_the_same_batches(pipeline: Pipeline) -> None:
    left = pipelines.without_examples(
        dataclasses.replace(pipeline, validation=random_split(5), center_crop=None)
    )
    assert [len(split) for split in left.splits] == [0, 0, 0]
    assert all(split.inputs.shape == (0, 32, 32, 3) for split in left.splits)
    drawn = {name: tf.constant(each) for name, each in pipelines.decisions(pipeline, 1).items()}
    arrays = tf.constant(whole(pipeline.train.inputs)), tf.constant(pipeline.train.labels)
    for one, other in zip(
        pipelines.make_batch(pipeline, *arrays, drawn),
        pipelines.make_batch(left, *arrays, drawn),
        strict=True,
    ):
        np.testing.assert_array_equal(one.numpy(), other.numpy())
