"""What an expectation says in words."""

import dataclasses

import pytest

from harness.experiment import Basis, Expectation, Statistic
from harness.report.expectation import anchors, expected, expected_briefly, titles

EXPECTATION = Expectation(
    "e", "", "one.test_accuracy", 0.5, None, Statistic.MEAN, 0.95, Basis.CLAIM, "s"
)


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({}, "at least 50%"),
        ({"statistic": Statistic.EVERY}, "every seed at least 50%"),
        # A share cannot be more than all, nor less than nothing.
        ({"lower": 0.993, "upper": 1.003}, "at least 99.3%"),
        ({"lower": -0.01, "upper": 0.2}, "at most 20%"),
        ({"lower": 0.4, "upper": 0.6}, "between 40% and 60%"),
        (
            {"lower": 0.993, "upper": 1.003, "published": 0.998},
            "within 0.5 points of the published 99.8%",
        ),
        ({"lower": 0.4, "upper": 0.6, "published": 0.45}, "between 40% and 60%"),
        (
            {"metric": "one.steps", "lower": 90.0, "upper": 110.0, "published": 100.0},
            "within 10 steps of the published 100 steps",
        ),
        (
            {"metric": "one.test_accuracy + two.test_accuracy", "lower": 0.9, "upper": 1.1},
            "between 90% and 110%",
        ),
    ],
)
def test_bounds_are_told_as_they_were_meant(members: dict[str, object], words: str) -> None:
    expectation = dataclasses.replace(EXPECTATION, **members)  # type: ignore[arg-type]
    assert expected_briefly(expectation) == words


def test_the_details_have_the_confidence() -> None:
    assert expected(EXPECTATION) == "mean at least 50% (95% confidence)"


def test_every_expectation_has_an_anchor_of_its_own() -> None:
    assert anchors(["a[x+y]", "a[x,y]", "b"]) == {
        "a[x+y]": "expectation-a-x-y",
        "a[x,y]": "expectation-a-x-y--2",
        "b": "expectation-b",
    }


def test_a_title_that_several_have_tells_their_cells() -> None:
    def named(**members: str) -> Expectation:
        return dataclasses.replace(EXPECTATION, **members)  # type: ignore[arg-type]

    given = [
        named(id="fits[l2]", base="fits", title="It fits"),
        named(id="fits[none]", base="fits", title="It fits"),
        named(id="worse", title="It tests worse"),
        named(id="plain"),
        named(id="other"),
    ]
    assert titles(given) == {
        "fits[l2]": "[l2] It fits",
        "fits[none]": "[none] It fits",
        "worse": "It tests worse",
        "plain": "",
        "other": "",
    }
