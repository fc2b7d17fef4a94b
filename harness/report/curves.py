"""Draw training curves: accuracy and loss against steps, a line a run, over its seeds."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from harness.experiment import Experiment
from harness.report.style import axis_label, plot_factor, series_style, show_message
from harness.run_result import RunResult, Status

PANELS = ("train_accuracy", "test_accuracy", "train_loss")
MOST_POINTS = 400
_SMALLEST_LOSS = 1e-8
_LEAST_RANGE = 5.0
_MOST_BANDS = 4

Curves = tuple[NDArray[np.float64], NDArray[np.float64]]


def curves(experiment: Experiment, results: Sequence[RunResult]) -> Figure | None:
    """Draw a row of panels for single runs and one for each matrix; None where nothing was trained.

    Single runs that others start from have a row of their own. A line is the mean over seeds, its
    band their smallest and largest value, left out where more than four would cover each other. A
    seed that stopped early counts with its last value from then on. The axis of the test accuracy
    leaves out the first quarter of the training, so that the ends can be distinguished. The steps
    are on a logarithmic axis where the longest run of a row took more than five times those of the
    shortest.
    """
    done = [result for result in results if result.status is Status.DONE and result.history]
    rows = {
        title: cells
        for title, cells in _rows(experiment).items()
        if any(r.run in cells for r in done)
    }
    if not rows:
        return None
    figure = Figure(figsize=(11.0, 0.5 + 2.5 * len(rows)), layout="constrained")
    grid = figure.subplots(len(rows), len(PANELS), squeeze=False)
    for line, (title, cells) in enumerate(rows.items()):
        for axes, metric in zip(grid[line], PANELS, strict=True):
            _draw(axes, metric, cells, done)
            axes.set_title(axis_label(metric) if line == 0 else "")
            axes.set_xlabel("steps" if line == len(rows) - 1 else "")
        handles, names = _legend(grid[line])
        grid[line][-1].legend(
            handles,
            names,
            title=title,
            alignment="left",
            loc="upper left",
            bbox_to_anchor=(1.02, 1.03),
        )
    return figure


def _rows(experiment: Experiment) -> dict[str, dict[str, str]]:
    """Return, by the title of a row, the label of each of its runs."""
    rows: dict[str, dict[str, str]] = {}
    parents = {run.initialize_from for run in experiment.runs.values()}
    for name, run in experiment.runs.items():
        single = "pre-training" if name in parents else "single runs"
        rows.setdefault(run.base if run.labels else single, {})[name] = run.label or name
    return rows


def _draw(axes: Axes, metric: str, cells: dict[str, str], done: Sequence[RunResult]) -> None:
    ends, late = [], []
    for index, (run, name) in enumerate(cells.items()):
        histories = [curve(r, metric) for r in done if r.run == run and metric in r.history]
        if not histories:
            continue
        steps, seeds = stack_seeds(histories)
        draw_line(axes, index, steps, seeds, band=len(cells) <= _MOST_BANDS, name=name)
        ends.append(float(steps[-1]))
        late.append(seeds[:, steps >= 0.25 * steps[-1]])
    if not ends:
        show_message(axes, "not measured")
        return
    if metric == "train_loss":
        axes.set_yscale("log")
    if metric == "test_accuracy":
        _zoom(axes, late)
    if max(ends) > 5 * min(ends) > 0:
        axes.set_xscale("symlog", linthresh=_linear_part(done, cells), linscale=0.2)
        axes.set_xlim(left=0)


def _zoom(axes: Axes, late: Sequence[NDArray[np.float64]]) -> None:
    low, high = (
        min(float(np.min(values)) for values in late),
        max(float(np.max(values)) for values in late),
    )
    margin = max(0.05 * (high - low), 0.5 * (_LEAST_RANGE - (high - low)))
    if np.isfinite(margin):
        axes.set_ylim(
            max(low - margin, 0.0), min(high + margin, 100.0 + 0.05 * (high - low + margin))
        )


def curve(result: RunResult, metric: str, along: str = "step") -> Curves:
    """Return where one seed was measured and the metric there.

    A share is in percent, a loss is clipped above zero. `along` is the history's "step" or "epoch".
    """
    steps, values = (np.asarray(result.history[name], dtype=float) for name in (along, metric))
    finite = np.isfinite(values)  # a run that diverged is shown up to there
    smallest = _SMALLEST_LOSS if is_loss(metric) else -np.inf
    return steps[finite], np.maximum(plot_factor(metric) * values[finite], smallest)


def is_loss(metric: str) -> bool:
    """Tell whether a metric is one that a logarithmic axis suits."""
    return metric.endswith("_loss")


def stack_seeds(histories: Iterable[Curves]) -> Curves:
    """Return all measured steps [points] and each seed's value there [seeds, points]."""
    filled = [history for history in histories if len(history[0])] or [
        (np.zeros(1), np.full(1, np.nan))
    ]
    steps = np.unique(np.concatenate([own for own, _ in filled]))
    if len(steps) > MOST_POINTS:
        steps = steps[np.unique(np.linspace(0, len(steps) - 1, MOST_POINTS).round().astype(int))]
    return steps, np.stack([np.interp(steps, own, values) for own, values in filled])


def draw_line(
    axes: Axes,
    index: int,
    steps: NDArray[np.float64],
    seeds: NDArray[np.float64],
    *,
    band: bool,
    name: str = "",
) -> None:
    """Draw the mean over `seeds` [seeds, points], and their range as a pale band."""
    colour, line, _ = series_style(index)
    axes.plot(steps, seeds.mean(axis=0), line, color=colour, linewidth=1.3, label=name)
    if band and len(seeds) > 1:
        axes.fill_between(
            steps, seeds.min(axis=0), seeds.max(axis=0), color=colour, alpha=0.15, linewidth=0
        )


def _linear_part(done: Sequence[RunResult], cells: dict[str, str]) -> float:
    """Return the power of ten above the first measured step, so that it is a tick."""
    positive = [
        step for r in done if r.run in cells for step in r.history.get("step", ())[:2] if step > 0
    ]
    return 10.0 ** math.ceil(math.log10(min(positive, default=1.0)))


def _legend(row: Sequence[Axes]) -> tuple[list[object], list[str]]:
    found: dict[str, object] = {}
    for axes in row:
        handles, names = axes.get_legend_handles_labels()
        found |= dict(zip(names, handles, strict=True))
    return list(found.values()), list(found)
