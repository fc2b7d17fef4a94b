"""A metric over the seeds of one run: its values, and how they are drawn."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes

from harness.judging.inference import half_width, sample_deviation
from harness.report.style import Look, plot_factor
from harness.run_result import RunResult, Status

_TWO_SIDED_95 = 0.975


def values_of(results: Sequence[RunResult], run: str | None, metric: str) -> list[float]:
    """Return the finite value of every finished seed that has one, a share in percent."""
    found = (
        r.measurements.get(metric) for r in results if r.run == run and r.status is Status.DONE
    )
    return [
        plot_factor(metric) * value for value in found if value is not None and math.isfinite(value)
    ]


@dataclass(frozen=True)
class Place:
    """Where the mean and where the seeds stand, on the axis that is not the metric's.

    `across` tells that the metric is on the horizontal axis.
    """

    mean: float
    seeds: float
    across: bool = False


def draw_seeds(
    axes: Axes, look: Look, place: Place, values: Sequence[float], *, all_there: bool = True
) -> None:
    """Draw the mean full with its two-sided 95% confidence interval, and each seed pale beside it.

    The interval is Student's. The mean is an open marker where the seeds are not `all_there`.
    """
    colour, _, marker = look
    if len(values) > 1:  # shifted sideways, so that the mean hides none
        places = np.full(len(values), place.seeds)
        axes.plot(
            *((values, places) if place.across else (places, values)),
            marker,
            color=colour,
            alpha=0.45,
            markersize=4,
            markeredgewidth=0,
            zorder=2,
        )
    mean = statistics.mean(values)
    bar = half_width(sample_deviation(values), len(values), _TWO_SIDED_95) if values[1:] else None
    axes.errorbar(
        *((mean, place.mean) if place.across else (place.mean, mean)),
        **{"xerr" if place.across else "yerr": bar},  # type: ignore[arg-type]
        fmt=marker,
        color=colour,
        markersize=6,
        markerfacecolor=colour if all_there else "white",
        markeredgecolor="white" if all_there else colour,
        markeredgewidth=0.7 if all_there else 1.2,
        elinewidth=1.4,
        capsize=3,
        zorder=3,
    )
