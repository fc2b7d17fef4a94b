"""From a combined document to typed records: cells, complete settings, expectations, figures."""

from __future__ import annotations

import functools
import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness.data.places import at_home
from harness.measurements import HISTORY, METRICS
from harness.spec import schema
from harness.spec.binomial import accuracy_terms
from harness.spec.consistency import inconsistencies, misfits
from harness.spec.document import Pointer
from harness.spec.expression import WILDCARD, Expression, ExpressionError, Reference, parse, references
from harness.spec.matrix import Cell, MatrixError, cells
from harness.spec.patch import merge_patch
from harness.spec.problems import unknown
from harness.spec.records import (
    PER_IMAGE,
    Basis,
    Component,
    Dataset,
    EarlyStopping,
    Expectation,
    Experiment,
    Figure,
    Interval,
    Json,
    Normalization,
    Requirements,
    RunSpec,
    Settings,
    Source,
    Standardization,
    Statistic,
    StopRule,
    Tolerance,
    Training,
    WeightsFile,
)


@dataclass(frozen=True)
class Fault:
    """Something wrong, and where it may stand: the first of `places` that a document has is shown."""

    places: tuple[Pointer, ...]
    message: str


def expand(path: Path, document: Json, faults: list[Fault]) -> Experiment | None:
    """Expand a combined document; what is wrong is added to `faults`, which may hold the structural ones already.

    Parts that are structurally damaged are left out, so that one fault is not told twice.
    Returns None where anything is wrong.
    """
    damaged = {place[:depth] for fault in faults for place in fault.places for depth in range(len(place) + 1)}
    raw_runs = document.get("runs")
    if isinstance(raw_runs, dict):
        grid = _grid(raw_runs, damaged, faults)
        runs = {} if ("defaults",) in damaged else _runs(path, document, grid, damaged, faults)
        _unknown_parents(document, grid, faults)
        _check_parents(runs, faults)
        expectations = list(_expectations(document, grid, damaged, faults))
        figures = list(_figures(document, grid, damaged, faults))
    if faults:
        return None
    filled = schema.fill_defaults(schema.definition("experiment"), {**document, "runs": {}, "defaults": {}})
    source = filled["source"]
    return Experiment(
        path=path,
        name=filled["name"],
        title=filled["title"],
        question=filled["question"],
        source=Source(source["citation"], source["url"], source["locator"]) if source else None,
        requires=Requirements(**filled["requires"]),
        seeds=tuple(filled["seeds"]),
        runs=runs,
        expectations=tuple(expectations),
        figures=tuple(figures),
        document=document,
        remarks=tuple(filled["remarks"]),
        tolerances={metric: Tolerance(**raw) for metric, raw in filled["baseline"]["tolerances"].items()},
    )


Grid = Mapping[str, Sequence[Cell]]
"""The cells of every run, by the run's name; empty where its matrix cannot be expanded."""


def _grid(raw_runs: Mapping[str, Json], damaged: set[Pointer], faults: list[Fault]) -> Grid:
    grid: dict[str, Sequence[Cell]] = {}
    for name, raw in raw_runs.items():
        grid[name] = ()
        if ("runs", name, "matrix") not in damaged and isinstance(raw, dict):
            try:
                grid[name] = tuple(cells(raw))
            except MatrixError as error:
                faults.append(Fault((("runs", name, *error.pointer),), error.message))
    return grid


def _cell_names(grid: Grid) -> list[str]:
    return [cell.name(run) for run, run_cells in grid.items() for cell in run_cells]


def _runs(path: Path, document: Json, grid: Grid, damaged: set[Pointer], faults: list[Fault]) -> dict[str, RunSpec]:
    runs = {}
    for run, run_cells in grid.items():
        if ("runs", run) in damaged:
            continue
        for cell in run_cells:
            combined = _combined(document, run, cell)
            found = schema.faults_of_run(combined)
            if not found:
                complete = schema.fill_defaults(schema.definition("complete_run"), combined)
                spec = _run_spec(cell, run, complete, path.parent)
                found = list(inconsistencies(spec))
                runs[spec.name] = spec
            faults.extend(Fault(_places(run, cell, pointer), message) for pointer, message in found)
    return runs


def _combined(document: Json, run: str, cell: Cell) -> Json:
    own = {key: value for key, value in document["runs"][run].items() if key != "matrix"}
    return functools.reduce(merge_patch, (own, *cell.patches), document.get("defaults", {}))


def _unknown_parents(document: Json, grid: Grid, faults: list[Fault]) -> None:
    """Look at the names alone, so that a fault elsewhere in a run does not hide an unknown one."""
    known = _cell_names(grid)
    for run, run_cells in grid.items():
        for cell in run_cells:
            combined = _combined(document, run, cell)
            value = combined.get("initialize_from") if isinstance(combined, dict) else None
            parent = _parent(value, cell, Path()) if isinstance(value, str) else None
            if parent is not None and parent not in known:
                faults.append(Fault(_places(run, cell, ("initialize_from",)), unknown("run", str(parent), known)))


def _places(run: str, cell: Cell, pointer: Pointer) -> tuple[Pointer, ...]:
    """Return where the setting at `pointer` of a cell may come from, the strongest first."""
    from_matrix: list[Pointer] = []
    for origin, path in cell.origins:
        if path == ():
            from_matrix.append(("runs", run, *origin, *pointer))
        elif pointer[: len(path)] == path:
            from_matrix.append(("runs", run, *origin, *pointer[len(path) :]))
    return (*from_matrix, ("runs", run, *pointer), ("defaults", *pointer), ("runs", run))


def component(value: Mapping[str, Json]) -> Component:
    """Split a named object of the language into its name and its parameters."""
    return Component(value["name"], {name: item for name, item in value.items() if name != "name"})


def _run_spec(cell: Cell, run: str, complete: Mapping[str, Json], folder: Path) -> RunSpec:
    return RunSpec(
        name=cell.name(run),
        settings=_settings(complete, folder),
        initialize_from=_parent(complete["initialize_from"], cell, folder),
        regularizers=tuple(complete["regularizers"]),
        resolved=complete,
    )


def _parent(value: Json, cell: Cell, folder: Path) -> str | WeightsFile | None:
    if isinstance(value, dict):
        file = folder / value["weights"]
        try:
            return WeightsFile(file, hashlib.sha256(file.read_bytes()).hexdigest())
        except (OSError, ValueError):  # ValueError: the path holds a null character
            return WeightsFile(file, "")
    if value is None:
        return None
    name = str(value)
    return name.replace(f"[{WILDCARD}]", f"[{cell.label}]") if cell.label else name


_DATASET_COMMON = ("name", "train_examples", "test_examples", "normalize", "randomize", "center_crop")


def _settings(complete: Mapping[str, Json], folder: Path) -> Settings:
    raw, training, strengths, on = (complete[key] for key in ("dataset", "training", "strengths", "regularizers"))
    parameters = {name: value for name, value in raw.items() if name not in _DATASET_COMMON}
    if "path" in parameters:
        parameters["path"] = str(folder / at_home(parameters["path"]))
    stop, early = training["stop_when"], training["early_stopping"]
    return Settings(
        dataset=Dataset(
            source=Component(raw["name"], parameters),
            train_examples=raw["train_examples"],
            test_examples=raw["test_examples"],
            normalize=_normalization(raw["normalize"]),
            randomize=tuple(component(item) for item in raw["randomize"]),
            center_crop=raw["center_crop"],
        ),
        model=component(complete["model"]),
        initialization=component(complete["initialization"]),
        augmentation=tuple(component(item) for item in strengths["augmentation"]) if "augmentation" in on else (),
        training=Training(
            loss=training["loss"],
            loss_reduction=training["loss_reduction"],
            optimizer=component(training["optimizer"]),
            momentum=strengths["momentum"] if "momentum" in on else 0.0,
            l2=strengths["l2"] if "l2" in on else 0.0,
            schedule=component(training["schedule"]),
            batch_size=training["batch_size"],
            last_batch=training["last_batch"],
            epochs=training["epochs"],
            stop_when=StopRule(stop["train_accuracy"], stop["check_every"]) if stop else None,
            measure_every=training["measure_every"],
            dropout=strengths["dropout"] if "dropout" in on else 0.0,
            label_smoothing=training["label_smoothing"],
            precision=training["precision"],
            early_stopping=_early_stopping(early) if early else None,
            deterministic=training["deterministic"],
            backend=training["backend"],
        ),
    )


def _early_stopping(value: Mapping[str, Json]) -> EarlyStopping:
    improves = "max" if value["metric"].endswith("accuracy") else "min"
    mode = improves if value["mode"] == "auto" else value["mode"]
    return EarlyStopping(value["metric"], value["patience"], value["min_delta"], mode)


def _normalization(value: Json) -> Normalization | Standardization | None:
    if value is None or value == PER_IMAGE:
        return PER_IMAGE if value else None
    return Normalization(tuple(value["mean"]), tuple(value["deviation"]))


def _check_parents(runs: Mapping[str, RunSpec], faults: list[Fault]) -> None:
    for name, run in runs.items():
        place: Pointer = ("runs", name.partition("[")[0], "initialize_from")
        places = (place, ("defaults", "initialize_from"), place[:2])
        chain: list[str] = [name]
        parent = run.initialize_from
        while isinstance(parent, str) and parent in runs and parent not in chain:
            chain.append(parent)
            parent = runs[parent].initialize_from
        if parent == name:
            faults.append(Fault(places, "runs initialize from one another in a circle: " + " <- ".join([*chain, name])))
        elif len(chain) > 1:
            faults.extend(Fault(places, message) for message in misfits(runs[chain[1]], run))


def _references(metric: str, grid: Grid) -> Iterator[str]:
    """Yield what is wrong with a metric expression's references."""
    used = references(parse(metric))
    if not used:
        yield f"the expression {metric!r} names no run"
    known = _cell_names(grid)
    wildcards = [run for run, run_cells in grid.items() if run_cells and run_cells[0].label]
    for reference in used:
        run = reference.run.removesuffix(f"[{WILDCARD}]")
        if run != reference.run and run not in wildcards:
            yield unknown("run with a matrix", run, wildcards)
        elif run == reference.run and run not in known:
            yield unknown("run", run, known)
        if reference.metric not in METRICS:
            yield unknown("metric", reference.metric, METRICS)
    starred = {reference.run.partition("[")[0] for reference in used if reference.run.endswith(f"[{WILDCARD}]")}
    labels = {run: tuple(cell.label for cell in grid.get(run, ())) for run in starred}
    if len({frozenset(names) for names in labels.values() if names}) > 1:
        yield f"[*] needs runs with the same cells; {' and '.join(sorted(labels))} differ"


def _expectations(document: Json, grid: Grid, damaged: set[Pointer], faults: list[Fault]) -> Iterator[Expectation]:
    raw_expectations = document.get("expectations", [])
    seen: set[str] = set()
    for index, raw in enumerate(raw_expectations if isinstance(raw_expectations, list) else []):
        place: Pointer = ("expectations", index)
        if place in damaged:
            continue
        if raw["id"] in seen:
            faults.append(Fault(((*place, "id"),), f"another expectation has the id {raw['id']!r} too"))
        seen.add(raw["id"])
        if "between" in raw and raw["between"][0] > raw["between"][1]:
            faults.append(Fault(((*place, "between"),), f"the lower bound of {raw['between']} is above the upper"))
        try:
            parse(raw["metric"])
            wrong = list(_references(raw["metric"], grid)) if all(grid.values()) else []
        except ExpressionError as error:
            wrong = [str(error)]
        faults.extend(Fault(((*place, "metric"),), message) for message in wrong)
        if raw.get("interval") == Interval.BINOMIAL.value and not wrong and not _counts_images(raw["metric"]):
            faults.append(Fault(((*place, "interval"),), f"{raw['metric']!r} is no sum over test accuracies"))
        if not faults:
            filled = schema.fill_defaults(schema.definition("expectation"), raw)
            yield from _each_cell(_expectation(filled), grid)


def _expectation(raw: Mapping[str, Json]) -> Expectation:
    between = raw["between"] or (raw["at_least"], raw["at_most"])
    published, within = raw.get("published"), raw.get("within")
    if within is not None:
        # Rounded, so that 0.5335 - 0.02 is 0.5135, as it would be on paper.
        between = [round(published + side * within, 12) for side in (-1, 1)]
    return Expectation(
        id=raw["id"],
        title=raw["title"],
        metric=raw["metric"],
        lower=between[0],
        upper=between[1],
        statistic=Statistic(raw["statistic"]),
        confidence=raw["confidence"],
        basis=Basis(raw["basis"]),
        source=raw["source"],
        published=published,
        interval=Interval(raw.get("interval", Interval.STUDENT)),
        share=raw.get("share"),
    )


def _counts_images(metric: str) -> bool:
    """Tell whether a metric is a sum over test accuracies, whatever its other parts come to be."""
    expression = parse(metric)
    return accuracy_terms(expression, dict.fromkeys(references(expression), math.nan)) is not None


def _each_cell(expectation: Expectation, grid: Grid) -> Iterator[Expectation]:
    """Yield the expectation itself, or one for each cell where its metric has a wildcard."""
    starred = [ref.run for ref in _used(expectation) if ref.run.endswith(f"[{WILDCARD}]")]
    if not starred:
        yield expectation
        return
    for cell in grid[starred[0].partition("[")[0]]:
        yield replace(
            expectation,
            id=f"{expectation.id}[{cell.label}]",
            metric=expectation.metric.replace(f"[{WILDCARD}]", f"[{cell.label}]"),
        )


def _used(expectation: Expectation) -> tuple[Reference, ...]:
    expression: Expression = parse(expectation.metric)
    return references(expression)


def _figures(document: Json, grid: Grid, damaged: set[Pointer], faults: list[Fault]) -> Iterator[Figure]:
    raw_figures = document.get("figures", [])
    known = _cell_names(grid)
    for index, raw in enumerate(raw_figures if isinstance(raw_figures, list) else []):
        place: Pointer = ("figures", index)
        if place in damaged:
            continue
        filled = schema.fill_defaults(schema.definition("figure"), raw)
        if all(grid.values()):
            faults.extend(
                Fault(((*place, *pointer),), message) for pointer, message in _figure_faults(filled, grid, known)
            )
        if ("seeds",) not in damaged and filled.get("seed") not in (None, *document.get("seeds", [0])):
            faults.append(Fault(((*place, "seed"),), f"seed {filled['seed']} is none of this experiment's"))
        parameters = {name: value for name, value in filled.items() if name not in ("name", "title")}
        yield Figure(filled["name"], filled["title"], parameters)


def _figure_faults(figure: Mapping[str, Json], grid: Grid, known: Sequence[str]) -> Iterator[tuple[Pointer, str]]:
    over_time = figure["name"] == "history"
    runs, metrics, kind = (known, HISTORY, "metric measured while training") if over_time else (grid, METRICS, "metric")
    for index, panel in enumerate(figure.get("panels", [])):
        if panel["run"] not in known:
            yield ("panels", index, "run"), unknown("run", panel["run"], known)
    for label, run in figure.get("groups", {}).items():
        if run not in runs:
            yield ("groups", label), unknown("run", run, runs)
    if "axis" in figure:
        yield from _axis_faults(figure, grid)
    named: dict[Pointer, str] = {("metric",): figure["metric"]} if "metric" in figure else {}
    named |= {("metrics", index): metric for index, metric in enumerate(figure.get("metrics", []))}
    for pointer, metric in named.items():
        if metric not in metrics:
            yield pointer, unknown(kind, metric, metrics)


def _axis_faults(figure: Mapping[str, Json], grid: Grid) -> Iterator[tuple[Pointer, str]]:
    """Yield why the cells of the figure's runs cannot stand at a number on its axis."""
    axis = figure["axis"]
    labels = {
        label: [labels_by_axis(cell) for cell in grid[run]] for label, run in figure["groups"].items() if run in grid
    }
    axes = dict.fromkeys(name for of_run in labels.values() for name in of_run[0])
    if labels and axis not in axes:
        yield ("axis",), unknown("axis of these runs", axis, axes)
        return
    for label, of_run in labels.items():
        if axis not in of_run[0]:
            yield ("groups", label), f"the matrix of this run has no axis {axis!r}"
    for text in dict.fromkeys(of_cell[axis] for of_run in labels.values() for of_cell in of_run if axis in of_cell):
        number = axis_number(text)
        if number is None:
            yield ("axis",), f"the labels of this axis must be numbers, found {text!r}"
        elif figure["log_x"] and number <= 0:
            yield ("log_x",), f"a logarithmic axis has numbers above 0 only, found {text!r}"


def labels_by_axis(cell: Cell) -> dict[str, str]:
    """Return a cell's label on each axis of its run's matrix, by the axis's name."""
    axes = (str(place[1]) for place, _ in cell.origins)
    return dict(zip(axes, cell.label.split(","), strict=False))


def axis_number(label: str) -> float | None:
    """Return the finite number that a label on a matrix's axis is, or None."""
    try:
        number = float(label)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
