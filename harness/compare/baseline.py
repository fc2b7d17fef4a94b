"""Measured numbers that are kept beside the reports, so that it is noticed when they drift.

`<name>.baseline.json` holds, of every run and metric, the value of each seed, and the settings and
surroundings that they were measured with. Reports are written again by every run; a baseline only
when a person asks for it.

What counts as drift:

- Where both sides have several seeds whose values scatter, a number has drifted when a test shows
  that it changed
  and the means differ by more than a margin. The test is the paired t-test where the seeds of one
  side are among those of the other: a seed settles the initial weights, the order of the examples
  and every other random draw, so the two have much in common (and where a changed setting or
  machine leaves little of that, the test still holds). For other seeds it is Welch's. The p-values
  of all numbers of an experiment are corrected together (Benjamini and Hochberg) at a level of 1%:
  where nothing changed, at most one comparison of an experiment in 100 finds any drift, however
  many numbers it has and however much they scatter. The margin is a tenth of the tolerance, so that
  precise numbers are held to what they can show; a tolerance that the specification states is the
  margin whole.
- Where the means differ by more than the tolerance and the test does not show it, nobody knows:
  such a number is
  `uncertain`, no drift and no pass. More seeds would tell, or a wider tolerance for a metric that
  scatters so much. Where the run's settings are known to have changed, there is no reason to put it
  down to chance: it has drifted.
- Where one side has a single seed, or nothing scatters (the values of a side, or the differences
  seed by seed, are
  all the same, as when the same program is replayed), there is no noise to test against: the
  tolerance decides.
- A value that some seed has on one side alone has drifted, whatever the means are.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path

from harness.compare.kept import kept_metrics, kept_numbers
from harness.compare.significance import Method, compare_all
from harness.errors import HarnessError
from harness.experiment import Experiment, Json, Tolerance
from harness.metrics import METRICS
from harness.report.environment import environment
from harness.report.made_by import modules
from harness.report.settings import Settings, packed, unpacked
from harness.rounding import half_unit, is_finite_number
from harness.run_result import RunResult, Status
from harness.system import files
from harness.system.ownership import Kind, OverwriteError, refuse

FORMAT = "reproduction-harness baseline 2"
_READ = (FORMAT, "reproduction-harness baseline 1")
"""The formats that are read; the first held no settings."""

LEVEL = 0.01
"""How probable it is at most that an experiment of which nothing changed is said to have
drifted.
"""

_SHARE = 0.1
"""Of a tolerance that the specification does not state: differences below are too small to matter,
if shown.
"""

_REPLAY = 1e-9
"""Values that scatter by less than this share of the largest do so by rounding alone."""

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


class BaselineError(HarnessError):
    """A file is no baseline, or cannot be read; the message says where and why."""


@dataclass(frozen=True)
class Baseline:
    """The numbers of an experiment, and in words by name what took part in measuring them.

    `settings` are those of each run, `code` the digests of the modules that made them; both empty
    in older files. `metrics` are all that the harness measured then, whether a run has them or not.
    """

    name: str
    specification: str
    seeds: tuple[int, ...]
    environment: Mapping[str, str]
    values: Values
    metrics: frozenset[str] = frozenset(METRICS)
    settings: Settings = field(default_factory=dict)
    code: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Tested:
    """How the means of several seeds were tested; `adjusted` is the p-value corrected for all
    numbers.
    """

    method: Method
    p: float
    adjusted: float

    @property
    def shown(self) -> bool:
        """Tell whether the means differ by more than chance."""
        return self.adjusted <= LEVEL


@dataclass(frozen=True)
class Comparison:
    """A metric of a run, kept and measured now: the mean over the seeds that have a value, None
    where none has.

    `counts` holds how many seeds have a value, kept and now, of how many in all. `lost` are the
    seeds that had a value and have none now, `gained` those that have one and had none, or were not
    kept at all; `unusable` those whose measured value is nothing that can be compared, such as NaN.
    `test` is None where there is no noise to test against. `stated` tells whether the tolerance is
    the specification's own, `resettled` whether the run's settings are others than those that the
    numbers were kept with.
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
    test: Tested | None = None
    stated: bool = False
    resettled: bool = False

    @property
    def allowed(self) -> float:
        """Return the tolerance as a number: how far the measured number may be from the kept
        one.
        """
        return max(self.tolerance.absolute, self.tolerance.relative * abs(self.kept or 0.0))

    @property
    def drifted(self) -> bool:
        """Tell whether the means are too far apart by the rule above, or any seed has a value on
        one side alone.
        """
        if self.lost or self.gained or self.unusable:
            return True
        if self.test is None or self.resettled:
            return self._beyond(self.tolerance) or self._shown
        return self._shown

    @property
    def uncertain(self) -> bool:
        """Tell whether the means are farther apart than the tolerance, and chance alone may have
        done that.
        """
        return not self.drifted and self._beyond(self.tolerance)

    @property
    def _shown(self) -> bool:
        share = 1.0 if self.stated else _SHARE
        margin = Tolerance(self.tolerance.absolute * share, self.tolerance.relative * share)
        return self.test is not None and self.test.shown and self._beyond(margin)

    def _beyond(self, tolerance: Tolerance) -> bool:
        if self.kept is None or self.measured is None:
            return self.kept is not self.measured
        # What is not a number is within no tolerance, and no tolerance that is not a number allows
        # anything.
        return not _within(self.kept, self.measured, tolerance)


def _within(kept: float, measured: float, tolerance: Tolerance) -> bool:
    """Tell whether a number is as near to the kept one as allowed, give or take a few units in the
    last place.

    0.96 - 0.95 is a little more than 0.01, by rounding alone. The arithmetic is exact, so nothing
    overflows.
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
    """Return the numbers of the finished runs; where seeds are added, of those that all runs
    have.
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
    for run in experiment.runs:
        seeds = [found.get((run, seed), {}) for seed in common]
        names = [name for name in METRICS if any(name in each for each in seeds)]
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
        code=modules(results),
    )


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


def compare(
    kept: Baseline,
    now: Baseline,
    tolerances: Mapping[str, Tolerance],
    resettled: Collection[str] = (),
) -> tuple[Comparison, ...]:
    """Compare every number that is kept or measured, run by run; the rule is that of this module.

    Means are compared, not single seeds: on another processor, and with another number of threads,
    sums are rounded in another way, and training makes that grow; the seeds scatter, their mean
    much less so. But whether a seed has a value at all is compared seed by seed, so that none drops
    out of a mean unseen. A metric that the harness did not measure yet when the numbers were kept
    is none of them, and is left out. `resettled` are the runs whose settings are known to have
    changed.
    """
    measured = {
        run: [name for name in found if name in kept.metrics] for run, found in now.values.items()
    }
    names = {
        run: dict.fromkeys([*metrics, *measured.get(run, ())])
        for run, metrics in kept.values.items()
    }
    names |= {
        run: dict.fromkeys(metrics) for run, metrics in measured.items() if run not in kept.values
    }
    places = [(run, metric) for run, metrics in names.items() for metric in metrics]
    sides = {place: (_numbers(kept, *place), _numbers(now, *place)) for place in places}
    tested = compare_all(
        {place: pair for place, pair in sides.items() if _scatters(*pair)}, 1 - LEVEL
    )
    tests = {
        place: Tested(found.method, found.p, found.adjusted)
        for place, found in tested.items()
        if found.method is not None and found.p is not None and found.adjusted is not None
    }
    return tuple(
        replace(
            _comparison(
                run, metric, (kept, now), tolerances.get(metric) or default_tolerance(metric)
            ),
            test=tests.get((run, metric)),
            stated=metric in tolerances,
            resettled=run in resettled,
        )
        for run, metric in places
    )


def _numbers(side: Baseline, run: str, metric: str) -> dict[int, float]:
    return {
        seed: value
        for seed, value in _by_seed(side, run, metric).items()
        if is_finite_number(value)
    }


def _scatters(had: Mapping[int, float], have: Mapping[int, float]) -> bool:
    """Tell whether both sides have several values, and these any noise that a test can rest on."""
    both = sorted(had.keys() & have.keys())
    pairs = len(both) == min(len(had), len(have))
    before, now = (
        [side[seed] for seed in both] if pairs else list(side.values()) for side in (had, have)
    )
    if min(len(before), len(now)) < 2:
        return False
    size = max(map(abs, [*before, *now]))
    if _spread(before) <= _REPLAY * size and _spread(now) <= _REPLAY * size:
        return False
    return (
        not pairs
        or _spread([b / 2 - a / 2 for a, b in zip(before, now, strict=True)]) > _REPLAY * size
    )


def _spread(values: Sequence[float]) -> float:
    return max(values) - min(values)


def default_tolerance(metric: str) -> Tolerance:
    """Return how far a metric may drift where the specification does not say."""
    if metric.endswith(_TO_FIT):
        return _UNTIL_A_FIT
    return _BY_UNIT.get(METRICS[metric].unit, _ELSE) if metric in METRICS else _ELSE


def _comparison(
    run: str, metric: str, sides: tuple[Baseline, Baseline], tolerance: Tolerance
) -> Comparison:
    before, now = (_by_seed(side, run, metric) for side in sides)
    seeds = sorted(before.keys() | now.keys())
    had, have = (_numbers(side, run, metric) for side in sides)
    several = min(len(had), len(have)) > 1
    # Of several seeds, others are a sample like any other; a single one cannot stand for another.
    held = before.keys() & now.keys() if several else set(seeds)
    if several and len(had.keys() & have.keys()) == min(len(had), len(have)):
        means = [[side[seed] for seed in had if seed in have] for side in (had, have)]
    else:
        means = [list(had.values()), list(have.values())]
    return Comparison(
        run,
        metric,
        statistics.mean(means[0]) if had else None,
        statistics.mean(means[1]) if have else None,
        tolerance,
        counts=(len(had), len(have), len(seeds)),
        lost=tuple(seed for seed in seeds if seed in held and seed in had and seed not in have),
        gained=tuple(seed for seed in seeds if seed in held and seed in have and seed not in had),
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
        "code": dict(baseline.code),
        "metrics": [name for name in METRICS if name in baseline.metrics],
        "seeds": list(baseline.seeds),
    }
    shared = packed(baseline.settings)
    lines = [
        f" {json.dumps(key)}: {json.dumps(value, ensure_ascii=False)},"
        for key, value in head.items()
    ]
    settings = [
        f"  {json.dumps(run, ensure_ascii=False)}: {json.dumps(of, ensure_ascii=False)}"
        for run, of in shared["runs"].items()
    ]
    lines += [
        ' "settings": {',
        f'  "common": {json.dumps(shared["common"], ensure_ascii=False)},',
        '  "runs": {',
        ",\n".join(f" {each}" for each in settings),
        "  }",
        " },",
    ]
    runs = [
        f"  {json.dumps(run, ensure_ascii=False)}: {{\n"
        + ",\n".join(
            f"   {json.dumps(name)}: {json.dumps(list(values))}" for name, values in metrics.items()
        )
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
        if found["format"] not in _READ:
            raise ValueError(f"its format is {found['format']!r}, not {FORMAT!r}")
        seeds, values = kept_numbers(found)
        metrics = kept_metrics(found) if "metrics" in found else _FIRST_METRICS
        settings = unpacked(found["settings"]) if "settings" in found else {}
        return Baseline(
            found["name"],
            found["specification"],
            seeds,
            found["environment"],
            values,
            metrics,
            settings,
            _digests(found.get("code", {})),
        )
    except FileNotFoundError:
        return None
    except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
        raise BaselineError(f"the baseline {path} cannot be read: {error}") from error


def _digests(value: Json) -> Mapping[str, str]:
    if not isinstance(value, dict) or not all(isinstance(each, str) for each in value.values()):
        raise ValueError("its code must be an object of digests")
    return value


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
