"""Metrics against the numbers on an axis of matrices, from measurements written by hand."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.experiment import Experiment, Json
from harness.report.against import against
from harness.report.figure_data import FigureData
from harness.report.style import styled
from harness.run_result import RunResult
from tests.support.results import finished

Load = Callable[..., Experiment]


def sweep(*labels: str, **other: Json) -> Json:
    return {"matrix": {"p": {label: {} for label in labels}, **other}}


def done(run: str, values: Sequence[float | None], metric: str = "steps") -> list[RunResult]:
    return finished(values, metric, run)


def every(run: str, values: Mapping[str, Sequence[float | None]]) -> list[RunResult]:
    return [
        result for cell, of_cell in values.items() for result in done(f"{run}[{cell}]", of_cell)
    ]


def lines(axes: Axes) -> list[tuple[list[float], list[float]]]:
    """Return where the lines between means go; all else that is drawn has no line, or no length."""
    drawn = [
        line
        for line in axes.lines
        if line.get_linestyle() != "None" and line.get_marker() == "None"
    ]
    return [
        (np.asarray(line.get_xdata()).tolist(), np.asarray(line.get_ydata()).tolist())
        for line in drawn
    ]


def labels(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


def ticks(axes: Axes) -> dict[str, float]:
    return {
        text.get_text(): place
        for text, place in zip(axes.get_xticklabels(), axes.get_xticks(), strict=True)
    }


def test_means_stand_at_their_numbers_in_order(load: Load) -> None:
    experiment = load(runs={"one": sweep("10", "0", "2.5")})
    results = every("one", {"10": (3, 5), "0": (1, 1), "2.5": (2, 4)})
    figure = against(
        FigureData(experiment, results), metrics=["steps"], axis="p", groups={"first": "one"}
    )
    (axes,) = figure.axes
    assert lines(axes) == [([0, 0.25, 1], [1, 3, 4])]
    assert ticks(axes) == {"0": 0, "2.5": 0.25, "10": 1}
    assert (axes.get_title(), axes.get_xlabel(), labels(figure)) == ("steps", "p", ["first"])


def test_the_bar_is_the_interval_of_the_mean_and_pale_points_are_seeds(load: Load) -> None:
    experiment = load(seeds=[0, 1, 2], runs={"one": sweep("1", "2")})
    results = every("one", {"1": (1, 2, 3), "2": (5, 5, 5)})
    (axes,) = against(
        FigureData(experiment, results), metrics=["steps"], axis="p", groups={"first": "one"}
    ).axes
    _, caps, _ = axes.containers[0].lines  # type: ignore[attr-defined]
    # Student's t, two-sided 95%, 2 degrees of freedom: 4.3027; the deviation of 1, 2, 3 is 1.
    half = 4.3027 / np.sqrt(3)
    assert [cap.get_ydata()[0] for cap in caps] == pytest.approx([2 - half, 2 + half], abs=1e-4)
    pale = [line for line in axes.lines if line.get_alpha() is not None]
    assert [np.asarray(line.get_ydata()).tolist() for line in pale] == [[1, 2, 3], [5, 5, 5]]


def test_a_logarithmic_axis_has_equal_steps_for_equal_factors(load: Load) -> None:
    experiment = load(runs={"one": sweep("1", "10", "100")})
    results = every("one", {"1": (1, 1), "10": (2, 2), "100": (3, 3)})
    (axes,) = against(
        FigureData(experiment, results),
        metrics=["steps"],
        axis="p",
        groups={"first": "one"},
        log_x=True,
    ).axes
    assert lines(axes)[0][0] == pytest.approx([0, 0.5, 1])
    assert list(ticks(axes)) == ["1", "10", "100"]


def test_a_setting_is_an_axis_too_and_is_named_in_words(load: Load) -> None:
    experiment = load(runs={"one": {"matrix": {"training.batch_size": [32, 64]}}})
    results = every("one", {"32": (1, 1), "64": (2, 2)})
    (axes,) = against(
        FigureData(experiment, results),
        metrics=["steps"],
        axis="training.batch_size",
        groups={"f": "one"},
    ).axes
    assert (list(ticks(axes)), axes.get_xlabel()) == (["32", "64"], "batch size")


def test_other_axes_have_a_line_for_each_combination(load: Load) -> None:
    other: Json = {"decay": {"wd": {}, "none": {}}, "training.epochs": [5]}
    experiment = load(runs={"one": sweep("1", "2", **other), "two": sweep("1", "2")})
    results = every(
        "one", {"1,wd,5": (1, 1), "2,wd,5": (2, 2), "1,none,5": (3, 3), "2,none,5": (4, 4)}
    )
    figure = against(
        FigureData(experiment, results),
        metrics=["steps"],
        axis="p",
        groups={"first": "one", "second": "two"},
    )
    assert labels(figure) == ["first, wd, 5", "first, none, 5", "second (not run)"]
    assert [means for _, means in lines(figure.axes[0])] == [[1, 2], [3, 4]]


def test_a_mean_of_fewer_seeds_is_open_and_one_of_none_is_not_there(load: Load) -> None:
    experiment = load(runs={"one": sweep("1", "2", "3")})
    results = every("one", {"1": (1, 3), "2": (4, None), "3": (None, float("inf"))})
    (axes,) = against(
        FigureData(experiment, results), metrics=["steps"], axis="p", groups={"first": "one"}
    ).axes
    assert lines(axes) == [([0, 0.5], [2, 4])]
    means = [container.lines[0] for container in axes.containers]  # type: ignore[attr-defined]
    assert [mean.get_markerfacecolor() == "white" for mean in means] == [False, True]
    assert list(ticks(axes)) == ["1", "2", "3"]


def test_what_is_missing_is_said(load: Load) -> None:
    experiment = load(runs={"one": sweep("1", "2")})
    results = every("one", {"1": (1, 3)})
    figure = against(
        FigureData(experiment, results),
        metrics=["steps", "boundary_length"],
        axis="p",
        groups={"first": "one"},
    )
    assert [text.get_text() for text in figure.axes[1].texts] == ["not measured"]
    figure = against(
        FigureData(experiment, []), metrics=["steps"], axis="p", groups={"first": "one"}
    )
    assert [text.get_text() for text in figure.axes[0].texts] == ["not run"]
    assert labels(figure) == ["first (not run)"]


def test_nine_lines_stand_nearer_to_their_number_than_to_the_next(load: Load) -> None:
    numbers = [f"{index / 10:g}" for index in range(11)]
    runs = [f"run{index}" for index in range(9)]
    experiment = load(runs={run: sweep(*numbers) for run in runs})
    results = [result for run in runs for result in every(run, dict.fromkeys(numbers, (1, 2)))]
    groups = {run: run for run in runs}
    (axes,) = against(
        FigureData(experiment, results), metrics=["steps"], axis="p", groups=groups
    ).axes
    drawn = lines(axes)
    assert len({tuple(places) for places, _ in drawn}) == 9
    for line in axes.lines:
        nearest = np.round(np.asarray(line.get_xdata(), dtype=float) * 10)
        assert np.all(np.abs(np.asarray(line.get_xdata()) - nearest / 10) < 0.05)
    looks = {
        (line.get_color(), line.get_linestyle())
        for line in axes.lines
        if line.get_marker() == "None"
    }
    assert len(looks) == 9


@pytest.mark.parametrize("metrics", [["steps"], ["steps", "epochs", "weight_norm"]])
@pytest.mark.parametrize(
    ("numbers", "log_x"),
    [
        ([f"{index / 10:g}" for index in range(11)], False),
        (["0.000125", "0.00025", "0.0005", "0.001", "0.002", "0.004"], True),
        (["1", "2", "4", "1000"], False),
        (["1e-08", "2e-08", "123456"], True),
        (["0.5"], True),
        (["0"], False),
    ],
)
def test_the_numbers_do_not_run_into_one_another(
    load: Load, numbers: Sequence[str], log_x: bool, metrics: list[str]
) -> None:
    experiment = load(runs={"one": sweep(*numbers)})
    results = every("one", dict.fromkeys(numbers, (1, 2)))
    with styled():
        figure = against(
            FigureData(experiment, results),
            metrics=metrics,
            axis="p",
            groups={"first": "one"},
            log_x=log_x,
        )
        figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in figure.axes[0].get_xticklabels()]
    assert all(left.x1 < right.x0 for left, right in itertools.pairwise(boxes))
    marks = sorted({*figure.axes[0].get_xticks(), *figure.axes[0].get_xticks(minor=True)})
    assert len(marks) == len(numbers)
