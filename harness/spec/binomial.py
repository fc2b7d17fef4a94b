"""Metric expressions that are sums over test accuracies, and so over counts of test images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from harness.expression import Coefficients, Expression, Reference, linear
from harness.metrics import BINOMIAL, ON_TEST_IMAGES

_PREDICTED = "test_accuracy"
"""The metric whose predictions are kept."""


def accuracy_terms(
    expression: Expression, values: Mapping[Reference, float]
) -> Coefficients | None:
    """Return an expression as a sum over the test accuracies in it, or None.

    `values` has every reference of the expression; what the test images do not change (a training
    accuracy, a number of steps) is a constant. It is None where the expression is no such sum,
    where no test accuracy is left, and where there is another metric of the test images, whose
    distribution is not known.
    """
    constants = {
        reference: value
        for reference, value in values.items()
        if reference.metric not in ON_TEST_IMAGES
    }
    terms = linear(expression, constants)
    if terms is None:
        return None
    used = {
        reference.metric for reference, factor in terms.items() if reference is not None and factor
    }
    return terms if used and used <= set(BINOMIAL) else None


class Difference(NamedTuple):
    """An expression that is `constant + factor * (first - second)`, with factor > 0.

    Both references are test accuracies.
    """

    first: Reference
    second: Reference
    factor: float
    constant: float


def accuracy_difference(
    expression: Expression, values: Mapping[Reference, float]
) -> Difference | None:
    """Return an expression as a difference of two networks' final test accuracies, or None."""
    terms = accuracy_terms(expression, values)
    if terms is None:
        return None
    used = {
        reference: factor for reference, factor in terms.items() if reference is not None and factor
    }
    if len(used) != 2 or sum(used.values()) != 0 or any(each.metric != _PREDICTED for each in used):
        return None
    first, second = sorted(used, key=lambda reference: -used[reference])
    return Difference(first, second, used[first], terms[None])
