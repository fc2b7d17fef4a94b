"""Classes of a person's own labels, and how many of each are for testing."""

from typing import Any

import pytest

from harness.data.errors import DataError
from harness.data.own_labels import check_shared, count_for_testing, facts, shared

Labels = list[Any]


@pytest.mark.parametrize(
    ("count", "share", "expected"),
    [(10, 0.2, 2), (10, 0.25, 3), (10, 0.01, 1), (10, 0.999, 9), (2, 0.5, 1), (1, 0.5, 0)],
)
def test_a_share_is_the_nearest_number_but_never_none_nor_all(
    count: int, share: float, expected: int
) -> None:
    assert count_for_testing(count, share) == expected


def test_each_class_is_shared_on_its_own() -> None:
    assert shared([10, 4], 0.25) == ((7, 3), (3, 1))


def test_a_class_of_one_example_cannot_be_shared() -> None:
    with pytest.raises(DataError, match="x has a single example of b: a share for testing needs"):
        check_shared({"a": 2, "b": 1}, "x")


@pytest.mark.parametrize(
    ("labels", "names"),
    [(["b", "a", "b"] * 2, ("a", "b")), ([10, 9, 10] * 2, ("9", "10"))],
)
def test_classes_are_sorted_as_texts_or_as_numbers(labels: Labels, names: tuple[str, ...]) -> None:
    found = facts((3,), labels, None, {"test_share": 0.5}, "x")
    assert (found.classes, found.names) == (2, names)
    assert found.sizes == ((1, 2), (1, 2))
    assert (found.train_examples, found.test_examples) == (3, 3)


def test_a_class_may_lack_a_test_example_but_none_that_is_trained_on() -> None:
    found = facts((3,), ["a", "b", "b"], ["b"], {}, "x")
    assert found.sizes == ((1, 2), (0, 1))
    with pytest.raises(DataError, match="x: of c there are examples for testing and none for"):
        facts((3,), ["a", "b"], ["b", "c"], {}, "x")
