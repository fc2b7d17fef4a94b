"""Randomizations: changes of the training set, drawn once before training from the run's seed.

Every function takes a split, the run's seed, the purpose string of its place in the chain and the
number of classes, and returns a new split; row i of its random numbers belongs to example i of
what it returns. A new one is a function, its line in RANDOMIZATIONS and its schema entry.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from harness.data import randomness
from harness.data.records import DataError, Split
from harness.spec.records import Component

BLOCK_BYTES = 8_000_000
"""Random keys drawn at once: small enough for a processor's cache, large enough to vectorize."""


def randomize(split: Split, components: Sequence[Component], seed: int, classes: int) -> Split:
    """Apply the randomizations in order.

    The k-th draws for the purposes `randomization/<k>/<name>/...`: the same one twice draws
    differently. Raises DataError where one does not fit the inputs.
    """
    for position, component in enumerate(components):
        purpose = f"randomization/{position}/{component.name}"
        function = RANDOMIZATIONS[component.name]
        split = function(split, seed=seed, purpose=purpose, classes=classes, **component.parameters)
    return split


def confusion(
    split: Split, *, seed: int, purpose: str, classes: int, replicas: int, zero_out: float, unit: str
) -> Split:
    """The confusion set of Liu et al. (2020), Algorithm 1.

    Every example `replicas` times, replica r of example i at index r * n + i; in each, exactly
    floor(zero_out * units) units, another random subset, have the raw value 0; labels are uniform
    over the classes. Units are single values (`unit` "channel", the authors' code) or whole
    pixels with all their channels ("pixel", their text); of points, the features.
    """
    n = len(split)
    width = math.prod(split.inputs.shape[1:])
    channels = split.inputs.shape[-1] if unit == "pixel" and split.inputs.ndim == 4 else 1
    units = width // channels
    count = zeroed_units(zero_out, units)
    inputs = np.empty((replicas * n, *split.inputs.shape[1:]), split.inputs.dtype)
    rows = inputs.reshape(replicas * n, units, channels)
    for replica in range(replicas):
        inputs[replica * n : (replica + 1) * n] = split.inputs
    block = max(1, BLOCK_BYTES // (8 * units))
    for first in range(0, replicas * n if count else 0, block):
        zeroed = _subsets(seed, f"{purpose}/units", first, min(block, replicas * n - first), units, count)
        rows[first + np.arange(len(zeroed))[:, np.newaxis], zeroed] = 0
    labels = randomness.integers(seed, f"{purpose}/labels", 0, 0, replicas * n, 1, classes)[:, 0]
    return Split(inputs, labels.astype(np.int32))


def zeroed_units(zero_out: float, units: int) -> int:
    """floor(zero_out * units) of the decimal number as it is written: 0.29 of 100 is 29, not 28."""
    return math.floor(Fraction(str(zero_out)) * units)


def _subsets(seed: int, purpose: str, first: int, rows: int, units: int, count: int) -> NDArray[np.intp]:
    """Uniform subsets of `count` of `units`, one a row; intp [rows, count], in no particular order.

    The units with the smallest keys. A key is 32 random bits above the unit's index: all keys of
    a row differ, so that the subset does not depend on how they are partitioned. Equal random
    bits, with a probability below 2^-32 a pair, prefer the unit with the smaller index.
    """
    words = randomness.raw(seed, purpose, 0, first, rows, -(-units // 2))
    bits = np.ascontiguousarray(words, dtype="<u8").view("<u4")[:, :units]
    keys = bits.astype(np.uint64)
    keys <<= np.uint64(32)
    keys |= np.arange(units, dtype=np.uint64)
    keys.partition(count - 1, axis=1)
    return (keys[:, :count] & np.uint64(0xFFFFFFFF)).astype(np.intp)


def label_corruption(split: Split, *, seed: int, purpose: str, classes: int, probability: float) -> Split:
    """Each label replaced, with `probability`, by a uniform draw over all classes (Zhang et al. 2017).

    The draw may be the true label. The same examples are replaced, by the same labels, and others
    too, when only the probability grows.
    """
    n = len(split)
    replaced = randomness.uniforms(seed, f"{purpose}/replaced", 0, 0, n, 1)[:, 0] < probability
    drawn = randomness.integers(seed, f"{purpose}/labels", 0, 0, n, 1, classes)[:, 0]
    return Split(split.inputs, np.where(replaced, drawn, split.labels).astype(np.int32))


def noisy_copies(split: Split, *, seed: int, purpose: str, classes: int, copies: int, deviation: float) -> Split:
    """Every example unchanged, then `copies` times with normal noise added; labels kept.

    Copy c of example i is at index c * n + i, the unchanged one being copy 0. `deviation` is in
    raw units. Source: the augmentation of the toy code of Liu et al. (2020).
    Raises DataError for integer inputs, which noise would round and wrap.
    """
    if not np.issubdtype(split.inputs.dtype, np.floating):
        raise DataError(f"noisy_copies needs floating-point inputs, these are {split.inputs.dtype}")
    n = len(split)
    inputs = np.tile(split.inputs, (copies + 1,) + (1,) * (split.inputs.ndim - 1))
    noise = randomness.normals(seed, purpose, 0, n, copies * n, math.prod(split.inputs.shape[1:]))
    inputs[n:] += (deviation * noise).reshape(inputs[n:].shape).astype(inputs.dtype)
    return Split(inputs, np.tile(split.labels, copies + 1))


RANDOMIZATIONS: dict[str, Callable[..., Split]] = {
    "confusion": confusion,
    "label_corruption": label_corruption,
    "noisy_copies": noisy_copies,
}
"""Every randomization by name."""
