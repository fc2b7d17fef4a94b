"""Draw a metric of the cells of some runs' matrices, a colour a run."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

from matplotlib.figure import Figure

from harness.experiment import Experiment
from harness.report.figure_data import FigureData
from harness.report.seeds import draw_seeds, values_of
from harness.report.style import axis_label, plain, series_style, show_message

_GROUP_WIDTH = 0.64
_SEEDS_ASIDE = 0.09
_LEGEND_LETTERS = 60


def by_cell(data: FigureData, *, metric: str, groups: Mapping[str, str]) -> Figure:
    """Draw a metric against the cells of matrices; `groups` maps a label to the run with the cells.

    A pale point is a seed, the full one their mean, its bar the two-sided 95% confidence interval
    of the mean (Student's t); a mean is an open point where not every seed has a value. A run
    without a matrix is one cell of its own name.
    """
    experiment = data.experiment
    cells = {name: _cells(experiment, run) for name, run in groups.items()}
    labels = list(dict.fromkeys(cell for of_group in cells.values() for cell in of_group))
    figure = Figure(figsize=(min(11.0, 3.2 + 0.95 * len(labels)), 3.8), layout="constrained")
    axes = figure.subplots()
    drawn = False
    for index, (name, of_group) in enumerate(cells.items()):
        shift = _GROUP_WIDTH * ((index + 0.5) / len(cells) - 0.5)
        for position, cell in enumerate(labels):
            if values := values_of(data.results, of_group.get(cell), metric):
                place = position + shift
                whole = len(values) == len(experiment.seeds_of(of_group[cell]))
                draw_seeds(
                    axes, index, place, values, seeds_at=place - _SEEDS_ASIDE, all_there=whole
                )
                drawn = True
        colour, _, marker = series_style(index)
        axes.plot([], [], marker, color=colour, label=plain(textwrap.fill(name, _LEGEND_LETTERS)))
    if not drawn:
        show_message(axes, "not run")
        return figure
    axes.set_ylabel(axis_label(metric))
    axes.set_xticks(range(len(labels)), [_one_part_a_line(cell) for cell in labels])
    axes.set_xlim(-0.5, len(labels) - 0.5)
    axes.grid(False, axis="x")
    for position in range(len(labels) - 1):
        axes.axvline(position + 0.5, color="#EEEEEE", linewidth=0.8, zorder=0)
    if len(groups) > 1:
        figure.legend(loc="outside upper left", ncols=min(len(groups), 4))
    return figure


def _cells(experiment: Experiment, run: str) -> dict[str, str]:
    """Return the full name of each cell of a run by its label."""
    inside = {
        each.label: name
        for name, each in experiment.runs.items()
        if each.base == run and each.labels
    }
    single = experiment.runs.get(run)
    return inside or {(single.label if single else "") or run: run}


def _one_part_a_line(cell: str) -> str:
    """Return a cell's label with one part a line, so that neighbours do not overlap."""
    return cell.replace("+", "\n+ ").replace(",", ",\n")
