"""Which metrics are sums over test accuracies."""

import pytest

from harness.expression import Reference, parse, references
from harness.spec.binomial import accuracy_terms

A, B = Reference("a", "test_accuracy"), Reference("b", "initial_test_accuracy")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a.test_accuracy", {None: 0, A: 1}),
        (
            "a.train_accuracy - (a.test_accuracy + b.initial_test_accuracy) / 2",
            {None: 2, A: -0.5, B: -0.5},
        ),
        ("a.test_accuracy * a.steps", {None: 0, A: 2}),
        ("a.test_accuracy + a.test_loss", None),
        ("a.test_accuracy + 0 * a.test_loss", {None: 0, A: 1, Reference("a", "test_loss"): 0}),
        ("a.test_accuracy / b.initial_test_accuracy", None),
        ("a.test_accuracy - a.test_accuracy", None),
        ("a.train_accuracy", None),
    ],
)
def test_a_sum_over_test_accuracies_has_their_factors_and_all_else_is_constant(
    text: str, expected: object
) -> None:
    expression = parse(text)
    assert accuracy_terms(expression, dict.fromkeys(references(expression), 2.0)) == expected
