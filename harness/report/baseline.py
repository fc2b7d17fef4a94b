"""Measured numbers that are kept beside the reports, so that it is noticed when they drift.

`<name>.baseline.json` holds, of every run and metric, the value of each seed. Reports are written
again by every run; a baseline only when a person asks for it.
"""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness import files
from harness.measurements import METRICS
from harness.ownership import Kind, OverwriteError, refuse
from harness.report.environment import environment
from harness.results import RunResult, Status
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
_UNTIL_A_FIT = Tolerance(relative=0.3)
_ELSE = Tolerance(relative=0.05)


class BaselineError(Exception):
    """A file is no baseline, or cannot be read; the message says where and why."""


@dataclass(frozen=True)
class Baseline:
    """The numbers of an experiment, and in words by name what took part in measuring them."""

    name: str
    specification: str
    seeds: tuple[int, ...]
    environment: Mapping[str, str]
    values: Values


@dataclass(frozen=True)
class Comparison:
    """A metric of a run: its mean over the baseline's seeds, kept and measured now; None where there is none."""

    run: str
    metric: str
    kept: float | None
    measured: float | None
    tolerance: Tolerance

    @property
    def allowed(self) -> float:
        """Return how far the measured number may be from the kept one."""
        return max(self.tolerance.absolute, self.tolerance.relative * abs(self.kept or 0.0))

    @property
    def drifted(self) -> bool:
        """Tell whether a kept number is not measured again, or too far away; a new one cannot drift."""
        if self.kept is None:
            return False
        # Rounding must not decide: 0.96 - 0.95 is 0.01.
        return self.measured is None or abs(self.measured - self.kept) > self.allowed * (1 + 1e-9)


def path_of(name: str, folder: Path) -> Path:
    """Return where the baseline of an experiment lies, or will lie."""
    return folder / f"{name}.baseline.json"


def unfinished(results: Sequence[RunResult]) -> list[RunResult]:
    """Return the results that have no numbers: of these a baseline cannot be made."""
    return [result for result in results if result.status is not Status.DONE]


def measure(experiment: Experiment, results: Sequence[RunResult]) -> Baseline:
    """Return the numbers of the finished runs."""
    found = {(result.run, result.seed): result.measurements for result in results if result.status is Status.DONE}
    values: dict[str, dict[str, list[float | None]]] = {}
    for run in experiment.runs:
        seeds = [found.get((run, seed), {}) for seed in experiment.seeds]
        names = [name for name in METRICS if any(name in each for each in seeds)]
        values[run] = {name: [each.get(name) for each in seeds] for name in names}
    took_part = {name: ", ".join(counts) for name, counts in environment(results).items()}
    return Baseline(experiment.name, experiment.path.as_posix(), experiment.seeds, took_part, values)


def compare(kept: Baseline, now: Baseline, tolerances: Mapping[str, Tolerance]) -> tuple[Comparison, ...]:
    """Compare every number that is kept, and list those that are new, run by run.

    Means are compared, not single seeds: on another processor, and with another number of threads, sums are
    rounded in another way, and training makes that grow; the seeds scatter, their mean much less so.
    """
    names = {run: dict.fromkeys([*metrics, *now.values.get(run, {})]) for run, metrics in kept.values.items()}
    names |= {run: dict.fromkeys(metrics) for run, metrics in now.values.items() if run not in kept.values}
    return tuple(
        Comparison(
            run,
            metric,
            _mean(kept, run, metric, kept.seeds),
            _mean(now, run, metric, kept.seeds if run in kept.values else now.seeds),
            tolerances.get(metric) or default_tolerance(metric),
        )
        for run, metrics in names.items()
        for metric in metrics
    )


def default_tolerance(metric: str) -> Tolerance:
    """Return how far a metric may drift where the specification does not say."""
    if metric.endswith("_to_fit"):
        return _UNTIL_A_FIT
    return _BY_UNIT.get(METRICS[metric].unit, _ELSE) if metric in METRICS else _ELSE


def _mean(baseline: Baseline, run: str, metric: str, seeds: Sequence[int]) -> float | None:
    """Return the mean over seeds of what exists; None where nothing does, or a seed was not measured."""
    if not set(seeds) <= set(baseline.seeds):
        return None
    by_seed = dict(zip(baseline.seeds, baseline.values.get(run, {}).get(metric, ()), strict=False))
    values = [value for value in map(by_seed.get, seeds) if value is not None and math.isfinite(value)]
    return statistics.mean(values) if values else None


def text(baseline: Baseline) -> str:
    """Return the text of the file: a line a metric, so that a change is read well in a diff."""
    head = {
        "format": FORMAT,
        "name": baseline.name,
        "specification": baseline.specification,
        "environment": dict(baseline.environment),
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
        return Baseline(
            found["name"], found["specification"], tuple(found["seeds"]), found["environment"], found["runs"]
        )
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
