"""A run's cells: what its matrix and its sample multiply it into, their names and changes."""

from __future__ import annotations

import itertools
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from harness.experiment import SAMPLE, Json, cell_label, cell_name
from harness.spec.document import DEEPEST, Pointer
from harness.spec.patch import nest
from harness.spec.problems import shortened
from harness.spec.sample import Draw

_LABEL = re.compile(r"[A-Za-z0-9_.+=-]+")

MOST_CELLS = 10_000
"""So many cells may a specification have: a matrix of more is taken for a mistake."""

_LONGEST_NAME = 200
"""Characters of a cell's name, which names files too."""


class ChangeOrigin(NamedTuple):
    """Where the change of an axis comes from.

    Attributes:
        place: Where its value stands, a pointer into the document.
        path: At which path of the run it acts.
        axis: Where the axis stands.
    """

    place: Pointer
    path: Pointer
    axis: Pointer


@dataclass(frozen=True)
class Cell:
    """One combination of a matrix's axes, in one draw of a sample.

    `labels` has its label on each axis, by the axis's name, that of the draw first; none for a run
    without matrix and sample. `patches` act one after another, those of the draw first, so that a
    null of one still takes a key of the run or of the defaults away. `origins` says where each of
    them comes from. `drawn` has the values that were drawn, or labels of changes, by path.
    """

    labels: dict[str, str]
    patches: tuple[Json, ...]
    origins: tuple[ChangeOrigin, ...]
    drawn: Mapping[str, Json] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """Return the label of the cell in its run; "" for a run without any."""
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


def _axis(name: str, options: Json) -> list[tuple[str, Json, ChangeOrigin]]:
    """Return label, change and origin of each value of one axis."""
    axis: Pointer = ("matrix", name)
    if isinstance(options, dict):
        named = {label: change for label, change in options.items() if change is not None}
        return [
            (label, change, ChangeOrigin((*axis, label), (), axis))
            for label, change in named.items()
        ]
    path = name.split(".")
    if len(path) > DEEPEST:
        raise MatrixError(
            ("matrix", name), f"its path has {len(path):,} names, {DEEPEST} is the most"
        )
    values: list[tuple[str, Json, ChangeOrigin]] = []
    for index, value in enumerate(options):
        origin = ChangeOrigin((*axis, index), tuple(path), axis)
        values.append((_label(value, origin.place), nest(path, value), origin))
    labels = [label for label, _, _ in values]
    if len(set(labels)) < len(labels):
        raise MatrixError(("matrix", name), "two values of this axis have the same label")
    return values


@dataclass(frozen=True)
class Drawn:
    """The draws of a run's sample, and where each path that is drawn stands in the document."""

    draws: Sequence[Draw]
    places: Mapping[str, Pointer]


def cells(run: Mapping[str, Json], at: Pointer = (), drawn: Drawn | None = None) -> Iterator[Cell]:
    """Yield the cells of a run in the order of its matrix, the last axis running fastest.

    Where it has a sample, every draw has all of them, one draw after the other.

    Args:
        run: The run.
        at: Where it stands in the document.
        drawn: Its draws, None where it has no sample.

    Raises:
        MatrixError: an axis cannot be expanded.
    """
    of_matrix = list(_matrix_cells(run, at))
    if drawn is None:
        yield from of_matrix
        return
    if any(SAMPLE in cell.labels for cell in of_matrix):
        raise MatrixError(
            ("matrix", SAMPLE), f"the draws of the sample stand on the axis {SAMPLE!r} already"
        )
    if len(of_matrix) * len(drawn.draws) > MOST_CELLS:
        raise MatrixError(("sample",), f"its draws make more than {MOST_CELLS:,} cells")
    for draw, cell in itertools.product(drawn.draws, of_matrix):
        yield _in_draw(cell, draw, drawn.places)


def _in_draw(cell: Cell, draw: Draw, places: Mapping[str, Pointer]) -> Cell:
    """Return a cell of a matrix in one draw of a sample."""
    origins = tuple(
        ChangeOrigin((*places[name], *choice.place), choice.path, places[name])
        for name, choice in draw.choices.items()
    )
    return Cell(
        {SAMPLE: draw.label, **cell.labels},
        (*(choice.patch for choice in draw.choices.values()), *cell.patches),
        (*origins, *cell.origins),
        {name: choice.value for name, choice in draw.choices.items()},
    )


def _matrix_cells(run: Mapping[str, Json], at: Pointer) -> Iterator[Cell]:
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
            tuple(_below(at, origin) for _, _, origin in combination),
        )


def _below(at: Pointer, origin: ChangeOrigin) -> ChangeOrigin:
    """Return an origin that is given below a run as one in the document."""
    return ChangeOrigin((*at, *origin.place), origin.path, (*at, *origin.axis))


def drawn_labels(drawn: Mapping[str, Json]) -> dict[str, str]:
    """Return what was drawn at each path as a label on an axis: a text, else JSON."""
    return {
        path: value if isinstance(value, str) else json.dumps(value)
        for path, value in drawn.items()
    }


def axis_number(label: str) -> float | None:
    """Return the finite number that a label on an axis is, or None."""
    try:
        number = float(label)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
