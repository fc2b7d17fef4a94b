"""Draw a metric of the cells of some runs' matrices, a colour a run."""

from __future__ import annotations

import statistics
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.experiment import SAMPLE, Experiment, cell_label
from harness.report.figure_data import FigureData
from harness.report.lettering import fitted, width_of
from harness.report.seeds import Place, draw_seeds, values_of
from harness.report.style import PAGE_WIDTH, axis_label, plain, series_style, show_message
from harness.report.targets import Spot, draw_targets, targets

_GROUP_WIDTH = 0.64
_SEEDS_ASIDE = 0.09
_LEGEND_LETTERS = 60
_ROW, _LABEL_WIDTH, _LABEL_SIZE = 0.3, 2.6, 8.5  # inches, inches, points


@dataclass(frozen=True)
class _Spread:
    """The cells on one axis, the metric on the other: `across` where that is the horizontal one."""

    labels: Sequence[str]
    across: bool

    def figure(self) -> tuple[Figure, Axes]:
        """Return an empty figure that has room for every cell."""
        count = len(self.labels)
        size = (
            (0.75 * PAGE_WIDTH, 1.2 + _ROW * count)
            if self.across
            else (min(PAGE_WIDTH, 3.2 + 0.95 * count), 3.8)
        )
        figure = Figure(figsize=size, layout="constrained")
        return figure, figure.subplots()

    def name(self, axes: Axes, metric: str) -> None:
        """Name the cells and the metric on their axes, and draw lines between the cells."""
        places, last = range(len(self.labels)), len(self.labels) - 0.5
        if self.across:
            axes.set_xlabel(axis_label(metric))
            fitting = [fitted(label, _LABEL_WIDTH, _LABEL_SIZE, 1) for label in self.labels]
            axes.set_yticks(places, [plain(label) for label in fitting], fontsize=_LABEL_SIZE)
            axes.set_ylim(last, -0.5)
        else:
            axes.set_ylabel(axis_label(metric))
            axes.set_xticks(places, [plain(_one_part_a_line(label)) for label in self.labels])
            axes.set_xlim(-0.5, last)
        axes.grid(False, axis="y" if self.across else "x")
        for place in places[1:]:
            line = axes.axhline if self.across else axes.axvline
            line(place - 0.5, color="#EEEEEE", linewidth=0.8, zorder=0)


def by_cell(data: FigureData, *, metric: str, groups: Mapping[str, str]) -> Figure:
    """Draw a metric against the cells of matrices; `groups` maps a label to the run with the cells.

    A pale point is a seed, and where settings were drawn the mean of one; the full one is their
    mean, its bar the two-sided 95% confidence interval of the mean (Student's t); a mean is an open
    point where not every seed has a value. A run without a matrix is one cell of its own name, and
    all draws of a sample are one. Cells whose names have no room beside one another are rows.
    """
    experiment = data.experiment
    cells = {name: _cells(experiment, run) for name, run in groups.items()}
    labels = list(dict.fromkeys(cell for of_group in cells.values() for cell in of_group))
    spread = _Spread(labels, across=not _side_by_side(labels))
    figure, axes = spread.figure()
    expected, spots = targets(experiment, metric), []
    for index, (name, of_group) in enumerate(cells.items()):
        look = series_style(index)
        shift = _GROUP_WIDTH * ((index + 0.5) / len(cells) - 0.5)
        for position, cell in enumerate(labels):
            if values := _values(data, of_group.get(cell, ()), metric):
                place = position + shift
                aside = min(_SEEDS_ASIDE, 0.45 * _GROUP_WIDTH / len(cells))
                whole = len(values) == _wanted(experiment, of_group[cell])
                at = Place(place, place - aside, spread.across)
                draw_seeds(axes, look, at, values, all_there=whole)
                half = 0.46 * _GROUP_WIDTH / len(cells)
                own = expected.get(of_group[cell][0], ())
                spots.append(Spot(place - half, place + half, own))
        words = plain(textwrap.fill(name, _LEGEND_LETTERS))
        axes.plot([], [], look.marker, color=look.colour, label=words)
    if not spots:
        show_message(axes, "not run")
        return figure
    spread.name(axes, metric)
    draw_targets(axes, spots, across=spread.across)
    if len(groups) > 1:
        figure.legend(loc="outside upper left", ncols=min(len(groups), 4))
    return figure


def _side_by_side(labels: Sequence[str]) -> bool:
    """Tell whether the cells' names have room beside one another."""
    room = min(PAGE_WIDTH, 3.2 + 0.95 * len(labels)) - 0.9
    lines = [line for label in labels for line in _one_part_a_line(label).split("\n")]
    return max(width_of(line, 9.0) for line in lines) + 0.12 <= room / len(labels)


def _cells(experiment: Experiment, run: str) -> dict[str, list[str]]:
    """Return the full name of each cell of a run by its label; all draws of a cell are one."""
    inside: dict[str, list[str]] = {}
    for name, each in experiment.runs.items():
        if each.base == run and each.labels:
            labels = {axis: label for axis, label in each.labels.items() if axis != SAMPLE}
            inside.setdefault(cell_label(labels) or run, []).append(name)
    single = experiment.runs.get(run)
    return inside or {(single.label if single else "") or run: [run]}


def _values(data: FigureData, runs: Sequence[str], metric: str) -> list[float]:
    """Return the values of a run's seeds, or of several settings the mean of each."""
    of_runs = [values_of(data.results, run, metric) for run in runs]
    if len(of_runs) == 1:
        return of_runs[0]
    return [statistics.mean(values) for values in of_runs if values]


def _wanted(experiment: Experiment, runs: Sequence[str]) -> int:
    """Return how many points there are once all is done."""
    return len(experiment.seeds_of(runs[0])) if len(runs) == 1 else len(runs)


def _one_part_a_line(cell: str) -> str:
    """Return a cell's label with one part a line, so that neighbours do not overlap."""
    return cell.replace("+", "\n+ ").replace(",", ",\n")
