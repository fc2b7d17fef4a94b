"""The cases of an experiment: their places, the times of their runs, runs that nothing reads."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.ci.cases import RUNS, Suite, suites
from harness.judging.check import Verdict
from harness.run_result import Status

if TYPE_CHECKING:
    from tests.ci.conftest import Make


def test_every_verdict_is_a_case_and_the_unread_runs_are_one(every: tuple[Suite, ...]) -> None:
    assert {case.id: case.verdict for case in every[0].cases} == {
        "passes": Verdict.PASS,
        "fails": Verdict.FAIL,
        "unsure": Verdict.INCONCLUSIVE,
        "blocked": Verdict.BLOCKED,
        "broken": Verdict.ERROR,
        RUNS: Verdict.PASS,
    }


def test_a_case_stands_in_the_file_that_says_it(every: tuple[Suite, ...]) -> None:
    lines = Path("specs/_base.json").read_text().splitlines()
    for case in every[0].cases[:-1]:
        assert case.place.path == Path("specs/_base.json")
        assert (lines[case.place.line - 1], lines[case.place.line]) == (
            "  {",
            f'   "id": "{case.id}",',
        )
    assert every[0].cases[-1].place == (Path("specs/all.json"), 1)


def test_a_file_that_was_changed_meanwhile_loses_no_case(make: Make) -> None:
    conclusion = make()
    Path("specs/_base.json").write_text("{")
    assert {case.place for case in suites([conclusion])[0].cases} == {(Path("specs/all.json"), 1)}
    Path("specs/_base.json").write_text('{"expectations": [3, {"id": "fails"}, {}]}')
    found = {case.id: case.place.path.name for case in suites([conclusion])[0].cases}
    assert (found["fails"], found["passes"]) == ("_base.json", "all.json")


def test_the_times_of_all_cases_are_those_of_all_runs_once(every: tuple[Suite, ...]) -> None:
    # Three seeds of 1.5 s are read first by `passes`; nobody but the last case reads three of 0.25
    # s.
    assert {case.id: case.seconds for case in every[0].cases} == {
        "passes": 4.5,
        "fails": 0.0,
        "unsure": 0.0,
        "blocked": 0.0,
        "broken": 0.0,
        RUNS: 0.75,
    }


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (Status.ERROR, Verdict.ERROR),
        (Status.BLOCKED, Verdict.BLOCKED),
        (Status.MISSING, Verdict.BLOCKED),
    ],
)
def test_an_unread_run_that_is_not_done_is_no_pass(
    make: Make, status: Status, verdict: Verdict
) -> None:
    case = suites([make(spare=status)])[0].cases[-1]
    assert (case.id, case.verdict, case.message) == (RUNS, verdict, "spare, seeds 0, 1, 2: changed")
