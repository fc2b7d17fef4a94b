"""What other test images would leave of a metric, the trained networks being what they are.

Where a network gets k of n test images right, and they were drawn independently from a population of
images, k is binomial with the network's accuracy on that population. Training images are no such
sample: they chose the weights. So a training accuracy, like a number of steps, is a constant here.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from harness.data.facts import BY_THEIR_FILES, facts
from harness.results import RunResult
from harness.spec.binomial import accuracy_terms
from harness.spec.expression import Expression, Reference
from harness.spec.records import RunSpec
from harness.statistics import Limits, share_limits

_WHOLE = 0.01
"""How far from a whole number the count of images behind an accuracy may be."""


def count_test_images(run: RunSpec, results: Iterable[RunResult] = ()) -> int | None:
    """Return how many test images a run was measured on.

    That is what its seeds' `results` recorded when the images were loaded. Records that are older
    than this say nothing: there the settings and the published size of the data set count.

    Returns:
        The number; None where it is not known or not the same for all seeds, or where training
        looked at the test images.
    """
    early, dataset = run.settings.training.early_stopping, run.settings.dataset
    if early is not None and early.metric.startswith("test"):
        return None
    recorded = {result.data.test_examples for result in results if result.data is not None}
    if recorded:
        return recorded.pop() if len(recorded) == 1 else None
    if dataset.source.name in BY_THEIR_FILES:
        return None
    if dataset.test_examples is not None:
        return dataset.test_examples
    known = facts(dataset.source)
    return known.test_examples if known is not None else None


def image_limits(
    expression: Expression,
    measured: Sequence[Mapping[Reference, float]],
    images: Mapping[str, int | None],
    confidence: float,
) -> Limits | None:
    """Return the one-sided limits that the test images leave to an expression's mean over some seeds, or None.

    `measured` holds a value of every reference for each seed, `images` the number of test images by
    run. For one accuracy the limits are those of Clopper and Pearson. A sum of m accuracies, such
    as a difference of two, takes the limits of each at confidence 1 - (1 - confidence) / m and adds
    up those ends that make it smallest (largest): by Bonferroni's inequality this holds however the
    accuracies depend on one another, and so for networks that see the same images, where it is
    wider than need be.

    None where the expression is no sum over test accuracies (`accuracy_terms`) or a number of test
    images is not known.
    """
    constants: list[float] = []
    counted: list[_Counted] = []
    for values in measured:
        terms = accuracy_terms(expression, values)
        if terms is None:
            return None
        constants.append(terms[None])
        for reference, factor in terms.items():
            if reference is not None and factor:
                found = _counted(factor / len(measured), values[reference], images.get(reference.run))
                if found is None:
                    return None
                counted.append(found)
    return _limits_of_sum(statistics.mean(constants), counted, confidence)


@dataclass(frozen=True)
class _Counted:
    """A factor times the accuracy of `right` images of `images`."""

    factor: float
    right: int
    images: int


def _counted(factor: float, accuracy: float, images: int | None) -> _Counted | None:
    """Count the images behind an accuracy; None where it is no share of so many."""
    if images is None or not 0 <= accuracy <= 1:
        return None
    right = round(accuracy * images)
    return _Counted(factor, right, images) if abs(accuracy * images - right) <= _WHOLE else None


def _limits_of_sum(constant: float, terms: Sequence[_Counted], confidence: float) -> Limits:
    each = 1 - (1 - confidence) / len(terms)
    ends = [[term.factor * end for end in share_limits(term.right, term.images, each)] for term in terms]
    return constant + sum(map(min, ends)), constant + sum(map(max, ends))
