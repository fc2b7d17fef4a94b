"""Draw the test accuracy of each class, a colour a run."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.figure import Figure

from harness.experiment import RunSpec
from harness.report.figure_data import FigureData
from harness.report.seeds import Place, draw_seeds, values_of
from harness.report.style import PAGE_WIDTH, plain, series_style, show_message

_METRIC = "class_accuracy"
_GROUP_WIDTH, _SEEDS_ASIDE = 0.64, 0.05
_RANGE = -3, 103  # intervals of few seeds may reach beyond what a share can be


def class_accuracies(data: FigureData, *, groups: Mapping[str, str]) -> Figure:
    """Draw what the metric `class_accuracy` measured; `groups` maps a label to a run or cell.

    A pale point is a seed, the full one their mean, its bar the two-sided 95% confidence interval
    of the mean (Student's t); a mean is an open point where not every seed has a value.
    """
    runs = {label: data.experiment.runs[run] for label, run in groups.items()}
    classes = sorted({each for run in runs.values() for each in _suffixes(run)})
    places = {number: place for place, number in enumerate(dict.fromkeys(n for n, _ in classes))}
    width = min(PAGE_WIDTH, 2.5 + 0.35 * len(places) * max(1, len(groups) / 2))
    figure = Figure(figsize=(width, 3.6), layout="constrained")
    axes, drawn = figure.subplots(), False
    for index, (label, run) in enumerate(runs.items()):
        look, shift = series_style(index), _GROUP_WIDTH * ((index + 0.5) / len(groups) - 0.5)
        for number, suffix in _suffixes(run):
            metric = f"class_{number}_accuracy{suffix}"
            values = values_of(data.results, run.name, metric)
            if values:
                at = places[number] + shift
                whole = len(values) == len(data.experiment.seeds_of(run.name))
                place = Place(at, at - _SEEDS_ASIDE)
                draw_seeds(axes, look, place, values, all_there=whole)
                drawn = True
        axes.plot([], [], look.marker, color=look.colour, label=plain(label))
    if not drawn:
        show_message(axes, "not measured")
        return figure
    axes.set_xticks(range(len(places)), [str(number) for number in places])
    axes.set_xlabel("class")
    axes.set_ylabel("test accuracy (%)")
    axes.set_ylim(*_RANGE)
    axes.grid(False, axis="x")
    if len(groups) > 1:
        figure.legend(loc="outside upper left", ncols=min(len(groups), 4))
    return figure


def _suffixes(run: RunSpec) -> list[tuple[int, str]]:
    """Return the classes whose accuracies a run measures, and what ends their names."""
    return [
        (number, f"_{metric.label}" if metric.label else "")
        for metric in run.metrics
        if metric.name == _METRIC
        for number in metric.parameters["classes"]
    ]
