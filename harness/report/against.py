"""Draw metrics against the numbers on an axis of some runs' matrices, a line a run."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.experiment import SAMPLE, Experiment
from harness.report.encoding import encode
from harness.report.figure_data import FigureData
from harness.report.panels import legend_entry, panels
from harness.report.seeds import Place, draw_seeds, values_of
from harness.report.style import Look, show_message
from harness.report.targets import Spot, draw_targets, targets
from harness.run_result import Status
from harness.spec.matrix import axis_number, drawn_labels

# Lengths on the axis, as shares of the distance between its smallest and its largest number.
_SHIFT, _SEEDS_ASIDE, _MARGIN = 0.014, 0.02, 0.08
_LETTER_WIDTH, _LABEL_GAP = 0.027, 0.018
_BAND = 0.012


@dataclass(frozen=True)
class _Line:
    """A line's name, and the number and full name of each of its cells, smallest number first.

    `key` has its group, and its label on each of the other axes. `joined` tells whether the cells
    differ in the number alone, so that a line may join them: those that a sample drew do not.
    """

    name: str
    cells: Sequence[tuple[float, str]]
    key: Mapping[str, str]
    joined: bool = True


def against(
    data: FigureData,
    *,
    metrics: Sequence[str],
    axis: str,
    groups: Mapping[str, str],
    log_x: bool = False,
) -> Figure:
    """Draw metrics against the numbers that the cells of runs have on an axis of their matrices.

    A pale point is a seed, the full one their mean, its bar the two-sided 95% confidence interval
    of the mean (Student's t); a mean is an open point where not every seed has a value. Lines are
    shifted a little sideways, so that none hides the bars of another. Of settings that a sample
    drew, each has a point, the mean of its seeds, without a bar and without a line.

    Args:
        data: The experiment and its results.
        metrics: One a panel.
        axis: The axis of the matrices, as the specification names it.
        groups: Label to run; where the run's matrix has other axes too, each combination of their
            labels has a line.
        log_x: Whether the axis is logarithmic.
    """
    experiment, results = data.experiment, data.results
    lines = [line for group, run in groups.items() for line in _lines(experiment, group, run, axis)]
    places = _places((number for line in lines for number, _ in line.cells), log_x)
    finished = {result.run for result in results if result.status is Status.DONE}
    done = [any(run in finished for _, run in line.cells) for line in lines]
    looks = [
        look if line.joined else look._replace(line=" ")
        for look, line in zip(encode([line.key for line in lines]).looks, lines, strict=True)
    ]
    legend = [
        legend_entry(look, line.name, done=found, marked=True)
        for look, line, found in zip(looks, lines, done, strict=True)
    ]
    figure, shown = panels(metrics, legend)
    shifts, aside = _sideways_shifts(places, len(lines))
    for axes, metric in zip(shown, metrics, strict=True):
        for index, line in enumerate(lines):
            found = [
                (places[number], values_of(results, run, metric)) for number, run in line.cells
            ]
            points = [(place + shifts[index], values) for place, values in found if values]
            fewest = min(len(experiment.seeds_of(run)) for _, run in line.cells)
            if line.joined:
                _draw(axes, looks[index], points, aside, fewest)
            else:
                _draw_settings(axes, looks[index], points, fewest)
        if axes.lines:
            expected = targets(experiment, metric)
            half = min(aside, _BAND)
            draw_targets(
                axes,
                (
                    Spot(at - half, at + half, expected.get(run, ()))
                    for index, line in enumerate(lines)
                    for number, run in line.cells
                    for at in [places[number] + shifts[index]]
                ),
            )
            axes.set_xlabel(axis.rpartition(".")[2].replace("_", " "))
            _number_axis(axes, places)
        else:
            show_message(axes, "not measured" if any(done) else "not run")
    return figure


def _lines(experiment: Experiment, group: str, run: str, axis: str) -> Iterator[_Line]:
    """Yield a run's lines: one of the group's name, or one for each combination on other axes."""
    found: dict[str, list[tuple[float, str]]] = {}
    keys: dict[str, dict[str, str]] = {}
    drawn = False
    for name, cell in experiment.runs.items():
        if cell.base == run:
            labels = dict(cell.labels)
            number = axis_number({**labels, **drawn_labels(cell.drawn)}[axis])
            assert number is not None  # else the specification is not valid
            for each in (axis, SAMPLE):
                labels.pop(each, None)
            others = ", ".join(labels.values())
            drawn |= bool(cell.drawn)
            found.setdefault(others, []).append((number, name))
            keys[others] = {**labels, "": group}
    for others, numbered in found.items():
        title = f"{group}, {others}" if len(found) > 1 else group
        yield _Line(title, sorted(numbered), keys[others], not drawn)


def _places(numbers: Iterable[float], log: bool) -> dict[float, float]:
    """Return where each number stands between the smallest, at 0, and the largest, at 1."""
    ordered = sorted(set(numbers))
    values = np.log(ordered) if log else np.asarray(ordered)
    width = values[-1] - values[0]
    return dict(zip(ordered, (values - values[0]) / width if width > 0 else [0.5], strict=True))


def _sideways_shifts(places: Mapping[float, float], lines: int) -> tuple[Sequence[float], float]:
    """Return how far right of its number each line stands, and how far left of that its seeds do.

    Everything that belongs to a number stays nearer to it than to its neighbour.
    """
    narrowest = min(np.diff(list(places.values())), default=1.0)
    step = min(_SHIFT, 0.5 * narrowest / lines)
    return [step * (index - (lines - 1) / 2) for index in range(lines)], min(
        _SEEDS_ASIDE, 0.2 * narrowest
    )


def _draw(
    axes: Axes,
    look: Look,
    points: Sequence[tuple[float, Sequence[float]]],
    aside: float,
    seeds: int,
) -> None:
    if not points:
        return
    places, means = zip(
        *((place, statistics.mean(values)) for place, values in points), strict=True
    )
    axes.plot(places, means, look.line, color=look.colour, linewidth=1.2)
    for place, values in points:
        draw_seeds(axes, look, Place(place, place - aside), values, all_there=len(values) >= seeds)


def _draw_settings(
    axes: Axes, look: Look, points: Sequence[tuple[float, Sequence[float]]], seeds: int
) -> None:
    """Draw the mean of each setting that was drawn, open where not every seed has a value."""
    for place, values in points:
        whole = len(values) >= seeds
        axes.plot(
            place,
            statistics.mean(values),
            look.marker,
            color=look.colour,
            alpha=0.75,
            markersize=5.5,
            markerfacecolor=look.colour if whole else "white",
        )


def _number_axis(axes: Axes, places: Mapping[float, float]) -> None:
    """Mark every number, and label as many as do not run into one another."""
    labels = {place: f"{number:g}" for number, place in places.items()}
    kept: list[float] = []
    for place, text in labels.items():
        if (
            not kept
            or place - kept[-1]
            >= _LETTER_WIDTH * (len(text) + len(labels[kept[-1]])) / 2 + _LABEL_GAP
        ):
            kept.append(place)
    axes.set_xlim(-_MARGIN, 1.0 + _MARGIN)
    axes.set_xticks(kept, [labels[place] for place in kept])
    axes.set_xticks(list(labels), minor=True)
