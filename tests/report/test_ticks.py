"""Labels of ticks keep apart whatever an axis shows; numbers read without a note at its end."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

from harness.report.style import styled
from harness.report.ticks import in_thousands, labels, settle

NUMBERS = st.floats(min_value=-1e9, max_value=1e9, allow_nan=False)
POSITIVE = st.floats(min_value=1e-9, max_value=1e9)


def shown(axes: Axes) -> Iterator[list[tuple[str, Bbox]]]:
    """Yield the labels of each axis that are shown, and where."""
    for axis in (axes.xaxis, axes.yaxis):
        texts = [text for text in axis.get_majorticklabels() if text.get_text()]
        yield [(text.get_text(), text.get_window_extent()) for text in texts]


def overlapping(figure: Figure) -> list[tuple[str, str]]:
    return [
        (one, other)
        for axes in figure.axes
        for of_axis in shown(axes)
        for (one, first), (other, second) in itertools.combinations(of_axis, 2)
        if first.overlaps(second)
    ]


def row(panels: int, width: float, height: float) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, list(figure.subplots(1, panels, squeeze=False)[0])


@settings(max_examples=20, deadline=None, derandomize=True)
@given(
    ends=st.tuples(NUMBERS, NUMBERS),
    powers=st.tuples(POSITIVE, POSITIVE),
    steps=st.lists(st.integers(1, 10**7), min_size=1, max_size=4),
    start=st.integers(0, 4),
    size=st.tuples(st.floats(4.0, 9.1), st.floats(0.9, 3.0)),
)
def test_labels_never_overlap(
    ends: tuple[float, float],
    powers: tuple[float, float],
    steps: list[int],
    start: int,
    size: tuple[float, float],
) -> None:
    with styled():
        figure, (linear, log, from_zero) = row(3, *size)
        linear.plot(ends, ends)
        log.loglog(powers, powers)
        from_zero.plot([0, *steps], [0, *steps])
        from_zero.set_xscale("symlog", linthresh=10.0**start, linscale=0.2)
        from_zero.set_xlim(left=0)
        settle(figure)
        figure.draw_without_rendering()
    assert overlapping(figure) == []
    assert all(list(shown(axes)) for axes in figure.axes)


@pytest.mark.parametrize("end", [117_300, 120_000, 1_000_000, 10_000, 3_200])
def test_many_digits_keep_apart(end: int) -> None:
    with styled():
        figure, panels = row(3, 9.1, 2.5)
        for axes in panels:
            axes.plot([0, end], [0.0, 1.0])
        settle(figure)
        figure.draw_without_rendering()
    assert overlapping(figure) == []
    assert all(len(of_axis) >= 2 for axes in figure.axes for of_axis in shown(axes))


def test_next_to_zero_a_power_of_ten_is_left_out() -> None:
    with styled():
        figure, (axes,) = row(1, 3.0, 2.5)
        axes.plot([0, 1000, 100_000], [0, 1, 2])
        axes.set_xscale("symlog", linthresh=1000.0, linscale=0.2)
        axes.set_xlim(left=0)
        settle(figure)
    places = list(axes.get_xticks())
    assert places[0] == 0
    assert 100.0 not in places
    assert places[-1] == 100_000
    assert overlapping(figure) == []


def test_names_that_an_axis_has_stay_but_for_those_that_would_hide_another() -> None:
    with styled():
        figure, (few, many) = row(2, 8.0, 2.5)
        few.plot([0, 1], [0, 1])
        few.set_xticks([0, 1], ["left", "right"])
        many.plot(range(40), range(40))
        many.set_xticks(range(40), [f"the name {index}" for index in range(40)])
        settle(figure)
        figure.draw_without_rendering()
    assert [text.get_text() for text in few.get_xticklabels()] == ["left", "right"]
    assert many.get_xticklabels()[0].get_text() == "the name 0"
    assert overlapping(figure) == []


def test_one_value_has_a_tick_and_the_limits_stay() -> None:
    with styled():
        figure, (linear, log) = row(2, 8.0, 2.5)
        linear.plot([5], [5], "o")
        log.semilogy([5], [0.0164973], "o")
        before = linear.get_ylim()
        settle(figure)
    assert linear.get_ylim() == before
    low, high = log.get_ylim()
    assert low < 0.0164973 < high
    assert len(log.get_yticks()) >= 1


@pytest.mark.parametrize(
    ("places", "expected"),
    [
        ([0.0, 0.5, 1.0], ["0.0", "0.5", "1.0"]),
        ([-1.0, 0.0, 1.0], ["-1", "0", "1"]),
        ([0.0, 2000.0, 12_000.0], ["0", "2,000", "12,000"]),
        ([0.0, 5e6, 1e7], ["0", "5e6", "1e7"]),
        ([0.0, 2e-5], ["0", "2e-5"]),
        ([99.95, 99.975, 100.0], ["99.950", "99.975", "100.000"]),
        ([-0.0], ["0"]),
    ],
)
def test_numbers_on_an_axis(places: list[float], expected: list[str]) -> None:
    assert labels(places) == expected


@pytest.mark.parametrize(
    ("largest", "unit"),
    [
        (9_999, (1.0, "")),
        (10_000, (1000.0, "thousand ")),
        (1_000_000, (1_000_000.0, "million ")),
        (np.inf, (1.0, "")),
    ],
)
def test_large_counts_are_in_thousands_or_millions(largest: float, unit: tuple[float, str]) -> None:
    assert in_thousands(largest) == unit
