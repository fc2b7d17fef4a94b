"""A metric over the seeds of one run: its values, and how they are drawn."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from harness.judging.inference import half_width, sample_deviation
from harness.report.style import plot_factor, series_style
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


def draw_seeds(
    axes: Axes,
    index: int,
    position: float,
    values: Sequence[float],
    *,
    seeds_at: float,
    all_there: bool = True,
) -> None:
    """Draw the mean full with its two-sided 95% confidence interval, and each seed pale beside it.

    The interval is Student's. `index` chooses colour and marker; the mean is an open marker where
    the seeds are not `all_there`.
    """
    colour, _, marker = series_style(index)
    if len(values) > 1:  # shifted sideways, so that the mean hides none
        places = np.full(len(values), seeds_at)
        axes.plot(
            places,
            values,
            marker,
            color=colour,
            alpha=0.45,
            markersize=4,
            markeredgewidth=0,
            zorder=2,
        )
    axes.errorbar(
        position,
        statistics.mean(values),
        yerr=half_width(sample_deviation(values), len(values), _TWO_SIDED_95)
        if len(values) > 1
        else None,
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
