"""Images made alike: the colour mode, then the size."""

import numpy as np
import pytest
from numpy.typing import NDArray

from harness.data.conversion import AS_IT_IS, Conversion

Image = NDArray[np.uint8]


def image(height: int, width: int, channels: int, seed: int = 0) -> Image:
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), np.uint8)


def weights(old: int, new: int) -> NDArray[np.float64]:
    """The triangle filter [new, old]: as wide as two old pixels, or two new ones where these are
    larger."""
    scale = old / new
    support = max(1.0, scale)
    centres = (np.arange(new)[:, None] + 0.5) * scale - 0.5
    found = np.maximum(0, 1 - abs(np.arange(old) - centres) / support)
    return found / found.sum(1, keepdims=True)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [(4, 3), (16, 12), (31, 5), (7, 40), (1, 1)])
def test_sizes_change_by_a_triangle_filter_over_all_pixels(
    channels: int, size: tuple[int, int]
) -> None:
    """Pillow rounds after each of the two axes, and its weights to 22 bits: two levels at most."""
    old = image(16, 12, channels)
    found = Conversion(size=size).of(old)
    expected = np.einsum("ai,bj,ijc->abc", weights(16, size[0]), weights(12, size[1]), old)
    assert (found.shape, found.dtype) == ((*size, channels), np.dtype(np.uint8))
    assert abs(found - expected).max() <= 1.01


def test_the_size_that_it_has_changes_nothing() -> None:
    old = image(9, 7, 3)
    np.testing.assert_array_equal(Conversion(size=(9, 7)).of(old), old)
    assert not AS_IT_IS.changes


def test_grey_is_the_luma_of_bt_601() -> None:
    old = image(9, 7, 3)
    luma = old @ np.array([0.299, 0.587, 0.114])
    found = Conversion(mode="grayscale").of(old)
    assert found.shape == (9, 7, 1)
    assert abs(found[..., 0] - luma).max() <= 0.51


@pytest.mark.parametrize(("channels", "kept"), [(1, [0, 0, 0]), (2, [0, 0, 0]), (4, [0, 1, 2])])
def test_rgb_repeats_grey_and_leaves_opacity_out(channels: int, kept: list[int]) -> None:
    old = image(9, 7, channels)
    np.testing.assert_array_equal(Conversion(mode="rgb").of(old), old[..., kept])


@pytest.mark.parametrize("channels", [1, 2])
def test_grey_stays_as_it_is(channels: int) -> None:
    old = image(9, 7, channels)
    np.testing.assert_array_equal(Conversion(mode="grayscale").of(old), old[..., :1])


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("mode", [None, "rgb", "grayscale"])
@pytest.mark.parametrize("size", [None, (5, 6)])
def test_the_shape_is_known_before(
    channels: int, mode: str | None, size: tuple[int, int] | None
) -> None:
    conversion, old = Conversion(mode, size), image(9, 7, channels)
    assert conversion.of(old).shape == conversion.shape(old.shape)
