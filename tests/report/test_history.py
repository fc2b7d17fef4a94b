"""Metrics while training: what each line, band and axis shows, from histories written by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.experiment import Experiment
from harness.report.figure_data import FigureData
from harness.report.history import history
from harness.report.style import styled
from harness.run_result import RunResult, Status

Load = Callable[..., Experiment]


@pytest.fixture
def two(load: Load) -> Experiment:
    return load(runs={"one": {}, "two": {}})


def done(run: str, seed: int, steps: Sequence[float], **metrics: Sequence[float]) -> RunResult:
    epochs = [step / 10 for step in steps]
    return RunResult(
        run, seed, "key", Status.DONE, history={"step": steps, "epoch": epochs, **metrics}
    )


EARLY = [
    done(
        "one",
        0,
        [0, 10, 20, 40],
        test_accuracy=[0.1, 0.5, 0.7, 0.9],
        train_loss=[4.0, 2.0, 1.0, 0.0],
    ),
    done("one", 1, [0, 10], test_accuracy=[0.3, 0.5], train_loss=[2.0, 1.0]),
]


def points(axes: Axes, line: int = 0) -> tuple[list[float], list[float]]:
    drawn = axes.lines[line]
    return np.asarray(drawn.get_xdata()).tolist(), np.asarray(drawn.get_ydata()).tolist()


def labels(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_a_line_is_the_mean_and_an_early_end_counts_on(two: Experiment) -> None:
    figure = history(FigureData(two, EARLY), metrics=["test_accuracy"], groups={"first": "one"})
    (axes,) = figure.axes
    assert axes.get_title() == "test accuracy (%)"
    steps, means = points(axes)
    assert steps == [0, 10, 20, 40]
    assert means == pytest.approx([20, 50, 60, 70])
    steps, means = points(axes, 1)  # the dot at the end
    assert steps == [40]
    assert means == pytest.approx([70])
    band = axes.collections[0].get_paths()[0].vertices
    at_40 = np.asarray(band)[np.asarray(band)[:, 0] == 40][:, 1]
    assert (min(at_40), max(at_40)) == pytest.approx((50, 90))
    assert labels(figure) == ["first"]


def test_one_seed_has_no_band(two: Experiment) -> None:
    figure = history(FigureData(two, EARLY[:1]), metrics=["test_accuracy"], groups={"first": "one"})
    assert not figure.axes[0].collections


@pytest.mark.parametrize(
    ("x", "last", "words", "end"),
    [
        ("steps", 9_999, "steps", 9_999),
        ("steps", 10_000, "thousand steps", 10),
        ("epochs", 99_990, "epochs", 9_999),
        ("epochs", 1_000_000, "thousand epochs", 100),
    ],
)
def test_large_numbers_are_in_thousands(
    two: Experiment, x: str, last: float, words: str, end: float
) -> None:
    results = [done("one", 0, [0, last], train_loss=[2.0, 1.0])]
    (axes,) = history(
        FigureData(two, results), metrics=["train_loss"], groups={"first": "one"}, x=x
    ).axes
    assert axes.get_xlabel() == words
    assert points(axes)[0] == [0, pytest.approx(end)]


def test_the_axis_ends_where_it_is_said_to(two: Experiment) -> None:
    (axes,) = history(
        FigureData(two, EARLY), metrics=["test_accuracy"], groups={"first": "one"}, until=30
    ).axes
    assert axes.get_xlim() == (0, 30)
    steps, means = points(axes)
    assert steps == [0, 10, 20, 30]
    assert means == pytest.approx([20, 50, 60, 65])  # of the long seed, the middle of 70 and 90
    assert len(axes.lines) == 1  # it goes on, so there is no dot
    (axes,) = history(
        FigureData(two, EARLY),
        metrics=["test_accuracy"],
        groups={"first": "one"},
        x="epochs",
        until=8,
    ).axes
    assert axes.get_xlim() == (0, 8)
    assert points(axes)[0] == [0, 1, 2, 4]
    assert len(axes.lines) == 2


def test_only_losses_are_on_a_logarithmic_axis(two: Experiment) -> None:
    metrics = ["train_loss", "test_accuracy"]
    loss, accuracy = history(
        FigureData(two, EARLY), metrics=metrics, groups={"first": "one"}, log=True
    ).axes
    assert (loss.get_yscale(), accuracy.get_yscale()) == ("log", "linear")
    assert points(loss)[1][-1] == pytest.approx(0.5)
    assert (
        history(FigureData(two, EARLY), metrics=metrics, groups={"first": "one"})
        .axes[0]
        .get_yscale()
        == "linear"
    )


def test_a_diverged_seed_counts_up_to_where_it_diverged(two: Experiment) -> None:
    results = [done("one", 0, [0, 10, 20], train_loss=[2.0, 4.0, float("nan")])]
    (axes,) = history(
        FigureData(two, results), metrics=["train_loss"], groups={"first": "one"}
    ).axes
    assert points(axes) == ([0, 10], [2.0, 4.0])


def test_what_is_missing_is_said(two: Experiment) -> None:
    groups = {"first": "one", "second": "two"}
    failed = RunResult("two", 0, "key", Status.ERROR, "loss is nan")
    figure = history(
        FigureData(two, [*EARLY, failed]), metrics=["test_accuracy", "distance"], groups=groups
    )
    assert labels(figure) == ["first", "second (not run)"]
    assert [text.get_text() for text in figure.axes[1].texts] == ["not measured"]
    figure = history(FigureData(two, []), metrics=["test_accuracy"], groups=groups)
    assert [text.get_text() for text in figure.axes[0].texts] == ["not run"]


@pytest.mark.parametrize(
    ("count", "words"), [(9, ""), (9, ", with words enough for two lines"), (30, "")]
)
def test_many_lines_are_told_apart_and_their_legend_is_beside_the_panels(
    load: Load, count: int, words: str
) -> None:
    runs = [f"run{index}" for index in range(count)]
    experiment = load(runs={run: {} for run in runs})
    results = [
        done(run, 0, [0, 10], train_loss=[2.0, 1.0], train_accuracy=[0.1, 1.0]) for run in runs
    ]
    groups = {f"{run}{words}": run for run in runs}
    with styled():
        figure = history(
            FigureData(experiment, results), metrics=["train_loss", "train_accuracy"], groups=groups
        )
        figure.draw_without_rendering()
    lines = figure.axes[0].lines[::2]
    assert len({(line.get_color(), line.get_linestyle()) for line in lines}) == count
    legend = figure.legends[0].get_window_extent()
    assert all(axes.get_window_extent().x1 < legend.x0 for axes in figure.axes)
    assert legend.y0 > figure.bbox.y0
    assert all(("\n" in name) == (words != "") for name in labels(figure))


@pytest.mark.parametrize(
    ("count", "shape"), [(1, (1, 1)), (3, (1, 3)), (4, (2, 2)), (5, (2, 3)), (7, (3, 3))]
)
def test_panels_fill_rows(two: Experiment, count: int, shape: tuple[int, int]) -> None:
    metrics = [
        "train_loss",
        "train_accuracy",
        "test_loss",
        "test_accuracy",
        "weight_norm",
        "distance",
    ]
    metrics = [*metrics, "relative_distance"][:count]
    figure = history(FigureData(two, EARLY), metrics=metrics, groups={"first": "one"})
    assert [axes.get_title() != "" for axes in figure.axes if axes.get_visible()] == [True] * count
    specification = figure.axes[0].get_subplotspec()
    assert specification is not None
    assert specification.get_gridspec().get_geometry() == shape
