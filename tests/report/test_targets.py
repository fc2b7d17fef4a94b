"""What is expected of a run is drawn beside what it measured."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from matplotlib.figure import Figure

from harness.experiment import Experiment, Json
from harness.report.by_cell import by_cell
from harness.report.curves import curves
from harness.report.figure_data import FigureData
from harness.report.targets import Spot, Target, at_the_end, draw_targets, targets
from harness.run_result import RunResult, Status

Load = Callable[..., Experiment]


def expected(metric: str, name: str = "e", **bounds: Json) -> Json:
    basis = "paper" if "published" in bounds else "claim"
    where = {"citation": "Doe (2020)", "source": "table 1"}
    return {"id": name, "metric": metric, "basis": basis, **where, **bounds}


def test_only_what_is_expected_of_the_metric_itself_counts(load: Load) -> None:
    experiment = load(
        runs={"one": {}, "two": {}},
        expectations=[
            expected("one.test_accuracy", "a", at_least=0.9),
            expected("one.test_accuracy - two.test_accuracy", "b", at_least=0),
            expected("two.test_accuracy", "c", between=[0.1, 0.2], published=0.15),
            expected("two.steps", "d", at_most=10),
        ],
    )
    found = targets(experiment, "test_accuracy")
    assert found["one"] == [Target(90.0, None, None, 0.0, 100.0)]
    (two,) = found["two"]
    assert (two.lower, two.upper, two.published) == pytest.approx((10, 20, 15))
    assert targets(experiment, "steps") == {"two": [Target(None, 10.0, None)]}


def drawn(target: Target, across: bool = False) -> tuple[float, float]:
    figure = Figure()
    axes = figure.subplots()
    axes.set(xlim=(40, 60), ylim=(40, 60))
    draw_targets(axes, [Spot(45, 46, [target])], across=across)
    return axes.get_xlim() if across else axes.get_ylim()


@pytest.mark.parametrize("across", [False, True])
def test_the_axis_reaches_to_published_values_and_to_bounds_that_are_near(across: bool) -> None:
    low, high = drawn(Target(None, 65.0, 90.0), across)
    assert low == 40
    assert high > 90
    assert drawn(Target(None, 65.0, None), across)[1] > 65
    assert drawn(Target(None, 95.0, None), across) == (40, 60)


def test_what_several_lines_expect_alike_is_drawn_once() -> None:
    same, other = Target(1.0, None, None), Target(2.0, None, None)
    spots = at_the_end([("#000001", [same]), ("#000002", [same, other]), ("#000003", [])])
    assert [(spot.colour, *spot.targets) for spot in spots] == [
        ("#000001", same),
        ("#000002", other),
    ]


def done(run: str, points: int = 2) -> RunResult:
    steps = [10.0 * index for index in range(points)]
    history = {"step": steps, "test_accuracy": [0.5] * points}
    return RunResult(
        run, 0, "key", Status.DONE, measurements={"test_accuracy": 0.5}, history=history
    )


def test_a_published_value_stands_beside_the_cell_and_at_the_end_of_the_curve(load: Load) -> None:
    experiment = load(
        seeds=[0],
        runs={"one": {"matrix": {"p": {"a": {}, "b": {}}}}},
        expectations=[expected("one[b].test_accuracy", between=[0.5, 0.6], published=0.55)],
    )
    results = [done("one[a]"), done("one[b]")]
    figure = by_cell(FigureData(experiment, results), metric="test_accuracy", groups={"x": "one"})
    (published,) = figure.axes[0].collections[-1:]
    place = np.asarray(published.get_offsets())[0].tolist()
    assert place == pytest.approx([1, 55])
    over_time = curves(experiment, results)
    assert over_time is not None
    published = over_time.axes[1].collections[-1]
    across, up = np.asarray(published.get_offsets())[0]
    assert 0.9 < across < 1
    assert up == pytest.approx(55)


@pytest.mark.parametrize(("points", "marked"), [(1, True), (20, True), (21, False)])
def test_few_points_have_markers(load: Load, points: int, marked: bool) -> None:
    experiment = load(seeds=[0], runs={"one": {}})
    figure = curves(experiment, [done("one", points)])
    assert figure is not None
    assert (figure.axes[1].lines[0].get_marker() == "o") is marked
