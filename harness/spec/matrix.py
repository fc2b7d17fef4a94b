"""A run's matrix: the cells it multiplies into, their names and their changes."""

from __future__ import annotations

import itertools
import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from harness.experiment import Json, cell_label, cell_name
from harness.spec.document import DEEPEST, Pointer
from harness.spec.patch import nest
from harness.spec.problems import shortened

_LABEL = re.compile(r"[A-Za-z0-9_.+=-]+")

MOST_CELLS = 10_000
"""So many cells may a specification have: a matrix of more is taken for a mistake."""

_LONGEST_NAME = 200
"""Characters of a cell's name, which names files too."""


@dataclass(frozen=True)
class Cell:
    """One combination of a matrix's axes.

    `labels` has its label on each axis, by the axis's name; none for a run without a matrix.
    `patches` act one after another, so that a null of one still takes a key of the run or of the
    defaults away. `origins` says, for each axis, where in the run its change stands (a pointer
    below the run) and at which path of the run it acts.
    """

    labels: Mapping[str, str]
    patches: tuple[Json, ...]
    origins: tuple[tuple[Pointer, Pointer], ...]

    @property
    def label(self) -> str:
        """Return the label of the cell in its run; "" for a run without a matrix."""
        return cell_label(self.labels)

    def name(self, run: str) -> str:
        """Return the cell's name: `run[label]`, or the run's own."""
        return cell_name(run, self.label)


class MatrixError(ValueError):
    """An axis whose values cannot be told apart or named; `pointer` is below the run."""

    def __init__(self, pointer: Pointer, message: str) -> None:
        super().__init__(message)
        self.pointer, self.message = pointer, message


def _label(value: Json, pointer: Pointer) -> str:
    """Return the label that a value on an axis makes by itself."""
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        text = "+".join(value) or "none"
    elif isinstance(value, dict | list):
        raise MatrixError(
            pointer,
            "a value that is an object or a list of numbers needs a label: write the axis as"
            f" {{label: change}}, {_labelled(value, pointer)}",
        )
    else:
        text = value if isinstance(value, str) else json.dumps(value)
    if not _LABEL.fullmatch(text):
        raise MatrixError(
            pointer,
            f"{text!r} cannot be a label: letters, digits and _ . + = - only; write the axis as"
            f" {{label: change}}, {_labelled(value, pointer)}",
        )
    return text


def _labelled(value: Json, pointer: Pointer) -> str:
    """Return how an axis with such a value may be written."""
    path = str(pointer[1]).split(".")
    axis = {path[-1]: {"a": nest(path, value)}}
    return f"such as {shortened(json.dumps(axis, ensure_ascii=False), 200)}"


def _axis(name: str, options: Json) -> list[tuple[str, Json, tuple[Pointer, Pointer]]]:
    """Return label, change and origin of each value of one axis."""
    if isinstance(options, dict):
        named = {label: change for label, change in options.items() if change is not None}
        return [(label, change, (("matrix", name, label), ())) for label, change in named.items()]
    path = name.split(".")
    if len(path) > DEEPEST:
        raise MatrixError(
            ("matrix", name), f"its path has {len(path):,} names, {DEEPEST} is the most"
        )
    values: list[tuple[str, Json, tuple[Pointer, Pointer]]] = []
    for index, value in enumerate(options):
        origin: Pointer = ("matrix", name, index)
        values.append((_label(value, origin), nest(path, value), (origin, tuple(path))))
    labels = [label for label, _, _ in values]
    if len(set(labels)) < len(labels):
        raise MatrixError(("matrix", name), "two values of this axis have the same label")
    return values


def cells(run: Mapping[str, Json]) -> Iterator[Cell]:
    """Yield the cells of a run in the order of its matrix, the last axis running fastest.

    Raises:
        MatrixError: an axis cannot be expanded.
    """
    matrix = {
        name: options for name, options in (run.get("matrix") or {}).items() if options is not None
    }
    axes = [_axis(name, options) for name, options in matrix.items()]
    if math.prod(len(axis) for axis in axes) > MOST_CELLS:
        raise MatrixError(("matrix",), f"its axes multiply to more than {MOST_CELLS:,} cells")
    if (
        sum(max((len(label) for label, _, _ in axis), default=0) + 1 for axis in axes)
        > _LONGEST_NAME
    ):
        raise MatrixError(
            ("matrix",),
            f"the labels of a cell have more than {_LONGEST_NAME} characters in all: "
            "write the axes as {label: change}, with shorter labels",
        )
    for combination in itertools.product(*axes):
        yield Cell(
            {name: label for name, (label, _, _) in zip(matrix, combination, strict=True)},
            tuple(change for _, change, _ in combination),
            tuple(origin for _, _, origin in combination),
        )


def axis_number(label: str) -> float | None:
    """Return the finite number that a label on an axis is, or None."""
    try:
        number = float(label)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
