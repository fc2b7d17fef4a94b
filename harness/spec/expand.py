"""From a combined document to typed records: cells, complete settings, expectations, figures."""

from __future__ import annotations

import errno
import functools
import itertools
import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from harness.experiment import (
    PER_IMAGE,
    Basis,
    Component,
    Control,
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
from harness.expression import WILDCARD, ExpressionError, parse, references
from harness.metrics import HISTORY, METRICS
from harness.spec import schema, seeding
from harness.spec.binomial import Difference, accuracy_difference, accuracy_terms
from harness.spec.consistency import inconsistencies, misfits
from harness.spec.document import Pointer
from harness.spec.find import expanded
from harness.spec.matrix import MOST_CELLS, Cell, MatrixError, cells
from harness.spec.patch import merge_patch
from harness.spec.problems import MOST_FAULTS, unknown
from harness.system.files import sha256


@dataclass(frozen=True)
class Fault:
    """Something wrong, and where it may stand: the first of `places` that a document has is
    shown.
    """

    places: tuple[Pointer, ...]
    message: str


Origin = Callable[[Sequence[Pointer], Json], Path]
"""Gives the folder of the file in which a setting has its value, by the places where it may
stand.
"""


def expand(
    path: Path, document: Json, faults: list[Fault], origin: Origin | None = None
) -> Experiment | None:
    """Expand a combined document.

    Args:
        path: The file that was combined with those it extends.
        document: What they combine to.
        faults: The structural ones; what else is wrong is added. Parts that are structurally
            damaged are left out,
            so that one fault is not told twice.
        origin: Where a path of a file is written, and so where it starts; None: all in this one
            file.

    Returns:
        None where anything is wrong.
    """
    if len(faults) >= MOST_FAULTS:  # there may be more, so that nobody knows what is whole
        return None
    damaged = {
        place[:depth]
        for fault in faults
        for place in fault.places
        for depth in range(len(place) + 1)
    }
    document = _without(document, {place for fault in faults for place in fault.places})
    raw_runs = document.get("runs")
    if isinstance(raw_runs, dict) and len(raw_runs) <= MOST_CELLS:
        grid = _grid(raw_runs, damaged, faults)
        files = _Files(origin or (lambda places, value: path.parent))
        runs = {} if ("defaults",) in damaged else _runs(document, grid, damaged, faults, files)
        _too_many(document, grid, damaged, faults)
        faults.extend(
            Fault((place,), message) for place, message in seeding.faults_of(document, damaged)
        )
        _unknown_parents(document, grid, faults)
        _check_parents(runs, faults)
        expectations = list(_expectations(document, grid, runs, damaged, faults))
        figures = list(_figures(document, grid, damaged, faults))
    if faults:
        return None
    filled = schema.fill_defaults(
        schema.definition("experiment"), {**document, "runs": {}, "defaults": {}}
    )
    source = filled["source"]
    return Experiment(
        path=path,
        name=filled["name"],
        title=filled["title"],
        question=filled["question"],
        source=Source(source["citation"], source["url"], source["locator"]) if source else None,
        requires=Requirements(**filled["requires"]),
        seeds=seeding.seeds(filled["seeds"]),
        runs=runs,
        expectations=tuple(expectations),
        figures=tuple(figures),
        document=document,
        remarks=tuple(filled["remarks"]),
        tolerances={
            metric: Tolerance(**raw) for metric, raw in filled["baseline"]["tolerances"].items()
        },
        seed_plan=seeding.seed_plan(filled["seeds"]),
        control=Control(filled["control"]) if filled["control"] else None,
    )


def _without(document: Json, faulty: set[Pointer]) -> Json:
    """Leave out lists that are faulty as a whole, such as those that are too long: of their items
    nothing is known.
    """
    return {
        name: value
        for name, value in document.items()
        if (name,) not in faulty or not isinstance(value, list)
    }


MOST_RUNS = 100_000
"""So many runs may a specification have, each seed counted."""

MOST_EXPECTATIONS = 10_000
"""So many expectations may it have, each cell counted."""


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
                for axis, label in labels_by_axis(cell).items():
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


class NoPath(ValueError):
    """What stands for a path can be none; the message says why."""


@dataclass(frozen=True)
class _Files:
    """The files and folders that settings name: where their paths start, and the digests of those
    that are read.
    """

    origin: Origin
    digests: dict[Path, str] = field(default_factory=dict)

    def path(self, places: Sequence[Pointer], value: str) -> Path:
        """Return the path that a setting means.

        Raises:
            NoPath: it can be none.
        """
        try:
            path = self.origin(places, value) / expanded(value)
            path.lstat()
        except RuntimeError as error:
            user = value.partition("/")[0]
            raise NoPath(
                f"there is no home folder {user!r}; a folder of that name is './{user}'"
            ) from error
        except ValueError as error:
            raise NoPath(f"this can be no path: {error}") from error
        except OSError as error:
            if error.errno == errno.ENAMETOOLONG:
                raise NoPath("this can be no path: it is too long") from error
        # A path that begins with a sign for a home folder is not taken for one again.
        return path.absolute() if str(path).startswith("~") else path

    def digest(self, path: Path) -> str:
        """Return the SHA-256 of a regular file, read once, or nothing where there is none that can
        be read.
        """
        if path not in self.digests:
            try:
                self.digests[path] = sha256(path)
            except (OSError, ValueError):
                self.digests[path] = ""
        return self.digests[path]


def _grid(raw_runs: Mapping[str, Json], damaged: set[Pointer], faults: list[Fault]) -> Grid:
    grid: dict[str, Sequence[Cell]] = {}
    count = 0
    for name, raw in raw_runs.items():
        grid[name] = ()
        if ("runs", name, "matrix") not in damaged and isinstance(raw, dict):
            try:
                found = tuple(cells(raw))
            except MatrixError as error:
                faults.append(Fault((("runs", name, *error.pointer),), error.message))
                continue
            count += len(found)
            if count > MOST_CELLS:
                message = (
                    f"the matrices of this specification have more than {MOST_CELLS:,} cells in all"
                )
                faults.append(Fault((("runs", name, "matrix"), ("runs", name)), message))
                break
            grid[name] = found
    return Grid(grid)


def _too_many(document: Json, grid: Grid, damaged: set[Pointer], faults: list[Fault]) -> None:
    count = 0 if ("seeds",) in damaged else seeding.most(document.get("seeds", [0]))
    if len(grid.names) * count > MOST_RUNS:
        message = f"{len(grid.names):,} runs of {count:,} seeds each are more than {MOST_RUNS:,}"
        faults.append(Fault((("seeds",), ("runs",)), message))


def _runs(
    document: Json, grid: Grid, damaged: set[Pointer], faults: list[Fault], files: _Files
) -> dict[str, RunSpec]:
    runs: dict[str, RunSpec] = {}
    sections = schema.Sections()
    for run, run_cells in grid.cells.items():
        if ("runs", run) in damaged:
            continue
        for cell in run_cells:
            if len(faults) >= MOST_FAULTS:
                return runs
            combined = _combined(document, run, cell)
            found = sections.faults(combined)
            if not found:
                spec, found = _run_spec(cell, run, sections.of(combined), files)
                found = found or list(inconsistencies(spec))
                runs[spec.name] = spec
            faults.extend(Fault(_places(run, cell, pointer), message) for pointer, message in found)
    return runs


def _combined(document: Json, run: str, cell: Cell) -> Json:
    own = {key: value for key, value in document["runs"][run].items() if key != "matrix"}
    return functools.reduce(merge_patch, (own, *cell.patches), document.get("defaults", {}))


def _unknown_parents(document: Json, grid: Grid, faults: list[Fault]) -> None:
    """Look at the names alone, so that a fault elsewhere in a run does not hide an unknown one."""
    for run, run_cells in grid.cells.items():
        for cell in run_cells:
            if len(faults) >= MOST_FAULTS:
                return
            combined = _combined(document, run, cell)
            value = combined.get("initialize_from") if isinstance(combined, dict) else None
            parent = _parent_run(value, cell) if isinstance(value, str) else None
            if parent is not None and parent not in grid.names:
                place = _places(run, cell, ("initialize_from",))
                faults.append(Fault(place, unknown("run", parent, grid.names)))


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


def _run_spec(
    cell: Cell, run: str, sections: Mapping[str, schema.Section], files: _Files
) -> tuple[RunSpec, list[tuple[Pointer, str]]]:
    """Return a run, and what is wrong with its paths."""
    typed: Json = {name: section.typed for name, section in sections.items()}
    complete = {name: section.complete for name, section in sections.items()}
    wrong: list[tuple[Pointer, str]] = []
    for pointer in (pointer for section in sections.values() for pointer in section.paths):
        written: Json = functools.reduce(lambda value, part: value[part], pointer, typed)
        try:
            typed = _with(typed, pointer, str(files.path(_places(run, cell, pointer), written)))
        except NoPath as error:
            wrong.append((pointer, str(error)))
    spec = RunSpec(
        name=cell.name(run),
        settings=_settings(typed),
        initialize_from=_parent(typed["initialize_from"], cell, files),
        regularizers=tuple(complete["regularizers"]),
        resolved=complete,
    )
    return spec, wrong


def _with(value: Json, pointer: Pointer, new: Json) -> Json:
    """Return a copy of a value with another one at a pointer."""
    if not pointer:
        return new
    copied = value.copy()
    copied[pointer[0]] = _with(value[pointer[0]], pointer[1:], new)
    return copied


def _parent(value: Json, cell: Cell, files: _Files) -> str | WeightsFile | None:
    if isinstance(value, dict):
        file = Path(value["weights"])
        return WeightsFile(file, files.digest(file))
    return None if value is None else _parent_run(value, cell)


def _parent_run(name: str, cell: Cell) -> str:
    return name.replace(f"[{WILDCARD}]", f"[{cell.label}]") if cell.label else name


_DATASET_COMMON = (
    "name",
    "train_examples",
    "test_examples",
    "normalize",
    "randomize",
    "center_crop",
)


def _settings(complete: Mapping[str, Json]) -> Settings:
    raw, training, strengths, on = (
        complete[key] for key in ("dataset", "training", "strengths", "regularizers")
    )
    parameters = {name: value for name, value in raw.items() if name not in _DATASET_COMMON}
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
        augmentation=(
            tuple(component(item) for item in strengths["augmentation"])
            if "augmentation" in on
            else ()
        ),
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
    parents = {
        name: run.initialize_from
        for name, run in runs.items()
        if isinstance(run.initialize_from, str)
    }
    circles = dict(_circles(parents))
    for name, run in runs.items():
        if len(faults) >= MOST_FAULTS:
            return
        place: Pointer = ("runs", name.partition("[")[0], "initialize_from")
        places = (place, ("defaults", "initialize_from"), place[:2])
        if name in circles:
            members = " <- ".join([*circles[name], name])
            faults.append(Fault(places, f"runs initialize from one another in a circle: {members}"))
        elif parents.get(name) in runs:
            faults.extend(Fault(places, message) for message in misfits(runs[parents[name]], run))


_MOST_IN_CIRCLE = 20
"""So many runs of a circle are named; a larger one is told to one of its runs alone."""


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


def _references(metric: str, grid: Grid) -> Iterator[str]:
    """Yield what is wrong with a metric expression's references."""
    used = references(parse(metric))
    if not used:
        yield f"the expression {metric!r} names no run"
    for reference in used:
        run = reference.run.removesuffix(f"[{WILDCARD}]")
        if run != reference.run and run not in grid.labels:
            yield unknown("run with a matrix", run, grid.labels)
        elif run == reference.run and run not in grid.names:
            yield unknown("run", run, grid.names)
        if reference.metric not in METRICS:
            yield unknown("metric", reference.metric, METRICS)
    starred = {
        reference.run.partition("[")[0]
        for reference in used
        if reference.run.endswith(f"[{WILDCARD}]")
    }
    labels = [grid.labels[run] for run in starred if run in grid.labels]
    if any(each != labels[0] for each in labels):
        yield f"[*] needs runs with the same cells; {' and '.join(sorted(starred))} differ"


def _expectations(
    document: Json,
    grid: Grid,
    runs: Mapping[str, RunSpec],
    damaged: set[Pointer],
    faults: list[Fault],
) -> Iterator[Expectation]:
    raw_expectations = document.get("expectations", [])
    seen: set[str] = set()
    count = 0
    for index, raw in enumerate(raw_expectations if isinstance(raw_expectations, list) else []):
        place: Pointer = ("expectations", index)
        if len(faults) >= MOST_FAULTS:
            return
        if place in damaged:
            continue
        if raw["id"] in seen:
            faults.append(
                Fault(((*place, "id"),), f"another expectation has the id {raw['id']!r} too")
            )
        seen.add(raw["id"])
        if "between" in raw and raw["between"][0] > raw["between"][1]:
            faults.append(
                Fault(
                    ((*place, "between"),),
                    f"the lower bound of {raw['between']} is above the upper",
                )
            )
        try:
            parse(raw["metric"])
            wrong = list(_references(raw["metric"], grid)) if grid.whole else []
        except ExpressionError as error:
            wrong = [str(error)]
        faults.extend(Fault(((*place, "metric"),), message) for message in wrong)
        if (
            raw.get("interval") == Interval.BINOMIAL.value
            and not wrong
            and not _counts_images(raw["metric"])
        ):
            faults.append(
                Fault(((*place, "interval"),), f"{raw['metric']!r} is no sum over test accuracies")
            )
        if raw["basis"] in _PUBLISHED and "citation" not in raw and "source" not in document:
            faults.append(Fault(((*place, "basis"),), _UNCITED.format(raw["basis"])))
        if raw.get("interval") == Interval.PAIRED.value and not wrong:
            faults.extend(
                Fault(((*place, "interval"),), each) for each in _unpaired(raw["metric"], runs)
            )
        if not faults:
            filled = schema.fill_defaults(schema.definition("expectation"), raw)
            expectation = _expectation(filled)
            of_cells = _starred(expectation)
            count += len(grid.cells[of_cells]) if of_cells else 1
            if count > MOST_EXPECTATIONS:
                message = (
                    f"with one for each cell, these are more than {MOST_EXPECTATIONS:,}"
                    " expectations"
                )
                faults.append(Fault((place,), message))
                return
            yield from _each_cell(expectation, of_cells, grid)


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
        citation=raw["citation"],
    )


_PUBLISHED = (Basis.PAPER.value, Basis.CLAIM.value)
"""What rests on a publication, which must then be named."""

_UNCITED = (
    "{} is for what was published, and no publication is named: give the experiment a source with a"
    " citation, or this expectation a citation; the author's own conjecture is a hypothesis"
)


def _counts_images(metric: str) -> bool:
    """Tell whether a metric is a sum over test accuracies, whatever its other parts come to be."""
    expression = parse(metric)
    return accuracy_terms(expression, dict.fromkeys(references(expression), math.nan)) is not None


def _unpaired(metric: str, runs: Mapping[str, RunSpec]) -> Iterator[str]:
    """Yield why the networks of a metric cannot be compared image by image."""
    expression = parse(metric)
    difference = accuracy_difference(expression, dict.fromkeys(references(expression), math.nan))
    if difference is None:
        yield (
            f"{metric!r} is no difference of two test accuracies, a.test_accuracy - b.test_accuracy"
        )
        return
    for first, second in _cell_by_cell(difference, runs):
        if _test_set(runs[first]) != _test_set(runs[second]):
            yield (
                f"{first} and {second} are not tested on the same images, so they cannot be"
                " compared in pairs: give both the same data set, or take the interval 'binomial'"
            )


def _cell_by_cell(difference: Difference, runs: Mapping[str, RunSpec]) -> Iterator[tuple[str, str]]:
    """Yield the two runs of a difference, for each cell where they have wildcards, as far as there
    are such runs.
    """
    star = f"[{WILDCARD}]"
    first, second = difference.first.run, difference.second.run
    starred = first if first.endswith(star) else second
    start = starred.removesuffix(f"{WILDCARD}]")
    labels = (
        [name.removeprefix(start) for name in runs if name.startswith(start)]
        if starred.endswith(star)
        else [""]
    )
    for label in labels:
        pair = tuple(
            run.removesuffix(f"{WILDCARD}]") + label if run.endswith(star) else run
            for run in (first, second)
        )
        if all(run in runs for run in pair):
            yield pair[0], pair[1]


def _test_set(run: RunSpec) -> tuple[Json, ...]:
    """Return what settles which test images a run sees, and with which labels."""
    dataset = run.settings.dataset
    relabelled = [each for each in dataset.randomize if each.parameters.get("test")]
    return dataset.source, dataset.test_examples, relabelled


def _starred(expectation: Expectation) -> str | None:
    """Return a run for each of whose cells there is an expectation of its own, or None."""
    used = (reference.run for reference in references(parse(expectation.metric)))
    return next((run.partition("[")[0] for run in used if run.endswith(f"[{WILDCARD}]")), None)


def _each_cell(expectation: Expectation, run: str | None, grid: Grid) -> Iterator[Expectation]:
    """Yield the expectation itself, or one for each cell of a run where its metric has a
    wildcard.
    """
    if run is None:
        yield expectation
        return
    for cell in grid.cells[run]:
        yield replace(
            expectation,
            id=f"{expectation.id}[{cell.label}]",
            metric=expectation.metric.replace(f"[{WILDCARD}]", f"[{cell.label}]"),
        )


def _figures(
    document: Json, grid: Grid, damaged: set[Pointer], faults: list[Fault]
) -> Iterator[Figure]:
    raw_figures = document.get("figures", [])
    for index, raw in enumerate(raw_figures if isinstance(raw_figures, list) else []):
        place: Pointer = ("figures", index)
        if len(faults) >= MOST_FAULTS:
            return
        if place in damaged:
            continue
        filled = schema.fill_defaults(schema.definition("figure"), raw)
        if grid.whole:
            found = itertools.islice(_figure_faults(filled, grid), MOST_FAULTS)
            faults.extend(Fault(((*place, *pointer),), message) for pointer, message in found)
        if ("seeds",) not in damaged and filled.get("seed") not in (
            None,
            *seeding.seeds(document.get("seeds", [0])),
        ):
            faults.append(
                Fault(((*place, "seed"),), f"seed {filled['seed']} is none of this experiment's")
            )
        parameters = {
            name: value for name, value in filled.items() if name not in ("name", "title")
        }
        yield Figure(filled["name"], filled["title"], parameters)


def _figure_faults(figure: Mapping[str, Json], grid: Grid) -> Iterator[tuple[Pointer, str]]:
    over_time, known = figure["name"] == "history", grid.names
    runs: Collection[str] = known if over_time else grid.cells.keys()
    metrics, kind = (
        (HISTORY, "metric measured while training") if over_time else (METRICS, "metric")
    )
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
    runs = {label: grid.axes(run) for label, run in figure["groups"].items() if run in grid.cells}
    known = dict.fromkeys(name for axes in runs.values() for name in axes)
    if runs and axis not in known:
        yield ("axis",), unknown("axis of these runs", axis, known)
        return
    for label, axes in runs.items():
        if axis not in axes:
            yield ("groups", label), f"the matrix of this run has no axis {axis!r}"
    distinct = {id(axes): axes for axes in runs.values()}.values()
    for text in dict.fromkeys(text for axes in distinct for text in axes.get(axis, ())):
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


def stored_run(name: str, settings: Mapping[str, Json]) -> RunSpec | None:
    """Return a run by its complete settings as a store keeps them, None where they are not in this
    language.

    Paths are taken from the present folder. The digest of a weights file is left empty.
    """
    complete = schema.fill_defaults(schema.definition("complete_run"), dict(settings))
    sections = schema.Sections()
    if sections.faults(complete):
        return None
    typed = {part: section.typed for part, section in sections.of(complete).items()}
    start = typed["initialize_from"]
    begun = WeightsFile(Path(start["weights"]), "") if isinstance(start, dict) else start
    return RunSpec(name, _settings(typed), begun, tuple(complete["regularizers"]), complete)
