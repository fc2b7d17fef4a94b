"""The runs that final metrics compare a run with: whether they are there, and can be compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from harness.experiment import PARTNER, Json, Metric, RunSpec
from harness.final_metrics import row_of
from harness.spec.consistency import misfits
from harness.spec.document import Pointer
from harness.spec.faults import Faults
from harness.spec.grid import Grid
from harness.spec.runs import places


def check_partners(document: Json, grid: Grid, runs: Mapping[str, RunSpec], faults: Faults) -> None:
    """Add a fault for each run that a final metric names and that cannot be compared."""
    for base, run_cells in grid.cells.items():
        for cell in run_cells:
            if faults.full:
                return
            run = runs.get(cell.name(base))
            if run is None:
                continue
            for index, metric in enumerate(run.metrics):
                for message in _wrong_partner(run, metric, grid, runs):
                    pointer: Pointer = ("metrics", index, PARTNER)
                    faults.add(message, *places(base, cell, pointer))


def _wrong_partner(
    run: RunSpec, metric: Metric, grid: Grid, runs: Mapping[str, RunSpec]
) -> Iterator[str]:
    partner = metric.partner
    if partner is None:
        return
    if not grid.may_have(partner):
        yield grid.unknown(partner)
    elif partner == run.name:
        name = metric.name if metric.own is None else metric.own.call
        yield f"{name} compares two runs, and {partner} is this one"
    elif partner in runs:
        yield from _incomparable(run, runs[partner], metric)


def _incomparable(run: RunSpec, partner: RunSpec, metric: Metric) -> Iterator[str]:
    if row_of(metric).source == "weights":
        yield from misfits(partner, run)
    elif test_images(run) != test_images(partner):
        yield (
            f"{run.name} and {partner.name} are not tested on the same images, so their predictions"
            " cannot be compared: give both the same data set"
        )


def test_images(run: RunSpec) -> tuple[Json, ...]:
    """Return what settles which test images a run sees, and with which labels."""
    dataset = run.settings.dataset
    relabelled = [each for each in dataset.randomize if each.parameters.get("test")]
    return dataset.source, dataset.test_examples, dataset.classes, relabelled
