"""The settings of runs in a file: what they share once."""

from __future__ import annotations

import pytest

from harness.experiment import Json
from harness.report.packed_settings import pack, unpack

RUNS: dict[str, dict[str, Json]] = {
    "one": {
        "training": {"epochs": 3, "schedule": None, "l2": 0.1},
        "model": {"name": "m", "hidden": [1, 2]},
        "on": {},
    },
    "two": {
        "training": {"epochs": 4, "schedule": {"name": "s"}, "l2": 0.1},
        "model": {"name": "m", "hidden": [1]},
        "on": {"l2": 1},
    },
}


def test_what_all_runs_share_is_there_once() -> None:
    assert pack(RUNS) == {
        "common": {"training": {"l2": 0.1}, "model": {"name": "m"}},
        "runs": {
            "one": {
                "training": {"epochs": 3, "schedule": None},
                "model": {"hidden": [1, 2]},
                "on": {},
            },
            "two": {
                "training": {"epochs": 4, "schedule": {"name": "s"}},
                "model": {"hidden": [1]},
                "on": {"l2": 1},
            },
        },
    }


@pytest.mark.parametrize(
    "settings", [RUNS, {"one": RUNS["one"]}, {}, {"one": {}, "two": {}}, RUNS | {"none": {}}]
)
def test_what_was_packed_comes_out_whole(settings: dict[str, dict[str, Json]]) -> None:
    assert unpack(pack(settings)) == settings


@pytest.mark.parametrize(
    "document",
    [None, [], {}, {"common": {}}, {"common": [], "runs": {}}, {"common": {}, "runs": {"one": 3}}],
)
def test_anything_else_is_refused(document: Json) -> None:
    with pytest.raises(ValueError, match="its settings must be objects"):
        unpack(document)


def test_two_values_of_one_setting_are_refused() -> None:
    with pytest.raises(ValueError, match="its settings say two things of a"):
        unpack({"common": {"a": 1}, "runs": {"one": {"a": {"b": 2}}}})
