"""Tell which numbers have drifted from those of a baseline.

What counts as drift:

- Where both sides have several seeds whose values scatter, a number has drifted when a test shows
  that it changed and the means differ by more than a margin. The test is the paired t-test where
  the seeds of one side are among those of the other: a seed decides the initial weights, the order
  of the examples and every other random draw, so the two have much in common (and where a changed
  setting or machine leaves little of that, the test still holds). For other seeds it is Welch's.
  The p-values of all numbers of an experiment are corrected together (Benjamini and Hochberg) at a
  level of 1%: where nothing changed, at most one comparison of an experiment in 100 finds any
  drift, however many numbers it has and however much they scatter. The margin is a tenth of the
  tolerance, so that precise numbers are held to what they can show; a tolerance that the
  specification states is the margin itself.
- Where the means differ by more than the tolerance and the test does not show it, nobody knows:
  such a number is `uncertain`, no drift and no pass. More seeds would tell, or a wider tolerance
  for a metric that scatters so much. Where the run's settings are known to have changed, there is
  no reason to put it down to chance: it has drifted.
- Where one side has a single seed, or nothing scatters (the values of a side, or the differences
  seed by seed, are all the same, as when the same program is replayed), there is no noise to test
  against: the tolerance decides.
- A value that some seed has on one side only has drifted, whatever the means are. Of a final metric
  it says only that one side lists it, or has measured it yet: such a metric is not compared.
"""

from __future__ import annotations

import statistics
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from harness.compare.baseline import TO_FIT, Baseline
from harness.compare.significance import Method, compare_all
from harness.experiment import Tolerance
from harness.final_metrics import measurement_of
from harness.metrics import METRICS
from harness.rounding import half_unit, is_finite_number

LEVEL = 0.01
"""The probability, at most, that an experiment in which nothing changed is said to have drifted."""

_MARGIN_SHARE = 0.1
"""The share of a tolerance that the specification does not state below which a difference is too
small to matter, even if it is shown.
"""

_ROUNDING_SHARE = 1e-9
"""Values that scatter by less than this share of the largest do so by rounding only."""

_TOLERANCE_BY_UNIT = {
    "fraction": Tolerance(absolute=0.01),
    "nats": Tolerance(absolute=0.01, relative=0.1),
    "epochs": Tolerance(relative=0.1),
    "steps": Tolerance(relative=0.1),
}

_TOLERANCE_TO_FIT = Tolerance(relative=0.3)

_DEFAULT_TOLERANCE = Tolerance(relative=0.05)


@dataclass(frozen=True)
class MeansTest:
    """How the means of several seeds were tested; `adjusted` is the p-value corrected for all."""

    method: Method
    p: float
    adjusted: float

    @property
    def shown(self) -> bool:
        """Tell whether the means differ by more than chance."""
        return self.adjusted <= LEVEL


@dataclass(frozen=True)
class BaselineComparison:
    """A metric of a run, kept and measured now: its mean over the seeds that have a value.

    Args:
        run: The name of the run.
        metric: The name of the metric.
        kept: The mean that was kept; None where no seed had a value.
        measured: The mean that is measured now; None where no seed has a value.
        tolerance: How far the two may be from each other.
        counts: How many seeds have a value, kept and now, of how many in all.
        lost: The seeds that had a value and have none now.
        gained: The seeds that have a value and had none, or were not kept at all.
        unusable: The seeds whose measured value cannot be compared, such as NaN.
        test: None where there is no noise to test against.
        stated: Whether the tolerance is the specification's own.
        settings_changed: Whether the run's settings are others than those that were kept.
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
    test: MeansTest | None = None
    stated: bool = False
    settings_changed: bool = False

    @property
    def allowed(self) -> float:
        """Return the tolerance as a number: how far apart the kept and the measured mean may be."""
        return max(self.tolerance.absolute, self.tolerance.relative * abs(self.kept or 0.0))

    @property
    def drifted(self) -> bool:
        """Tell whether the means are too far apart, or a seed has a value on one side only."""
        if self.lost or self.gained or self.unusable:
            return True
        if self.test is None or self.settings_changed:
            return self._beyond(self.tolerance) or self._beyond_chance
        return self._beyond_chance

    @property
    def uncertain(self) -> bool:
        """Tell whether the means differ by more than the tolerance, though maybe by chance."""
        return not self.drifted and self._beyond(self.tolerance)

    @property
    def _beyond_chance(self) -> bool:
        share = 1.0 if self.stated else _MARGIN_SHARE
        margin = Tolerance(self.tolerance.absolute * share, self.tolerance.relative * share)
        return self.test is not None and self.test.shown and self._beyond(margin)

    def _beyond(self, tolerance: Tolerance) -> bool:
        if self.kept is None or self.measured is None:
            return self.kept is not self.measured
        # NaN is within no tolerance, and a tolerance that is NaN allows nothing.
        return not _within(self.kept, self.measured, tolerance)


def _within(kept: float, measured: float, tolerance: Tolerance) -> bool:
    """Tell whether a number is as near to the kept one as allowed, but for rounding.

    0.96 - 0.95 is a little more than 0.01, by rounding alone. The arithmetic is exact, so nothing
    overflows.
    """
    if not all(map(is_finite_number, (kept, measured, tolerance.absolute, tolerance.relative))):
        return False
    before, now = Fraction(kept), Fraction(measured)
    allowed = max(Fraction(tolerance.absolute), Fraction(tolerance.relative) * abs(before))
    # A mean is rounded, and so are the values that it is the mean of.
    rounding = 4 * (half_unit(kept) + half_unit(measured)) + allowed * Fraction(1, 2**50)
    return abs(now - before) <= allowed + (rounding if allowed else 0)


def compare(
    kept: Baseline,
    now: Baseline,
    tolerances: Mapping[str, Tolerance],
    changed_runs: Collection[str] = (),
) -> tuple[BaselineComparison, ...]:
    """Compare every number that is kept or measured, run by run, after the rule of this module.

    Means are compared, not single seeds. On another processor, and with another number of threads,
    sums are rounded in another way, and training makes that grow; the seeds scatter, their mean
    much less so. But whether a seed has a value at all is compared seed by seed, so that none drops
    out of a mean unnoticed. A metric that the harness did not measure yet when the numbers were
    kept is left out, and so is a final metric that some seed has on one side alone (see
    `one_sided`). `changed_runs` are the runs whose settings are known to have changed.
    """
    places = _places(kept, now)
    sides = {place: (_numbers(kept, *place), _numbers(now, *place)) for place in places}
    tested = compare_all(
        {place: pair for place, pair in sides.items() if _scatters(*pair)}, 1 - LEVEL
    )
    tests = {
        place: MeansTest(found.method, found.p, found.adjusted)
        for place, found in tested.items()
        if found.method is not None and found.p is not None and found.adjusted is not None
    }
    return tuple(
        replace(
            _compare_metric(
                run, metric, (kept, now), tolerances.get(metric) or default_tolerance(metric)
            ),
            test=tests.get((run, metric)),
            stated=metric in tolerances,
            settings_changed=run in changed_runs,
        )
        for run, metric in places
    )


def _places(kept: Baseline, now: Baseline) -> list[tuple[str, str]]:
    """Return the run and metric of every number that is compared, those that are kept first."""
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
    return [
        (run, metric)
        for run, metrics in names.items()
        for metric in metrics
        if metric in METRICS or _lacking((kept, now), run, metric) is None
    ]


@dataclass(frozen=True)
class OneSided:
    """The final metrics that only one side has of some seed, as "run.metric"."""

    kept: tuple[str, ...]
    measured: tuple[str, ...]


def one_sided(kept: Baseline, now: Baseline) -> OneSided:
    """Return the final metrics that are not compared, as they are kept or measured alone.

    They are those of runs that both sides have.
    """
    found: tuple[list[str], list[str]] = ([], [])
    for run in (each for each in kept.values if each in now.values):
        names = dict.fromkeys([*kept.values[run], *now.values[run]])
        for metric in (name for name in names if name not in METRICS):
            lacking = _lacking((kept, now), run, metric)
            if lacking is not None:
                found[1 - lacking].append(f"{run}.{metric}")
    return OneSided(tuple(found[0]), tuple(found[1]))


def _lacking(sides: tuple[Baseline, Baseline], run: str, metric: str) -> int | None:
    """Return which side lacks a number that the other has, the later one first; None for neither.

    It does where a seed that both have has a number on the other side alone, or where it has none.
    """
    before, now = (set(_numbers(side, run, metric)) for side in sides)
    both = set(sides[0].seeds) & set(sides[1].seeds)
    if (before - now) & both or not now:
        return 1
    return 0 if (now - before) & both or not before else None


def _numbers(side: Baseline, run: str, metric: str) -> dict[int, float]:
    return {
        seed: value
        for seed, value in _by_seed(side, run, metric).items()
        if is_finite_number(value)
    }


def _scatters(had: Mapping[int, float], have: Mapping[int, float]) -> bool:
    """Tell whether both sides have several values, and these enough noise for a test."""
    both = sorted(had.keys() & have.keys())
    pairs = len(both) == min(len(had), len(have))
    before, now = (
        [side[seed] for seed in both] if pairs else list(side.values()) for side in (had, have)
    )
    if min(len(before), len(now)) < 2:
        return False
    size = max(map(abs, [*before, *now]))
    if _spread(before) <= _ROUNDING_SHARE * size and _spread(now) <= _ROUNDING_SHARE * size:
        return False
    return (
        not pairs
        or _spread([b / 2 - a / 2 for a, b in zip(before, now, strict=True)])
        > _ROUNDING_SHARE * size
    )


def _spread(values: Sequence[float]) -> float:
    return max(values) - min(values)


def default_tolerance(metric: str) -> Tolerance:
    """Return how far a metric may drift where the specification does not say."""
    if metric.endswith(TO_FIT):
        return _TOLERANCE_TO_FIT
    measurement = measurement_of(metric)
    return (
        _DEFAULT_TOLERANCE
        if measurement is None
        else _TOLERANCE_BY_UNIT.get(measurement.unit, _DEFAULT_TOLERANCE)
    )


def _compare_metric(
    run: str, metric: str, sides: tuple[Baseline, Baseline], tolerance: Tolerance
) -> BaselineComparison:
    before, now = (_by_seed(side, run, metric) for side in sides)
    seeds = sorted(before.keys() | now.keys())
    had, have = (_numbers(side, run, metric) for side in sides)
    several = min(len(had), len(have)) > 1
    # Several seeds are a sample, and others another sample of the same population. A single seed
    # stands only for itself.
    held = before.keys() & now.keys() if several else set(seeds)
    if several and len(had.keys() & have.keys()) == min(len(had), len(have)):
        means = [[side[seed] for seed in had if seed in have] for side in (had, have)]
    else:
        means = [list(had.values()), list(have.values())]
    return BaselineComparison(
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
