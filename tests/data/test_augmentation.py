from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from harness.data.augmentation import AUGMENTATIONS
from harness.data.randomness import Stream
from harness.data.records import DataError

IMAGES = np.random.default_rng(0).integers(1, 256, (40, 6, 5, 3), dtype=np.uint8)


def decide(
    name: str,
    n: int = 40,
    shape: tuple[int, ...] = (6, 5, 3),
    epoch: int = 1,
    indices: Sequence[int] | None = None,
    **parameters: Any,
) -> Any:
    some = np.arange(n) if indices is None else np.array(indices, np.int32)
    return AUGMENTATIONS[name].decide(Stream(0, "test", epoch), some, shape, **parameters)


def apply(
    name: str,
    decisions: Any,
    *,
    compiled: bool = False,
    pictures: np.ndarray = IMAGES,
    **parameters: Any,
) -> Any:
    def function(images: tf.Tensor, chosen: dict[str, tf.Tensor]) -> tf.Tensor:
        return AUGMENTATIONS[name].apply(images, chosen, 255.0, **parameters)

    if compiled:
        function = tf.function(function, jit_compile=True)
    return function(
        tf.constant(pictures), {key: tf.constant(value) for key, value in decisions.items()}
    ).numpy()


@pytest.mark.parametrize("compiled", [False, True])
def test_a_crop_is_a_window_of_the_padded_image(compiled: bool) -> None:
    drawn = decide("random_crop", padding=2)
    got = apply("random_crop", drawn, compiled=compiled, padding=2)
    assert got.dtype == np.uint8
    for image, top, left, crop in zip(IMAGES, drawn["top"], drawn["left"], got, strict=True):
        padded = np.pad(image, ((2, 2), (2, 2), (0, 0)))
        np.testing.assert_array_equal(crop, padded[top : top + 6, left : left + 5])


def test_crop_offsets_are_uniform_over_all_places() -> None:
    drawn = decide("random_crop", n=40_500, padding=4)
    counts = np.bincount(drawn["top"] * 9 + drawn["left"], minlength=81)
    assert len(counts) == 81
    # chi-square with 80 degrees of freedom: 135 is exceeded with probability 1e-4
    assert ((counts - 500) ** 2 / 500).sum() < 135


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("padding", [0, 1])
def test_a_crop_of_another_size_is_a_window_of_the_image(compiled: bool, padding: int) -> None:
    drawn = decide("random_crop", padding=padding, size=4)
    got = apply("random_crop", drawn, compiled=compiled, padding=padding, size=4)
    assert got.shape == (40, 4, 4, 3)
    for image, top, left, crop in zip(IMAGES, drawn["top"], drawn["left"], got, strict=True):
        padded = np.pad(image, ((padding, padding), (padding, padding), (0, 0)))
        np.testing.assert_array_equal(crop, padded[top : top + 4, left : left + 4])
    assert (drawn["top"].max(), drawn["left"].max()) == (2 + 2 * padding, 1 + 2 * padding)


def test_crops_of_28_from_32_pixels_begin_everywhere_equally_often() -> None:
    drawn = decide("random_crop", n=25_000, shape=(32, 32, 3), padding=0, size=28)
    counts = np.bincount(drawn["top"] * 5 + drawn["left"], minlength=25)
    assert len(counts) == 25
    # chi-square with 24 degrees of freedom: 59 is exceeded with probability 1e-4
    assert ((counts - 1000) ** 2 / 1000).sum() < 59


def test_a_crop_of_the_whole_image_is_the_image() -> None:
    square = IMAGES[:, :5]
    drawn = decide("random_crop", shape=(5, 5, 3), padding=0, size=5)
    np.testing.assert_array_equal(
        apply("random_crop", drawn, pictures=square, padding=0, size=5), square
    )


@pytest.mark.parametrize("compiled", [False, True])
def test_a_flip_mirrors_columns_where_decided(compiled: bool) -> None:
    drawn = decide("random_flip")
    got = apply("random_flip", drawn, compiled=compiled)
    expected = [
        np.fliplr(image) if flip else image
        for image, flip in zip(IMAGES, drawn["flip"], strict=True)
    ]
    np.testing.assert_array_equal(got, expected)
    assert 5 < drawn["flip"].sum() < 35


def test_half_of_the_images_are_flipped() -> None:
    assert abs(decide("random_flip", n=40_000)["flip"].mean() - 0.5) < 5 * 0.5 / 200


@pytest.mark.parametrize("compiled", [False, True])
def test_noise_has_its_deviation_in_units_of_the_scaled_input(compiled: bool) -> None:
    drawn = decide("gaussian_noise", deviation=0.1)
    noise = apply("gaussian_noise", drawn, compiled=compiled, deviation=0.1) - IMAGES.astype(
        np.float32
    )
    assert noise.dtype == np.float32
    assert abs(noise.mean() / 255) < 5 * 0.1 / np.sqrt(noise.size)
    assert abs(noise.std() / 255 - 0.1) < 5 * 0.1 / np.sqrt(2 * noise.size)


def test_noise_of_points(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = decide("gaussian_noise", n=10, shape=(2,), deviation=0.1)["noise"]
    assert whole.shape == (10, 2)
    monkeypatch.setattr("harness.data.augmentation.BLOCK_BYTES", 3 * 16)
    np.testing.assert_array_equal(
        decide("gaussian_noise", n=10, shape=(2,), deviation=0.1)["noise"], whole
    )


@pytest.mark.parametrize(
    ("name", "parameters"),
    [("random_crop", {"padding": 2}), ("random_flip", {}), ("gaussian_noise", {"deviation": 1})],
)
def test_decisions_belong_to_the_example_and_the_epoch(
    name: str, parameters: dict[str, Any]
) -> None:
    many, few = decide(name, n=40, **parameters), decide(name, n=10, **parameters)
    other = decide(name, n=40, epoch=2, **parameters)
    some = decide(name, indices=[7, 30, 31, 2, 7], **parameters)
    for key, values in many.items():
        np.testing.assert_array_equal(values[:10], few[key])
        np.testing.assert_array_equal(values[[7, 30, 31, 2, 7]], some[key])
        assert not np.array_equal(values, other[key])


@pytest.mark.parametrize(
    ("name", "parameters"), [("random_crop", {"padding": 2}), ("random_flip", {})]
)
def test_points_are_not_images(name: str, parameters: dict[str, Any]) -> None:
    with pytest.raises(DataError, match="needs images"):
        decide(name, shape=(2,), **parameters)
