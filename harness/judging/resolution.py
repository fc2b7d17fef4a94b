"""The resolution of a measurement: the least by which one seed's value can differ from another's.

An accuracy on n images is a multiple of 1/n. A number of epochs until a fit is known to the epochs
after which the accuracy was measured. Losses, norms and distances are computed in float32. Where
all seeds give the very same number, only the resolution tells how far others may be from it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from harness.data.facts import BY_THEIR_FILES, facts_of
from harness.experiment import RunSpec
from harness.expression import Expression, Reference, evaluate
from harness.judging.image_limits import count_test_images
from harness.metrics import BINOMIAL
from harness.run_result import RunResult
from harness.spec.consistency import examples

_ON_TRAINING_IMAGES = ("train_accuracy", "initial_train_accuracy", "augmented_train_accuracy")
_TO_FIT = ("epochs_to_fit", "steps_to_fit")
_TO_THE_END = ("epochs", "steps")
_FLOAT32 = 2.0**-23
"""The unit in the last place of a float32 number, as a share of the number at most."""


def resolution(reference: Reference, run: RunSpec, results: Sequence[RunResult]) -> float | None:
    """Return the least by which two seeds' values of a metric can differ; None where not known.

    `results` are those of the run. It is 0 where all seeds are given the same number, such as the
    epochs of a run without a stopping rule.
    """
    metric = reference.metric
    if metric in BINOMIAL:
        return _of_images(count_test_images(run, results))
    if metric in _ON_TRAINING_IMAGES:
        return _of_images(_training_images(run, results))
    if metric == "validation_accuracy":
        return _of_images(_validation_images(run, results))
    if metric in (*_TO_FIT, *_TO_THE_END):
        return _of_count(metric, run, results)
    values = [value for result in results if (value := result.measurements.get(metric)) is not None]
    return max((abs(value) for value in values), default=0.0) * _FLOAT32


def _of_images(count: int | None) -> float | None:
    return 1 / count if count else None


def _training_images(run: RunSpec, results: Sequence[RunResult]) -> int | None:
    """Return the size of the training set after randomization; None where it is not known."""
    recorded = {result.data.train_examples for result in results if result.data is not None}
    dataset = run.settings.dataset
    known = None if dataset.source.name in BY_THEIR_FILES else facts_of(dataset)
    count = None if known is None else examples(run.settings, known)
    if count is None and not dataset.randomize and len(recorded) == 1:
        return recorded.pop()
    return count


def _validation_images(run: RunSpec, results: Sequence[RunResult]) -> int | None:
    """Return the size of the validation set, as it was recorded; None where it is not known."""
    recorded = {result.data.validation_examples for result in results if result.data is not None}
    return recorded.pop() if len(recorded) == 1 else None


def _of_count(metric: str, run: RunSpec, results: Sequence[RunResult]) -> float:
    """Return the distance between two measurements in training, in epochs or in steps."""
    training = run.settings.training
    looked = [training.measure_every]
    if training.stop_when is not None:
        looked.append(training.stop_when.check_every)
    elif metric in _TO_THE_END and training.early_stopping is None:
        return 0.0
    epochs = float(min(looked) if metric in _TO_FIT else looked[-1])
    if metric.startswith("epochs"):
        return epochs
    lengths = [
        steps / trained
        for result in results
        if (steps := result.measurements.get("steps"))
        and (trained := result.measurements.get("epochs"))
    ]
    return epochs * max(lengths, default=1.0)


def resolution_of_expression(
    expression: Expression,
    measured: Sequence[Mapping[Reference, float]],
    steps: Mapping[Reference, float | None],
) -> float | None:
    """Return the most that an expression changes where one measurement moves by its resolution.

    One measurement of one seed moves at a time, up or down. None where a resolution is not known,
    or the expression has no value there.
    """
    changes = [0.0]
    for values in measured:
        centre = evaluate(expression, values).number
        for reference, value in values.items():
            step = steps.get(reference)
            if step is None:
                return None
            changes += [
                abs(
                    evaluate(expression, {**values, reference: value + side * step}).number - centre
                )
                for side in (-1, 1)
            ]
    return max(changes) if all(map(math.isfinite, changes)) else None
