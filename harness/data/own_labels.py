"""Labels in a person's own files: the classes that they make, and how a share is for testing.

Nothing here imports TensorFlow or NumPy.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from harness.data.errors import DataError
from harness.data.facts_record import Facts, Sizes
from harness.words import listed

Label = str | int
_MOST_NAMED = 3


def count_for_testing(count: int, share: float) -> int:
    """Return how many of the examples of a class are for testing.

    That is the whole number nearest to the share (a half goes up), but never none of them, nor all.
    """
    return max(0, min(count - 1, max(1, math.floor(share * count + 0.5))))


def shared(counts: Iterable[int], share: float) -> Sizes:
    """Return the sizes of classes of which a share is for testing."""
    known = tuple(counts)
    test = tuple(count_for_testing(count, share) for count in known)
    return tuple(count - taken for count, taken in zip(known, test, strict=True)), test


def check_shared(counts: Mapping[str, int], place: str) -> None:
    """Check that every class has examples for both training and testing.

    Raises:
        DataError: one has a single example.
    """
    single = [name for name, count in counts.items() if count < 2]
    if single:
        raise DataError(
            f"{place} has a single example of {listed(single, _MOST_NAMED)}: a share for testing "
            "needs two of each class"
        )


def facts(
    shape: tuple[int, ...],
    train: Sequence[Label],
    test: Sequence[Label] | None,
    parameters: Mapping[str, Any],
    place: str,
) -> Facts:
    """Return the facts of labels; the classes are the different ones for training, sorted.

    Args:
        shape: that of one input.
        train: the labels for training, or all where `test` is None.
        test: those for testing; None: `test_share` of each class is for testing.
        parameters: those of the data set.
        place: the file, for messages.

    Raises:
        DataError: a class is for testing alone, or cannot be split.
    """
    counts = Counter(train)
    classes = sorted(counts)
    if test is None:
        check_shared({str(each): counts[each] for each in classes}, place)
        sizes = shared((counts[each] for each in classes), parameters["test_share"])
    else:
        tested = Counter(test)
        check_known(tested, counts, place)
        sizes = tuple(counts[each] for each in classes), tuple(tested[each] for each in classes)
    names = tuple(map(str, classes))
    return Facts(shape, len(names), sum(sizes[0]), sum(sizes[1]), names, sizes)


def check_known(tested: Collection[Label], trained: Collection[Label], place: str) -> None:
    """Check that every class for testing is also for training.

    Raises:
        DataError: one is not.
    """
    alone = sorted(str(each) for each in tested if each not in trained)
    if alone:
        raise DataError(
            f"{place}: of {listed(alone, _MOST_NAMED)} there are examples for testing and none for "
            "training"
        )
