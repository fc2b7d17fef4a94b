from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from harness.follow.events import session
from harness.follow.status import age, as_json, session_statuses
from harness.run_result import RunResult, Status

if TYPE_CHECKING:
    from tests.support.person import Person


def test_a_store_where_nothing_was_run_has_no_status(person: Person) -> None:
    assert session_statuses(person.store) == []


def test_a_live_invocation_tells_how_far_it_is(person: Person) -> None:
    plan = person.plan(person.spec(seeds=[0, 1, 2]))
    keys, store = list(plan.runs), person.store
    first, second, _ = plan.runs.values()
    store.prepare()
    with session(store, plan, keys, 2) as (log, _):
        log.started(first)
        log.finished(first, RunResult("random", 0, first.key, Status.ERROR, "NaN"), reused=False)
        log.started(second)
        log.advanced(second, [{"epoch": 2, "seconds": 10.0, "train_accuracy": 0.5}])
        (now,) = session_statuses(store)
        assert (now.total, now.done, now.failed, now.blocked) == (3, 0, 1, 0)
        assert (now.seconds_left, now.unknown) == (
            7.5,
            1,
        )  # 15 s of its own pace, two processes; seed 2 is unknown
        (told,) = json.loads(as_json([now]))
        assert (told["alive"], told["runs"], told["failed"], told["runs_not_estimated"]) == (
            True,
            3,
            1,
            1,
        )
        assert told["current"][0]["run"] == "tiny / random / seed 1"
        assert told["current"][0]["row"] == {"epoch": 2, "seconds": 10.0, "train_accuracy": 0.5}


def test_the_last_invocation_is_told_where_none_is_alive(person: Person) -> None:
    spec = person.spec()
    assert person.run(spec).exit_code == 0
    assert person.run(spec).exit_code == 0
    (last,) = session_statuses(person.store)
    assert (last.session.ended, last.done, last.total, last.seconds_left) == ("done", 1, 1, 0.0)
    assert json.loads(as_json([last]))[0]["current"] == []


def test_a_finished_run_that_is_damaged_counts_as_failed(person: Person) -> None:
    spec = person.spec(seeds=[0, 1])
    assert person.run(spec).exit_code == 0
    (person.store.folder(person.store.keys()[0]) / "measurements.json").write_text("{}")
    (last,) = session_statuses(person.store)
    assert (last.total, last.done, last.failed) == (2, 1, 1)


def test_an_age_is_in_seconds() -> None:
    assert age(datetime.now(UTC) - timedelta(minutes=2)) == pytest.approx(120, abs=5)
