"""What no single property can show to be wrong: settings of a run that cannot go together."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

from harness import budget
from harness.data.errors import UnknownName
from harness.data.facts import Facts, facts_of, unfit
from harness.experiment import Normalization, RunSpec, Settings, Training, WeightsFile
from harness.metrics import ON_VALIDATION
from harness.models.registry import architecture, kernel_weights
from harness.models.shapes import Shapes
from harness.spec import schema
from harness.spec.document import Pointer
from harness.spec.metrics import NEEDS_VALIDATION, wrong_measuring
from harness.spec.problems import unknown
from harness.system.files import NotRegular, open_regular
from harness.words import listed

_IMAGE_AUGMENTATIONS = ("random_crop", "random_flip", "cutout", "cutmix", "color_jitter")

_MIXING_AUGMENTATIONS = ("mixup", "cutmix")
"""Those that mix each example with the next one, of which a run may have one."""

_MOST_EXAMPLES = 2**30
"""So many examples may a training set have: above this their places overflow 32-bit numbers."""

_MOST_WEIGHTS = 2**30
"""So many weights may a network have: they take 4 GiB, and training holds them several times."""

_SMALLEST_FLOAT = 1.2e-38
"""What is smaller may be 0 in float32."""

_MOST_MEASUREMENTS = 1_000_000
"""So often may a run be measured: the history is kept in memory."""


def inconsistencies(run: RunSpec) -> Iterator[tuple[Pointer, str]]:
    """Yield where in the complete run something cannot be, and why, before any training."""
    settings = run.settings
    if "dropout" in run.regularizers and not architecture(settings.model.name).dropout(
        settings.model.parameters
    ):
        yield (
            ("regularizers",),
            f"dropout is on, but this {settings.model.name} has no place for it",
        )
    if "augmentation" in run.regularizers and not settings.augmentation:
        yield ("regularizers",), "augmentation is on, but strengths.augmentation lists none"
    yield from _without_place(run)
    yield from _mixed_twice(settings)
    validation = settings.dataset.validation
    if validation is None:
        yield from _without_validation(settings.training)
    elif (validation.share is None) == (validation.examples is None):
        yield ("dataset", "validation"), "expected exactly one of 'share' and 'examples'"
    normalize = settings.dataset.normalize
    if isinstance(normalize, Normalization) and min(normalize.deviation) < _SMALLEST_FLOAT:
        message = (
            f"a deviation of {min(normalize.deviation):g} is 0 in float32, and nothing can be"
            " divided by it"
        )
        yield ("dataset", "normalize", "deviation"), message
    if isinstance(run.initialize_from, WeightsFile) and not run.initialize_from.sha256:
        yield ("initialize_from", "weights"), _unreadable(run.initialize_from.path)
    yield from _unfit_data(settings)
    yield from wrong_measuring(run)
    known = facts_of(settings.dataset)
    yield from _of_network_file(settings, known)
    yield from _too_large(settings, known)
    if known is not None:
        yield from _against_data(settings, known)
        yield from _against_classes(run, known.classes)


def _without_place(run: RunSpec) -> Iterator[tuple[Pointer, str]]:
    """Yield the regularizers of the optimizer that are on and that this optimizer does not have."""
    places = _places_of_optimizers()
    name = run.settings.training.optimizer.name
    for regularizer in run.regularizers:
        those = [each for each, places_of in places.items() if regularizer in places_of]
        if those and name not in those:
            others = listed(those, len(those))
            yield (
                ("regularizers",),
                f"{regularizer} is on, but {name} has no place for it (these have: {others})",
            )


def _places_of_optimizers() -> dict[str, Sequence[str]]:
    """Return the regularizers that each optimizer has a place for, by the optimizer's name."""
    optimizer = schema.definition("optimizer")
    return {
        name: part["regularizers"]
        for name in optimizer["properties"]["name"]["enum"]
        for part in schema.applicable(optimizer, {"name": name})
        if "regularizers" in part
    }


def _unfit_data(settings: Settings) -> Iterator[tuple[Pointer, str]]:
    """Yield the settings of the data set that its data do not go with."""
    for fault in unfit(settings.dataset):
        message = str(fault)
        if isinstance(fault, UnknownName):
            message = unknown(fault.kind, fault.found, fault.known)
        yield ("dataset", *fault.setting), message


def _mixed_twice(settings: Settings) -> Iterator[tuple[Pointer, str]]:
    """Yield the augmentations that would mix examples which others mix already."""
    mixing = [
        (index, augmentation.name)
        for index, augmentation in enumerate(settings.augmentation)
        if augmentation.name in _MIXING_AUGMENTATIONS
    ]
    for index, name in mixing[1:]:
        place = ("strengths", "augmentation", index, "name")
        yield place, f"{mixing[0][1]} mixes the examples already, and {name} would mix them again"


def _without_validation(training: Training) -> Iterator[tuple[Pointer, str]]:
    """Yield the settings that look at a validation set where there is none."""
    stop, early = training.stop_when, training.early_stopping
    looked: dict[Pointer, str | None] = {
        ("training", "schedule", "metric"): training.schedule.parameters.get("metric"),
        ("training", "early_stopping", "metric"): early.metric if early else None,
        ("training", "stop_when", "validation_accuracy"): "validation_accuracy"
        if stop and stop.validation_accuracy is not None
        else None,
    }
    for place, metric in looked.items():
        if metric in ON_VALIDATION:
            yield place, f"{metric} {NEEDS_VALIDATION}"


def _of_network_file(settings: Settings, known: Facts | None) -> Iterator[tuple[Pointer, str]]:
    """Yield what is wrong with the file that a network is read from."""
    row, own = architecture(settings.model.name), settings.model.own
    if row.file is None or own is None:
        return
    shapes = None if known is None or known.shape is None else _shapes(settings, known.shape, known)
    for message in row.misfits(own.place, shapes):
        yield ("model", row.file), message


def _shapes(settings: Settings, shape: tuple[int, ...], known: Facts) -> Shapes:
    """Return what the data ask of the network."""
    side = settings.dataset.center_crop
    example = (side, side, *shape[2:]) if side is not None and len(shape) == 3 else shape
    return Shapes(example, _outputs(settings, known))


def _unreadable(path: Path) -> str:
    """Say why a file cannot be read."""
    try:
        open_regular(path).close()
    except FileNotFoundError:
        return f"no such file: {path}"
    except NotRegular:
        return f"{path} is no regular file"
    except (OSError, ValueError) as error:
        return f"{path} cannot be read: {getattr(error, 'strerror', error)}"
    return f"{path} could not be read a moment ago; try again"


def _too_large(settings: Settings, known: Facts | None) -> Iterator[tuple[Pointer, str]]:
    """Yield what would overflow a counter, or the memory of any machine."""
    dataset, training = settings.dataset, settings.training
    count = _grown(settings, dataset.train_examples or (known and known.train_examples) or 1)
    if count > _MOST_EXAMPLES:
        message = f"these randomizations make more than {_MOST_EXAMPLES:,} training examples"
        yield ("dataset", "randomize"), message
    epochs = _most_epochs(settings, known)
    rows = epochs // training.measure_every
    if rows > _MOST_MEASUREMENTS and not (training.stop_when or training.early_stopping):
        message = (
            f"{epochs:,} epochs are measured {rows:,} times, {_MOST_MEASUREMENTS:,} is the most"
        )
        yield ("training", "measure_every"), message
    if _largest_rate(training, epochs) > math.log(schema.LARGEST_FLOAT):
        yield (
            ("training", "schedule"),
            f"its learning rate grows beyond {schema.LARGEST_FLOAT:g}, the largest float32",
        )
    shape = (known.shape if known else None) or (1, 1, 1)
    if dataset.center_crop is not None and len(shape) == 3:
        shape = (dataset.center_crop, dataset.center_crop, shape[-1])
    weights = kernel_weights(settings.model, Shapes(shape, known.classes if known else 1))
    if weights is not None and weights > _MOST_WEIGHTS:
        message = (
            f"this {settings.model.name} has about {weights:.2g} weights, {_MOST_WEIGHTS:,} is the"
            " most"
        )
        yield ("model",), message


def misfits(parent: RunSpec, child: RunSpec) -> Iterator[str]:
    """Yield why the parent's weights do not have the shapes of the child's.

    It tells what is known before any weights are loaded.
    """
    if parent.settings.model != child.settings.model:
        yield _misfit(
            parent,
            child,
            "network",
            *(schema.show(run.resolved["model"]) for run in (parent, child)),
        )
    of_parent, of_child = (
        facts_of(parent.settings.dataset),
        facts_of(child.settings.dataset),
    )
    if of_parent is None or of_child is None:
        return
    if of_parent.shape != of_child.shape and of_parent.shape and of_child.shape:
        yield _misfit(
            parent,
            child,
            "input shape",
            *("x".join(map(str, s)) for s in (of_parent.shape, of_child.shape)),
        )
    outputs = _outputs(parent.settings, of_parent), _outputs(child.settings, of_child)
    if outputs[0] != outputs[1]:
        yield _misfit(parent, child, "number of outputs", *outputs)


def _misfit(parent: RunSpec, child: RunSpec, what: str, of_parent: object, of_child: object) -> str:
    return (
        f"{parent.name} has another {what} ({of_parent}) than {child.name} ({of_child}): its"
        " weights do not fit"
    )


def _outputs(settings: Settings, known: Facts) -> int:
    return 1 if settings.training.loss == "binary_cross_entropy" else known.classes


def _most_epochs(settings: Settings, known: Facts | None) -> int:
    """Return how many epochs a run trains at most; 1 where only its data would tell."""
    training = settings.training
    count = examples(settings, known) if known else None
    if training.epochs is None and count is None:
        return 1
    return budget.most_epochs(training, count or 1)


def _largest_rate(training: Training, epochs: int) -> float:
    """Return the natural logarithm of the largest learning rate of so many epochs."""
    parameters = training.schedule.parameters
    match training.schedule.name:
        case "exponential":
            times = epochs - 1
        case "piecewise":
            times = sum(epoch < epochs for epoch in parameters["epochs"])
        case "plateau":
            times = epochs // parameters["patience"]
        case _:
            times = 0
    initial: float = training.optimizer.parameters["learning_rate"]
    return math.log(initial) + times * max(0.0, math.log(parameters.get("factor", 1.0)))


def _against_data(settings: Settings, known: Facts) -> Iterator[tuple[Pointer, str]]:
    dataset, training = settings.dataset, settings.training
    for key, wanted, there in (
        ("train_examples", dataset.train_examples, known.train_examples),
        ("test_examples", dataset.test_examples, known.test_examples),
    ):
        if wanted is not None and there is not None and wanted > there:
            yield (
                ("dataset", key),
                f"{dataset.source.name} has {there} of them, fewer than {wanted}",
            )
    yield from _nothing_left(settings, known)
    if training.loss == "binary_cross_entropy" and known.classes != 2:
        yield (
            ("training", "loss"),
            (
                f"binary_cross_entropy needs two classes, but {dataset.source.name} has"
                f" {known.classes}"
            ),
        )
    count, wanted = examples(settings, known), budget.examples_a_step(training)
    if training.last_batch == "drop" and count is not None and wanted > count:
        yield (
            ("training", "batch_size"),
            f"no {_step_words(training)} can be filled from {count} examples",
        )
    if known.shape is not None:
        yield from _against_shape(settings, known.shape)


def _step_words(training: Training) -> str:
    whole = f"batch of {training.batch_size}"
    return whole if training.accumulate == 1 else f"step of {training.accumulate} times a {whole}"


def _against_classes(run: RunSpec, classes: int) -> Iterator[tuple[Pointer, str]]:
    """Yield which final metrics speak of classes that the data set does not have."""
    for index, metric in enumerate(run.metrics):
        if metric.own is not None:
            continue
        beyond = [each for each in metric.parameters.get("classes", ()) if each >= classes]
        if beyond:
            message = f"there is no class {beyond[0]}: the data set has {classes}, from 0 on"
            yield ("metrics", index, "classes"), message
        if metric.parameters.get("k", 0) > classes:
            message = (
                f"a k of {metric.parameters['k']} is more than the {classes} classes there are"
            )
            yield ("metrics", index, "k"), message


def _nothing_left(settings: Settings, known: Facts) -> Iterator[tuple[Pointer, str]]:
    """Yield that the validation set, or what is left to train on, would be empty."""
    there = settings.dataset.train_examples or known.train_examples
    if settings.dataset.validation is None or there is None:
        return
    held_out = _held_out(settings, there)
    if not 0 < held_out < there:
        yield (
            ("dataset", "validation"),
            f"it holds out {held_out} of {there} training examples, and either part needs one",
        )


def _against_shape(settings: Settings, shape: tuple[int, ...]) -> Iterator[tuple[Pointer, str]]:
    dataset, images = settings.dataset, len(shape) == 3
    gives = (
        f"but {dataset.source.name} gives"
        f" {_images_of(shape) if images else f'vectors of {shape[0]} values'}"
    )
    smallest = architecture(settings.model.name).smallest
    if smallest is not None and not images:
        yield ("model", "name"), f"{settings.model.name} needs images, {gives}"
    elif smallest is not None:
        side = min(dataset.center_crop or shape[0], dataset.center_crop or shape[1])
        least = smallest(settings.model.parameters)
        if side < least:
            yield (
                ("model",),
                (
                    f"this {settings.model.name} halves images of {side} pixels below one, it needs"
                    f" {least}"
                ),
            )
    if dataset.center_crop is not None and (not images or dataset.center_crop > min(shape[:2])):
        yield (
            ("dataset", "center_crop"),
            f"no square of {dataset.center_crop} pixels can be cut, {gives}",
        )
    if isinstance(dataset.normalize, Normalization):
        for key, values in (
            ("mean", dataset.normalize.mean),
            ("deviation", dataset.normalize.deviation),
        ):
            if len(values) != shape[-1]:
                yield (
                    ("dataset", "normalize", key),
                    f"expected {shape[-1]} values, one a channel, found {len(values)}",
                )
    for index, randomization in enumerate(dataset.randomize):
        if randomization.name == "noisy_copies" and images:
            yield (
                ("dataset", "randomize", index, "name"),
                f"noisy_copies needs real-valued inputs, {gives}",
            )
    yield from _augmentations_against_shape(settings, shape, gives)


def _augmentations_against_shape(
    settings: Settings, shape: tuple[int, ...], gives: str
) -> Iterator[tuple[Pointer, str]]:
    """Yield the augmentations that do not apply to inputs of this shape, which `gives` tells."""
    images, crop = len(shape) == 3, settings.dataset.center_crop
    for index, augmentation in enumerate(settings.augmentation):
        if augmentation.name in _IMAGE_AUGMENTATIONS and not images:
            yield (
                ("strengths", "augmentation", index, "name"),
                f"{augmentation.name} needs images, {gives}",
            )
        elif augmentation.name == "color_jitter" and shape[-1] not in (1, 3):
            yield (
                ("strengths", "augmentation", index, "name"),
                f"color_jitter needs images of 1 or 3 channels, but these have {shape[-1]}",
            )
        elif augmentation.parameters.get("padding") == 0 and crop in (None, *shape[:2]):
            place = ("strengths", "augmentation", index, "padding")
            yield (
                place,
                (
                    "without padding, random_crop needs a dataset.center_crop that is smaller than"
                    " the images"
                ),
            )


def _images_of(shape: tuple[int, ...]) -> str:
    return f"images of {shape[0]}x{shape[1]} pixels"


def examples(settings: Settings, known: Facts) -> int | None:
    """Return how many examples one epoch has, after randomization; None where it is not known."""
    there = settings.dataset.train_examples or known.train_examples
    return None if there is None else _grown(settings, there - _held_out(settings, there))


def _held_out(settings: Settings, there: int) -> int:
    """Return how many of so many training examples the validation set takes."""
    validation = settings.dataset.validation
    return 0 if validation is None else validation.of(there)


def _grown(settings: Settings, count: int) -> int:
    for randomization in settings.dataset.randomize:
        count *= randomization.parameters.get(
            "replicas", 1 + randomization.parameters.get("copies", 0)
        )
    return int(count)
