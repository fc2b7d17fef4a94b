"""The parts that a cell's settings come from, and which of them brings a fault."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from harness.experiment import Json
from harness.spec.assigned import nearest_setting
from harness.spec.document import Pointer
from harness.spec.matrix import Cell
from harness.spec.patch import merge_patch
from harness.spec.problems import UNKNOWN_PROPERTY


@dataclass(frozen=True)
class Layer:
    """One of the parts that combine to a cell: the defaults, its run, or a value on an axis.

    Attributes:
        name: What a person calls it.
        patch: Its change of those before it.
        combined: What all up to it come to.
        origin: Where in the document it stands.
        path: The setting that stands there, () where all settings do.
        axis: Where the axis stands whose value it is, () where it is none.
    """

    name: str
    patch: Json
    combined: Json
    origin: Pointer
    path: Pointer = ()
    axis: Pointer = ()

    def sets(self, pointer: Pointer) -> bool:
        """Tell whether it gives the value at a pointer, or takes it away."""
        found = self.patch
        for part in pointer:
            if not isinstance(found, dict):
                return True
            if part not in found:
                return False
            found = found[part]
        return not isinstance(found, dict)

    def place(self, pointer: Pointer) -> Pointer:
        """Return where in the document it has the value at a pointer, or would have it."""
        inside = pointer[: len(self.path)] == self.path
        return (*self.origin, *pointer[len(self.path) :]) if inside else self.origin


def layers(document: Json, base: str, cell: Cell) -> list[Layer]:
    """Return what combines to a cell, the weakest first."""
    own, defaults = _settings(document["runs"][base]), _settings(document.get("defaults", {}))
    found = [
        Layer("the defaults set", defaults, defaults, ("defaults",)),
        Layer("the run sets", own, merge_patch(defaults, own), ("runs", base)),
    ]
    for patch, (origin, path, axis) in zip(cell.patches, cell.origins, strict=True):
        name = f"the axis {axis[-1]!r} sets"
        combined = merge_patch(found[-1].combined, patch)
        found.append(Layer(name, patch, combined, origin, path, axis))
    return found


MULTIPLYING = ("matrix", "sample")
"""What a run has besides its settings: what multiplies it into cells."""


def _settings(part: Json) -> Json:
    """Return the settings of a part; of one that is no object, which is told already, nothing."""
    if not isinstance(part, dict):
        return {}
    return {key: value for key, value in part.items() if key not in MULTIPLYING}


def blamed(
    parts: Sequence[Layer], pointer: Pointer, message: str, is_wrong: Callable[[Json], bool]
) -> tuple[Pointer, str]:
    """Return where the fault at a setting of a cell comes from, and the message to be shown there.

    That is the first part with which the setting is wrong, or a later one that gives it a value
    anew. Where it is the value of another part that does not go with this one, the message says so.

    Args:
        parts: What combines to the cell.
        pointer: The setting that is wrong.
        message: Why.
        is_wrong: Tells whether that setting is wrong in combined settings, for the same reason.
    """
    first = len(parts) - 1
    while first > 0 and is_wrong(parts[first - 1].combined):
        first -= 1
    setting = [index for index, part in enumerate(parts) if part.sets(pointer)]
    to_blame = max([first, *setting[-1:]]) if pointer else max(first, 1)
    part = parts[to_blame]
    if setting and setting[-1] != to_blame:
        setter = parts[setting[-1]].name
        message = f"does not go with {'.'.join(map(str, pointer))}, which {setter}: {message}"
    elif _is_name_of_axis(part, pointer, message):
        return part.axis, _no_setting(".".join(map(str, part.path)))
    return part.place(pointer), message


def _no_setting(axis: str) -> str:
    near = nearest_setting(axis)
    guess = f"; did you mean {near!r}?" if near else ""
    return (
        f"no setting has the path {axis!r}, which names this axis{guess} (an axis with a name of"
        " your own has labelled changes, {label: change})"
    )


def _is_name_of_axis(part: Layer, pointer: Pointer, message: str) -> bool:
    """Tell whether it is the path that names an axis which is wrong, not a value on it."""
    within = part.path[: len(pointer)] == pointer
    return bool(part.path) and within and message.startswith(UNKNOWN_PROPERTY)
