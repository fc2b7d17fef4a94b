"""Which run starts from which: unknown parents, circles, and weights that do not fit."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from harness.experiment import Json, RunSpec, parent_of
from harness.spec import schema
from harness.spec.consistency import misfits
from harness.spec.document import Pointer
from harness.spec.faults import Faults
from harness.spec.grid import Grid
from harness.spec.layers import Layer, blamed, layers
from harness.spec.runs import combine, parent_name, places
from harness.spec.settings import settings
from harness.words import listed

_PARENT: Pointer = ("initialize_from",)

_MOST_NAMED = 8

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
            value = combined.get("initialize_from") if isinstance(combined, dict) else None
            written = parent_of(value)
            parent = None if written is None else parent_name(written, cell, grid)
            if parent is not None and not grid.may_have(parent):
                within = ("run",) if isinstance(value, Mapping) else ()
                faults.add(grid.unknown(parent), *places(base, cell, (*_PARENT, *within)))


def check_weights(document: Json, grid: Grid, runs: Mapping[str, RunSpec], faults: Faults) -> None:
    """Add a fault for each run in a circle of parents, or whose parent's weights do not fit."""
    parents = {
        name: run.initialize_from
        for name, run in runs.items()
        if isinstance(run.initialize_from, str)
    }
    circles = dict(_circles(parents))
    for base, run_cells in grid.cells.items():
        for cell in run_cells:
            name = cell.name(base)
            if faults.full:
                return
            if name in circles:
                members = " <- ".join([*circles[name], name])
                message = f"runs initialize from one another in a circle: {members}"
                faults.add(message, *places(base, cell, _PARENT))
            elif name in runs and parents.get(name) in runs:
                wrong = _not_kept(runs[parents[name]], runs[name].start_epoch)
                if wrong is not None:
                    faults.add(wrong, *places(base, cell, (*_PARENT, "after_epoch")))
                for message in misfits(runs[parents[name]], runs[name]):
                    parts = layers(document, base, cell)
                    named = functools.partial(parent_name, cell=cell, grid=grid)
                    faults.add(message, _misfit_place(parts, message, runs[name], runs, named))


def _not_kept(parent: RunSpec, epoch: int | None) -> str | None:
    """Say that a run does not keep its weights after an epoch that another one starts from."""
    if epoch is None or epoch in parent.keep_weights:
        return None
    kept = listed([str(each) for each in parent.keep_weights], _MOST_NAMED)
    there = f"keeps those after {kept}" if kept else "keeps none but its final ones"
    return (
        f"{parent.name} does not keep its weights after epoch {epoch}, it {there}: its "
        "keep_weights says which are kept"
    )


def _misfit_place(
    parts: Sequence[Layer],
    message: str,
    child: RunSpec,
    runs: Mapping[str, RunSpec],
    named: Callable[[str], str],
) -> Pointer:
    """Return the place of the part with which a cell no longer fits the run that it starts from.

    `named` gives the name of the run that a cell means by what is written.
    """
    sections = schema.Sections()

    def is_wrong(combined: Json) -> bool:
        written = parent_of(combined.get("initialize_from"))
        if written is None or sections.faults(combined):
            return False
        parent = runs.get(named(written))
        if parent is None:
            return False
        own = sections.of(combined)
        before = replace(
            child,
            settings=settings({part: section.typed for part, section in own.items()}),
            resolved={part: section.complete for part, section in own.items()},
        )
        return message in misfits(parent, before)

    return blamed(parts, _PARENT, message, is_wrong)[0]


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
