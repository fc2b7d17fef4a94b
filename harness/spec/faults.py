"""The faults of one document, gathered while it is expanded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from harness.experiment import Json
from harness.spec.document import Pointer
from harness.spec.problems import MOST_FAULTS


@dataclass(frozen=True)
class Fault:
    """Something wrong, and where it may stand.

    The first of `places` that a document has is shown.
    """

    places: tuple[Pointer, ...]
    message: str


class Faults:
    """Gathers the faults of one document.

    It begins with the structural ones, those of the schema. The parts that these damage are not
    looked at any further, so that one fault is not told twice.
    """

    def __init__(self, structural: Iterable[tuple[Pointer, str]] = ()) -> None:
        self._found = [Fault((pointer,), message) for pointer, message in structural]
        self._structural = {place for fault in self._found for place in fault.places}
        self._damaged = {
            place[:depth] for place in self._structural for depth in range(len(place) + 1)
        }

    def __iter__(self) -> Iterator[Fault]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)

    @property
    def full(self) -> bool:
        """Tell whether so many are found that no more are looked for."""
        return len(self._found) >= MOST_FAULTS

    def add(self, message: str, *places: Pointer) -> None:
        """Add a fault that stands at the first of the places that a document has."""
        self._found.append(Fault(places, message))

    def add_all(self, found: Iterable[tuple[Pointer, str]], place: Pointer = ()) -> None:
        """Add faults by their pointers below a place."""
        for pointer, message in found:
            self.add(message, (*place, *pointer))

    def damaged(self, place: Pointer) -> bool:
        """Tell whether there is a structural fault at a place or below it."""
        return place in self._damaged

    def broken(self, place: Pointer) -> bool:
        """Tell whether there is a structural fault at this very place."""
        return place in self._structural

    def items(self, document: Json, name: str) -> Iterator[tuple[Pointer, Json]]:
        """Yield place and value of each sound item of a list of the document, until it is full.

        Of a list that is faulty as a whole, such as one that is too long, it yields none.
        """
        listed = document.get(name, [])
        if (name,) in self._structural or not isinstance(listed, list):
            return
        for index, item in enumerate(listed):
            if self.full:
                return
            if not self.damaged((name, index)):
                yield (name, index), item
