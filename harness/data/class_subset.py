"""Class subsets: which of its classes are used of a data set, in the order of their new labels.

Nothing here imports TensorFlow or NumPy.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.data.errors import Unfit, UnknownName

Wanted = Sequence[str | int]
"""Classes by their names, or by their indices among all classes."""


def index_of(wanted: str | int, names: Sequence[str]) -> int | None:
    """Return the index of a class among all, or None where there is no such class."""
    if isinstance(wanted, str):
        return names.index(wanted) if wanted in names else None
    return wanted if wanted < len(names) else None


def indices(wanted: Wanted, names: Sequence[str], place: str) -> list[int]:
    """Return the indices of the classes that are wanted, in their order.

    Args:
        wanted: some classes.
        names: those of all classes.
        place: what has these, for messages.

    Raises:
        Unfit: one is unknown, or is there twice.
    """
    for fault in unfit(wanted, names, place):
        raise fault
    return [found for each in wanted if (found := index_of(each, names)) is not None]


def unfit(wanted: Wanted, names: Sequence[str], place: str) -> Iterator[Unfit]:
    """Yield the classes that are unknown, and those that are there twice."""
    seen: dict[int, str | int] = {}
    for position, each in enumerate(wanted):
        setting, found = ("classes", position), index_of(each, names)
        if found is None and isinstance(each, str):
            yield UnknownName(setting, "class", each, names, place)
        elif found is None:
            most = len(names) - 1
            yield Unfit(setting, f"{place} has no class {each}: its classes are 0 to {most}")
        elif found in seen:
            yield Unfit(setting, f"{each} and {seen[found]} are the same class of {place}")
        else:
            seen[found] = each
