import colorsys
import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

from harness.data import randomness
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


def boxes(drawn: Any, n: int, shape: tuple[int, ...] = (6, 5)) -> np.ndarray:
    """Which pixels lie in the boxes of some decisions, pixel by pixel: bool [n, height, width]."""
    inside = np.zeros((n, *shape), bool)
    for image, row, column in itertools.product(range(n), range(shape[0]), range(shape[1])):
        inside[image, row, column] = (
            drawn["top"][image] <= row < drawn["bottom"][image]
            and drawn["left"][image] <= column < drawn["right"][image]
        )
    return inside


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("fill", [None, (10.0, 20.0, 30.0), (0.0,)])
@pytest.mark.parametrize("length", [3, 4])
def test_a_cut_out_square_has_the_fill_and_the_rest_stays(
    compiled: bool, fill: tuple[float, ...] | None, length: int
) -> None:
    drawn = decide("cutout", length=length, fill=fill)
    got = apply("cutout", drawn, compiled=compiled, length=length, fill=fill)
    assert got.dtype == np.float32
    for image, inside, cut in zip(IMAGES, boxes(drawn, 40), got, strict=True):
        expected = image.astype(np.float64)
        expected[inside] = image.mean() if fill is None else fill
        np.testing.assert_allclose(cut, expected, rtol=1e-5)


def test_the_centre_of_a_cut_out_square_is_any_pixel_equally_often() -> None:
    drawn = decide("cutout", n=30_000, length=4)
    np.testing.assert_array_equal(drawn["bottom"] - drawn["top"], 4)
    np.testing.assert_array_equal(drawn["right"] - drawn["left"], 4)
    counts = np.bincount((drawn["top"] + 2) * 5 + drawn["left"] + 2, minlength=30)
    assert len(counts) == 30
    # chi-square with 29 degrees of freedom: 67 is exceeded with probability 1e-4
    assert ((counts - 1000) ** 2 / 1000).sum() < 67


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("pictures", [IMAGES, IMAGES[:, 0, :2, 0]])
def test_mixup_is_the_convex_combination_with_the_next_example(
    compiled: bool, pictures: np.ndarray
) -> None:
    drawn = decide("mixup", shape=pictures.shape[1:], alpha=0.5)
    got = apply("mixup", drawn, compiled=compiled, pictures=pictures, alpha=0.5)
    assert (len(got), got.dtype) == (39, np.float32)
    for place in range(39):
        share = float(drawn["share"][place])
        expected = share * pictures[place] + (1 - share) * pictures[place + 1].astype(np.float64)
        np.testing.assert_allclose(got[place], expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("alpha", [0.2, 1.0, 4.0])
def test_the_shares_of_mixup_have_the_beta_distribution(alpha: float) -> None:
    shares = decide("mixup", n=4000, alpha=alpha)["share"]
    assert scipy.stats.kstest(shares, scipy.stats.beta(alpha, alpha).cdf).pvalue > 1e-3


@pytest.mark.parametrize("alpha", [0.001, 1000])
def test_the_shares_of_mixup_are_numbers_at_the_ends_of_what_alpha_may_be(alpha: float) -> None:
    shares = decide("mixup", n=4000, alpha=alpha)["share"]
    assert np.isfinite(shares).all()
    assert abs(shares.mean() - 0.5) < 0.05
    # the variance is 1 / (4 (2 alpha + 1))
    assert shares.var() == pytest.approx(0.25 / (2 * alpha + 1), rel=0.1)


@pytest.mark.parametrize("compiled", [False, True])
def test_cutmix_takes_a_box_from_the_next_image(compiled: bool) -> None:
    drawn = decide("cutmix", alpha=1.0, probability=1.0)
    got = apply("cutmix", drawn, compiled=compiled, alpha=1.0, probability=1.0)
    assert (len(got), got.dtype) == (39, np.float32)
    inside = boxes(drawn, 40)
    for place in range(39):
        box = inside[place, :, :, np.newaxis]
        np.testing.assert_array_equal(got[place], np.where(box, IMAGES[place + 1], IMAGES[place]))
    np.testing.assert_allclose(drawn["share"], 1 - inside.mean(axis=(1, 2)), atol=1e-6)


def test_the_boxes_of_cutmix_are_those_of_the_paper() -> None:
    """Of algorithm A1 with the code's rounding; with alpha 1, lambda is the uniform number."""
    drawn = decide("cutmix", n=200, shape=(32, 20, 3), alpha=1.0, probability=0.5)
    uniform = randomness.uniforms(Stream(0, "test", 1), 0, 200, 4)
    for place, (share, at_row, at_column, chance) in enumerate(uniform):
        ratio = np.sqrt(1 - share) if chance < 0.5 else 0.0
        for side, at, (low, high) in (
            (32, at_row, ("top", "bottom")),
            (20, at_column, ("left", "right")),
        ):
            cut, centre = int(side * ratio), int(side * at)
            assert drawn[low][place] == min(max(centre - cut // 2, 0), side)
            assert drawn[high][place] == min(max(centre + cut // 2, 0), side)
    unmixed = drawn["share"] == 1
    assert unmixed[uniform[:, 3] >= 0.5].all()
    assert 60 < unmixed.sum() < 140


JITTER: dict[str, Any] = {"brightness": 0.4, "contrast": 0.5, "saturation": 0.6, "hue": 0.3}


def blend(one: np.ndarray, other: np.ndarray | float, factor: float) -> np.ndarray:
    return np.clip(factor * one + (1 - factor) * other, 0, 1)


def grey(image: np.ndarray) -> np.ndarray:
    return (image @ np.array([0.2989, 0.587, 0.114]))[..., np.newaxis]


def turned(image: np.ndarray, turn: float) -> np.ndarray:
    """The image in float64 with another hue, pixel by pixel with Python's own colours."""
    found = np.empty_like(image)
    for place in np.ndindex(image.shape[:2]):
        hue, saturation, value = colorsys.rgb_to_hsv(*image[place])
        found[place] = colorsys.hsv_to_rgb((hue + turn) % 1, saturation, value)
    return found


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("off", [None, *JITTER])
def test_colour_jitter_is_that_of_torchvision_one_change_after_the_other(
    compiled: bool, off: str | None
) -> None:
    strengths: dict[str, Any] = JITTER | ({off: 0.0} if off else {})
    drawn = decide("color_jitter", **strengths)
    got = apply("color_jitter", drawn, compiled=compiled, **strengths)
    assert got.dtype == np.float32
    for place, image in enumerate(IMAGES):
        factors = {name: float(values[place]) for name, values in drawn.items()}
        expected = blend(image / 255, 0.0, factors["brightness"])
        expected = blend(expected, grey(expected).mean(), factors["contrast"])
        expected = blend(expected, grey(expected), factors["saturation"])
        expected = turned(expected, factors["hue"])
        np.testing.assert_allclose(got[place] / 255, expected, atol=2e-5)


def test_colour_jitter_of_grey_images_changes_brightness_and_contrast_alone() -> None:
    pictures = IMAGES[..., :1]
    drawn = decide("color_jitter", shape=(6, 5, 1), **JITTER)
    got = apply("color_jitter", drawn, pictures=pictures, **JITTER)
    for place, image in enumerate(pictures):
        expected = blend(image / 255, 0.0, float(drawn["brightness"][place]))
        expected = blend(expected, expected.mean(), float(drawn["contrast"][place]))
        np.testing.assert_allclose(got[place] / 255, expected, atol=1e-5)


def test_the_factors_of_colour_jitter_are_uniform_around_one() -> None:
    strengths: dict[str, Any] = {"brightness": 0.4, "contrast": 2.0, "saturation": 0.0, "hue": 0.3}
    drawn = decide("color_jitter", n=10_000, **strengths)
    for name, low, high in (("brightness", 0.6, 1.4), ("contrast", 0, 3), ("hue", -0.3, 0.3)):
        uniform = scipy.stats.uniform(low, high - low)
        assert scipy.stats.kstest(drawn[name], uniform.cdf).pvalue > 1e-3
    np.testing.assert_array_equal(drawn["saturation"], 1)


def test_colour_jitter_needs_grey_images_or_colours() -> None:
    with pytest.raises(DataError, match="1 or 3 channels, these have 2"):
        decide("color_jitter", shape=(6, 5, 2), **JITTER)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("random_crop", {"padding": 2}),
        ("random_flip", {}),
        ("gaussian_noise", {"deviation": 1}),
        ("cutout", {"length": 3}),
        ("mixup", {"alpha": 0.5}),
        ("cutmix", {"alpha": 0.5, "probability": 0.9}),
        ("color_jitter", JITTER),
    ],
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
    ("name", "parameters"),
    [
        ("random_crop", {"padding": 2}),
        ("random_flip", {}),
        ("cutout", {"length": 3}),
        ("cutmix", {"alpha": 0.5, "probability": 0.9}),
        ("color_jitter", JITTER),
    ],
)
def test_points_are_not_images(name: str, parameters: dict[str, Any]) -> None:
    with pytest.raises(DataError, match="needs images"):
        decide(name, shape=(2,), **parameters)
