"""What the commands do about when expectations were stated."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import SPEC, Harness
from tests.conftest import Pretend

NUMBERS = {run: {"distance": [1.0]} for run in ("one", "m[none]", "m[l2]")}
LEDGER = Path("reports/a.expectations.json")


def edit(at_least: float) -> None:
    (expectation,) = SPEC["expectations"]
    changed = {**expectation, "at_least": at_least, "statistic": "every"}
    Path("a.json").write_text(json.dumps(SPEC | {"expectations": [changed]}))


@pytest.fixture
def measured(harness: Harness, pretend: Pretend) -> Harness:
    """A folder whose runs are as good as made, and were not yet when their expectations were
    written down.
    """
    edit(0)
    pretend(Path("a.json"), Path(".harness/store"), NUMBERS)
    assert harness("report", "a.json").exit_code == 0
    ledger = json.loads(LEDGER.read_text())
    for statement in ledger["statements"]:
        del statement["measured"]
    for path in (LEDGER, Path(".harness/store/expectations/a.json")):
        path.write_text(json.dumps(ledger))
    return harness


def test_a_strict_check_passes_what_was_stated_in_time(measured: Harness) -> None:
    found = measured("check", "a.json", "--strict")
    assert (found.exit_code, "warning" in found.stdout) == (0, False)


def test_a_strict_check_fails_where_bounds_were_changed_after_the_results(
    measured: Harness,
) -> None:
    edit(0.5)
    found = measured("check", "a.json")
    assert found.exit_code == 0
    (line,) = [line for line in found.stdout.splitlines() if line.startswith("warning: ")]
    assert line.startswith("warning: e: changed on 20")
    assert "before, it asked for every seed at least 0; one, seed 0, had finished by then" in line
    assert line.endswith("with a mean of 1.00")
    before = LEDGER.read_bytes()
    assert measured("check", "a.json", "--strict").exit_code == 1
    assert LEDGER.read_bytes() == before
    assert measured("report", "a.json").exit_code == 0
    assert "- `e`: changed on 20" in Path("reports/a.md").read_text()
    edit(0)
    assert measured("check", "a.json", "--strict").exit_code == 0


def test_a_strict_check_fails_where_it_was_not_recorded(harness: Harness, pretend: Pretend) -> None:
    edit(0)
    pretend(Path("a.json"), Path(".harness/store"), NUMBERS)
    assert harness("report", "a.json").exit_code == 0
    assert (
        "- `e`: not recorded when stated; first written down on" in Path("reports/a.md").read_text()
    )
    assert harness("check", "a.json", "--strict").exit_code == 1
    assert harness("check", "a.json").exit_code == 0


def test_an_error_goes_before_what_a_strict_check_finds(measured: Harness) -> None:
    edit(0.5)
    store = next(Path(".harness/store/runs").iterdir())
    (store / "measurements.json").write_text("{}")
    assert measured("check", "a.json", "--strict").exit_code == 3


def test_what_is_blocked_is_a_fail_only_where_something_was_changed(measured: Harness) -> None:
    assert measured("check", "a.json", "--strict", "--store", "new").exit_code == 4
    edit(0.5)
    assert measured("check", "a.json", "--strict", "--store", "new").exit_code == 1


@pytest.mark.parametrize("trial", [["--set", "expectations=[]"], ["--seeds", "1"]])
def test_a_trial_writes_nothing_down_and_cannot_be_checked_strictly(
    measured: Harness, trial: list[str]
) -> None:
    edit(0.5)
    before = {path: path.read_bytes() for path in Path().rglob("*expectations*/*.json")}
    assert "warning: e" not in measured("check", "a.json", *trial).stdout
    assert measured("report", "a.json", *trial).exit_code == 0
    assert {path: path.read_bytes() for path in Path().rglob("*expectations*/*.json")} == before
    assert not Path(".harness/reports/a.expectations.json").exists()
    judgements = json.loads(Path(".harness/reports/a.json").read_text())["judgements"]
    assert [each for each in judgements if "stated" in each] == []
    found = measured("check", "a.json", "--strict", *trial)
    assert found.exit_code == 2
    assert "what a trial (--set, --seeds) expects was never stated" in found.stderr


def test_a_report_before_any_run_writes_nothing_down(harness: Harness) -> None:
    assert harness("report", "a.json").exit_code == 0
    assert not LEDGER.exists()
    assert not Path(".harness").exists()
    text = Path("reports/a.md").read_text()
    assert "The expectations will be written down when the first of the runs starts." in text


def test_nobody_else_s_output_takes_the_place_of_a_ledger(measured: Harness) -> None:
    before = LEDGER.read_bytes()
    found = measured("check", "a.json", "--json", str(LEDGER))
    assert found.exit_code == 2
    assert "holds expectations as they were stated, with the time" in found.stderr
    assert LEDGER.read_bytes() == before
