"""From a dataset and a seed to what a network sees: build, decide an epoch, make a batch.

A batch is a pure function of the training set and the epoch's decisions, so the same batches come
out of `tf.data` (see `harness.data.batches`) and out of a compiled training loop that calls
`make_batch` itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from harness.data import loading, randomness
from harness.data.augmentation import AUGMENTATIONS, Decisions
from harness.data.operations import Tensor, operations
from harness.data.randomizations import Part, randomize
from harness.data.randomness import Stream
from harness.data.records import DataError, Indices, Mixed, Split
from harness.data.validation import held_out
from harness.experiment import PER_IMAGE, Component, Dataset, Normalization, Standardization
from harness.run_result import Loaded

Decide = Callable[[int, Indices], Decisions]
"""A function of (epoch, indices) that draws the decisions of one augmentation, under their full
names.
"""


@dataclass(frozen=True, eq=False)
class Pipeline:
    """The sets of one run, randomized, and how batches are made of them."""

    train: Split
    test: Split
    classes: tuple[str, ...]
    maximum: float
    normalize: Normalization | Standardization | None
    augmentation: tuple[Component, ...]
    seed: int
    center_crop: int | None = None
    loaded: Loaded | None = None
    validation: Split | None = None

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of one example as the network sees it."""
        whole = self.train.inputs.shape[1:]
        return (
            whole if self.center_crop is None else (self.center_crop, self.center_crop, *whole[2:])
        )

    @property
    def splits(self) -> tuple[Split, ...]:
        """The sets that there are."""
        held_out = () if self.validation is None else (self.validation,)
        return (self.train, self.test, *held_out)


def build(
    dataset: Dataset, augmentation: Sequence[Component], seed: int, data_dir: Path
) -> Pipeline:
    """Load a data set, hold the validation set out, and randomize what there is.

    Raises:
        DataError: data are missing or damaged, too few, or do not fit the normalization, a
            randomization, the crop or an augmentation.
    """
    examples = loading.load(dataset, data_dir)
    _check_normalization(dataset.normalize, examples.train.inputs.shape[-1])
    _check_crop(dataset.center_crop, examples.train.inputs.shape[1:])
    randomized = partial(
        randomize,
        components=dataset.randomize,
        seed=seed,
        classes=len(examples.classes),
        maximum=examples.maximum,
    )
    train, validation = examples.train, None
    if dataset.validation is not None:
        train, validation = held_out(train, dataset.validation, seed)
    loaded = replace(
        examples.loaded,
        train_examples=len(train),
        validation_examples=0 if validation is None else len(validation),
    )
    pipeline = Pipeline(
        train=randomized(train),
        test=randomized(examples.test, part="test"),
        classes=examples.classes,
        maximum=examples.maximum,
        normalize=dataset.normalize,
        augmentation=tuple(_completed(each, dataset, examples.maximum) for each in augmentation),
        seed=seed,
        center_crop=dataset.center_crop,
        loaded=loaded,
        validation=None if validation is None else randomized(validation, part=_part(dataset)),
    )
    decision_bytes(pipeline)  # an augmentation that does not fit shows here, not at the first epoch
    return pipeline


def _part(dataset: Dataset) -> Part:
    """Tell as which set the validation set is randomized."""
    as_train = dataset.validation is not None and dataset.validation.randomized
    return "validation_as_train" if as_train else "validation"


def without_examples(pipeline: Pipeline) -> Pipeline:
    """Return how batches are made, without the examples: of each set, the shape of one is left."""

    def empty(split: Split) -> Split:
        inputs = np.zeros((0, *split.inputs.shape[1:]), split.inputs.dtype)
        return Split(inputs, np.zeros(0, np.int32))

    validation = None if pipeline.validation is None else empty(pipeline.validation)
    return replace(
        pipeline, train=empty(pipeline.train), test=empty(pipeline.test), validation=validation
    )


def decisions(pipeline: Pipeline, epoch: int) -> Decisions:
    """Draw all random decisions of a training epoch, a row a position in the epoch.

    "order" int32 [n]: which example comes at each position; "<k>/<name>" [n, ...]: the decision
    `name` of the k-th augmentation, drawn for the example and not for the position. Where examples
    are mixed, the first row comes once more at the end: see `partners`.
    """
    again = partners(pipeline)
    return decided(pipeline.seed, len(pipeline.train), epoch, deciders(pipeline), again)


def decision_bytes(pipeline: Pipeline) -> int:
    """Return the size of what `decisions` gives, known without drawing it."""
    row = np.dtype(np.int32).itemsize + sum(map(row_bytes, deciders(pipeline)))
    return row * (len(pipeline.train) + partners(pipeline))


def mixing(pipeline: Pipeline) -> int | None:
    """Return the place of the augmentation that mixes examples, None where none does."""
    places = enumerate(pipeline.augmentation)
    return next((place for place, each in places if AUGMENTATIONS[each.name].mixes), None)


def partners(pipeline: Pipeline) -> int:
    """Return how many of the examples behind a batch take part in it.

    One, where each is mixed with the next; else none.
    """
    return 0 if mixing(pipeline) is None else 1


def deciders(pipeline: Pipeline) -> list[Decide]:
    """Return for each augmentation the function that draws its decisions."""
    shape = pipeline.train.inputs.shape[1:] if _crops_at_random(pipeline) else pipeline.input_shape
    functions: list[Decide] = []
    for position, component in enumerate(pipeline.augmentation):
        functions.append(partial(_decide, pipeline.seed, position, component, shape))
        if component.name == "random_crop":
            shape = pipeline.input_shape
    return functions


def _decide(
    seed: int,
    position: int,
    component: Component,
    shape: tuple[int, ...],
    epoch: int,
    indices: Indices,
) -> Decisions:
    stream = Stream(seed, f"augmentation/{position}/{component.name}", epoch)
    drawn = AUGMENTATIONS[component.name].decide(
        stream, indices, shape, *component.leading, **component.parameters
    )
    return {f"{position}/{name}": values for name, values in drawn.items()}


def decided(
    seed: int, n: int, epoch: int, functions: Sequence[Decide], again: int = 0
) -> Decisions:
    """Draw the order of `n` examples in an epoch, and the decisions of some augmentations.

    The decisions are in the order of the examples in the epoch, of which the first ones, as many as
    `again` says, come once more at the end.
    """
    order = randomness.permutation(Stream(seed, "shuffle", epoch), n).astype(np.int32)
    order = np.concatenate([order, order[:again]])
    drawn = {"order": order}
    for decide in functions:
        drawn |= {name: values[order] for name, values in decide(epoch, np.arange(n)).items()}
    return drawn


def row_bytes(decide: Decide) -> int:
    """Return the size of an augmentation's decisions for one example."""
    return sum(
        math.prod(values.shape[1:]) * values.itemsize for values in decide(0, np.arange(0)).values()
    )


def make_batch(
    pipeline: Pipeline, inputs: Tensor, labels: Tensor, chosen: Mapping[str, Tensor]
) -> tuple[Tensor, Tensor | Mixed]:
    """Return the batch of the given positions: gathered, augmented, scaled, normalized.

    For use in `tf.data` and in compiled functions; the tensors are all TensorFlow's or all JAX's.

    Args:
        pipeline: how.
        inputs: those of the whole training set.
        labels: those of the whole training set.
        chosen: the rows of `decisions` at these positions, and at the next where `partners` says
            so.

    Returns:
        x float32 [b, ...] and y int32 [b], or where examples are mixed their mixed targets.
    """
    on, order = operations(inputs), chosen["order"]
    x = augmented(pipeline, on.take(inputs, order), chosen)
    return x, targets(pipeline, on.take(labels, order), chosen)


def augmented(pipeline: Pipeline, x: Tensor, chosen: Mapping[str, Tensor]) -> Tensor:
    """Return raw training inputs, [b, ...], augmented and as the network takes them; float32.

    `chosen` are the decisions for them. Where examples are mixed, the last one is a partner alone:
    one less comes out.
    """
    if not _crops_at_random(pipeline):
        x = _center(pipeline, x)
    for position, component in enumerate(pipeline.augmentation):
        prefix, row = f"{position}/", AUGMENTATIONS[component.name]
        own = {
            name.removeprefix(prefix): value
            for name, value in chosen.items()
            if name.startswith(prefix)
        }
        x = row.apply(x, own, pipeline.maximum, *component.leading, **component.parameters)
        if row.mixes:
            chosen = {name: value[:-1] for name, value in chosen.items()}
    return scaled(pipeline, x)


def targets(pipeline: Pipeline, labels: Tensor, chosen: Mapping[str, Tensor]) -> Tensor | Mixed:
    """Return what the network is to say of what `augmented` gives.

    `labels` and `chosen` are those of the same examples.
    """
    place = mixing(pipeline)
    if place is None:
        return labels
    return Mixed(labels[:-1], labels[1:], chosen[f"{place}/share"][:-1])


def scaled(pipeline: Pipeline, inputs: Tensor) -> Tensor:
    """Return raw inputs, [n, ...], as the network takes them; float32.

    They are cut to the centre, scaled and normalized.
    """
    on, inputs = operations(inputs), _center(pipeline, inputs)
    if pipeline.normalize == PER_IMAGE:
        return _standardized(on.floats(inputs))
    x = on.quotient(on.floats(inputs), on.constant(pipeline.maximum))
    if pipeline.normalize is None:
        return x
    # A whole example each: on the CPU, broadcasting along a short last axis is five times slower.
    mean, deviation = (
        on.constant(np.broadcast_to(np.asarray(values, np.float32), x.shape[1:]))
        for values in (pipeline.normalize.mean, pipeline.normalize.deviation)
    )
    return on.quotient(x - mean, deviation)


def _center(pipeline: Pipeline, images: Tensor) -> Tensor:
    """Cut the squares in the middle of images [n, height, width, channels], if not cut yet.

    Where the margins cannot be equal, the ones above and on the left are a pixel smaller.
    """
    size = pipeline.center_crop
    if size is None or images.shape[1:3] == (size, size):
        return images
    top, left = (images.shape[1] - size) // 2, (images.shape[2] - size) // 2
    return images[:, top : top + size, left : left + size]


def _standardized(raw: Tensor) -> Tensor:
    """Subtract each example's mean, and divide by its deviation or by 1/sqrt(values).

    The larger of the two divides.
    """
    on = operations(raw)
    centred = raw - on.mean(raw)
    deviation = on.sqrt(on.mean(on.product(centred, centred)))
    return on.quotient(centred, on.maximum(deviation, 1 / math.sqrt(math.prod(raw.shape[1:]))))


def _crops_at_random(pipeline: Pipeline) -> bool:
    return any(component.name == "random_crop" for component in pipeline.augmentation)


def _completed(augmentation: Component, dataset: Dataset, maximum: float) -> Component:
    """Return the augmentation with what it must know of the data.

    That is the size that a random crop cuts, and the raw values that the normalization takes to 0,
    which cutout puts.
    """
    added: dict[str, object] = {}
    if augmentation.name == "random_crop" and dataset.center_crop is not None:
        added = {"size": dataset.center_crop}
    if augmentation.name == "cutout":
        added = {"fill": _raw_zero(dataset.normalize, maximum)}
    return replace(augmentation, parameters={**augmentation.parameters, **added})


def _raw_zero(
    normalize: Normalization | Standardization | None, maximum: float
) -> tuple[float, ...] | None:
    """Return the raw values, one a channel or one for all, that become 0.

    None where that is another value in every image.
    """
    if isinstance(normalize, Normalization):
        return tuple(maximum * mean for mean in normalize.mean)
    return (0.0,) if normalize is None else None


def _check_normalization(normalize: Normalization | Standardization | None, channels: int) -> None:
    if not isinstance(normalize, Normalization):
        return
    for name, values in (("mean", normalize.mean), ("deviation", normalize.deviation)):
        if len(values) not in (1, channels):
            raise DataError(
                f"the normalization has {len(values)} values of {name}, the inputs {channels}"
                " channels"
            )


def _check_crop(size: int | None, shape: tuple[int, ...]) -> None:
    if size is not None and (len(shape) != 3 or size > min(shape[:2])):
        raise DataError(
            f"no square of {size} pixels can be cut from inputs of the shape {list(shape)}"
        )
