from __future__ import annotations

import pytest

from harness.runner.invocation import matches, no_match

RUNS = ("confusion", "random[none]", "random[l2]", "random_labels", "sized[small,none]")


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("confusion", {"confusion"}),
        ("random", {"random[none]", "random[l2]"}),
        ("random[l2]", {"random[l2]"}),
        ("random[*]", {"random[none]", "random[l2]"}),
        ("random*", {"random[none]", "random[l2]", "random_labels"}),
        ("*d", {"sized[small,none]"}),
        ("*[none]", {"random[none]"}),
        ("*none]", {"random[none]", "sized[small,none]"}),
        ("rando", set()),
        ("", set()),
        ("random[", set()),
        ("*", set(RUNS)),
    ],
)
def test_a_name_without_brackets_means_all_its_cells(pattern: str, expected: set[str]) -> None:
    assert {run for run in RUNS if matches(pattern, run)} == expected


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        (
            "randm",
            "no run is named like 'randm'; did you mean 'random'? (there are: confusion,"
            " random[...], random_labels, sized[...])",
        ),
        (
            "random[l3]",
            "no run is named like 'random[l3]'; did you mean 'random[l2]'? (there are:"
            " random[none], random[l2])",
        ),
        (
            "zzz",
            "no run is named like 'zzz' (there are: confusion, random[...], random_labels,"
            " sized[...])",
        ),
    ],
)
def test_where_no_run_is_named_so_the_nearest_is_told(pattern: str, message: str) -> None:
    assert no_match(pattern, RUNS) == message
