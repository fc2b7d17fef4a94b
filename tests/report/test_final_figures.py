"""The figures of final metrics: the line between two networks, and the accuracies of classes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from harness.experiment import Experiment
from harness.report.class_accuracies import class_accuracies
from harness.report.figure_data import FigureData
from harness.report.linear_path import linear_path
from harness.run_result import RunResult
from harness.spec.load import load_file
from tests.support import specifications
from tests.support.results import finished

CURVES = {
    "position": [0.0, 0.5, 1.0],
    "train_loss": [0.1, 0.9, 0.2],
    "train_accuracy": [1.0, 0.5, 0.9],
    "test_loss": [0.3, 1.0, 0.4],
    "test_accuracy": [0.8, 0.4, 0.7],
}


@pytest.fixture
def experiment(tmp_path: Path) -> Experiment:
    metrics = [
        {"name": "class_accuracy", "classes": [0, 2]},
        {"name": "linear_path", "with": "two", "points": 3},
    ]
    document = specifications.small(seeds=[0, 1], runs={"one": {"metrics": metrics}, "two": {}})
    return load_file(specifications.write(tmp_path / "a.json", document))


def results(*ends: str) -> list[RunResult]:
    """Return two seeds of the run, the second with losses twice as large."""
    first, second = finished([0.5, 0.5], "class_0_accuracy")
    doubled = {**CURVES, "train_loss": [2 * each for each in CURVES["train_loss"]]}
    return [
        replace(first, curves=dict.fromkeys(ends, CURVES)),
        replace(second, curves=dict.fromkeys(ends, doubled)),
    ]


def drawn(line: Line2D) -> list[float]:
    return np.asarray(line.get_ydata(), float).tolist()


def legend(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


class TestLinearPath:
    """A line for each split, the mean over seeds."""

    def test_the_mean_over_seeds_is_drawn(self, experiment: Experiment) -> None:
        figure = linear_path(FigureData(experiment, results("two")), groups={"one to two": "one"})
        loss, accuracy = figure.axes
        assert [loss.get_title(), accuracy.get_title()] == ["loss (nats)", "accuracy (%)"]
        train, test = loss.lines
        assert drawn(train) == pytest.approx([0.15, 1.35, 0.3])
        assert drawn(test) == pytest.approx(CURVES["test_loss"])
        assert [line.get_linestyle() for line in (train, test)] == ["-", "--"]
        assert drawn(accuracy.lines[0]) == pytest.approx([100, 50, 90])
        assert legend(figure) == ["one to two"]

    def test_several_ends_have_a_colour_each(self, experiment: Experiment) -> None:
        data = FigureData(experiment, results("two", "three"))
        figure = linear_path(data, groups={"from one": "one"}, log=True)
        assert legend(figure) == ["from one (to two)", "from one (to three)"]
        assert len({line.get_color() for line in figure.axes[0].lines}) == 2
        assert figure.axes[0].get_yscale() == "log"

    def test_what_is_not_measured_is_told(self, experiment: Experiment) -> None:
        figure = linear_path(FigureData(experiment, results()), groups={"g": "one"})
        assert [axes.texts[0].get_text() for axes in figure.axes] == ["not measured"] * 2


class TestClassAccuracies:
    """A place for each class."""

    def test_each_class_that_is_measured_has_its_seeds(self, experiment: Experiment) -> None:
        figure = class_accuracies(FigureData(experiment, results()), groups={"g": "one"})
        (axes,) = figure.axes
        assert [tick.get_text() for tick in axes.get_xticklabels()] == ["0", "2"]
        (drawn,) = axes.containers
        assert drawn.lines[0].get_ydata() == [50.0]  # type: ignore[attr-defined]

    def test_what_is_not_measured_is_told(self, experiment: Experiment) -> None:
        (axes,) = class_accuracies(FigureData(experiment, []), groups={"g": "one"}).axes
        assert axes.texts[0].get_text() == "not measured"
