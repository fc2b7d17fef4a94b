"""What other processes write to an event log, heard while they write it."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pytest

from harness.follow.events import Events
from harness.follow.listener import Row
from harness.follow.tail import Tail
from harness.plan import ConcreteRun, Plan
from harness.run_result import RunResult, Status

if TYPE_CHECKING:
    from tests.support.person import Person

MEASURED: dict[str, float | None] = {"train_accuracy": 1.0, "epochs_to_fit": None}


class Heard:
    """A listener that keeps what it hears."""

    def __init__(self) -> None:
        self.all: list[tuple[Any, ...]] = []

    def started(self, run: ConcreteRun) -> None:
        self.all.append(("started", run.seed))

    def preparing(self, run: ConcreteRun, what: str) -> None:
        self.all.append((what, run.seed))

    def advanced(self, run: ConcreteRun, rows: Sequence[Row]) -> None:
        self.all.append(("advanced", run.seed, [row["epoch"] for row in rows]))

    def finished(self, run: ConcreteRun, result: RunResult, reused: bool) -> None:
        self.all.append((result, reused))


@pytest.fixture
def plan(person: Person) -> Plan:
    return person.plan(person.spec(seeds=[0, 1]))


@pytest.fixture
def heard() -> Heard:
    return Heard()


def test_a_run_of_another_process_is_heard_from_its_start_to_its_end(
    person: Person, plan: Plan, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = person.folder / "log.jsonl"
    tail = Tail(log, plan, heard)
    tail.read()  # there is no log yet
    first, second = plan.runs.values()
    ended = RunResult("random", 0, first.key, Status.DONE, measurements=MEASURED, seconds=4.5)
    failed = RunResult("random", 1, second.key, Status.ERROR, "the loss became NaN")
    with monkeypatch.context() as other:
        other.setattr(os, "getpid", lambda: -1)
        events = Events(log, first=False)
        events.started(first)
        events.preparing(first, "reading the data of digits")
    tail.read()
    tail.read()
    assert heard.all == [("started", 0), ("reading the data of digits", 0)]
    with monkeypatch.context() as other:
        other.setattr(os, "getpid", lambda: -1)
        events.advanced(first, [{"epoch": 1}, {"epoch": 2}])
        events.finished(first, ended, reused=False)
        events.started(second)
        events.finished(second, failed, reused=False)
    tail.read()
    assert heard.all[2:] == [
        ("advanced", 0, [2]),
        (ended, False),
        ("started", 1),
        (failed, False),
    ]


def test_what_this_process_writes_is_not_heard_twice(
    person: Person, plan: Plan, heard: Heard
) -> None:
    log = person.folder / "log.jsonl"
    Events(log, first=True).started(next(iter(plan.runs.values())))
    Tail(log, plan, heard).read()
    assert heard.all == []


def test_half_a_line_is_heard_when_it_is_whole(person: Person, plan: Plan, heard: Heard) -> None:
    key = next(iter(plan.runs))
    line = {"time": "2026-01-01T00:00:00+00:00", "event": "run_started", "pid": -1, "key": key}
    text = json.dumps(line) + "\n"
    log = person.folder / "log.jsonl"
    tail = Tail(log, plan, heard)
    log.write_text(text[:30])
    tail.read()
    assert heard.all == []
    with log.open("a") as file:
        file.write(text[30:])
    tail.read()
    assert heard.all == [("started", 0)]


@pytest.mark.parametrize(
    "change",
    [
        {"key": "unknown"},
        {"key": 3},
        {"pid": "1"},
        {"event": "run_finished"},
        {"event": "run_finished", "status": "lost", "reason": "", "seconds": 1, "measurements": {}},
        {"event": "run_advanced"},
        {"event": "session_ended"},
        {"time": "yesterday"},
    ],
    ids=str,
)
def test_a_line_of_another_form_is_passed_over(
    person: Person, plan: Plan, heard: Heard, change: dict[str, Any]
) -> None:
    line = {
        "time": "2026-01-01T00:00:00+00:00",
        "event": "run_started",
        "pid": -1,
        "key": next(iter(plan.runs)),
    }
    log = person.folder / "log.jsonl"
    log.write_text(f"no JSON\n{json.dumps(line | change)}\n{json.dumps(line)}\n")
    Tail(log, plan, heard).read()
    assert heard.all == [("started", 0)]
