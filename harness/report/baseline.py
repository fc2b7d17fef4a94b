"""Measured numbers that are kept beside the reports, so that it is noticed when they drift.

`<name>.baseline.json` holds, of every run and metric, the value of each seed. Reports are written
again by every run; a baseline only when a person asks for it.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from harness import files
from harness.measurements import METRICS
from harness.ownership import Kind, OverwriteError, refuse
from harness.report.environment import environment
from harness.report.kept import kept_metrics, kept_numbers
from harness.results import RunResult, Status
from harness.rounding import half_unit, is_finite_number
from harness.spec.records import Experiment, Json, Tolerance

FORMAT = "reproduction-harness baseline 1"

_LARGEST = 1 << 28
"""In bytes; no baseline is larger."""

_ADVICE = "keep them in another folder, or move it away"

Values = Mapping[str, Mapping[str, Sequence[float | None]]]
"""By run and metric, the value of each seed, in the seeds' order; None where it does not exist."""

_BY_UNIT = {
    "fraction": Tolerance(absolute=0.01),
    "nats": Tolerance(absolute=0.01, relative=0.1),
    "epochs": Tolerance(relative=0.1),
    "steps": Tolerance(relative=0.1),
}
_FIRST_METRICS = frozenset(METRICS) - {"augmented_train_accuracy"}
"""What was measured when the files did not list it yet."""

_TO_FIT = "_to_fit"
_UNTIL_A_FIT = Tolerance(relative=0.3)
_ELSE = Tolerance(relative=0.05)


class BaselineError(Exception):
    """A file is no baseline, or cannot be read; the message says where and why."""


@dataclass(frozen=True)
class Baseline:
    """The numbers of an experiment, and in words by name what took part in measuring them.

    `metrics` are all that the harness measured then, whether a run has them or not.
    """

    name: str
    specification: str
    seeds: tuple[int, ...]
    environment: Mapping[str, str]
    values: Values
    metrics: frozenset[str] = frozenset(METRICS)


@dataclass(frozen=True)
class Comparison:
    """A metric of a run, kept and measured now: the mean over the seeds that have a value, None where none has.

    `counts` holds how many seeds have a value, kept and now, of how many in all. `lost` are the seeds that had a
    value and have none now, `gained` those that have one and had none, or were not kept at all; `unusable` those
    whose measured value is nothing that can be compared, such as NaN.
    """

    run: str
    metric: str
    kept: float | None
    measured: float | None
    tolerance: Tolerance
    counts: tuple[int, int, int] = (1, 1, 1)
    lost: tuple[int, ...] = ()
    gained: tuple[int, ...] = ()
    unusable: tuple[int, ...] = ()

    @property
    def allowed(self) -> float:
        """Return how far the measured number may be from the kept one."""
        return max(self.tolerance.absolute, self.tolerance.relative * abs(self.kept or 0.0))

    @property
    def drifted(self) -> bool:
        """Tell whether the means are too far apart, or any seed has a value on one side alone."""
        if self.lost or self.gained or self.unusable:
            return True
        if self.kept is None or self.measured is None:
            return self.kept is not self.measured
        # What is not a number is within no tolerance, and no tolerance that is not a number allows anything.
        return not _within(self.kept, self.measured, self.tolerance)


def _within(kept: float, measured: float, tolerance: Tolerance) -> bool:
    """Tell whether a number is as near to the kept one as allowed, give or take a few units in the last place.

    0.96 - 0.95 is a little more than 0.01, by rounding alone. The arithmetic is exact, so nothing overflows.
    """
    if not all(map(is_finite_number, (kept, measured, tolerance.absolute, tolerance.relative))):
        return False
    before, now = Fraction(kept), Fraction(measured)
    allowed = max(Fraction(tolerance.absolute), Fraction(tolerance.relative) * abs(before))
    # A mean is rounded itself, and so is what it is the mean of.
    rounding = 4 * (half_unit(kept) + half_unit(measured)) + allowed * Fraction(1, 2**50)
    return abs(now - before) <= allowed + (rounding if allowed else 0)


def path_of(name: str, folder: Path) -> Path:
    """Return where the baseline of an experiment lies, or will lie."""
    return folder / f"{name}.baseline.json"


def unfinished(results: Sequence[RunResult]) -> list[RunResult]:
    """Return the results that have no numbers: of these a baseline cannot be made."""
    return [result for result in results if result.status is not Status.DONE]


def measure(experiment: Experiment, results: Sequence[RunResult]) -> Baseline:
    """Return the numbers of the finished runs; where seeds are added, of those that all runs have."""
    common = experiment.seeds[: experiment.seed_plan.first] if experiment.seed_plan else experiment.seeds
    found = {(result.run, result.seed): result.measurements for result in results if result.status is Status.DONE}
    values: dict[str, dict[str, list[float | None]]] = {}
    for run in experiment.runs:
        seeds = [found.get((run, seed), {}) for seed in common]
        names = [name for name in METRICS if any(name in each for each in seeds)]
        values[run] = {name: [each.get(name) for each in seeds] for name in names}
    took_part = {name: ", ".join(counts) for name, counts in environment(results).items()}
    return Baseline(experiment.name, experiment.path.as_posix(), common, took_part, values)


def demand_whole(baseline: Baseline) -> None:
    """See that measured numbers can be kept: all are finite, and no seed lacks what others have.

    That a training set was never fitted is allowed: of this there is a number for some seeds alone.

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
                if value is None and not metric.endswith(_TO_FIT):
                    yield f"{run}, seed {seed}, has no {metric}, which other seeds have"
                elif value is not None and not is_finite_number(value):
                    yield f"{run}, seed {seed}: {metric} is {value!r}, which is no finite number"


def compare(kept: Baseline, now: Baseline, tolerances: Mapping[str, Tolerance]) -> tuple[Comparison, ...]:
    """Compare every number that is kept or measured, run by run.

    Means are compared, not single seeds: on another processor, and with another number of threads, sums are
    rounded in another way, and training makes that grow; the seeds scatter, their mean much less so. But whether a
    seed has a value at all is compared seed by seed, so that none drops out of a mean unseen. A metric that the
    harness did not measure yet when the numbers were kept is none of them, and is left out.
    """
    measured = {run: [name for name in found if name in kept.metrics] for run, found in now.values.items()}
    names = {run: dict.fromkeys([*metrics, *measured.get(run, ())]) for run, metrics in kept.values.items()}
    names |= {run: dict.fromkeys(metrics) for run, metrics in measured.items() if run not in kept.values}
    return tuple(
        _comparison(run, metric, (kept, now), tolerances.get(metric) or default_tolerance(metric))
        for run, metrics in names.items()
        for metric in metrics
    )


def default_tolerance(metric: str) -> Tolerance:
    """Return how far a metric may drift where the specification does not say."""
    if metric.endswith(_TO_FIT):
        return _UNTIL_A_FIT
    return _BY_UNIT.get(METRICS[metric].unit, _ELSE) if metric in METRICS else _ELSE


def _comparison(run: str, metric: str, sides: tuple[Baseline, Baseline], tolerance: Tolerance) -> Comparison:
    before, now = (_by_seed(side, run, metric) for side in sides)
    seeds = sorted(before.keys() | now.keys())
    had, have = ({seed: value for seed, value in side.items() if is_finite_number(value)} for side in (before, now))
    return Comparison(
        run,
        metric,
        statistics.mean(had.values()) if had else None,
        statistics.mean(have.values()) if have else None,
        tolerance,
        counts=(len(had), len(have), len(seeds)),
        lost=tuple(seed for seed in seeds if seed in had and seed not in have),
        gained=tuple(seed for seed in seeds if seed in have and seed not in had),
        unusable=tuple(seed for seed in seeds if now.get(seed) is not None and seed not in have),
    )


def _by_seed(baseline: Baseline, run: str, metric: str) -> dict[int, float | None]:
    """Return a metric by seed; None for a seed of the baseline that has no value."""
    values = baseline.values.get(run, {}).get(metric, ())
    return dict.fromkeys(baseline.seeds) | dict(zip(baseline.seeds, values, strict=False))


def text(baseline: Baseline) -> str:
    """Return the text of the file: a line a metric, so that a change is read well in a diff."""
    head = {
        "format": FORMAT,
        "name": baseline.name,
        "specification": baseline.specification,
        "environment": dict(baseline.environment),
        "metrics": [name for name in METRICS if name in baseline.metrics],
        "seeds": list(baseline.seeds),
    }
    lines = [f" {json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}," for key, value in head.items()]
    runs = [
        f"  {json.dumps(run, ensure_ascii=False)}: {{\n"
        + ",\n".join(f"   {json.dumps(name)}: {json.dumps(list(values))}" for name, values in metrics.items())
        + "\n  }"
        for run, metrics in baseline.values.items()
    ]
    return "\n".join(["{", *lines, ' "runs": {', ",\n".join(runs), " }", "}", ""])


def read(path: Path) -> Baseline | None:
    """Return the baseline that a file holds, or None where there is no such file.

    Raises:
        BaselineError: it cannot be read, or is no baseline.
    """
    try:
        found: Json = json.loads(files.read_bytes(path, _LARGEST))
        if not isinstance(found, dict) or "format" not in found:
            raise ValueError("it is no baseline of this harness")
        if found["format"] != FORMAT:
            raise ValueError(f"its format is {found['format']!r}, not {FORMAT!r}")
        seeds, values = kept_numbers(found)
        metrics = kept_metrics(found) if "metrics" in found else _FIRST_METRICS
        return Baseline(found["name"], found["specification"], seeds, found["environment"], values, metrics)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
        raise BaselineError(f"the baseline {path} cannot be read: {error}") from error


def write(baseline: Baseline, path: Path) -> None:
    """Write a baseline, whole, over none but an earlier one.

    Raises:
        BaselineError: it cannot be written, or what is there is no baseline; that is there still.
    """
    try:
        refuse(path, Kind.BASELINE, f"the kept numbers of {baseline.name}", _ADVICE)
        path.parent.mkdir(parents=True, exist_ok=True)
        files.sweep(path.parent)
        files.replace(path, lambda temporary: _written(temporary, text(baseline)))
    except OverwriteError as error:
        raise BaselineError(str(error)) from error
    except OSError as error:
        raise BaselineError(f"the baseline {path} cannot be written: {error.strerror}") from error


def _written(path: Path, content: str) -> None:
    path.write_text(content, encoding="utf-8")
