"""What a page draws its curves from: of every run the mean over seeds, and their range."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from harness.experiment import Json
from harness.metrics import HISTORY
from harness.report.histories import MOST_POINTS, Histories

_FEW_POINTS = 40
"""Of fewer than these a line is no curve: the range of the seeds is left out for more."""

_LEAST_POINTS = 16
_DIGITS = 4

Array = NDArray[np.float64]


def curves_json(histories: Histories, starts: Collection[str] = (), most: int = 60_000) -> str:
    """Return what the script of a page reads, of about so many numbers at most.

    It is nothing where no run has a history.

    `steps` is a common axis, `perEpoch` how many make an epoch, or null where runs differ in it.
    Each of `series` has a list a metric and line: its mean over seeds, and where there are several,
    the smallest and the largest value; null where no seed was trained so far. A seed that stopped
    early counts with its last value from then on. Shares are in percent. `starts` are the runs that
    others start from, which are not shown at first: they often are much longer.
    """
    lines = {
        run: [of for of in seeds.values() if len(of.get("step", ()))]
        for run, seeds in histories.items()
    }
    lines = {run: seeds for run, seeds in lines.items() if seeds}
    if not lines:
        return ""
    metrics = [name for name in HISTORY if any(name in of for s in lines.values() for of in s)]
    points = most // (3 * len(lines) * max(len(metrics), 1))
    ranged = points >= _FEW_POINTS
    points = int(np.clip(points if ranged else 3 * points, _LEAST_POINTS, MOST_POINTS))
    steps = _axis(lines, points)
    document: Json = {
        "steps": [int(step) if step.is_integer() else step for step in steps.tolist()],
        "perEpoch": _steps_of_an_epoch(lines),
        "metrics": [
            {
                "name": name,
                "title": HISTORY[name].title,
                "unit": "%" if HISTORY[name].unit == "fraction" else HISTORY[name].unit,
            }
            for name in metrics
        ],
        "series": [
            {
                "name": run,
                "seeds": len(seeds),
                "start": run in starts and not lines.keys() <= set(starts),
                "lines": {
                    name: _lines([of for of in seeds if name in of], name, steps, ranged)
                    for name in metrics
                    if any(name in of for of in seeds)
                },
            }
            for run, seeds in lines.items()
        ],
    }
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _axis(lines: Mapping[str, Sequence[Mapping[str, Sequence[float]]]], points: int) -> Array:
    """Return at most about so many of the steps that were measured, with the end of every run."""
    of_each = [np.asarray(of["step"], float) for seeds in lines.values() for of in seeds]
    every = np.unique(np.concatenate(of_each))
    if len(every) > points:
        chosen = np.unique(np.linspace(0, len(every) - 1, points).round().astype(int))
        ends = [steps[-1] for steps in of_each]
        every = np.unique(np.concatenate([every[chosen], ends]))
    return every


def _steps_of_an_epoch(
    lines: Mapping[str, Sequence[Mapping[str, Sequence[float]]]],
) -> float | None:
    """Return how many steps make an epoch, None where runs differ in it."""
    found = {
        round(of["step"][-1] / of["epoch"][-1], 6)
        for seeds in lines.values()
        for of in seeds
        if len(of.get("epoch", ())) and of["epoch"][-1] > 0
    }
    return found.pop() if len(found) == 1 else None


def _lines(
    seeds: Sequence[Mapping[str, Sequence[float]]], metric: str, steps: Array, ranged: bool
) -> list[list[float | None]]:
    """Return the mean over seeds at each step, and where there are several, their range."""
    factor = 100.0 if HISTORY[metric].unit == "fraction" else 1.0
    values = np.stack([np.interp(steps, *_finite(of["step"], of[metric])) for of in seeds])
    values[:, steps > max(of["step"][-1] for of in seeds)] = np.nan
    drawn = [values.mean(axis=0)]
    if ranged and len(seeds) > 1:
        drawn += [values.min(axis=0), values.max(axis=0)]
    return [_shortened(factor * line) for line in drawn]


def _finite(steps: Sequence[float], values: Sequence[float]) -> tuple[Array, Array]:
    """Return what was measured up to where a run diverged; one that began so has no values."""
    x, y = np.asarray(steps, float), np.asarray(values, float)
    there = np.isfinite(y)
    return (x[there], y[there]) if there.any() else (np.zeros(1), np.full(1, np.nan))


def _shortened(values: Array) -> list[float | None]:
    """Return numbers with 4 significant digits; null where there is none."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        exponents = np.floor(np.log10(np.abs(values)))
        # Of two powers of ten, one is a whole number: dividing by it leaves the shortest decimal.
        up = 10.0 ** np.clip(_DIGITS - 1 - exponents, 0, 300)
        down = 10.0 ** np.clip(exponents - _DIGITS + 1, 0, 300)
        short = np.where(values == 0, 0.0, np.round(values * up / down) / up * down)
    return [
        None if not math.isfinite(each) else int(each) if each.is_integer() else each
        for each in short.tolist()
    ]
