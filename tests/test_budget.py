"""Budgets counted by hand, beside those of plans in tests/test_plan.py."""

from dataclasses import replace

import pytest

from harness import budget
from tests.training import test_fit

# 18 examples in steps of 4: four whole ones, and one of two.
KEEP = replace(test_fit.SETTINGS, batch_size=2, accumulate=2)
DROP = replace(KEEP, last_batch="drop")


def test_an_epoch_has_whole_steps_and_what_is_left() -> None:
    assert [budget.steps_an_epoch(each, 18) for each in (KEEP, DROP)] == [5, 4]
    assert [budget.images_an_epoch(each, 18) for each in (KEEP, DROP)] == [18, 16]
    assert [budget.steps_an_epoch(each, 3) for each in (KEEP, DROP)] == [1, 0]
    assert budget.examples_a_step(KEEP) == 4


@pytest.mark.parametrize(
    ("steps", "seen", "dropping"), [(0, 0, 0), (4, 16, 16), (5, 18, 20), (6, 22, 24), (11, 40, 44)]
)
def test_steps_see_examples(steps: int, seen: int, dropping: int) -> None:
    assert budget.images(KEEP, 18, steps) == seen
    assert budget.images(DROP, 18, steps) == dropping


@pytest.mark.parametrize(("steps", "epochs"), [(1, 1), (5, 1), (6, 2), (10, 2), (11, 3)])
def test_a_budget_of_steps_begins_as_many_epochs_as_it_needs(steps: int, epochs: int) -> None:
    training = replace(KEEP, epochs=None, steps=steps)
    assert budget.most_steps(training, 18) == steps
    assert budget.most_epochs(training, 18) == epochs


def test_a_budget_of_epochs_makes_their_steps() -> None:
    assert [budget.most_steps(each, 18) for each in (KEEP, DROP)] == [30, 24]
    assert budget.most_epochs(KEEP, 18) == 6
