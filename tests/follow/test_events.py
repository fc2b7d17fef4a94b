from __future__ import annotations

import json
import math
import os
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness.follow import events
from harness.follow.events import Events, session, sessions, unreadable
from harness.run_result import RunResult, Status

if TYPE_CHECKING:
    from tests.support.person import Person

RUNS = {
    "one": {},
    "two": {"initialize_from": "one"},
    "lost": {"dataset": {"name": "image_folder", "path": "nowhere", "train_examples": None}},
}


def lines(person: Person) -> list[dict[str, Any]]:
    (log,) = person.store.events.glob("*.jsonl")
    return [json.loads(line) for line in log.read_text().splitlines()]


def test_an_invocation_leaves_a_log_of_all_that_happened(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        events, "LEAST_SECONDS", math.inf
    )  # a line a run, however slow the machine is
    spec = person.spec(runs=RUNS)
    keys = person.keys(spec)
    assert person.run(spec, "--allow", "blocked").exit_code == 0
    told = lines(person)
    assert [line["event"] for line in told] == [
        "session_started",
        *("run_started", *("run_preparing",) * 2, "run_advanced", "run_finished") * 2,
        "run_blocked",
        "session_ended",
    ]
    first = told[0]
    assert (first["processes"], [run["run"] for run in first["runs"]]) == (
        1,
        ["tiny / one / seed 0", "tiny / two / seed 0", "tiny / lost / seed 0"],
    )
    assert [(run["done"], run["blocked"]) for run in first["runs"]] == [
        (False, False),
        (False, False),
        (False, True),
    ]
    assert (told[1]["key"], told[1]["run"], told[1]["epochs"]) == (
        keys["one"],
        "tiny / one / seed 0",
        5,
    )
    assert [line["what"] for line in told[2:4]] == ["reading the data of digits", "compiling"]
    assert {"epoch", "step", "seconds", "train_loss", "test_accuracy"} <= told[4].keys()
    assert told[5]["status"] == "done"
    assert told[5]["measurements"] == person.measurements(keys["one"])
    assert "there is no folder" in told[-2]["reason"] or "nowhere" in told[-2]["reason"]
    assert told[-1]["reason"] == "done"


def test_what_is_kept_from_before_is_told_so(person: Person) -> None:
    spec = person.spec()
    assert person.run(spec).exit_code == 0
    for log in person.store.events.iterdir():
        log.unlink()
    assert person.run(spec).exit_code == 0
    assert [line["event"] for line in lines(person)] == [
        "session_started",
        "run_kept",
        "session_ended",
    ]


def test_the_processes_beside_write_to_the_same_log(person: Person) -> None:
    spec = person.spec(seeds=[0, 1, 2, 3])
    process = person.fork(spec, "-j", "2")
    assert process.communicate(timeout=200)[1] == ""
    told = lines(person)
    finished = [line["key"] for line in told if line["event"] == "run_finished"]
    assert sorted(finished) == sorted(person.plan(spec).runs)  # each by the one that ran it, once


def test_a_live_log_is_known_by_its_lock_and_a_killed_one_by_its_missing_end(
    person: Person,
) -> None:
    plan = person.plan(person.spec(seeds=[0, 1]))
    (first, second), store = plan.runs.values(), person.store
    store.prepare()
    with session(store, plan, list(plan.runs), 1) as (log, path):
        log.started(first)
        log.advanced(
            first, [{"epoch": 1, "train_accuracy": 0.25}, {"epoch": 2, "train_accuracy": 0.5}]
        )
        log.advanced(first, [{"epoch": 3, "train_accuracy": 0.75}])  # too soon after the other
        (now,) = sessions(store)
        (current,) = now.current
        assert current.row is not None
        assert (now.alive, now.ended, now.name) == (True, None, path.stem)
        assert (current.label, current.epochs, current.row["epoch"]) == (first.label, 5, 2)
        log.finished(first, RunResult("random", 0, first.key, Status.ERROR, "NaN"), reused=False)
        log.finished(
            second, RunResult("random", 1, second.key, Status.DONE), reused=False
        )  # somebody else ran it
        (now,) = sessions(store)
        assert (now.current, dict(now.finished)) == ((), {first.key: "error"})
    (over,) = sessions(store)
    assert (over.alive, over.ended) == (False, "done")
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]) + '{"time": "2026-')
    (killed,) = sessions(store)
    assert (killed.alive, killed.ended) == (False, None)


@pytest.mark.parametrize(
    ("error", "reason"),
    [(KeyboardInterrupt(), "interrupted"), (ValueError("why"), "ValueError: why")],
)
def test_the_reason_of_the_end_is_told(person: Person, error: BaseException, reason: str) -> None:
    person.store.prepare()
    with pytest.raises(type(error)), session(person.store, person.plan(person.spec()), [], 1):
        raise error
    assert sessions(person.store)[0].ended == reason


def test_an_advance_is_told_about_once_a_second(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    moment = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: moment)
    (run,) = person.plan(person.spec()).runs.values()
    log = Events(person.folder / "log.jsonl", first=True)
    for moment in (100.0, 100.5, 100.9, 101.0, 101.9, 102.5):
        log.advanced(run, [{"epoch": moment}])
    told = [
        json.loads(line)["epoch"] for line in (person.folder / "log.jsonl").read_text().splitlines()
    ]
    assert told == [100.0, 101.0, 102.5]


def test_runs_side_by_side_do_not_hush_one_another(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    moment = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: moment)
    runs = list(person.plan(person.spec(seeds=[0, 1])).runs.values())
    log = Events(person.folder / "log.jsonl", first=True)
    for moment, run in (
        (100.0, runs[0]),
        (100.5, runs[1]),
        (100.9, runs[0]),
        (101.4, runs[1]),
        (101.5, runs[1]),
    ):
        log.advanced(run, [{"epoch": moment}])
    told = [json.loads(line) for line in (person.folder / "log.jsonl").read_text().splitlines()]
    assert [(each["key"], each["epoch"]) for each in told] == [
        (runs[0].key, 100.0),
        (runs[1].key, 100.5),
        (runs[1].key, 101.5),
    ]


@pytest.mark.parametrize(
    "content", ["", "nonsense\n", "[]\n", "{}\n", '{"event": "session_started"}\n', "\0\xff"]
)
def test_a_damaged_log_is_left_out(person: Person, content: str) -> None:
    person.store.prepare()
    person.store.events.mkdir()
    (person.store.events / "a.jsonl").write_text(content)
    assert sessions(person.store) == []
    told = unreadable(person.store)
    assert len(told) == (1 if content else 0)  # an empty one has not begun
    assert all(
        f"the event log {person.store.events / 'a.jsonl'} cannot be read: " in each for each in told
    )


START: dict[str, Any] = {
    "time": "2026-01-01T00:00:00+00:00",
    "event": "session_started",
    "pid": 1,
    "host": "h",
    "processes": 1,
    "runs": [
        {
            "key": "k",
            "run": "a / one / seed 0",
            "epochs": 5,
            "work": "w",
            "done": False,
            "blocked": False,
        }
    ],
}


def written(person: Person, *lines: object) -> Path:
    person.store.prepare()
    person.store.events.mkdir(exist_ok=True)
    path = person.store.events / "a.jsonl"
    path.write_text(
        "".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines)
    )
    return path


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"time": "2026-01-01T00:00:00"}, "at time expected a moment with its time zone"),
        ({"time": 3}, "at time expected a string"),
        ({"pid": "1"}, "at pid expected an integer"),
        ({"processes": 0}, "at processes expected a positive integer"),
        ({"runs": {}}, "at runs expected an array"),
        ({"runs": [START["runs"][0] | {"epochs": "5"}]}, r"at runs\.0\.epochs expected an integer"),
        (
            {"runs": [START["runs"][0] | {"blocked": 1}]},
            r"at runs\.0\.blocked expected true or false",
        ),
    ],
)
def test_a_first_line_of_another_form_is_told(
    person: Person, change: dict[str, Any], message: str
) -> None:
    path = written(person, START | change)
    assert sessions(person.store) == []
    (told,) = unreadable(person.store)
    assert re.search(rf"{path} cannot be read: {message}.*: remove it$", told)


def test_a_later_line_of_another_form_is_left_out(person: Person) -> None:
    run: dict[str, Any] = {"time": "2026-01-01T00:00:01+00:00", "pid": 1, "key": "k"}
    advanced = {
        "epoch": 2,
        "seconds": 4.5,
        "train_accuracy": "much",
        "test_accuracy": 0.5,
        "test_loss": True,
    }
    written(
        person,
        START,
        run | {"event": "run_started", "run": 3, "epochs": 5},
        run | {"event": "run_started", "run": "a / one / seed 0", "epochs": 5},
        run | {"event": "run_advanced", **advanced},
        run | {"event": "run_advanced", "epoch": "3"},
        run | {"event": "run_finished", "status": ["done"]},
        run | {"event": "session_ended", "reason": None},
        run | {"event": 7},
        '{"time": "2026-',
    )
    (found,) = sessions(person.store)
    (current,) = found.current
    assert current.row == {"epoch": 2, "seconds": 4.5, "test_accuracy": 0.5}
    assert (found.ended, dict(found.finished), unreadable(person.store)) == (None, {}, [])


def test_a_log_that_is_no_file_is_told(person: Person) -> None:
    written(person, START).unlink()
    os.mkfifo(person.store.events / "a.jsonl")
    (told,) = unreadable(person.store)
    assert "it is no regular file" in told


def test_a_finished_run_that_is_damaged_is_told_as_an_error(person: Person) -> None:
    spec = person.spec()
    assert person.run(spec).exit_code == 0
    for log in person.store.events.iterdir():
        log.unlink()
    (key,) = person.store.keys()
    (person.store.folder(key) / "measurements.json").write_text("{}")
    assert person.run(spec).exit_code == 3
    told = lines(person)
    assert [line["event"] for line in told] == ["session_started", "run_finished", "session_ended"]
    assert told[1]["status"] == "error"
    assert "measurements.json is damaged" in told[1]["reason"]


def test_a_log_that_cannot_be_written_stops_nothing(person: Person) -> None:
    (person.folder / "store").mkdir()
    (person.folder / "store" / "events").write_text("in the way")
    assert person.run(person.spec()).exit_code == 0


def test_every_invocation_has_a_log_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    assert events.file_name() != events.file_name()
    assert Path(events.file_name()).suffix == ".jsonl"


def test_of_many_logs_those_at_work_or_the_last_alone_are_read(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = written(person, START)
    for number in range(50):
        log.with_name(f"a{number:02}.jsonl").write_text(log.read_text())
    read: list[str] = []

    def reading(path: Path) -> bytes:
        read.append(path.name)
        return path.read_bytes()

    monkeypatch.setattr(events, "read_bytes", reading)
    assert [each.name for each in sessions(person.store)] == ["a49"]
    assert read == ["a49.jsonl"]
    read.clear()
    with person.store.lock("a07.jsonl"):
        assert [(each.name, each.alive) for each in sessions(person.store)] == [("a07", True)]
    assert read == ["a07.jsonl"]
    log.with_name("a99.jsonl").write_text("")  # it has not begun
    read.clear()
    assert [each.name for each in sessions(person.store)] == ["a49"]
    assert read == ["a99.jsonl", "a49.jsonl"]
