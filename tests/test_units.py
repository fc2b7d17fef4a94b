"""Digits and units."""

from __future__ import annotations

import math

import pytest

from harness.units import (
    NOTHING,
    PERCENT,
    PLAIN,
    POINTS,
    Scale,
    bounds,
    limits,
    measured,
    number,
    scale_of,
    scale_of_difference,
)

STEPS = Scale(1.0, " steps", 0)


@pytest.mark.parametrize(
    ("metric", "scale"),
    [
        ("test_accuracy", PERCENT),
        ("a.test_accuracy", PERCENT),
        ("a[l2+augmentation].test_accuracy", PERCENT),
        ("1 - a.test_accuracy", PERCENT),
        ("(a.test_accuracy + b.test_accuracy) / 2", PERCENT),
        ("a.train_accuracy - b.test_accuracy", POINTS),
        ("(a.test_accuracy + b.test_accuracy) / 2 - c.test_accuracy", POINTS),
        ("2 * (a.test_accuracy - b.test_accuracy)", POINTS),
        ("a.test_accuracy / b.test_accuracy", PLAIN),
        ("a.test_accuracy * b.test_accuracy", PLAIN),
        ("1 / a.test_accuracy", PLAIN),
        ("a.test_accuracy - b.train_loss", PLAIN),
        ("a.test_accuracy / 0", PLAIN),
        ("a.steps_to_fit", STEPS),
        ("a.steps_to_fit - 2 * b.steps_to_fit", STEPS),
        ("a.steps_to_fit / b.steps_to_fit", PLAIN),
        ("a.relative_distance", PLAIN),
        ("a.unheard_of", PLAIN),
        ("not ( an expression", PLAIN),
    ],
)
def test_the_scale_follows_from_the_expression(metric: str, scale: Scale) -> None:
    assert scale_of(metric) == scale


def test_the_difference_of_percentages_is_in_points() -> None:
    assert [scale_of_difference(scale) for scale in (PERCENT, POINTS, STEPS, PLAIN)] == [
        POINTS,
        POINTS,
        STEPS,
        PLAIN,
    ]


@pytest.mark.parametrize(
    ("mean", "deviation", "scale", "text"),
    [
        (0.96432, 0.00321, PERCENT, "96.43 ± 0.32%"),
        (0.96432, 0.0321, PERCENT, "96.4 ± 3.2%"),
        (0.96432, 0.321, PERCENT, "96 ± 32%"),
        (0.96432, 0.0000321, PERCENT, "96.43 ± 0.00%"),
        (0.96432, None, PERCENT, "96.43%"),
        (1.0, 0.0, PERCENT, "100.00 ± 0.00%"),
        (0.99998, None, PERCENT, ">99.99%"),
        (0.99998, 0.00002, PERCENT, ">99.99 ± 0.00%"),
        (0.0151, 0.0040, POINTS, "1.51 ± 0.40 points"),
        (-0.000001, None, POINTS, "0.00 points"),
        (12345.4, 678.9, STEPS, "12,345 ± 679 steps"),
        (0.46428, None, PLAIN, "0.464"),
        (0.46428, 0.0123, PLAIN, "0.464 ± 0.012"),
        (0.46428, 0.0012, PLAIN, "0.464 ± 0.001"),
        (0.0123, 0.46, PLAIN, "0.01 ± 0.46"),
        (31.71828, None, PLAIN, "31.7"),
        (2.5e-6, 1.25e-7, PLAIN, "2.50e-06 ± 1.25e-07"),
        (0.0, 0.0, PLAIN, "0 ± 0"),
        (None, None, PERCENT, NOTHING),
        (math.nan, None, PERCENT, "nan"),
        (math.inf, math.inf, PERCENT, "inf"),
        (1e308, None, PLAIN, "1.00e+308"),
        (1.5e308, 2.5e307, PLAIN, "1.50e+308 ± 2.50e+307"),
        (1.5e308, 0.0, PERCENT, "1.50e+310 ± 0.00e+00%"),
        (-1.5e308, None, POINTS, "-1.50e+310 points"),
        (0.0, math.inf, PLAIN, "0.00e+00 ± inf"),
        (3.0, math.inf, STEPS, "3.00e+00 ± inf steps"),
        (123456789012345.0, None, STEPS, "123,456,789,012,345 steps"),
        (1e15, None, STEPS, "1.00e+15 steps"),
        (1e-320, None, PLAIN, "1.00e-320"),
        (5e-324, 5e-324, PLAIN, "4.94e-324 ± 4.94e-324"),
        (1e-320, 1e-320, PERCENT, "0.00 ± 0.00%"),
        (-0.0, None, PLAIN, "0"),
        (-0.0, 1e-9, PLAIN, "0.00e+00 ± 1.00e-09"),
        (-0.0, None, PERCENT, "0.00%"),
    ],
)
def test_mean_and_deviation(
    mean: float | None, deviation: float | None, scale: Scale, text: str
) -> None:
    assert measured(mean, deviation, scale) == text


def test_a_number_alone() -> None:
    assert (number(0.5, PERCENT), number(None), number(1234.5)) == ("50.00%", NOTHING, "1,234")


@pytest.mark.parametrize(
    ("lower", "upper", "scale", "text"),
    [
        (0.01, None, POINTS, "at least 1 point"),
        (None, 0.015, POINTS, "at most 1.5 points"),
        (0.94, 0.98, PERCENT, "between 94% and 98%"),
        (0.999, None, PERCENT, "at least 99.9%"),
        (-0.01, 0.01, POINTS, "between -1 and 1 points"),
        (None, 20000, STEPS, "at most 20,000 steps"),
        (None, 0.8, PLAIN, "at most 0.8"),
        (1.0, 1.0, PERCENT, "exactly 100%"),
        (None, None, PLAIN, "any finite number"),
        (0.07, None, PERCENT, "at least 7%"),
        (0.123456789012, None, PERCENT, "at least 12.3456789012%"),
        (None, 1e-15, PLAIN, "at most 1e-15"),
        (None, 1e-15, PERCENT, "at most 1e-13%"),
        (None, 5e-324, PLAIN, "at most 5e-324"),
        (1e308, None, PLAIN, "at least 1e+308"),
        (1.5e308, None, PERCENT, "at least 1.5e+310%"),
        (-0.0, None, PLAIN, "at least 0"),
        (-0.0, 0.0, PERCENT, "exactly 0%"),
        (123456.25, None, PLAIN, "at least 123456.25"),
    ],
)
def test_bounds_in_words(lower: float | None, upper: float | None, scale: Scale, text: str) -> None:
    assert bounds(lower, upper, scale) == text


def test_limits_have_the_digits_of_the_mean() -> None:
    assert limits((0.9512, 0.9611), 0.956, 0.012, PERCENT) == "95.1 to 96.1%"
    assert limits((None, None), 0.956, None, PERCENT) == NOTHING


def test_limits_may_be_too_large_for_numbers() -> None:
    assert limits((-math.inf, math.inf), 0.0, math.inf, PERCENT) == "-inf to inf%"
    assert limits((-1.2e300, 1.2e300), 0.0, None, PLAIN) == "-1.20e+300 to 1.20e+300"
