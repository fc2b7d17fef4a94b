"""The runs of a specification: each cell with its complete settings and what it starts from."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from harness.experiment import Json, RunSpec, WeightsFile, parent_of
from harness.expression import in_cell
from harness.spec import schema
from harness.spec.consistency import inconsistencies
from harness.spec.document import Pointer
from harness.spec.faults import Faults
from harness.spec.grid import Grid
from harness.spec.layers import MULTIPLYING, blamed, layers
from harness.spec.matrix import Cell
from harness.spec.metrics import EpochsUnknown, kept_epochs, read_metrics
from harness.spec.own_parts import OwnParts
from harness.spec.paths import NoPath, Origin, Paths
from harness.spec.settings import decided, settings, start_epoch


def read_runs(document: Json, grid: Grid, faults: Faults, origin: Origin) -> dict[str, RunSpec]:
    """Return the runs of a document by their names; what is wrong with others is added.

    Args:
        document: The combined document.
        grid: The cells of its runs.
        faults: Gathers what is wrong.
        origin: Where the path of a file is written, and so where it starts.
    """
    runs: dict[str, RunSpec] = {}
    if faults.damaged(("defaults",)):
        return runs
    paths = Paths(origin)
    checks = _Checks(schema.Sections(), paths, OwnParts(paths.digest), grid)
    told: set[Pointer] = set()
    for base, run_cells in grid.cells.items():
        if faults.broken(("runs", base)) or _own_damage(document, base, faults):
            continue
        for cell in run_cells:
            if faults.full:
                return runs
            ranges = {each.place for each in cell.origins if each.place == each.axis}
            if any(faults.damaged(origin.place) for origin in cell.origins):
                continue
            parts = layers(document, base, cell)
            run, found = checks.of(base, cell, parts[-1].combined)
            if run is not None:
                runs[run.name] = run
            for pointer, message in found:
                wrong = functools.partial(checks.has_fault, base, cell, (pointer, message))
                place, shown = blamed(parts, pointer, message, wrong)
                if place not in told:
                    faults.add(shown, place)
                told |= {place} & ranges
    return runs


def _own_damage(document: Json, base: str, faults: Faults) -> bool:
    """Tell whether a run's own settings have a structural fault, whatever its cells have."""
    own = document["runs"][base]
    return any(faults.damaged(("runs", base, name)) for name in own if name not in MULTIPLYING)


_MEASURING = ("metrics", "keep_weights")
"""What is asked of a run besides, and changes no result: it is none of its settings."""


@dataclass(frozen=True)
class _Checks:
    """Looks at combined settings, and at each of their sections once."""

    sections: schema.Sections
    paths: Paths
    own_parts: OwnParts
    grid: Grid

    def of(
        self, base: str, cell: Cell, combined: Json
    ) -> tuple[RunSpec | None, list[tuple[Pointer, str]]]:
        """Return the run of combined settings, None where there can be none, and its faults."""
        found = self.sections.faults(combined)
        if found:
            return None, found
        run, found = _run(base, cell, self.sections.of(combined), self.paths, self.grid)
        if found:
            return run, found
        run, found = self._with_own_parts(base, cell, run)
        return run, found or list(inconsistencies(run))

    def _with_own_parts(
        self, base: str, cell: Cell, run: RunSpec
    ) -> tuple[RunSpec, list[tuple[Pointer, str]]]:
        """Return a run with what identifies its own parts, and what is wrong with these."""

        def folder(pointer: Pointer, value: str) -> Path:
            return self.paths.folder(places(base, cell, pointer), value)

        settings, found = self.own_parts.identified(run.settings, folder)
        metrics, wrong = self.own_parts.identified_metrics(run.metrics, folder)
        return replace(run, settings=settings, metrics=metrics), [*found, *wrong]

    def has_fault(self, base: str, cell: Cell, fault: tuple[Pointer, str], combined: Json) -> bool:
        """Tell whether combined settings have a fault, in the same words."""
        return fault in self.of(base, cell, combined)[1]


def combine(document: Json, base: str, cell: Cell) -> Json:
    """Return what defaults, a run's own settings and the changes of a cell come to."""
    return layers(document, base, cell)[-1].combined


def places(base: str, cell: Cell, pointer: Pointer) -> tuple[Pointer, ...]:
    """Return where the setting at `pointer` of a cell may come from, the strongest first."""
    from_matrix: list[Pointer] = []
    for origin, path, _ in cell.origins:
        if path == ():
            from_matrix.append((*origin, *pointer))
        elif pointer[: len(path)] == path:
            from_matrix.append((*origin, *pointer[len(path) :]))
    return (*from_matrix, ("runs", base, *pointer), ("defaults", *pointer), ("runs", base))


def parent_name(written: str, cell: Cell, grid: Grid) -> str:
    """Return the run that a cell starts from: its counterpart where a wildcard is written."""
    if not cell.label:
        return written
    return in_cell(written, grid.counterpart(written.partition("[")[0], cell) or cell.label)


def _run(
    base: str, cell: Cell, sections: Mapping[str, schema.Section], paths: Paths, grid: Grid
) -> tuple[RunSpec, list[tuple[Pointer, str]]]:
    """Return a run, and what is wrong with its paths and with what it keeps."""
    typed: Json = decided({name: section.typed for name, section in sections.items()})
    complete = decided({name: section.complete for name, section in sections.items()})
    wrong: list[tuple[Pointer, str]] = []
    for pointer in (pointer for section in sections.values() for pointer in section.paths):
        written: Json = functools.reduce(lambda value, part: value[part], pointer, typed)
        try:
            path = paths.resolved(places(base, cell, pointer), written)
        except NoPath as error:
            wrong.append((pointer, str(error)))
        else:
            typed = _with(typed, pointer, str(path))
    try:
        kept = kept_epochs(complete["keep_weights"], typed["training"].get("epochs"))
    except EpochsUnknown as error:
        kept = ()
        wrong.append((("keep_weights",), str(error)))
    run = RunSpec(
        base=base,
        settings=settings(typed),
        initialize_from=_start(typed["initialize_from"], cell, paths, grid),
        regularizers=tuple(complete["regularizers"]),
        resolved={name: each for name, each in complete.items() if name not in _MEASURING},
        labels=cell.labels,
        drawn=cell.drawn,
        metrics=read_metrics(typed["metrics"], lambda written: parent_name(written, cell, grid)),
        keep_weights=kept,
        start_epoch=start_epoch(typed["initialize_from"]),
    )
    return run, wrong


def _with(value: Json, pointer: Pointer, new: Json) -> Json:
    """Return a copy of a value with another one at a pointer."""
    if not pointer:
        return new
    copied = value.copy()
    copied[pointer[0]] = _with(value[pointer[0]], pointer[1:], new)
    return copied


def _start(value: Json, cell: Cell, paths: Paths, grid: Grid) -> str | WeightsFile | None:
    written = parent_of(value)
    if written is not None:
        return parent_name(written, cell, grid)
    if value is None:
        return None
    file = Path(value["weights"])
    return WeightsFile(file, paths.digest(file))
