from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import TYPE_CHECKING

import pytest

from harness.follow.time_left import (
    FinishedRun,
    Forecast,
    Pace,
    UnfinishedRun,
    Workload,
    in_words,
    remaining,
    time_left,
    workload,
)
from harness.run_result import RunResult, Status
from tests.follow.display import Clock

if TYPE_CHECKING:
    from tests.support.person import Person

ONE = Workload("e / one", "network")
TWO = Workload("e / two", "network")
OTHER = Workload("e / other", "another network")


def test_what_is_known_of_the_same_run_goes_first() -> None:
    pace = Pace(
        [
            FinishedRun(ONE, 10.0, 100),
            FinishedRun(ONE, 30.0, 100),
            FinishedRun(ONE, 11.0, 100),
            FinishedRun(TWO, 90.0, 10),
        ]
    )
    assert pace.seconds(ONE, 1000) == 11.0  # the median of its seeds, whatever its epochs
    assert pace.seconds(Workload("e / three", "network"), 20) == pytest.approx(
        20 * (0.11 + 0.3) / 2
    )
    assert pace.seconds(OTHER, 20) is None


def test_a_run_without_epochs_says_nothing_of_an_epoch() -> None:
    assert Pace([FinishedRun(ONE, 1.0, 0)]).seconds(TWO, 5) is None


def test_the_median_of_many_runs_is_worked_out_once(monkeypatch: pytest.MonkeyPatch) -> None:
    pace, asked = Pace(FinishedRun(ONE, float(at), 1) for at in range(101)), list[int]()
    real = statistics.median

    def counting(numbers: Sequence[float]) -> float:
        asked.append(len(numbers))
        return real(numbers)

    monkeypatch.setattr(statistics, "median", counting)
    assert remaining([UnfinishedRun(ONE, 1)] * 100, pace, 1) == (5000.0, 0)
    assert remaining([UnfinishedRun(TWO, 2)] * 100, pace, 1) == (10000.0, 0)
    assert asked == [101, 101]
    pace.add(FinishedRun(ONE, 1000.0, 1))
    assert pace.seconds(ONE, 1) == 50.5  # it is another one now


def test_what_is_done_is_taken_off_and_processes_share_the_rest() -> None:
    pace = Pace([FinishedRun(ONE, 100.0, 50)])
    unfinished = [
        UnfinishedRun(ONE, 50),
        UnfinishedRun(ONE, 50, epoch=20, seconds=30.0),
        UnfinishedRun(OTHER, 10),
    ]
    assert remaining(unfinished, pace, 1) == (170.0, 1)
    assert remaining(unfinished, pace, 2) == (85.0, 1)
    assert remaining([], pace, 2) == (0.0, 0)


def test_a_run_of_which_nothing_is_known_goes_on_at_its_own_pace() -> None:
    assert remaining([UnfinishedRun(OTHER, 100, epoch=25, seconds=5.0)], Pace(), 1) == (15.0, 0)


def test_a_run_that_has_not_begun_also_compiles_as_long_as_the_latest_runs_did() -> None:
    besides = [60.0, 60.0, 60.0, 60.0, 1.0, 3.0, 2.0]
    pace = Pace(FinishedRun(ONE, 10.0, 50, beside) for beside in besides)
    assert pace.beside == 3.0  # of 60, 60, 1, 3 and 2
    waiting, training = UnfinishedRun(ONE, 50), UnfinishedRun(ONE, 50, epoch=10, seconds=2.0)
    assert remaining([waiting, training], pace, 1) == (10.0 + 3.0 + 8.0, 0)


def test_a_run_that_takes_longer_than_others_did_is_about_to_end() -> None:
    assert remaining(
        [UnfinishedRun(ONE, 50, epoch=49, seconds=120.0)], Pace([FinishedRun(ONE, 100.0, 50)]), 1
    ) == (
        0.0,
        0,
    )


def test_what_an_epoch_computes_makes_the_workload() -> None:
    settings = {
        "model": {"name": "m"},
        "dataset": {"name": "d"},
        "training": {"batch_size": 8, "epochs": 3},
    }
    longer = {**settings, "training": {"batch_size": 8, "epochs": 9}}
    wider = {**settings, "model": {"name": "m", "width": 2}}
    twice = {**settings, "training": {"batch_size": 8, "sharpness_aware": {"rho": 0.05}}}
    once = {**settings, "training": {"batch_size": 8, "sharpness_aware": None}}
    assert workload("e", "one", settings) == workload("e", "one", once)
    assert workload("e", "one", settings).work != workload("e", "one", twice).work
    assert workload("e", "one", settings) == workload("e", "one", longer)
    assert workload("e", "one", settings).work == workload("f", "two", settings).work
    assert workload("e", "one", settings).work != workload("e", "one", wider).work


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.4, "0 s"),
        (119, "119 s"),
        (120, "2 min"),
        (7199, "120 min"),
        (7200, "2 h"),
        (200000, "2 days"),
    ],
)
def test_times_are_in_words(seconds: float, words: str) -> None:
    assert in_words(seconds) == words


def test_what_is_not_known_is_told() -> None:
    assert time_left(60, 0) == "about 60 s left"
    assert time_left(60, 1) == "at least 60 s left (1 run not timed yet)"
    assert time_left(0, 3) == "time left not known yet"


def ended(key: str, status: Status, seconds: float = 0.0) -> RunResult:
    return RunResult("random", 0, key, status, measurements={"epochs": 5.0}, seconds=seconds)


def words(forecast: Forecast) -> str:
    left = forecast.left()
    return "" if left is None else time_left(left.seconds, left.unknown)


def test_a_forecast_learns_from_what_is_finished(person: Person) -> None:
    plan = person.plan(person.spec(seeds=[0, 1, 2]))
    first, second, third = plan.runs.values()
    clock = Clock()
    forecast = Forecast(plan, list(plan.runs), person.store, processes=1, clock=clock)
    assert words(forecast) == "time left not known yet"
    forecast.started(first)
    forecast.preparing(first, "compiling")
    forecast.advanced(first, [])
    forecast.advanced(first, [{"epoch": 1, "seconds": 10.0}])
    assert words(forecast) == "at least 40 s left (2 runs not timed yet)"
    clock.now = 57.0  # 7 s more than it trained: reading data and compiling
    forecast.finished(first, ended(first.key, Status.DONE, 50.0), reused=False)
    assert words(forecast) == "about 114 s left"
    forecast.started(second)
    forecast.advanced(second, [{"epoch": 1, "seconds": 10.0}])
    assert words(forecast) == "about 97 s left"  # it has compiled already
    forecast.finished(second, ended(second.key, Status.ERROR), reused=False)
    assert words(forecast) == "about 57 s left"
    forecast.finished(third, ended(third.key, Status.DONE, 50.0), reused=False)
    assert words(forecast) == ""


def test_a_run_that_went_on_does_not_tell_how_long_compiling_takes(person: Person) -> None:
    plan = person.plan(person.spec(seeds=[0, 1]))
    first, _ = plan.runs.values()
    clock = Clock()
    forecast = Forecast(plan, list(plan.runs), person.store, processes=1, clock=clock)
    forecast.started(first)
    clock.now = 20.0  # of the 50 s that it trained in all
    forecast.finished(first, ended(first.key, Status.DONE, 50.0), reused=False)
    assert words(forecast) == "about 50 s left"


def test_finished_runs_of_the_store_are_known(person: Person) -> None:
    spec = person.spec()
    assert person.run(spec).exit_code == 0
    (kept,) = person.plan(spec).runs.values()
    took = person.store.result(kept.key, "", 0).seconds
    plan = person.plan(person.spec(seeds=[0, 1]))
    keys = list(plan.runs)
    assert words(Forecast(plan, keys, person.store, processes=1)) == f"about {took:.0f} s left"
    (person.store.folder(kept.key) / "environment.json").write_text("no JSON")
    assert words(Forecast(plan, keys, person.store, 1)) == "time left not known yet"
