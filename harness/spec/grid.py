"""The cells of all runs of a specification."""

from __future__ import annotations

import functools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from harness.experiment import Json, cell_label
from harness.spec import schema, seeding
from harness.spec.document import Pointer
from harness.spec.faults import Faults
from harness.spec.matrix import MOST_CELLS, Cell, Drawn, MatrixError, cells, drawn_labels
from harness.spec.patch import compose, without_nulls
from harness.spec.problems import unknown
from harness.spec.sample import SampleError, draws
from harness.words import listed

MOST_RUNS = 100_000
"""So many runs may a specification have, each seed counted."""

_MOST_NAMED = 20
"""So many cells of a run are named in a message."""


@dataclass(frozen=True)
class Grid:
    """The cells of every run, by the run's name; none where its matrix cannot be expanded.

    `unsettled` are the runs whose cells have other names once a fault in their matrix is mended:
    what names such a cell may be right.
    """

    cells: Mapping[str, Sequence[Cell]]
    unsettled: Collection[str] = frozenset()
    _axes: dict[str, Mapping[str, Collection[str]]] = field(default_factory=dict)

    def axes(self, run: str) -> Mapping[str, Collection[str]]:
        """Return the labels on every axis of a run's matrix, in their order, by the axis's name.

        What a sample drew at a path is an axis too.
        """
        if run not in self._axes:
            found: dict[str, dict[str, None]] = {}
            for cell in self.cells[run]:
                for axis, label in (cell.labels | drawn_labels(cell.drawn)).items():
                    found.setdefault(axis, {})[label] = None
            self._axes[run] = {axis: labels.keys() for axis, labels in found.items()}
        return self._axes[run]

    @functools.cached_property
    def names(self) -> Collection[str]:
        """The names of all cells, in their order; quick to look up."""
        return {
            cell.name(run): None for run, of_run in self.cells.items() for cell in of_run
        }.keys()

    @functools.cached_property
    def labels(self) -> Mapping[str, Collection[str]]:
        """The labels of the cells of every run that has a matrix."""
        return {
            run: {cell.label: None for cell in of_run}.keys()
            for run, of_run in self.cells.items()
            if of_run and of_run[0].label
        }

    def counterpart(self, run: str, cell: Cell) -> str | None:
        """Return the label of the cell that `run[*]` means beside a cell of another run, or None.

        It is the cell of the same label or, for a run with fewer axes, that of the same labels on
        these: beside `escape[07,l2]`, `confusion[*]` is `confusion[07]`.
        """
        labels = self.labels.get(run, ())
        if cell.label in labels:
            return cell.label
        axes = self.cells[run][0].labels if labels else ()
        found = cell_label({axis: cell.labels.get(axis, "") for axis in axes})
        return found if found in labels else None

    def may_have(self, run: str) -> bool:
        """Tell whether there is a cell of this name, or may be one once all is mended."""
        return run in self.names or run.partition("[")[0] in self.unsettled

    def unknown(self, run: str) -> str:
        """Say that no cell has this name, and which there are."""
        base, bracket, _ = run.partition("[")
        if base not in self.labels or run not in (base, f"{base}[*]"):
            return unknown("run", run, self.names)
        cells_of = listed([f"{base}[{label}]" for label in self.labels[base]], _MOST_NAMED)
        return (
            f"{run!r} means the cell of the same label, which only a run with a matrix or a"
            f" sample has; name one of {cells_of}"
            if bracket
            else f"the run {run!r} has cells: name one of {cells_of}"
        )


def read_grid(document: Json, faults: Faults) -> Grid | None:
    """Return the cells of all runs of a document; None where its runs are damaged as a whole."""
    raw_runs = document.get("runs")
    if not isinstance(raw_runs, dict) or len(raw_runs) > MOST_CELLS:
        return None
    cells_of = _cells(document, faults)
    return Grid(cells_of, {run for run, of_run in cells_of.items() if not of_run})


def settled(grid: Grid, faults: Faults) -> Grid:
    """Return a grid that knows of which runs a value on an axis, which names cells, may be wrong.

    It is where it was found to be so, and where a fault elsewhere has kept it from being looked at.
    """
    places = {place for fault in faults for place in fault.places}
    if any(place[:1] == ("defaults",) for place in places):
        return Grid(grid.cells, {*grid.unsettled, *grid.labels})
    wrong = {
        str(place[1])
        for place in places
        if place[:1] == ("runs",)
        and len(place) > 1
        and (place[2:3] != ("matrix",) or any(isinstance(part, int) for part in place[4:5]))
    }
    return Grid(grid.cells, {*grid.unsettled, *wrong & grid.labels.keys()})


def _cells(document: Json, faults: Faults) -> Mapping[str, Sequence[Cell]]:
    grid: dict[str, Sequence[Cell]] = {}
    count = 0
    for name, raw in document["runs"].items():
        grid[name] = ()
        at: Pointer = ("runs", name)
        if not isinstance(raw, dict) or _is_broken((*at, "matrix"), raw, faults):
            continue
        if any(faults.damaged(place) for place in _sample_places(name)):
            continue
        try:
            found = tuple(cells(raw, at, _drawn(document, name)))
        except MatrixError as error:
            faults.add(error.message, (*at, *error.pointer), ("defaults", *error.pointer))
            continue
        except SampleError as error:
            faults.add(error.message, *((*place, *error.pointer) for place in _sample_places(name)))
            continue
        count += len(found)
        if count > MOST_CELLS:
            faults.add(
                f"the matrices of this specification have more than {MOST_CELLS:,} cells in all",
                ("runs", name, "matrix"),
                ("runs", name),
            )
            break
        grid[name] = found
    return grid


def _sample_places(run: str) -> tuple[Pointer, Pointer]:
    """Return where the sample of a run may stand, the strongest first."""
    return ("runs", run, "sample"), ("defaults", "sample")


def _drawn(document: Json, run: str) -> Drawn | None:
    """Return the draws of a run; None where it has no sample.

    Raises:
        SampleError: there cannot be any.
    """
    sample = sample_of(document, run)
    if sample is None:
        return None
    for pointer, message in schema.faults("complete_sample", without_nulls(sample)):
        raise SampleError(pointer, message)
    own = document["runs"][run].get("sample") or {}
    strongest, weakest = _sample_places(run)
    places: dict[str, Pointer] = {
        name: (*(strongest if name in own.get("draw", {}) else weakest), "draw", name)
        for name in sample["draw"]
    }
    return Drawn(tuple(draws(sample)), places)


def sample_of(document: Json, run: str) -> Json:
    """Return the sample of a run, as the defaults and its own come to; None where it has none."""
    defaults, own = document.get("defaults", {}), document["runs"][run]
    parts = [part for part in (defaults, own) if isinstance(part, dict)]
    written = [{"sample": part["sample"]} for part in parts if "sample" in part]
    found: Json = functools.reduce(compose, written, {})
    return found.get("sample")


def _is_broken(place: Pointer, raw: Mapping[str, Json], faults: Faults) -> bool:
    """Tell whether the axes or labels of a matrix cannot be made out."""
    axes = raw.get("matrix")
    if faults.broken(place) or not isinstance(axes, dict):
        return axes is not None
    return any(
        faults.broken((*place, name))
        or (isinstance(axis, dict) and any(faults.broken((*place, name, each)) for each in axis))
        for name, axis in axes.items()
    )


def check_size(document: Json, grid: Grid, faults: Faults) -> None:
    """Add a fault where cells and seeds multiply to more runs than any machine gets through."""
    count = 0 if faults.damaged(("seeds",)) else seeding.most(document.get("seeds", [0]))
    if len(grid.names) * count > MOST_RUNS:
        message = f"{len(grid.names):,} runs of {count:,} seeds each are more than {MOST_RUNS:,}"
        faults.add(message, ("seeds",), ("runs",))
