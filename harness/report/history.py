"""Draw metrics while training: a panel a metric, a line a group, over its seeds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.report.curves import MOST_MARKERS, Curves, curve, draw_line, is_loss, stack_seeds
from harness.report.encoding import encode
from harness.report.figure_data import FigureData
from harness.report.panels import legend_entry, panels
from harness.report.style import Look, show_message
from harness.report.targets import at_the_end, draw_targets, targets
from harness.report.ticks import in_thousands
from harness.run_result import RunResult

_COLUMN_OF_AXIS = {"steps": "step", "epochs": "epoch"}


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
    runs = data.experiment.runs
    looks = encode([{"": runs[run].base, **runs[run].labels} for run in groups.values()]).looks
    legend = [
        legend_entry(look, name, done=bool(found), marked=0 < _most_points(found) <= MOST_MARKERS)
        for look, (name, found) in zip(looks, done.items(), strict=True)
    ]
    figure, shown = panels(metrics, legend)
    end = until or max(
        (r.history[along][-1] for of_run in done.values() for r in of_run), default=0.0
    )
    unit, word = in_thousands(end)
    for axes, metric in zip(shown, metrics, strict=True):
        measured = [
            [curve(r, metric, along) for r in of_run if metric in r.history]
            for of_run in done.values()
        ]
        if not any(measured):
            show_message(axes, "not measured" if any(done.values()) else "not run")
            continue
        for index, of_seeds in enumerate(measured):
            _draw(axes, looks[index], (_cut(own, until) for own in of_seeds), unit, until)
        if log and is_loss(metric):
            axes.set_yscale("log")
        axes.set_xlabel(f"{word}{x}")
        axes.set_xlim(0.0, until / unit if until else None)
        expected = targets(data.experiment, metric)
        pairs = zip(looks, groups.values(), strict=True)
        draw_targets(axes, at_the_end((look.colour, expected.get(run, ())) for look, run in pairs))
    return figure


def _most_points(results: Sequence[RunResult]) -> int:
    return max((len(result.history["step"]) for result in results), default=0)


def _draw(
    axes: Axes, look: Look, histories: Iterable[Curves], unit: float, until: float | None
) -> None:
    steps, seeds = stack_seeds(histories)
    draw_line(axes, look, steps / unit, seeds, band=True)
    if until is None or steps[-1] < until:
        axes.plot(steps[-1] / unit, seeds[:, -1].mean(), "o", color=look.colour, markersize=3.5)


def _cut(history: Curves, until: float | None) -> Curves:
    """Return what was measured up to `until`, with an interpolated value at that place."""
    steps, values = history
    if until is None or not len(steps) or steps[-1] <= until:
        return history
    before = steps < until
    return np.append(steps[before], until), np.append(
        values[before], np.interp(until, steps, values)
    )
