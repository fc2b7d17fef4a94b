from __future__ import annotations

from typing import TYPE_CHECKING

from harness.follow.forecast import Forecast
from harness.run_result import RunResult, Status

if TYPE_CHECKING:
    from tests.runner.conftest import Person


def ended(key: str, status: Status, seconds: float = 0.0) -> RunResult:
    return RunResult("random", 0, key, status, measurements={"epochs": 5.0}, seconds=seconds)


def test_a_forecast_learns_from_what_is_finished(person: Person) -> None:
    plan = person.plan(person.spec(seeds=[0, 1, 2]))
    first, second, third = plan.runs.values()
    forecast = Forecast(plan, list(plan.runs), person.store, processes=1)
    assert forecast.words() == "3 runs of which nothing is known yet left"
    forecast.started(first)
    forecast.advanced(first, [])
    forecast.advanced(first, [{"epoch": 1, "seconds": 10.0}])
    assert forecast.words() == "about 40 s and 2 runs of which nothing is known yet left"
    forecast.finished(first, ended(first.key, Status.DONE, 50.0), reused=False)
    assert forecast.words() == "about 100 s left"
    forecast.finished(second, ended(second.key, Status.ERROR), reused=False)
    assert forecast.words() == "about 50 s left"
    forecast.finished(third, ended(third.key, Status.DONE, 50.0), reused=False)
    assert forecast.words() == ""


def test_finished_runs_of_the_store_are_known(person: Person) -> None:
    spec = person.spec()
    assert person.run(spec).exit_code == 0
    (kept,) = person.plan(spec).runs.values()
    took = person.store.result(kept.key, "", 0).seconds
    plan = person.plan(person.spec(seeds=[0, 1]))
    assert (
        Forecast(plan, list(plan.runs), person.store, processes=1).words()
        == f"about {took:.0f} s left"
    )
    (person.store.folder(kept.key) / "environment.json").write_text("no JSON")
    assert (
        "1 run of which nothing is known"
        in Forecast(plan, list(plan.runs), person.store, 1).words()
    )
