"""Class subsets: their indices, and what is wrong with them."""

import pickle

import pytest

from harness.data import class_subset
from harness.data.errors import Unfit
from harness.data.facts_record import Facts

NAMES = ("ant", "bee", "7", "cow")


def test_names_and_indices_are_both_understood() -> None:
    assert class_subset.indices(["cow", 0, "7"], NAMES, "farm") == [3, 0, 2]


def test_every_fault_is_at_its_place() -> None:
    found = list(class_subset.unfit(["cow", "dog", 4, 3, "ant"], NAMES, "farm"))
    assert [(fault.setting, str(fault)) for fault in found] == [
        (("classes", 1), "farm has no class dog; it has ant, bee, 7, cow"),
        (("classes", 2), "farm has no class 4: its classes are 0 to 3"),
        (("classes", 3), "3 and cow are the same class of farm"),
    ]
    with pytest.raises(Unfit, match="farm has no class dog"):
        class_subset.indices(["cow", "dog"], NAMES, "farm")


def test_a_fault_reaches_another_process_whole() -> None:
    for fault in class_subset.unfit(["dog", 4], NAMES, "farm"):
        there = pickle.loads(pickle.dumps(fault))
        assert (type(there), str(there)) == (type(fault), str(fault))
        assert there.setting == fault.setting


def test_the_facts_are_those_of_the_classes() -> None:
    whole = Facts((2,), 4, 10, 100, NAMES, ((1, 2, 3, 4), (10, 20, 30, 40)))
    some = whole.of_classes(["cow", "bee"])
    assert some == Facts((2,), 2, 6, 60)
    assert (some.names, some.sizes) == (("cow", "bee"), ((4, 2), (40, 20)))


def test_where_sizes_are_not_known_the_numbers_are_not() -> None:
    assert Facts((2,), 4, 10, 100, NAMES).of_classes(["cow"]) == Facts((2,), 1, None, None)
    assert Facts((2,), 4, 10, 100).of_classes([0, 1, 2]) == Facts((2,), 3, None, None)
