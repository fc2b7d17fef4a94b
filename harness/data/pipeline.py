"""From a dataset and a seed to batches: build, decide an epoch, make its batches.

A batch is a pure function of the training set and the epoch's decisions, so the same batches come
out of `tf.data` and out of a compiled training loop that calls `make_batch` itself.
"""

from __future__ import annotations

import math
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from harness.data import randomness, sources
from harness.data.augmentation import AUGMENTATIONS
from harness.data.randomizations import randomize
from harness.data.records import DataError, Split
from harness.spec.records import PER_IMAGE, Component, Dataset, Normalization, Standardization


@dataclass(frozen=True, eq=False)
class Pipeline:
    """The training set, randomized, and the test set of one run, and how batches are made of them."""

    train: Split
    test: Split
    classes: tuple[str, ...]
    maximum: float
    normalize: Normalization | Standardization | None
    augmentation: tuple[Component, ...]
    seed: int
    center_crop: int | None = None

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of one example as the network sees it."""
        whole = self.train.inputs.shape[1:]
        return whole if self.center_crop is None else (self.center_crop, self.center_crop, *whole[2:])


def build(dataset: Dataset, augmentation: Sequence[Component], seed: int, data_dir: Path) -> Pipeline:
    """Load a dataset and randomize its training set.

    Raises DataError where data are missing or damaged, or do not fit the normalization, a
    randomization, the crop or an augmentation.
    """
    examples = sources.load(dataset, data_dir)
    _check_normalization(dataset.normalize, examples.train.inputs.shape[-1])
    _check_crop(dataset.center_crop, examples.train.inputs.shape[1:])
    pipeline = Pipeline(
        train=randomize(examples.train, dataset.randomize, seed, len(examples.classes)),
        test=examples.test,
        classes=examples.classes,
        maximum=examples.maximum,
        normalize=dataset.normalize,
        augmentation=tuple(_sized(component, dataset.center_crop) for component in augmentation),
        seed=seed,
        center_crop=dataset.center_crop,
    )
    _augmentation_decisions(pipeline, epoch=0, n=0)  # a misfit shows here, not at the first epoch
    return pipeline


def decisions(pipeline: Pipeline, epoch: int) -> dict[str, NDArray[Any]]:
    """All random decisions of a training epoch, a row a position in the epoch.

    "order" int32 [n]: which example comes at each position; "<k>/<name>" [n, ...]: the decision
    `name` of the k-th augmentation, drawn for the example and not for the position.
    """
    n = len(pipeline.train)
    order = randomness.permutation(pipeline.seed, "shuffle", epoch, n).astype(np.int32)
    drawn = _augmentation_decisions(pipeline, epoch, n)
    return {"order": order} | {name: values[order] for name, values in drawn.items()}


def make_batch(
    pipeline: Pipeline, inputs: tf.Tensor, labels: tf.Tensor, chosen: Mapping[str, tf.Tensor]
) -> tuple[tf.Tensor, tf.Tensor]:
    """The batch of the given positions: gathered, augmented, scaled, normalized.

    `inputs` and `labels` are the whole training set (see `tensors`), `chosen` the rows of
    `decisions` at these positions. Returns x float32 [b, ...] and y int32 [b]. TensorFlow
    operations alone, for use in `tf.data` and in compiled functions.
    """
    x = tf.gather(inputs, chosen["order"])
    if not _crops_at_random(pipeline):
        x = _center(pipeline, x)
    for position, component in enumerate(pipeline.augmentation):
        prefix = f"{position}/"
        own = {name.removeprefix(prefix): value for name, value in chosen.items() if name.startswith(prefix)}
        x = AUGMENTATIONS[component.name].apply(x, own, pipeline.maximum, **component.parameters)
    return scaled(pipeline, x), tf.gather(labels, chosen["order"])


def scaled(pipeline: Pipeline, inputs: tf.Tensor) -> tf.Tensor:
    """Raw inputs, [n, ...], as the network takes them: cut to the centre, scaled and normalized; float32."""
    inputs = _center(pipeline, inputs)
    if pipeline.normalize == PER_IMAGE:
        return _standardized(tf.cast(inputs, tf.float32))
    x = tf.cast(inputs, tf.float32) / pipeline.maximum
    if pipeline.normalize is None:
        return x
    # A whole example each: on the CPU, broadcasting along a short last axis is five times slower.
    mean = np.broadcast_to(np.asarray(pipeline.normalize.mean, np.float32), x.shape[1:])
    deviation = np.broadcast_to(np.asarray(pipeline.normalize.deviation, np.float32), x.shape[1:])
    return (x - tf.constant(mean)) / tf.constant(deviation)


def _center(pipeline: Pipeline, images: tf.Tensor) -> tf.Tensor:
    """The squares in the middle of images [n, height, width, channels], where they are not cut out yet.

    Where the margins cannot be equal, the ones above and on the left are a pixel smaller.
    """
    size = pipeline.center_crop
    if size is None or images.shape[1:3] == (size, size):
        return images
    top, left = (images.shape[1] - size) // 2, (images.shape[2] - size) // 2
    return images[:, top : top + size, left : left + size]


def _standardized(raw: tf.Tensor) -> tf.Tensor:
    """Each example minus its mean, over its deviation or over 1/sqrt(values), whichever is larger."""
    axes = list(range(1, len(raw.shape)))
    centred = raw - tf.reduce_mean(raw, axes, keepdims=True)
    deviation = tf.sqrt(tf.reduce_mean(tf.square(centred), axes, keepdims=True))
    return centred / tf.maximum(deviation, 1 / math.sqrt(math.prod(raw.shape[1:])))


def _crops_at_random(pipeline: Pipeline) -> bool:
    return any(component.name == "random_crop" for component in pipeline.augmentation)


def _sized(augmentation: Component, size: int | None) -> Component:
    """The augmentation, told the size that a random crop cuts."""
    if augmentation.name != "random_crop" or size is None:
        return augmentation
    return Component(augmentation.name, {**augmentation.parameters, "size": size})


def training_batches(
    pipeline: Pipeline, epoch: int, batch_size: int, last_batch: Literal["keep", "drop"]
) -> tf.data.Dataset:
    """The batches (x float32, y int32) of a training epoch, in its order.

    A last batch that is not full is kept or dropped. Raises DataError where nothing is left.
    """
    n = len(pipeline.train)
    if last_batch == "drop" and n < batch_size:
        raise DataError(f"{n} training examples make no full batch of {batch_size}, and smaller ones are dropped")
    inputs, labels = tensors(pipeline.train)
    with tf.device("CPU:0"):
        drawn = {name: tf.constant(values) for name, values in decisions(pipeline, epoch).items()}
    return _batches(
        lambda start: make_batch(
            pipeline, inputs, labels, {name: values[start : start + batch_size] for name, values in drawn.items()}
        ),
        n - n % batch_size if last_batch == "drop" else n,
        batch_size,
    )


def evaluation_batches(pipeline: Pipeline, split: Split, batch_size: int) -> tf.data.Dataset:
    """All examples of a split in order, without augmentation, as batches (x float32, y int32)."""
    inputs, labels = tensors(split)
    return _batches(
        lambda start: (scaled(pipeline, inputs[start : start + batch_size]), labels[start : start + batch_size]),
        len(split),
        batch_size,
    )


_TENSORS: weakref.WeakKeyDictionary[Split, tuple[tf.Tensor, tf.Tensor]] = weakref.WeakKeyDictionary()


def tensors(split: Split) -> tuple[tf.Tensor, tf.Tensor]:
    """A split's inputs and labels as tensors in host memory, made once and kept as long as the split.

    A `tf.data` function captures them by reference: as graph constants they would be copied for
    every epoch, and could not pass 2 GB.
    """
    if split not in _TENSORS:
        with tf.device("CPU:0"):
            _TENSORS[split] = tf.constant(split.inputs), tf.constant(split.labels)
    return _TENSORS[split]


def _batches(batch: Any, n: int, batch_size: int) -> tf.data.Dataset:
    options = tf.data.Options()
    options.deterministic = True
    starts = tf.data.Dataset.range(0, n, batch_size, output_type=tf.int32)
    return starts.map(batch, num_parallel_calls=tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE).with_options(options)


def _augmentation_decisions(pipeline: Pipeline, epoch: int, n: int) -> dict[str, NDArray[Any]]:
    whole = pipeline.train.inputs.shape[1:]
    shape = whole if _crops_at_random(pipeline) else pipeline.input_shape
    drawn = {}
    for position, component in enumerate(pipeline.augmentation):
        purpose = f"augmentation/{position}/{component.name}"
        decide = AUGMENTATIONS[component.name].decide
        for name, values in decide(pipeline.seed, purpose, epoch, n, shape, **component.parameters).items():
            drawn[f"{position}/{name}"] = values
        if component.name == "random_crop":
            shape = pipeline.input_shape
    return drawn


def _check_normalization(normalize: Normalization | Standardization | None, channels: int) -> None:
    if not isinstance(normalize, Normalization):
        return
    for name, values in (("mean", normalize.mean), ("deviation", normalize.deviation)):
        if len(values) not in (1, channels):
            raise DataError(f"the normalization has {len(values)} values of {name}, the inputs {channels} channels")


def _check_crop(size: int | None, shape: tuple[int, ...]) -> None:
    if size is not None and (len(shape) != 3 or size > min(shape[:2])):
        raise DataError(f"no square of {size} pixels can be cut from inputs of the shape {list(shape)}")
