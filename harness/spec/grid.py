"""The cells of all runs of a specification."""

from __future__ import annotations

import functools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from harness.experiment import Json
from harness.spec import seeding
from harness.spec.faults import Faults
from harness.spec.matrix import MOST_CELLS, Cell, MatrixError, cells

MOST_RUNS = 100_000
"""So many runs may a specification have, each seed counted."""


@dataclass(frozen=True)
class Grid:
    """The cells of every run, by the run's name; none where its matrix cannot be expanded."""

    cells: Mapping[str, Sequence[Cell]]
    _axes: dict[str, Mapping[str, Collection[str]]] = field(default_factory=dict)

    def axes(self, run: str) -> Mapping[str, Collection[str]]:
        """Return the labels on every axis of a run's matrix, in their order, by the axis's name."""
        if run not in self._axes:
            found: dict[str, dict[str, None]] = {}
            for cell in self.cells[run]:
                for axis, label in cell.labels.items():
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

    @functools.cached_property
    def whole(self) -> bool:
        """Whether every run has its cells."""
        return all(self.cells.values())


def read_grid(document: Json, faults: Faults) -> Grid | None:
    """Return the cells of all runs of a document; None where its runs are damaged as a whole."""
    raw_runs = document.get("runs")
    if not isinstance(raw_runs, dict) or len(raw_runs) > MOST_CELLS:
        return None
    return Grid(_cells(raw_runs, faults))


def _cells(raw_runs: Mapping[str, Json], faults: Faults) -> Mapping[str, Sequence[Cell]]:
    grid: dict[str, Sequence[Cell]] = {}
    count = 0
    for name, raw in raw_runs.items():
        grid[name] = ()
        if faults.damaged(("runs", name, "matrix")) or not isinstance(raw, dict):
            continue
        try:
            found = tuple(cells(raw))
        except MatrixError as error:
            faults.add(error.message, ("runs", name, *error.pointer))
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


def check_size(document: Json, grid: Grid, faults: Faults) -> None:
    """Add a fault where cells and seeds multiply to more runs than any machine gets through."""
    count = 0 if faults.damaged(("seeds",)) else seeding.most(document.get("seeds", [0]))
    if len(grid.names) * count > MOST_RUNS:
        message = f"{len(grid.names):,} runs of {count:,} seeds each are more than {MOST_RUNS:,}"
        faults.add(message, ("seeds",), ("runs",))
