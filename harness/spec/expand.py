"""From a combined document to one typed experiment, with every fault that it has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from harness.experiment import (
    Control,
    Expectation,
    Experiment,
    Figure,
    Json,
    Requirements,
    RunSpec,
    Source,
    Tolerance,
)
from harness.metrics import METRICS
from harness.spec import parents, schema, seeding
from harness.spec.answer import read_answer
from harness.spec.compared import check_partners
from harness.spec.expectations import read_expectations
from harness.spec.faults import Faults
from harness.spec.figures import read_figures
from harness.spec.grid import check_size, read_grid, settled
from harness.spec.metrics import wrong_name
from harness.spec.paths import Origin
from harness.spec.runs import read_runs


def expand(
    path: Path, document: Json, faults: Faults, origin: Origin | None = None
) -> Experiment | None:
    """Expand a combined document.

    Args:
        path: The file that was combined with those it extends.
        document: What they combine to.
        faults: The structural ones; what else is wrong is added.
        origin: Where a path of a file is written, and so where it starts; None: all in this one
            file.

    Returns:
        None where anything is wrong.
    """
    if faults.full:  # there may be more, so that nobody knows what is whole
        return None
    grid = read_grid(document, faults)
    if grid is None:
        return None
    runs = read_runs(document, grid, faults, origin or (lambda places, value: path.parent))
    grid = settled(grid, faults)
    check_size(document, grid, faults)
    seeding.check_seeds(document, faults)
    parents.check_names(document, grid, faults)
    parents.check_weights(document, grid, runs, faults)
    check_partners(document, grid, runs, faults)
    expectations = read_expectations(document, grid, runs, faults)
    figures = read_figures(document, grid, runs, faults)
    answer = read_answer(document, grid, runs, faults)
    _check_tolerances(document, runs, faults)
    if faults:
        return None
    return replace(_experiment(path, document, runs, expectations, figures), answer=answer)


def _check_tolerances(document: Json, runs: Mapping[str, RunSpec], faults: Faults) -> None:
    """Add a fault for each tolerance of a metric that no run measures."""
    if any(faults.damaged((part,)) for part in ("baseline", "defaults", "runs")):
        return
    for metric in document.get("baseline", {}).get("tolerances", {}):
        if metric not in METRICS:
            for message in wrong_name(metric, list(runs.values()), each=False):
                faults.add(message, ("baseline", "tolerances", metric))


def _experiment(
    path: Path,
    document: Json,
    runs: Mapping[str, RunSpec],
    expectations: tuple[Expectation, ...],
    figures: tuple[Figure, ...],
) -> Experiment:
    filled = schema.fill_defaults(
        schema.definition("experiment"), {**document, "runs": {}, "defaults": {}}
    )
    source = filled["source"]
    return Experiment(
        path=path,
        name=filled["name"],
        title=filled["title"],
        question=filled["question"],
        source=Source(**source) if source else None,
        requires=Requirements(**filled["requires"]),
        seeds=seeding.seeds(filled["seeds"]),
        runs=runs,
        expectations=expectations,
        figures=figures,
        document=document,
        remarks=tuple(filled["remarks"]),
        terms=filled["terms"],
        tolerances={
            metric: Tolerance(**raw) for metric, raw in filled["baseline"]["tolerances"].items()
        },
        seed_plan=seeding.seed_plan(filled["seeds"]),
        control=Control(filled["control"]) if filled["control"] else None,
    )
