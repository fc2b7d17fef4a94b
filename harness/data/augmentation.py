"""Augmentations: random changes of training images, drawn anew every epoch.

Each is a pair. `decide` draws, in NumPy, what happens to some examples in an epoch; `apply` does
it to a batch, in the functions of `harness.data.operations` alone, so that it works inside
`tf.data` and inside a compiled program of TensorFlow or JAX alike. A new one is such a pair, its
row below it and its schema entry (see docs/extending.md).

Some mix every example with a partner, and its target with the partner's. The partner is the example
that comes next in the epoch's order, whose first one follows the last: as the order is uniformly
random, so is the partner, and what becomes of an example does not depend on how the epoch is cut
into batches.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypedDict, Unpack

import numpy as np
from numpy.typing import NDArray

from harness.data import randomness
from harness.data.operations import Operations, Tensor, operations
from harness.data.randomness import Stream
from harness.data.records import DataError, Indices
from harness.experiment import Json, OwnPart
from harness.own.kinds import AUGMENTATION, PYTHON
from harness.own.registered import registered
from harness.own.running import function, keywords

BLOCK_BYTES = 32_000_000
"""Normal numbers drawn at once, as float64, on their way to float32."""

Decisions = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Augmentation:
    """The two halves of an augmentation; both take its parameters by keyword.

    Before these they take what identifies a part of one's own, where it is one.

    Args:
        decide: `decide(stream, indices, shape, **parameters)` gives the decisions for the examples
            `indices` [n], of the given shape, in the stream's epoch: arrays [n, ...]. An example's
            do not depend on the others asked for. Raises DataError for inputs of a shape that it
            does not apply to.
        apply: `apply(images, decisions, maximum, **parameters)` gives the changed batch [b, ...],
            given the decisions of its examples as tensors [b, ...]; `maximum` is the raw value of
            1.0.
        mixes: whether it mixes each example with the next one. `apply` is then given b + 1 images
            with their decisions and gives b, each mixed with the one behind it, and the decision
            "share", float32 [n], is how much of the target stays the example's own.
    """

    decide: Callable[..., Decisions]
    apply: Callable[..., Tensor]
    mixes: bool = False


AUGMENTATIONS: dict[str, Augmentation] = {}
"""Every augmentation by name."""


def need_images(name: str, shape: tuple[int, ...]) -> None:
    """Raise DataError where the inputs of an augmentation are no images."""
    if len(shape) != 3:
        raise DataError(
            f"{name} needs images [height, width, channels], these inputs have the shape"
            f" {list(shape)}"
        )


def _decide_crop(
    stream: Stream,
    indices: Indices,
    shape: tuple[int, ...],
    *,
    padding: int,
    size: int | None = None,
) -> Decisions:
    need_images("random_crop", shape)
    spare = [2 * padding + (side - size if size else 0) for side in shape[:2]]
    drawn = randomness.at(lambda first, n: randomness.uniforms(stream, first, n, 2), indices)
    offsets = np.floor(drawn * (np.array(spare) + 1)).astype(np.int32)
    return {"top": offsets[:, 0], "left": offsets[:, 1]}


def _apply_crop(
    images: Tensor,
    decisions: Mapping[str, Tensor],
    maximum: float,
    *,
    padding: int,
    size: int | None = None,
) -> Tensor:
    """Zero-pad every side by `padding`, then crop from (top, left).

    The crop is of `size` [size, size], None: of the original size.
    """
    height, width = (size, size) if size else images.shape[1:3]
    on = operations(images)
    rows = decisions["top"][:, None] + on.arange(height)
    columns = decisions["left"][:, None] + on.arange(width)
    return on.take_along(on.take_along(on.pad(images, padding), rows, 1), columns, 2)


AUGMENTATIONS["random_crop"] = Augmentation(_decide_crop, _apply_crop)


def _decide_flip(stream: Stream, indices: Indices, shape: tuple[int, ...]) -> Decisions:
    need_images("random_flip", shape)
    drawn = randomness.at(lambda first, n: randomness.integers(stream, first, n, 1, 2), indices)
    return {"flip": drawn[:, 0] == 1}


def _apply_flip(images: Tensor, decisions: Mapping[str, Tensor], maximum: float) -> Tensor:
    """Flip left to right where the decision says so."""
    on = operations(images)
    columns = on.arange(images.shape[2])
    # Gathered, not selected from two images: tf.where with a broadcast condition is slow on the
    # CPU.
    columns = on.where(decisions["flip"][:, None], columns[::-1], columns)
    return on.take_along(images, columns, 2)


AUGMENTATIONS["random_flip"] = Augmentation(_decide_flip, _apply_flip)


def _decide_noise(
    stream: Stream, indices: Indices, shape: tuple[int, ...], *, deviation: float
) -> Decisions:
    width = math.prod(shape)
    noise = np.empty((len(indices), width), np.float32)
    block = max(1, BLOCK_BYTES // (8 * width))
    for start in range(0, len(indices), block):
        some = indices[start : start + block]
        noise[start : start + block] = randomness.at(
            lambda first, n: randomness.normals(stream, first, n, width), some
        )
    return {"noise": noise.reshape(len(indices), *shape)}


def _apply_noise(
    images: Tensor, decisions: Mapping[str, Tensor], maximum: float, *, deviation: float
) -> Tensor:
    """Add normal noise; float32 in raw units, not clipped."""
    on = operations(images)
    return on.floats(images) + on.product(on.constant(deviation * maximum), decisions["noise"])


AUGMENTATIONS["gaussian_noise"] = Augmentation(_decide_noise, _apply_noise)


def _decide_cutout(
    stream: Stream,
    indices: Indices,
    shape: tuple[int, ...],
    *,
    length: int,
    fill: Sequence[float] | None = None,
) -> Decisions:
    need_images("cutout", shape)
    drawn = randomness.at(lambda first, n: randomness.uniforms(stream, first, n, 2), indices)
    corners = np.floor(drawn * np.array(shape[:2])).astype(np.int32) - length // 2
    (top, left), (bottom, right) = corners.T, corners.T + length
    return {"top": top, "left": left, "bottom": bottom, "right": right}


def _apply_cutout(
    images: Tensor,
    decisions: Mapping[str, Tensor],
    maximum: float,
    *,
    length: int,
    fill: Sequence[float] | None = None,
) -> Tensor:
    """Replace a square of side `length` whose centre is any pixel, as far as it is in the image.

    What stands there is `fill`, a raw value a channel, which the normalization takes to 0; None:
    the mean of all values of the image. float32.

    Source: DeVries and Taylor (2017), arXiv 1708.04552, and its code, which cuts after the
    normalization and puts 0.
    """
    on = operations(images)
    images = on.floats(images)
    value = on.mean(images) if fill is None else on.constant(fill)
    outside = _outside(on, decisions, images.shape[1:3])
    return images * outside + value * (1 - outside)


def _outside(on: Operations, decisions: Mapping[str, Tensor], shape: Sequence[int]) -> Tensor:
    """Return 1 for pixels outside the boxes of the decisions, 0 inside; float32 [b, h, w, 1].

    A box has the rows from "top" to "bottom" - 1 and the columns from "left" to "right" - 1.
    """
    rows, columns = (on.arange(side) for side in shape)
    within_rows = _within(rows, decisions["top"], decisions["bottom"])
    within_columns = _within(columns, decisions["left"], decisions["right"])
    inside = within_rows[:, :, None] & within_columns[:, None]
    return 1 - on.floats(inside)[..., None]


def _within(places: Tensor, first: Tensor, end: Tensor) -> Tensor:
    return (places >= first[:, None]) & (places < end[:, None])


AUGMENTATIONS["cutout"] = Augmentation(_decide_cutout, _apply_cutout)


def _decide_mixup(
    stream: Stream, indices: Indices, shape: tuple[int, ...], *, alpha: float
) -> Decisions:
    drawn = randomness.at(lambda first, n: randomness.uniforms(stream, first, n, 1), indices)
    return {"share": randomness.betas(drawn[:, 0], alpha).astype(np.float32)}


def _apply_mixup(
    images: Tensor, decisions: Mapping[str, Tensor], maximum: float, *, alpha: float
) -> Tensor:
    """Return share * example + (1 - share) * the next one, share ~ Beta(alpha, alpha); float32.

    Source: Zhang et al. (2018), "mixup: Beyond empirical risk minimization", equation 1. The
    share is drawn for each pair, as there; the authors' code draws one for a batch.
    """
    on = operations(images)
    images = on.floats(images)
    share = decisions["share"][:-1][(..., *[None] * (len(images.shape) - 1))]
    return on.product(share, images[:-1]) + on.product(1 - share, images[1:])


AUGMENTATIONS["mixup"] = Augmentation(_decide_mixup, _apply_mixup, mixes=True)


def _decide_cutmix(
    stream: Stream, indices: Indices, shape: tuple[int, ...], *, alpha: float, probability: float
) -> Decisions:
    need_images("cutmix", shape)
    sides = np.array(shape[:2])
    drawn = randomness.at(lambda first, n: randomness.uniforms(stream, first, n, 4), indices)
    cut = np.sqrt(1 - randomness.betas(drawn[:, 0], alpha)) * (drawn[:, 3] < probability)
    half = np.floor(cut[:, np.newaxis] * sides).astype(np.int32) // 2
    centre = np.floor(drawn[:, 1:3] * sides).astype(np.int32)
    start, end = np.clip(centre - half, 0, sides), np.clip(centre + half, 0, sides)
    share = 1 - np.prod(end - start, axis=1) / math.prod(shape[:2])
    (top, left), (bottom, right) = start.T, end.T
    corners = {"top": top, "left": left, "bottom": bottom, "right": right}
    decisions = {name: values.astype(np.int32) for name, values in corners.items()}
    return {**decisions, "share": share.astype(np.float32)}


def _apply_cutmix(
    images: Tensor,
    decisions: Mapping[str, Tensor],
    maximum: float,
    *,
    alpha: float,
    probability: float,
) -> Tensor:
    """Replace a box of an image by that of the next one; float32.

    With `probability`, its sides are sqrt(1 - lambda) of the image's, lambda ~ Beta(alpha, alpha),
    and its centre is any pixel; what lies outside the image is left out, and the share of the
    target that stays is that of the pixels that stay.

    Source: Yun et al. (2019), "CutMix", algorithm A1, and its code, whose rounding this is.
    """
    on = operations(images)
    images = on.floats(images)
    corners = {name: values[:-1] for name, values in decisions.items()}
    outside = _outside(on, corners, images.shape[1:3])
    return images[:-1] * outside + images[1:] * (1 - outside)


AUGMENTATIONS["cutmix"] = Augmentation(_decide_cutmix, _apply_cutmix, mixes=True)

GREY = (0.2989, 0.587, 0.114)
"""What red, green and blue weigh in the grey of an image (ITU-R BT.601, as torchvision has it)."""


class Strengths(TypedDict):
    """How strongly each property of an image is changed by color_jitter; 0 not at all."""

    brightness: float
    contrast: float
    saturation: float
    hue: float


_FACTORS: tuple[Literal["brightness", "contrast", "saturation"], ...] = (
    "brightness",
    "contrast",
    "saturation",
)
"""What is changed by a factor from max(0, 1 - strength) to 1 + strength."""


def _decide_jitter(
    stream: Stream, indices: Indices, shape: tuple[int, ...], **strengths: Unpack[Strengths]
) -> Decisions:
    need_images("color_jitter", shape)
    if shape[2] not in (1, 3):
        raise DataError(f"color_jitter needs images of 1 or 3 channels, these have {shape[2]}")
    drawn = randomness.at(lambda first, n: randomness.uniforms(stream, first, n, 4), indices)
    low = np.array([max(0.0, 1 - strengths[name]) for name in _FACTORS])
    high = np.array([1 + strengths[name] for name in _FACTORS])
    factors = low + (high - low) * drawn[:, :3]
    hue = strengths["hue"] * (2 * drawn[:, 3] - 1)
    decisions = {**dict(zip(_FACTORS, factors.T, strict=True)), "hue": hue}
    return {name: values.astype(np.float32) for name, values in decisions.items()}


def _apply_jitter(
    images: Tensor,
    decisions: Mapping[str, Tensor],
    maximum: float,
    **strengths: Unpack[Strengths],
) -> Tensor:
    """Change brightness, contrast, saturation and hue, in this order; float32 in raw units.

    Each is what torchvision's `ColorJitter` does to floating-point images, which takes the four in
    a random order: with a factor f, values from 0 to 1 become f * value + (1 - f) * other, clipped
    to [0, 1], where the other is black, the mean grey of the image, and each pixel's grey. Hue is
    turned by a share of the circle. Images of one channel have neither saturation nor hue. What is
    0 changes nothing.
    """
    on = operations(images)
    x = on.quotient(on.floats(images), on.constant(maximum))
    factors = {name: values[:, None, None, None] for name, values in decisions.items()}
    if strengths["brightness"]:
        x = _blended(x, on.constant(0), factors["brightness"])
    if strengths["contrast"]:
        x = _blended(x, on.mean(_grey(x)), factors["contrast"])
    if strengths["saturation"] and x.shape[3] == 3:
        x = _blended(x, _grey(x), factors["saturation"])
    if strengths["hue"] and x.shape[3] == 3:
        x = _turned(x, factors["hue"])
    return on.product(x, on.constant(maximum))


def _blended(x: Tensor, other: Tensor, factor: Tensor) -> Tensor:
    on = operations(x)
    return on.clip(on.product(factor, x) + on.product(1 - factor, other))


def _grey(x: Tensor) -> Tensor:
    """Return the grey of images, [b, h, w, 1]."""
    return x if x.shape[3] == 1 else operations(x).grey(x, GREY)


def _turned(x: Tensor, turn: Tensor) -> Tensor:
    """Turn the hue of images by a share of the circle, [b, 1, 1, 1]."""
    on = operations(x)
    colours = on.rgb_to_hsv(x)
    hue = (colours[..., :1] + turn) % 1.0
    return on.hsv_to_rgb(on.concatenate([hue, colours[..., 1:]]))


AUGMENTATIONS["color_jitter"] = Augmentation(_decide_jitter, _apply_jitter)


def _decide_own(
    stream: Stream, indices: Indices, shape: tuple[int, ...], part: OwnPart, **settings: Json
) -> Decisions:
    return _made(part, settings).decide(stream, indices, shape)


def _apply_own(
    images: Tensor,
    decisions: Mapping[str, Tensor],
    maximum: float,
    part: OwnPart,
    **settings: Json,
) -> Tensor:
    return _made(part, settings).apply(images, decisions, maximum)


def _made(part: OwnPart, settings: Mapping[str, Json]) -> Augmentation:
    """Return the augmentation that a function of one's own makes of its parameters."""
    found = function(part)(**keywords(part, settings))
    if not isinstance(found, Augmentation):
        raise DataError(f"{part.call} returned {type(found).__name__}, not an Augmentation")
    return found


for _name in (PYTHON, *registered(AUGMENTATION).parts):
    AUGMENTATIONS.setdefault(_name, Augmentation(_decide_own, _apply_own))
