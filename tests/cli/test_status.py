"""Looking at a store on which others work."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from harness.data import catalog
from harness.follow.events import session
from harness.plan import make_plan
from harness.spec.load import load
from harness.store.store import Store

if TYPE_CHECKING:
    from tests.cli.conftest import Harness


def test_where_nothing_was_run_nothing_is_told(harness: Harness) -> None:
    found = harness("status")
    assert (found.exit_code, found.output) == (
        0,
        "no event log in .harness/store: nothing was run there yet\n",
    )
    assert json.loads(harness("status", "--json").output) == []


def test_a_log_that_cannot_be_read_is_told_beside_the_others(harness: Harness) -> None:
    events = Path(".harness/store/events")
    (events / "a.jsonl").mkdir(parents=True)
    found = harness("status")
    assert (found.exit_code, found.stdout) == (
        3,
        "no event log in .harness/store: nothing was run there yet\n",
    )
    assert (
        found.stderr
        == f"error: the event log {events}/a.jsonl cannot be read: it is no regular file; nothing"
        " needs it: remove it\n"
    )


def test_what_goes_on_is_told_and_how_it_ended(harness: Harness) -> None:
    store = Store(Path(".harness/store"))
    store.prepare()
    plan = make_plan(load([Path("a.json")]), catalog.data_dir(), gpus=0)
    first = next(iter(plan.runs.values()))
    with session(store, plan, list(plan.runs), 1) as (log, _):
        log.started(first)
        log.advanced(
            first, [{"epoch": 2, "seconds": 8.0, "train_accuracy": 0.5, "test_accuracy": 0.25}]
        )
        lines = harness("status").output.splitlines()
    told = "running for 0 s: 0 of 2 runs done, at least 4 s left (1 run not timed yet)"
    assert told in lines[0]
    assert " ".join(lines[2].split()) == "a / one / seed 0 2 of 3 50.00% 25.00% 0 s ago"
    assert "ended 0 s ago (done): 0 of 2 runs done" in harness("status").output
