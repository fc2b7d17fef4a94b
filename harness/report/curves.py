"""Draw training curves: accuracy and loss against steps, a line a run, over its seeds."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from harness.experiment import Experiment, cell_label
from harness.metrics import ON_VALIDATION
from harness.report.encoding import Encoding, Key, encode
from harness.report.lettering import fitted
from harness.report.style import (
    PAGE_WIDTH,
    Look,
    axis_label,
    plain,
    plot_factor,
    show_message,
)
from harness.report.targets import Spot, at_the_end, draw_targets, targets
from harness.report.ticks import in_thousands
from harness.run_result import RunResult, Status

PANELS = ("train_accuracy", "validation_accuracy", "test_accuracy", "train_loss")
"""What is drawn; of a validation set where any run has one."""

MOST_POINTS = 400
_SMALLEST_LOSS = 1e-8
_LEAST_RANGE = 5.0
_MOST_BANDS = 4
MOST_MARKERS = 20
_LEGEND_WIDTH, _LEGEND_SIZE = 1.8, 8.0  # inches, points
_ROW_HEIGHT, _LEGEND_LINE = 2.25, 0.165  # inches
_MOST_LINES, _MOST_ROWS = 12, 10

Curves = tuple[NDArray[np.float64], NDArray[np.float64]]


@dataclass(frozen=True)
class _Row:
    """A row of panels: its title, its runs with their labels, how each looks, and the legend."""

    title: str
    cells: Mapping[str, str]
    encoding: Encoding

    @property
    def entries(self) -> list[tuple[str, Look | None]]:
        """Return what the legend shows: every line, or where that is shorter every axis."""
        if not self.by_axis:
            return [(label, self.looks[run]) for run, label in self.cells.items()]
        return [
            (text, look)
            for title, labels in self.encoding.legend
            for text, look in ((title.rpartition(".")[2].replace("_", " "), None), *labels)
        ]

    @property
    def by_axis(self) -> bool:
        """Tell whether the legend explains axes, not every line."""
        return bool(self.encoding.legend) and len(self.cells) > _MOST_BANDS

    @property
    def looks(self) -> dict[str, Look]:
        return dict(zip(self.cells, self.encoding.looks, strict=True))


def curves(experiment: Experiment, results: Sequence[RunResult]) -> Figure | None:
    """Draw a row of panels for single runs and one for each matrix; None where nothing was trained.

    Single runs that others start from have a row of their own. A line is the mean over seeds, its
    band their smallest and largest value, left out where more than four would cover each other. A
    seed that stopped early counts with its last value from then on. The axes of the test and the
    validation accuracy leave out the first quarter of the training, so that the ends can be
    distinguished. The steps
    are on a logarithmic axis where the longest run of a row took more than five times those of the
    shortest.
    """
    done = [result for result in results if result.status is Status.DONE and result.history]
    rows = [row for row in _rows(experiment) if any(r.run in row.cells for r in done)]
    if not rows:
        return None
    heights = [max(_ROW_HEIGHT, _LEGEND_LINE * (len(row.entries) + 2)) for row in rows]
    figure = Figure(figsize=(PAGE_WIDTH, 0.4 + sum(heights)), layout="constrained")
    panels = [
        each for each in PANELS if each not in ON_VALIDATION or any(each in r.history for r in done)
    ]
    grid = figure.subplots(
        len(rows), len(panels), squeeze=False, gridspec_kw={"height_ratios": heights}
    )
    for line, row in enumerate(rows):
        of_row = [result for result in done if result.run in row.cells]
        for axes, metric in zip(grid[line], panels, strict=True):
            expected = targets(experiment, metric)
            spots = at_the_end((row.looks[run].colour, expected.get(run, ())) for run in row.cells)
            _draw(axes, metric, row, of_row, spots)
            axes.set_title(axis_label(metric) if line == 0 else "")
        handles = _legend(row, grid[line])
        legend = grid[line][-1].legend(
            handles=handles,
            title=plain(fitted(row.title, _LEGEND_WIDTH, _LEGEND_SIZE, 2)),
            alignment="left",
            loc="upper left",
            bbox_to_anchor=(1.02, 1.03),
            borderaxespad=0.0,
            fontsize=_LEGEND_SIZE,
            handlelength=2.4,
        )
        for handle, text in zip(handles, legend.get_texts(), strict=True):
            text.set_fontstyle("italic" if handle.get_linestyle() == "None" else "normal")
    return figure


def _rows(experiment: Experiment) -> list[_Row]:
    """Return the rows; the cells of matrices with the same axes are told apart in the same way."""
    keys: dict[str, dict[str, Key]] = {}
    parents = {run.initialize_from for run in experiment.runs.values()}
    for name, run in experiment.runs.items():
        single = "pre-training" if name in parents else "single runs"
        title, key = (run.base, run.labels) if run.labels else (single, {single: name})
        keys.setdefault(title, {})[name] = key
    split = [row for title, of_row in keys.items() for row in _split(title, of_row)]
    alike: dict[tuple[str, ...], list[Key]] = {}
    for _, of_row in split:
        known = alike.setdefault(_axes(of_row), [])
        known += [key for key in of_row.values() if key not in known]
    rows = []
    for title, of_row in split:
        known = alike[_axes(of_row)]
        encoding = encode(known)
        looks = tuple(encoding.looks[known.index(key)] for key in of_row.values())
        labels = {run: cell_label(key) for run, key in of_row.items()}
        rows.append(_Row(title, labels, replace(encoding, looks=looks)))
    return rows


def _axes(keys: Mapping[str, Key]) -> tuple[str, ...]:
    return tuple(next(iter(keys.values())))


def _split(title: str, keys: Mapping[str, Key]) -> list[tuple[str, Mapping[str, Key]]]:
    """Return a row, or where it would have too many lines one for each label of its axes."""
    axes = {name: dict.fromkeys(key[name] for key in keys.values()) for name in _axes(keys)}
    varying = {name: len(labels) for name, labels in axes.items() if len(labels) > 1}
    if len(keys) <= _MOST_LINES or len(varying) < 2 or min(varying.values()) > _MOST_ROWS:
        return [(title, keys)]
    axis = min(varying, key=lambda name: varying[name])
    rows = []
    for label in axes[axis]:
        own = {
            run: {name: value for name, value in key.items() if name != axis}
            for run, key in keys.items()
            if key[axis] == label
        }
        rows += _split(f"{title}, {label}", own)
    return rows


def _draw(
    axes: Axes, metric: str, row: _Row, done: Sequence[RunResult], expected: Sequence[Spot]
) -> None:
    found = {
        run: [curve(r, metric) for r in done if r.run == run and metric in r.history]
        for run in row.cells
    }
    stacked = {run: stack_seeds(histories) for run, histories in found.items() if histories}
    if not stacked:
        show_message(axes, "not measured")
        return
    ends = [float(steps[-1]) for steps, _ in stacked.values()]
    log = max(ends) > 5 * min(ends) > 0
    unit, word = (1.0, "") if log else in_thousands(max(ends))
    band = len(row.cells) <= _MOST_BANDS
    for run, (steps, seeds) in stacked.items():
        draw_line(axes, row.looks[run], steps / unit, seeds, band=band, name=row.cells[run])
    axes.set_xlabel(f"{word}steps")
    if metric == "train_loss":
        axes.set_yscale("log")
    if metric in ("test_accuracy", "validation_accuracy"):
        _zoom(axes, [seeds[:, steps >= 0.25 * steps[-1]] for steps, seeds in stacked.values()])
    if log:
        axes.set_xscale("symlog", linthresh=_linear_part(done), linscale=0.2)
        axes.set_xlim(left=0)
    draw_targets(axes, expected)


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
    look: Look,
    steps: NDArray[np.float64],
    seeds: NDArray[np.float64],
    *,
    band: bool,
    name: str = "",
) -> None:
    """Draw the mean over `seeds` [seeds, points], and their range as a pale band.

    Where there are few points, each has a marker.
    """
    axes.plot(
        steps,
        seeds.mean(axis=0),
        look.line,
        color=look.colour,
        linewidth=1.3,
        label=plain(name),
        marker=look.marker if len(steps) <= MOST_MARKERS else None,
        markersize=3.5,
    )
    if band and len(seeds) > 1:
        axes.fill_between(
            steps, seeds.min(axis=0), seeds.max(axis=0), color=look.colour, alpha=0.15, linewidth=0
        )


def _linear_part(done: Sequence[RunResult]) -> float:
    """Return the power of ten above the first measured step, so that it is a tick."""
    positive = [step for r in done for step in r.history.get("step", ())[:2] if step > 0]
    return 10.0 ** math.ceil(math.log10(min(positive, default=1.0)))


def _legend(row: _Row, panels: Sequence[Axes]) -> list[Line2D]:
    """Return the entries of a row's legend, without lines that none of its panels has."""
    if row.by_axis:
        return [_entry(text, look) for text, look in row.entries]
    drawn = {line.get_label(): line.get_marker() for axes in panels for line in axes.lines}
    return [
        _entry(label, row.looks[run]._replace(marker="" if marker == "None" else str(marker)))
        for run, label in row.cells.items()
        for marker in [drawn.get(plain(label))]
        if marker is not None
    ]


def _entry(text: str, look: Look | None) -> Line2D:
    label = plain(fitted(text, _LEGEND_WIDTH, _LEGEND_SIZE, 2))
    if look is None:  # the name of an axis, above its labels
        return Line2D([], [], linestyle="None", label=label)
    return Line2D(
        [],
        [],
        color=look.colour,
        linestyle=look.line,
        marker=look.marker or None,
        markersize=3.5,
        label=label,
    )
