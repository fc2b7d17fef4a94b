"""Randomizations: changes of the training set, drawn once before training.

They are drawn from the run's seed or one of their own. Each is a function that takes a split, the
draw that belongs to its place in the chain, and its parameters, and says by a `Change` how the new
split comes of the old one, a row at a time: row i of its random numbers belongs to example i of the
new split. So the same definition serves a split that is made once in memory and one that is made
anew, a batch at a time, because it does not fit. Most leave the test set alone; one that does not
says so in its row in RANDOMIZATIONS.

A new one is a function, its row below it and its schema entry (see docs/extending.md).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from harness.data import randomness
from harness.data.randomness import Stream
from harness.data.records import DataError, Indices, Inputs, Split
from harness.data.rows import Changed, materialized, take
from harness.experiment import Component, Json, OwnPart
from harness.own.kinds import PYTHON, RANDOMIZATION
from harness.own.registered import registered
from harness.own.running import function, keywords
from harness.rounding import share_of

Part = Literal["train", "test", "validation", "validation_as_train"]
"""The sets of a run. The validation set is changed as the test set is, or as the training set."""


@dataclass(frozen=True)
class Draw:
    """What a randomization draws from: the run's seed and the purpose of its place in the chain.

    `classes` is the number of classes, `maximum` the largest raw value of an image.
    """

    seed: int
    purpose: str
    classes: int
    maximum: float

    def stream(self, part: str = "") -> Stream:
        """Return the random numbers for the whole randomization, or for a named part of it."""
        return Stream(self.seed, f"{self.purpose}/{part}" if part else self.purpose)


@dataclass(frozen=True, eq=False)
class Change:
    """What a randomization makes of a split of n examples.

    `labels`: int32 [m], those of the new split, m a multiple of n. `rows(inputs, indices)`: the
    new inputs [b, ...] of the examples `indices` [b], made from those of the examples
    `indices` mod n, in an array of their own, which it may write into; None where they stay.
    """

    labels: NDArray[np.int32]
    rows: Callable[[NDArray[Any], Indices], NDArray[Any]] | None = None


@dataclass(frozen=True)
class Randomization:
    """What happens to the training set and, where anything does, to the test set.

    Where both are the same function, it does the same to all sets, by the same draws.

    Both take the split, the draw, what identifies a part of one's own, and the parameters by
    keyword; the test set's draw is the same.
    """

    train: Callable[..., Change]
    test: Callable[..., Change] | None = None


RANDOMIZATIONS: dict[str, Randomization] = {}
"""Every randomization by name."""


def randomize(
    split: Split,
    components: Sequence[Component],
    *,
    seed: int,
    classes: int,
    maximum: float,
    part: Part = "train",
) -> Split:
    """Apply the randomizations in order, to one of the sets.

    The k-th draws for the purposes `randomization/<k>/<name>/...`: the same one twice draws
    differently. One that has the parameter `seed` draws from that instead. For the validation set
    each has draws of its own, unless it does the same to all sets. The result is in memory
    where it is small enough (`harness.data.rows.LARGEST_IN_MEMORY`).

    Raises:
        DataError: one does not fit the inputs.
    """
    for position, component in enumerate(components):
        row = RANDOMIZATIONS[component.name]
        change_of = row.train if part.endswith("train") else row.test
        if change_of is None:
            continue
        parameters = dict(component.parameters)
        own = parameters.pop("seed", None)
        purpose = f"randomization/{position}/{component.name}"
        if part.startswith("validation") and row.train is not row.test:
            purpose += "/validation"
        draw = Draw(seed if own is None else own, purpose, classes, maximum)
        change = change_of(split, draw, *component.leading, **parameters)
        inputs = split.inputs
        if change.rows is not None:
            inputs = Changed(inputs, len(change.labels), change.rows)
        split = Split(inputs, change.labels)
    return materialized(split)


def confusion(split: Split, draw: Draw, *, replicas: int, zero_out: float, unit: str) -> Change:
    """Make the confusion set of Liu et al. (2020), Algorithm 1.

    Every example `replicas` times, replica r of example i at index r * n + i; in each, exactly
    floor(zero_out * units) units, another random subset, have the raw value 0; labels are uniform
    over the classes. Units are single values (`unit` "channel", the authors' code) or whole
    pixels with all their channels ("pixel", their text); of points, the features.
    """
    units = _units(split.inputs, unit)
    count = zeroed_units(zero_out, units)
    stream = draw.stream("units")

    def zeroed(inputs: NDArray[Any], indices: Indices) -> NDArray[Any]:
        if not count:
            return inputs
        bits = randomness.at(lambda first, n: _bits(stream, first, n, units), indices)
        kept = ~_subsets(bits, count)[:, :, np.newaxis]
        # Bytes times 1 or 0: much faster than picking values, and exact for every dtype, as -1.0 *
        # 0 is not.
        return (
            (_by_unit(inputs.view(np.uint8), units) * kept).view(inputs.dtype).reshape(inputs.shape)
        )

    n = replicas * len(split)
    labels = randomness.integers(draw.stream("labels"), 0, n, 1, draw.classes)[:, 0]
    return Change(labels.astype(np.int32), zeroed)


RANDOMIZATIONS["confusion"] = Randomization(confusion)


def zeroed_units(zero_out: float, units: int) -> int:
    """Return floor(zero_out * units) of the number as it is written."""
    return share_of(zero_out, units)


def label_corruption(split: Split, draw: Draw, *, probability: float, test: bool = False) -> Change:
    """Replace each label, with `probability`, by a uniform draw over all classes.

    The draw may be the true label. The same examples are replaced, by the same labels, and others
    too, when only the probability grows. `test` says whether the test set's labels are replaced
    too.

    Source: Zhang et al. (2017).
    """
    return _corrupted(split, draw, probability)


def _corrupted_test(split: Split, draw: Draw, *, probability: float, test: bool = False) -> Change:
    of_test = replace(draw, purpose=f"{draw.purpose}/test")
    return _corrupted(split, of_test, probability if test else 0.0)


def _corrupted(split: Split, draw: Draw, probability: float) -> Change:
    n = len(split)
    replaced = randomness.uniforms(draw.stream("replaced"), 0, n, 1)[:, 0] < probability
    drawn = randomness.integers(draw.stream("labels"), 0, n, 1, draw.classes)[:, 0]
    return Change(np.where(replaced, drawn, split.labels).astype(np.int32))


RANDOMIZATIONS["label_corruption"] = Randomization(label_corruption, test=_corrupted_test)


def noisy_copies(split: Split, draw: Draw, *, copies: int, deviation: float) -> Change:
    """Keep every example, and add `copies` of it with normal noise; labels are kept.

    Copy c of example i is at index c * n + i, the unchanged one being copy 0. `deviation` is in
    raw units.

    Raises:
        DataError: inputs are integers, which noise would round and wrap.

    Source: the augmentation of the toy code of Liu et al. (2020).
    """
    if not np.issubdtype(split.inputs.dtype, np.floating):
        raise DataError(f"noisy_copies needs floating-point inputs, these are {split.inputs.dtype}")
    n = len(split)

    def noisy(inputs: NDArray[Any], indices: Indices) -> NDArray[Any]:
        copied = indices >= n
        noise = _normals(draw, inputs[copied].shape, indices[copied])
        inputs[copied] += (deviation * noise).astype(inputs.dtype)
        return inputs

    return Change(np.tile(split.labels, copies + 1), noisy)


RANDOMIZATIONS["noisy_copies"] = Randomization(noisy_copies)


def shuffled_pixels(split: Split, draw: Draw, *, unit: str) -> Change:
    """Permute the pixels of all images, of both sets, alike; labels are kept.

    Pixels move with their channels (`unit` "pixel"), or every single value moves on its own
    ("channel"); of points, the features. A uniform permutation, the same for every shape with
    as many units.

    Source: Zhang et al. (2017).
    """
    units = _units(split.inputs, unit)
    order = randomness.permutation(draw.stream(), units)

    def shuffled(inputs: NDArray[Any], indices: Indices) -> NDArray[Any]:
        return _by_unit(inputs, units).take(order, axis=1).reshape(inputs.shape)

    return Change(split.labels, shuffled)


RANDOMIZATIONS["shuffled_pixels"] = Randomization(shuffled_pixels, test=shuffled_pixels)


def random_pixels(split: Split, draw: Draw, *, unit: str) -> Change:
    """Permute the pixels of each training image by itself; labels are kept.

    The permutations are uniform; `unit` as for `shuffled_pixels`.

    Source: Zhang et al. (2017).
    """
    units = _units(split.inputs, unit)

    def permuted(inputs: NDArray[Any], indices: Indices) -> NDArray[Any]:
        bits = randomness.at(lambda first, n: _bits(draw.stream(), first, n, units), indices)
        moved = _by_unit(inputs, units)[np.arange(len(inputs))[:, np.newaxis], _permutations(bits)]
        return moved.reshape(inputs.shape)

    return Change(split.labels, permuted)


RANDOMIZATIONS["random_pixels"] = Randomization(random_pixels)


def gaussian(split: Split, draw: Draw) -> Change:
    """Draw every value from a normal with the training set's mean and deviation.

    A mean and a deviation for each channel (of points: each feature), over all examples of the set
    as the earlier randomizations leave it; labels are kept. Images stay images: their values are
    rounded to the nearest integer, and those outside [0, maximum] to its ends, which moves both
    statistics a little.

    Source: Zhang et al. (2017).
    """
    dtype = split.inputs.dtype
    mean, deviation = moments(split.inputs)

    def drawn(inputs: NDArray[Any], indices: Indices) -> NDArray[Any]:
        values = mean + deviation * _normals(draw, inputs.shape, indices)
        if np.issubdtype(dtype, np.integer):
            values = np.clip(np.rint(values), 0, draw.maximum)
        return values.astype(dtype)

    return Change(split.labels, drawn)


MOMENT_VALUES = 2**20
"""Values summed at once. Fixed, because it decides how sums of floating-point inputs are
rounded.
"""


RANDOMIZATIONS["gaussian"] = Randomization(gaussian)


def moments(inputs: Inputs) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the mean and the deviation of each channel, float64 [channels].

    A channel is an index of the last axis. The deviation is that of the set itself (divided by n).
    The inputs are read once, in parts. Sums are exact for integers, up to 2^53, so that for images
    the moments are those of exact arithmetic, rounded a few times. Means are taken from the first
    example's on, where values lie close together.
    """
    n, channels = inputs.shape[0], inputs.shape[-1]
    values = math.prod(inputs.shape[1:])
    start = np.rint(take(inputs, np.arange(1)).reshape(-1, channels).mean(axis=0, dtype=np.float64))
    total, squares = np.zeros(channels), np.zeros(channels)
    step = max(1, MOMENT_VALUES // values)
    for first in range(0, n, step):
        part = take(inputs, np.arange(first, min(first + step, n))).reshape(-1, channels) - start
        total += part.sum(axis=0)
        squares += np.square(part).sum(axis=0)
    count = n * values // channels
    mean = total / count
    return start + mean, np.sqrt(np.maximum(squares / count - np.square(mean), 0))


def _own(split: Split, draw: Draw, part: OwnPart, **settings: Json) -> Change:
    """Make what a function of one's own makes of the training set."""
    change = function(part)(split, draw, **keywords(part, settings))
    replicas = settings.get("replicas", 1 + settings.get("copies", 0))
    return _checked(change, replicas * len(split), draw, part)


def _own_test(split: Split, draw: Draw, part: OwnPart, **settings: Json) -> Change:
    """Make what a function of one's own makes of the test set, where that is asked for."""
    if not settings.get("test", False):
        return Change(split.labels)
    of_test = replace(draw, purpose=f"{draw.purpose}/test")
    change = function(part)(split, of_test, **keywords(part, settings))
    return _checked(change, len(split), draw, part)


def _checked(change: object, count: int, draw: Draw, part: OwnPart) -> Change:
    if not isinstance(change, Change):
        raise DataError(f"{part.call} returned {type(change).__name__}, not a Change")
    labels = np.asarray(change.labels)
    if labels.shape != (count,) or not np.issubdtype(labels.dtype, np.integer):
        raise DataError(
            f"{part.call} returned labels {labels.dtype} {list(labels.shape)}: expected integers"
            f" [{count}], by what its replicas are said to be"
        )
    if labels.min() < 0 or labels.max() >= draw.classes:
        raise DataError(
            f"{part.call} returned the labels {labels.min()} to {labels.max()}: expected 0 to"
            f" {draw.classes - 1}"
        )
    return replace(change, labels=labels.astype(np.int32))


for _name in (PYTHON, *registered(RANDOMIZATION).parts):
    RANDOMIZATIONS.setdefault(_name, Randomization(_own, test=_own_test))


def _units(inputs: Inputs, unit: str) -> int:
    """Count the units of one example: pixels with all their channels, or single values."""
    shape = inputs.shape[1:]
    return math.prod(shape[:-1]) if unit == "pixel" and len(shape) == 3 else math.prod(shape)


def _by_unit(inputs: NDArray[Any], units: int) -> NDArray[Any]:
    """Reshape the inputs to [b, units, channels]."""
    return inputs.reshape(len(inputs), units, math.prod(inputs.shape[1:]) // units)


def _normals(draw: Draw, shape: tuple[int, ...], indices: Indices) -> NDArray[np.float64]:
    """Draw standard normal numbers of that shape, [b, ...], for the examples `indices` [b]."""
    width = math.prod(shape[1:])
    return randomness.at(
        lambda first, n: randomness.normals(draw.stream(), first, n, width), indices
    ).reshape(shape)


def _bits(stream: Stream, first: int, n: int, units: int) -> NDArray[np.uint32]:
    """Draw 32 random bits for each unit of n examples; uint32 [n, units]."""
    words = randomness.raw(stream, first, n, -(-units // 2))
    return np.ascontiguousarray(words, dtype="<u8").view("<u4")[:, :units]


def _subsets(bits: NDArray[np.uint32], count: int) -> NDArray[np.bool_]:
    """Choose uniform subsets of `count` units, 1 at least, by `_bits`; bool [n, units].

    The units with the smallest keys (see `_keys`), which are those whose random bits do not exceed
    the `count`-th smallest. The bits alone are half as long as the keys, which are left for the
    examples where equal bits leave more than `count`.
    """
    chosen = bits <= _smallest(bits, count)
    found = chosen.sum(axis=1, dtype=np.min_scalar_type(bits.shape[1]))
    tied = np.flatnonzero(found != count)
    keys = _keys(bits[tied])
    chosen[tied] = keys <= _smallest(keys, count)
    return chosen


def _smallest(numbers: NDArray[Any], count: int) -> NDArray[Any]:
    """Return the `count`-th smallest number of each row; [n, 1]."""
    return np.partition(numbers, count - 1, axis=1)[:, count - 1 : count]


def _permutations(bits: NDArray[np.uint32]) -> NDArray[np.intp]:
    """Draw uniform permutations of the units, by `_bits`; intp [n, units].

    They are the units in the order of their keys.
    """
    keys = _keys(bits)
    keys.sort(axis=1)
    return (keys & np.uint64(0xFFFFFFFF)).astype(np.intp)


def _keys(bits: NDArray[np.uint32]) -> NDArray[np.uint64]:
    """Return random keys for the units of n examples, from `_bits`; uint64 [n, units].

    A key is 32 random bits above the unit's index: all keys of an example differ, so that what is
    made of them does not depend on how they are sorted. Equal random bits, with a probability
    below 2^-32 a pair, prefer the unit with the smaller index.
    """
    keys = bits.astype(np.uint64)
    keys <<= np.uint64(32)
    keys |= np.arange(bits.shape[1], dtype=np.uint64)
    return keys
