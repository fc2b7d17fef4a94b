"""Metric expressions that are sums over test accuracies, and so over counts of test images."""

from __future__ import annotations

from collections.abc import Mapping

from harness.measurements import BINOMIAL, ON_TEST_IMAGES
from harness.spec.expression import Coefficients, Expression, Reference, linear


def accuracy_terms(expression: Expression, values: Mapping[Reference, float]) -> Coefficients | None:
    """Return an expression as a sum over the test accuracies in it, or None where it is no such sum.

    `values` has every reference of the expression; what the test images do not change (a training
    accuracy, a number of steps) is a constant. None also where no test accuracy is left, and where
    there is another metric of the test images, whose distribution is not known.
    """
    constants = {reference: value for reference, value in values.items() if reference.metric not in ON_TEST_IMAGES}
    terms = linear(expression, constants)
    if terms is None:
        return None
    used = {reference.metric for reference, factor in terms.items() if reference is not None and factor}
    return terms if used and used <= set(BINOMIAL) else None
