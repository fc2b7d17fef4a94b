"""Draw metrics while training: a panel a metric, a line a group, over its seeds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.report.curves import Curves, curve, draw_line, is_loss, stack_seeds
from harness.report.figure_data import FigureData
from harness.report.panels import legend_entry, panels
from harness.report.style import series_style, show_message

_COLUMN_OF_AXIS = {"steps": "step", "epochs": "epoch"}
_IN_THOUSANDS_FROM = 10_000.0


def history(
    data: FigureData,
    *,
    metrics: Sequence[str],
    groups: Mapping[str, str],
    x: str = "steps",
    log: bool = False,
    until: float | None = None,
) -> Figure:
    """Draw metrics against steps or epochs, a line a group.

    A line is the mean over seeds and ends in a dot, its band their smallest and largest value. A
    seed that stopped early counts with its last value from then on.

    Args:
        data: The experiment and its results.
        metrics: One a panel.
        groups: Label to the run or cell whose line it has.
        x: What the horizontal axis counts, "steps" or "epochs".
        log: Whether losses are on a logarithmic axis.
        until: Where the horizontal axis ends; None for the longest run.
    """
    along = _COLUMN_OF_AXIS[x]
    done = {
        name: [result for result in data.finished(run) if result.history]
        for name, run in groups.items()
    }
    legend = [
        legend_entry(index, name, done=bool(found))
        for index, (name, found) in enumerate(done.items())
    ]
    figure, shown = panels(metrics, legend)
    end = until or max(
        (r.history[along][-1] for of_run in done.values() for r in of_run), default=0.0
    )
    unit, words = (1000.0, f"thousand {x}") if end >= _IN_THOUSANDS_FROM else (1.0, x)
    for axes, metric in zip(shown, metrics, strict=True):
        measured = [
            [curve(r, metric, along) for r in of_run if metric in r.history]
            for of_run in done.values()
        ]
        if not any(measured):
            show_message(axes, "not measured" if any(done.values()) else "not run")
            continue
        for index, of_seeds in enumerate(measured):
            _draw(axes, index, (_cut(own, until) for own in of_seeds), unit, until)
        if log and is_loss(metric):
            axes.set_yscale("log")
        axes.set_xlabel(words)
        axes.set_xlim(0.0, until / unit if until else None)
    return figure


def _draw(
    axes: Axes, index: int, histories: Iterable[Curves], unit: float, until: float | None
) -> None:
    steps, seeds = stack_seeds(histories)
    draw_line(axes, index, steps / unit, seeds, band=True)
    if until is None or steps[-1] < until:
        axes.plot(
            steps[-1] / unit, seeds[:, -1].mean(), "o", color=series_style(index)[0], markersize=3.5
        )


def _cut(history: Curves, until: float | None) -> Curves:
    """Return what was measured up to `until`, with an interpolated value at that place."""
    steps, values = history
    if until is None or not len(steps) or steps[-1] <= until:
        return history
    before = steps < until
    return np.append(steps[before], until), np.append(
        values[before], np.interp(until, steps, values)
    )
