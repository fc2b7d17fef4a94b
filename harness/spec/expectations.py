"""The expectations of a specification: their bounds, their references, one for each cell."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from harness.experiment import (
    SAMPLE,
    Basis,
    Expectation,
    Interval,
    Json,
    RunSpec,
    Statistic,
    cell_label,
)
from harness.expression import (
    ExpressionError,
    Reference,
    in_counterparts,
    parse,
    references,
)
from harness.spec import schema
from harness.spec.binomial import Difference, accuracy_difference, accuracy_terms
from harness.spec.compared import test_images
from harness.spec.document import Pointer
from harness.spec.faults import Faults
from harness.spec.grid import Grid, sample_of
from harness.spec.matrix import Cell
from harness.spec.metrics import unmeasured
from harness.spec.patch import without_nulls
from harness.spec.problems import unknown

MOST_EXPECTATIONS = 10_000
"""So many expectations may a specification have, each cell counted."""

_PUBLISHED = (Basis.PAPER.value, Basis.CLAIM.value)
"""What rests on a publication, which must then be named."""

_UNCITED = (
    "{} is for what was published, and no publication is named: give the experiment a source with a"
    " citation, or this expectation a citation; the author's own conjecture is a hypothesis"
)


def read_expectations(
    document: Json, grid: Grid, runs: Mapping[str, RunSpec], faults: Faults
) -> tuple[Expectation, ...]:
    """Return the expectations of a document; what is wrong with them is added.

    Args:
        document: The combined document.
        grid: The cells of its runs.
        runs: Those of its runs in which nothing is wrong.
        faults: Gathers what is wrong. Where there is anything already, the expectations are looked
            at, and none is returned.
    """
    expectations: list[Expectation] = []
    ids: set[str] = set()
    for place, raw in faults.items(document, "expectations"):
        if raw["id"] in ids:
            faults.add(f"another expectation has the id {raw['id']!r} too", (*place, "id"))
        ids.add(raw["id"])
        if raw["basis"] in _PUBLISHED and "citation" not in raw and "source" not in document:
            faults.add(_UNCITED.format(raw["basis"]), (*place, "basis"))
        faults.add_all(_unclaimed(raw, document.get("source", {})), place)
        faults.add_all(_wrong(raw, grid, runs), place)
        if faults:
            continue
        expectation = _expectation(schema.fill_defaults(schema.definition("expectation"), raw))
        expanded = list(_in_each_cell(expectation, grid, document))
        if len(expectations) + len(expanded) > MOST_EXPECTATIONS:
            faults.add(
                f"with one for each cell, these are more than {MOST_EXPECTATIONS:,} expectations",
                place,
            )
            break
        expectations.extend(expanded)
    return tuple(expectations)


def _unclaimed(
    raw: Mapping[str, Json], source: Mapping[str, Json]
) -> Iterator[tuple[Pointer, str]]:
    """Yield that the experiment's source has no such claim, where no other publication counts."""
    claims = source.get("claims", {})
    if "claim" in raw and "citation" not in raw and raw["claim"] not in claims:
        yield ("claim",), unknown("claim of the source", raw["claim"], claims)


def _wrong(
    raw: Mapping[str, Json], grid: Grid, runs: Mapping[str, RunSpec]
) -> Iterator[tuple[Pointer, str]]:
    """Yield what is wrong with an expectation by itself: its bounds, its metric, its interval."""
    if "between" in raw and raw["between"][0] > raw["between"][1]:
        yield ("between",), f"the lower bound of {raw['between']} is above the upper"
    metric, interval = raw["metric"], raw.get("interval")
    wrong = _wrong_metric(metric, grid, runs)
    for message in wrong:
        yield ("metric",), message
    if wrong:
        return
    if raw.get("statistic") == Statistic.SETTINGS.value:
        for message in _no_settings(metric, grid):
            yield ("statistic",), message
    if interval == Interval.BINOMIAL.value and not _counts_images(metric):
        yield ("interval",), f"{metric!r} is no sum over test accuracies"
    if interval == Interval.PAIRED.value:
        for message in _unpaired(metric, grid, runs):
            yield ("interval",), message


def _wrong_metric(metric: str, grid: Grid, runs: Mapping[str, RunSpec]) -> list[str]:
    """Return why a metric is no expression over the runs."""
    try:
        used = references(parse(metric))
    except ExpressionError as error:
        return [str(error)]
    nothing = [] if used else [f"the expression {metric!r} names no run"]
    return [*nothing, *_wrong_references(used, grid, runs)]


def _wrong_references(
    used: tuple[Reference, ...], grid: Grid, runs: Mapping[str, RunSpec]
) -> Iterator[str]:
    for reference in used:
        if reference.base in grid.unsettled:
            pass
        elif reference.means_each_cell and reference.base not in grid.labels:
            yield unknown("run with a matrix or a sample", reference.base, grid.labels)
        elif not reference.means_each_cell and not grid.may_have(reference.run):
            yield grid.unknown(reference.run)
        yield from unmeasured(reference, runs)
    starred = {reference.base for reference in used if reference.means_each_cell}
    known = [run for run in starred - set(grid.unsettled) if run in grid.labels]
    widest = _widest(known, grid)
    if any(None in (grid.counterpart(run, cell) for run in known) for cell in widest):
        yield f"[*] needs runs with the same cells; {' and '.join(sorted(starred))} differ"
    yield from _drawn_differently(sorted(known), grid)


def _no_settings(metric: str, grid: Grid) -> Iterator[str]:
    """Yield why a metric is none of settings that a sample draws."""
    starred = {each.base for each in references(parse(metric)) if each.means_each_cell}
    if not starred:
        yield (
            f"{metric!r} is of single runs, and 'settings' speaks of all that a sample draws: write"
            " run[*].metric"
        )
    for base in sorted(starred - set(grid.unsettled)):
        if not grid.cells[base][0].drawn:
            yield f"'settings' speaks of what a sample draws, and the run {base!r} has no sample"


def _drawn_differently(runs: Sequence[str], grid: Grid) -> Iterator[str]:
    """Yield which values some runs have drawn differently where the draws have the same label."""
    for first, second in itertools.combinations(runs, 2):
        one, other = (
            {cell.labels[SAMPLE]: cell.drawn for cell in grid.cells[run] if cell.drawn}
            for run in (first, second)
        )
        differing = [
            (label, path)
            for label in one.keys() & other.keys()
            for path in one[label].keys() & other[label].keys()
            if one[label][path] != other[label][path]
        ]
        if differing:
            label, path = min(differing)
            yield (
                f"{first} and {second} have drawn different values of {path} in draw {label}: give"
                " both the same sample"
            )


def _widest(runs: Iterable[str], grid: Grid) -> Sequence[Cell]:
    """Return the cells of that of some runs which has the most; none where there are no runs."""
    return max((grid.cells[run] for run in runs), key=len, default=())


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
        claim=raw["claim"],
    )


def _counts_images(metric: str) -> bool:
    """Tell whether a metric is a sum over test accuracies, whatever its other parts come to be."""
    expression = parse(metric)
    return accuracy_terms(expression, dict.fromkeys(references(expression), math.nan)) is not None


def _unpaired(metric: str, grid: Grid, runs: Mapping[str, RunSpec]) -> Iterator[str]:
    """Yield why the networks of a metric cannot be compared image by image."""
    expression = parse(metric)
    difference = accuracy_difference(expression, dict.fromkeys(references(expression), math.nan))
    if difference is None:
        yield (
            f"{metric!r} is no difference of two test accuracies, a.test_accuracy - b.test_accuracy"
        )
        return
    for first, second in _pairs(difference, grid, runs):
        if test_images(first) != test_images(second):
            yield (
                f"{first.name} and {second.name} are not tested on the same images, so they cannot"
                " be compared in pairs: give both the same data set, or take the interval"
                " 'binomial'"
            )


def _pairs(
    difference: Difference, grid: Grid, runs: Mapping[str, RunSpec]
) -> Iterator[tuple[RunSpec, RunSpec]]:
    """Yield the two runs of a difference, for each cell where they have wildcards.

    Those that have faults of their own are left out.
    """
    both = (difference.first, difference.second)
    starred = [each.base for each in both if each.means_each_cell]
    pairs = [[each.run for each in both]]
    if starred:
        pairs = [
            [_beside(cell, each.run, grid) for each in both] for cell in _widest(starred, grid)
        ]
    for first, second in pairs:
        if first in runs and second in runs:
            yield runs[first], runs[second]


def _starred(metric: str) -> list[str]:
    """Return the runs that have a wildcard in a metric, each once."""
    used = references(parse(metric))
    return list(dict.fromkeys(each.base for each in used if each.means_each_cell))


def _in_each_cell(expectation: Expectation, grid: Grid, document: Json) -> Iterator[Expectation]:
    """Yield an expectation itself, or one for each cell of a run where it has a wildcard.

    One that speaks of all settings is one for each cell that a draw has, over all draws.
    """
    starred = _starred(expectation.metric)
    if not starred:
        yield expectation
        return
    if expectation.statistic is Statistic.SETTINGS:
        yield from _over_draws(expectation, starred, grid, document)
        return
    for cell in _widest(starred, grid):
        yield replace(
            expectation,
            id=f"{expectation.id}[{cell.label}]",
            metric=_beside(cell, expectation.metric, grid),
            base=expectation.id,
        )


def _beside(cell: Cell, metric: str, grid: Grid) -> str:
    """Return a metric with the cells that its wildcards mean beside a cell of the widest run."""
    return in_counterparts(metric, lambda run: grid.counterpart(run, cell) or cell.label)


def _over_draws(
    expectation: Expectation, starred: Sequence[str], grid: Grid, document: Json
) -> Iterator[Expectation]:
    """Yield an expectation over the draws of runs, for each cell of a matrix one of its own."""
    of_matrix: dict[str, list[Cell]] = {}
    for cell in _widest(starred, grid):
        labels = {axis: label for axis, label in cell.labels.items() if axis != SAMPLE}
        of_matrix.setdefault(cell_label(labels), []).append(cell)
    samples = {run: without_nulls(sample_of(document, run)) for run in starred}
    for label, cells in of_matrix.items():
        over = replace(
            expectation,
            metric=in_counterparts(
                expectation.metric, functools.partial(_label_in_draws, cells[0], grid)
            ),
            cells=tuple(cell.labels[SAMPLE] for cell in cells),
            samples=samples,
        )
        named = f"{expectation.id}[{label}]"
        yield replace(over, id=named, base=expectation.id) if label else over


def _label_in_draws(cell: Cell, grid: Grid, run: str) -> str:
    """Return the label of a run's counterpart of a cell in every draw: "*,l2" for "00,l2"."""
    label = grid.counterpart(run, cell) or cell.label
    return f"*{label.removeprefix(cell.labels[SAMPLE])}"
