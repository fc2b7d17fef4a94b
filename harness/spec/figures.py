"""The figures of a specification, and whether what they name is there."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Mapping, Sequence

from harness.experiment import Figure, Json, RunSpec
from harness.metrics import HISTORY
from harness.spec import schema, seeding
from harness.spec.document import Pointer
from harness.spec.faults import Faults
from harness.spec.grid import Grid
from harness.spec.matrix import axis_number
from harness.spec.metrics import wrong_name
from harness.spec.problems import MOST_FAULTS, unknown

_OF_CELLS = ("history", "linear_path", "class_accuracies")
"""The figures whose groups are runs or cells; those of others are whole runs."""

_DRAWN_FROM = {"linear_path": "linear_path", "class_accuracies": "class_accuracy"}
"""The final metric that each run of a figure needs, by the figure's name."""


def read_figures(
    document: Json, grid: Grid, runs: Mapping[str, RunSpec], faults: Faults
) -> tuple[Figure, ...]:
    """Return the figures of a document; what is wrong with them is added.

    `runs` are those of the document in which nothing is wrong.
    """
    figures: list[Figure] = []
    for place, raw in faults.items(document, "figures"):
        filled = schema.fill_defaults(schema.definition("figure"), raw)
        faults.add_all(itertools.islice(_wrong(filled, grid, runs), MOST_FAULTS), place)
        if not faults.damaged(("seeds",)):
            faults.add_all(_wrong_seed(filled, document), place)
        parameters = {
            name: value for name, value in filled.items() if name not in ("name", "title")
        }
        figures.append(Figure(filled["name"], filled["title"], parameters))
    return tuple(figures)


def _wrong_seed(figure: Mapping[str, Json], document: Json) -> Iterator[tuple[Pointer, str]]:
    seed = figure.get("seed")
    if seed is not None and seed not in seeding.seeds(document.get("seeds", [0])):
        yield ("seed",), f"seed {seed} is none of this experiment's"


def _wrong(
    figure: Mapping[str, Json], grid: Grid, known: Mapping[str, RunSpec]
) -> Iterator[tuple[Pointer, str]]:
    of_cells = figure["name"] in _OF_CELLS
    runs: Collection[str] = grid.names if of_cells else grid.cells.keys()
    for index, panel in enumerate(figure.get("panels", [])):
        if not grid.may_have(panel["run"]):
            yield ("panels", index, "run"), grid.unknown(panel["run"])
    for label, run in figure.get("groups", {}).items():
        if run not in runs and not (of_cells and grid.may_have(run)):
            yield ("groups", label), grid.unknown(run) if of_cells else unknown("run", run, runs)
    if "axis" in figure and set(grid.unsettled).isdisjoint(figure["groups"].values()):
        yield from _wrong_axis(figure, grid)
    named: dict[Pointer, str] = {("metric",): figure["metric"]} if "metric" in figure else {}
    named |= {("metrics", index): metric for index, metric in enumerate(figure.get("metrics", []))}
    drawn = _drawn(figure, known)
    for pointer, metric in named.items():
        if figure["name"] != "history":
            yield from ((pointer, message) for message in wrong_name(metric, drawn, each=False))
        elif metric not in HISTORY:
            yield pointer, unknown("metric measured while training", metric, HISTORY)
    yield from _not_measured(figure, known)


def _drawn(figure: Mapping[str, Json], runs: Mapping[str, RunSpec]) -> Sequence[RunSpec]:
    """Return the cells of a figure's runs, of those in which nothing is wrong."""
    bases = set(figure.get("groups", {}).values())
    return [run for run in runs.values() if run.base in bases]


def _not_measured(
    figure: Mapping[str, Json], runs: Mapping[str, RunSpec]
) -> Iterator[tuple[Pointer, str]]:
    """Yield which runs of a figure do not measure what it is drawn from."""
    kind = _DRAWN_FROM.get(figure["name"])
    for label, name in figure.get("groups", {}).items():
        run = runs.get(name)
        if kind is not None and run is not None and all(m.name != kind for m in run.metrics):
            message = f'{name} does not have the metric {kind}: {{"name": "{kind}", ...}}'
            yield ("groups", label), message


def _wrong_axis(figure: Mapping[str, Json], grid: Grid) -> Iterator[tuple[Pointer, str]]:
    """Yield why the cells of the figure's runs cannot stand at a number on its axis."""
    axis = figure["axis"]
    runs = {label: grid.axes(run) for label, run in figure["groups"].items() if run in grid.cells}
    known = dict.fromkeys(name for axes in runs.values() for name in axes)
    if runs and axis not in known:
        yield ("axis",), unknown("axis of these runs", axis, known)
        return
    for label, axes in runs.items():
        if axis not in axes:
            yield ("groups", label), f"this run has no axis {axis!r}"
    distinct = {id(axes): axes for axes in runs.values()}.values()
    for text in dict.fromkeys(text for axes in distinct for text in axes.get(axis, ())):
        number = axis_number(text)
        if number is None:
            yield ("axis",), f"the labels of this axis must be numbers, found {text!r}"
        elif figure["log_x"] and number <= 0:
            yield ("log_x",), f"a logarithmic axis has numbers above 0 only, found {text!r}"
