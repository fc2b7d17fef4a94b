"""The expectations of a specification: their bounds, their references, one for each cell."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace

from harness.experiment import Basis, Expectation, Interval, Json, RunSpec, Statistic
from harness.expression import ExpressionError, Reference, in_cell, parse, references
from harness.metrics import METRICS
from harness.spec import schema
from harness.spec.binomial import Difference, accuracy_difference, accuracy_terms
from harness.spec.document import Pointer
from harness.spec.faults import Faults
from harness.spec.grid import Grid
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
        base = _base_of_cells(expectation)
        if len(expectations) + (len(grid.cells[base]) if base else 1) > MOST_EXPECTATIONS:
            faults.add(
                f"with one for each cell, these are more than {MOST_EXPECTATIONS:,} expectations",
                place,
            )
            break
        expectations.extend(_in_each_cell(expectation, base, grid))
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
    wrong = _wrong_metric(metric, grid)
    for message in wrong:
        yield ("metric",), message
    if wrong:
        return
    if interval == Interval.BINOMIAL.value and not _counts_images(metric):
        yield ("interval",), f"{metric!r} is no sum over test accuracies"
    if interval == Interval.PAIRED.value:
        for message in _unpaired(metric, runs):
            yield ("interval",), message


def _wrong_metric(metric: str, grid: Grid) -> list[str]:
    """Return why a metric is no expression over the runs."""
    try:
        used = references(parse(metric))
    except ExpressionError as error:
        return [str(error)]
    nothing = [] if used else [f"the expression {metric!r} names no run"]
    return [*nothing, *_wrong_references(used, grid)]


def _wrong_references(used: tuple[Reference, ...], grid: Grid) -> Iterator[str]:
    for reference in used:
        if reference.base in grid.unsettled:
            pass
        elif reference.means_each_cell and reference.base not in grid.labels:
            yield unknown("run with a matrix", reference.base, grid.labels)
        elif not reference.means_each_cell and not grid.may_have(reference.run):
            yield grid.unknown(reference.run)
        if reference.metric not in METRICS:
            yield unknown("metric", reference.metric, METRICS)
    starred = {reference.base for reference in used if reference.means_each_cell}
    labels = [grid.labels[run] for run in starred - set(grid.unsettled) if run in grid.labels]
    if any(each != labels[0] for each in labels):
        yield f"[*] needs runs with the same cells; {' and '.join(sorted(starred))} differ"


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


def _unpaired(metric: str, runs: Mapping[str, RunSpec]) -> Iterator[str]:
    """Yield why the networks of a metric cannot be compared image by image."""
    expression = parse(metric)
    difference = accuracy_difference(expression, dict.fromkeys(references(expression), math.nan))
    if difference is None:
        yield (
            f"{metric!r} is no difference of two test accuracies, a.test_accuracy - b.test_accuracy"
        )
        return
    for first, second in _pairs(difference, runs):
        if _test_set(first) != _test_set(second):
            yield (
                f"{first.name} and {second.name} are not tested on the same images, so they cannot"
                " be compared in pairs: give both the same data set, or take the interval"
                " 'binomial'"
            )


def _pairs(
    difference: Difference, runs: Mapping[str, RunSpec]
) -> Iterator[tuple[RunSpec, RunSpec]]:
    """Yield the two runs of a difference, for each cell where they have wildcards.

    Those that have faults of their own are left out.
    """
    first, second = difference.first, difference.second
    starred = first if first.means_each_cell else second
    labels = (
        [run.label for run in runs.values() if run.base == starred.base]
        if starred.means_each_cell
        else [""]
    )
    for label in labels:
        pair = [runs.get(in_cell(reference.run, label)) for reference in (first, second)]
        if pair[0] is not None and pair[1] is not None:
            yield pair[0], pair[1]


def _test_set(run: RunSpec) -> tuple[Json, ...]:
    """Return what settles which test images a run sees, and with which labels."""
    dataset = run.settings.dataset
    relabelled = [each for each in dataset.randomize if each.parameters.get("test")]
    return dataset.source, dataset.test_examples, relabelled


def _base_of_cells(expectation: Expectation) -> str | None:
    """Return a run for each of whose cells there is an expectation of its own, or None."""
    used = references(parse(expectation.metric))
    return next((each.base for each in used if each.means_each_cell), None)


def _in_each_cell(expectation: Expectation, base: str | None, grid: Grid) -> Iterator[Expectation]:
    """Yield an expectation itself, or one for each cell of a run where it has a wildcard."""
    if base is None:
        yield expectation
        return
    for cell in grid.cells[base]:
        yield replace(
            expectation,
            id=f"{expectation.id}[{cell.label}]",
            metric=in_cell(expectation.metric, cell.label),
            base=expectation.id,
        )
