"""Keep measured numbers beside the reports, so that a drift is noticed.

`<name>.baseline.json` holds, of every run and metric, the value of each seed, and the settings and
surroundings that they were measured with. Final metrics are among them, as far as they are
measured. Reports are written again by every run; a baseline only
when a person asks for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness.errors import HarnessError
from harness.experiment import Experiment
from harness.final_metrics import names as names_of
from harness.metrics import METRICS
from harness.report.environment import code_digests, environment
from harness.report.packed_settings import Settings
from harness.rounding import is_finite_number
from harness.run_result import RunResult, Status

Values = Mapping[str, Mapping[str, Sequence[float | None]]]
"""By run and metric, the value of each seed, in the seeds' order; None where it does not exist."""

TO_FIT = "_to_fit"


class BaselineError(HarnessError):
    """A file is no baseline, or cannot be read; the message says where and why."""


@dataclass(frozen=True)
class Baseline:
    """The numbers of an experiment, and by name what took part in measuring them.

    `settings` are those of each run, `code` the digests of the modules that made them; both are
    empty in older files. `metrics` are all that training measured then, whether a run has them or
    not.
    """

    name: str
    specification: str
    seeds: tuple[int, ...]
    environment: Mapping[str, str]
    values: Values
    metrics: frozenset[str] = frozenset(METRICS)
    settings: Settings = field(default_factory=dict)
    code: Mapping[str, str] = field(default_factory=dict)


def path_of(name: str, folder: Path) -> Path:
    """Return where the baseline of an experiment lies, or will lie."""
    return folder / f"{name}.baseline.json"


def unfinished(results: Sequence[RunResult]) -> list[RunResult]:
    """Return the results that have no numbers: of these a baseline cannot be made."""
    return [result for result in results if result.status is not Status.DONE]


def measure(experiment: Experiment, results: Sequence[RunResult]) -> Baseline:
    """Return the numbers of the finished runs: what training measured, and their final metrics.

    Where seeds are added look after look, those count that all runs have.
    """
    common = (
        experiment.seeds[: experiment.seed_plan.first] if experiment.seed_plan else experiment.seeds
    )
    found = {
        (result.run, result.seed): result.measurements
        for result in results
        if result.status is Status.DONE
    }
    values: dict[str, dict[str, list[float | None]]] = {}
    for run, specified in experiment.runs.items():
        seeds = [found.get((run, seed), {}) for seed in common]
        names = [name for name in METRICS if any(name in each for each in seeds)]
        final = [name for metric in specified.metrics for name in names_of(metric).values()]
        names += [name for name in final if any(each.get(name) is not None for each in seeds)]
        values[run] = {name: [each.get(name) for each in seeds] for name in names}
    took_part = {name: ", ".join(counts) for name, counts in environment(results).items()}
    settings = {name: dict(run.resolved) for name, run in experiment.runs.items()}
    return Baseline(
        experiment.name,
        experiment.path.as_posix(),
        common,
        took_part,
        values,
        settings=settings,
        code=code_digests(results),
    )


def demand_whole(baseline: Baseline) -> None:
    """Check that measured numbers can be kept: all are finite, and no seed lacks what others have.

    The number of epochs or steps to fit may be missing: some seeds never fit their training set.
    So may a final metric: of some networks it cannot be measured.

    Raises:
        BaselineError: some cannot; the message says which run, seed and metric.
    """
    found = list(_faults(baseline))
    if found:
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        raise BaselineError(
            f"the numbers of {baseline.name} cannot be kept: {found[0]}{more}; remove that run "
            "(python -m harness runs list shows its key) and make it again"
        )


def _faults(baseline: Baseline) -> Iterator[str]:
    for run, metrics in baseline.values.items():
        for metric, values in metrics.items():
            for seed, value in zip(baseline.seeds, values, strict=True):
                if value is None and metric in METRICS and not metric.endswith(TO_FIT):
                    yield f"{run}, seed {seed}, has no {metric}, which other seeds have"
                elif value is not None and not is_finite_number(value):
                    yield f"{run}, seed {seed}: {metric} is {value!r}, which is no finite number"
