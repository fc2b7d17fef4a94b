"""The figure of every expectation: what each row shows, and in which panel."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.experiment import Basis, Expectation, Experiment, Statistic
from harness.judging.check import check
from harness.judging.judgement import Judgement
from harness.report.forest import forest
from harness.report.style import GREEN, styled
from harness.report.ticks import settle
from harness.run_result import RunResult
from harness.words import Verdict


def judged(
    metric: str = "a.test_accuracy",
    verdict: Verdict = Verdict.PASS,
    *,
    bounds: tuple[float | None, float | None] = (0.9, None),
    mean: float | None = 0.95,
    limits: tuple[float | None, float | None] = (0.94, 0.96),
    published: float | None = None,
) -> Judgement:
    basis = Basis.CLAIM if published is None else Basis.PAPER
    expectation = Expectation(
        "e", "a title", metric, *bounds, Statistic.MEAN, 0.95, basis, "table 1", published
    )
    values = {} if mean is None else {0: mean - 0.005, 1: mean + 0.005}
    return Judgement(expectation, verdict, mean, 0.007, values, limits)


def drawn(*judgements: Judgement) -> Figure:
    with styled():
        figure = forest(judgements)
        assert figure is not None
        settle(figure)
    return figure


def lines(axes: Axes) -> list[tuple[list[float], str]]:
    return [
        (np.asarray(line.get_xdata(), dtype=float).round(6).tolist(), str(line.get_marker()))
        for line in axes.lines
    ]


def titles(figure: Figure) -> list[str]:
    return [axes.get_title(loc="left") for axes in figure.axes]


def test_a_row_has_the_point_its_limits_the_seeds_the_bound_and_the_published_value() -> None:
    (axes,) = drawn(judged(published=0.93)).axes
    found = lines(axes)
    assert ([90, 90], "None") in found
    assert ([94, 96], "None") in found
    assert ([94.5, 95.5], "o") in found
    assert ([93], "D") in found
    assert ([95], "o") in found
    (band,) = axes.collections
    across = np.asarray(band.get_paths()[0].vertices)[:, 0]
    assert (across.min(), across.max()) == pytest.approx((90, axes.get_xlim()[1]))
    assert [text.get_text() for text in axes.texts] == ["a title", "95.00 ± 0.70%"]


def test_verdicts_differ_in_more_than_colour() -> None:
    verdicts = (Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE)
    (axes,) = drawn(*(judged(verdict=verdict) for verdict in verdicts)).axes
    points = [line for line in axes.lines if np.asarray(line.get_xdata()).tolist() == [95.0]]
    looks = {(line.get_marker(), line.get_markerfacecolor() == "white") for line in points}
    assert looks == {("o", False), ("X", False), ("o", True)}


def test_what_was_not_measured_shows_its_bound_and_says_why() -> None:
    figure = drawn(judged(verdict=Verdict.BLOCKED, mean=None, limits=(None, None)))
    (axes,) = figure.axes
    assert lines(axes) == [([90, 90], "None")]
    assert axes.lines[0].get_color() == GREEN
    assert axes.texts[1].get_text() == "blocked"
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["expected"]


def test_units_have_panels_of_their_own() -> None:
    figure = drawn(
        judged(),
        judged("a.test_accuracy - b.test_accuracy", mean=0.02, limits=(0.01, 0.03), bounds=(0, 1)),
        judged("a.steps / b.steps", mean=2.0, limits=(1.5, 2.5), bounds=(1.0, None)),
        judged("a.distance", mean=2.0, limits=(1.5, 2.5), bounds=(1.0, None)),
        judged("a.steps", mean=200.0, limits=(150.0, 250.0), bounds=(None, 300.0)),
    )
    names = ["percent", "percentage points", "ratios", "plain numbers", "steps"]
    assert titles(figure) == names


def test_what_lies_far_apart_has_panels_of_its_own() -> None:
    chance = judged(mean=0.1, limits=(0.09, 0.11), bounds=(0.08, 0.12))
    near = judged(mean=0.92, limits=(0.91, 0.93), bounds=(0.9, None))
    figure = drawn(judged(), chance, near)
    assert titles(figure) == ["percent", "percent"]
    assert [len(axes.texts) // 2 for axes in figure.axes] == [1, 2]


def test_ratios_that_differ_much_are_on_a_logarithmic_axis() -> None:
    small = judged("a.steps / b.steps", mean=1.0, limits=(0.9, 1.1), bounds=(0.8, 1.25))
    large = judged("a.steps / b.steps", mean=90.0, limits=(80.0, 99.0), bounds=(2.0, None))
    figure = drawn(small, large)
    assert titles(figure) == ["ratios, logarithmic"]
    assert figure.axes[0].get_xscale() == "log"


def labels(figure: Figure) -> list[list[str]]:
    """Return what is written beside the rows of each panel, as it was measured."""
    return [[text.get_text() for text in axes.texts[1::2]] for axes in figure.axes]


def test_numbers_of_quite_different_sizes_share_no_axis() -> None:
    """Each is seen: none is a point at the zero of another."""

    def row(mean: float, bounds: tuple[float | None, float | None]) -> Judgement:
        near = 0.02 * abs(mean)
        limits = (mean - near, mean + near)
        return judged("a.distance - b.distance", mean=mean, limits=limits, bounds=bounds)

    figure = drawn(
        row(-4.26, (0, None)),
        row(127_104.0, (0, None)),
        row(50.1, (0, None)),
        row(0.0388, (None, 0.1)),
        row(31.0, (0, None)),
    )
    assert titles(figure) == ["plain numbers"] * 4
    sizes = [max(abs(end) for end in axes.get_xlim()) for axes in figure.axes]
    assert [len(rows) for rows in labels(figure)] == [1, 1, 2, 1]
    assert sizes == sorted(sizes)
    for axes in figure.axes:
        low, high = axes.get_xlim()
        bars = [found for found, marker in lines(axes) if marker == "None" and found[0] != found[1]]
        assert bars
        assert all(right - left > 0.01 * (high - low) for left, right in bars)


def test_points_are_parted_by_size_and_percentages_are_not() -> None:
    small = judged("a.test_accuracy - b.test_accuracy", mean=0.004, limits=(0.003, 0.005))
    large = judged("a.test_accuracy - b.test_accuracy", mean=0.3, limits=(0.28, 0.32))
    both = [
        dataclasses.replace(
            each, expectation=dataclasses.replace(each.expectation, lower=0.0, upper=None)
        )
        for each in (large, small)
    ]
    assert titles(drawn(*both)) == ["percentage points"] * 2
    error = judged(mean=0.004, limits=(0.003, 0.005), bounds=(0.0, 0.01))
    third = judged(mean=0.3, limits=(0.28, 0.32), bounds=(0.0, 0.4))
    assert titles(drawn(error, third)) == ["percent"]


def test_cells_of_one_expectation_are_told_apart() -> None:
    one = judged()
    cells = [
        dataclasses.replace(
            one, expectation=dataclasses.replace(one.expectation, id=f"e[{cell}]", base="e")
        )
        for cell in ("none", "l2")
    ]
    (axes,) = drawn(*cells).axes
    assert [text.get_text() for text in axes.texts[::2]] == ["[none] a title", "[l2] a title"]


@pytest.mark.parametrize("count", [1, 12, 40])
def test_rows_never_overlap_and_are_no_wider_than_a_page(count: int) -> None:
    long = "A sentence that says at length what was expected of this cell of the matrix " * 2
    rows = [judged() for _ in range(count)]
    rows = [
        dataclasses.replace(
            row, expectation=dataclasses.replace(row.expectation, title=f"{index}: {long}")
        )
        for index, row in enumerate(rows)
    ]
    figure = drawn(*rows)
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for axes in figure.axes for text in axes.texts]
    assert not any(one.overlaps(other) for one, other in itertools.combinations(boxes, 2))
    assert all(box.x0 >= -1 and box.x1 <= figure.bbox.x1 + 1 for box in boxes)


@pytest.mark.filterwarnings("error")
def test_all_verdicts_of_an_experiment_and_numbers_of_any_size_are_drawn(
    experiment: Experiment, results: Sequence[RunResult]
) -> None:
    drawn(*check(experiment, results))
    drawn(judged("a.distance", mean=1.7e308, limits=(None, None), bounds=(0.0, None)))
    drawn(judged("a.distance", mean=None, limits=(None, None), bounds=(None, None)))


def test_nothing_expected_is_no_figure() -> None:
    assert forest([]) is None
