"""Which run starts from which: unknown parents, circles, and weights that do not fit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from harness.experiment import Json, RunSpec
from harness.spec.consistency import misfits
from harness.spec.faults import Faults
from harness.spec.grid import Grid
from harness.spec.problems import unknown
from harness.spec.runs import combine, parent_name, places

_MOST_IN_CIRCLE = 20
"""So many runs of a circle are named; a larger one is told to one of its runs alone."""


def check_names(document: Json, grid: Grid, faults: Faults) -> None:
    """Add a fault for each unknown parent.

    The names alone are looked at, so that a fault elsewhere in a run does not hide this one.
    """
    for base, run_cells in grid.cells.items():
        for cell in run_cells:
            if faults.full:
                return
            combined = combine(document, base, cell)
            written = combined.get("initialize_from") if isinstance(combined, dict) else None
            parent = parent_name(written, cell) if isinstance(written, str) else None
            if parent is not None and parent not in grid.names:
                faults.add(
                    unknown("run", parent, grid.names), *places(base, cell, ("initialize_from",))
                )


def check_weights(runs: Mapping[str, RunSpec], faults: Faults) -> None:
    """Add a fault for each run in a circle of parents, or whose parent's weights do not fit."""
    parents = {
        name: run.initialize_from
        for name, run in runs.items()
        if isinstance(run.initialize_from, str)
    }
    circles = dict(_circles(parents))
    for name, run in runs.items():
        if faults.full:
            return
        if name in circles:
            members = " <- ".join([*circles[name], name])
            wrong = [f"runs initialize from one another in a circle: {members}"]
        elif parents.get(name) in runs:
            wrong = list(misfits(runs[parents[name]], run))
        else:
            continue
        for message in wrong:
            faults.add(
                message,
                ("runs", run.base, "initialize_from"),
                ("defaults", "initialize_from"),
                ("runs", run.base),
            )


def _circles(parents: Mapping[str, str]) -> Iterator[tuple[str, list[str]]]:
    """Yield every run that is in a circle of parents, with those that come round from it.

    Each run is looked at once, however long the chains of parents are.
    """
    seen: set[str] = set()
    for first in parents:
        walked: dict[str, None] = {}
        name = first
        while name in parents and name not in seen:
            seen.add(name)
            walked[name] = None
            name = parents[name]
        if name in walked:
            order = list(walked)
            circle = order[order.index(name) :]
            if len(circle) > _MOST_IN_CIRCLE:
                yield (
                    circle[0],
                    [*circle[:_MOST_IN_CIRCLE], f"{len(circle) - _MOST_IN_CIRCLE:,} more"],
                )
                continue
            for place, member in enumerate(circle):
                yield member, circle[place:] + circle[:place]
