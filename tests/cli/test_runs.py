"""The commands on finished runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from harness.store import Store

if TYPE_CHECKING:
    from tests.cli.conftest import Harness


def stored(names: str) -> list[str]:
    store = Store(Path(".harness/store"))
    store.prepare()
    for name in names:
        store.finish(
            name * 64,
            run={"experiment": "a", "run": f"m[{name}]", "seed": 0, "parent": None, "settings": {}},
            history=[{"epoch": 0, "step": 0}],
            measurements={"train_accuracy": 0.75, "test_accuracy": 0.5},
            environment={"environment": {}, "seconds": 2.0, "images_per_second": 1.0, "parameters": 3},
            files={},
        )
    return [name * 64 for name in names]


def test_finished_runs_are_listed_shown_and_found(harness: Harness) -> None:
    first, second = stored("bc")
    lines = [line.split() for line in harness("runs", "list").output.splitlines()]
    assert lines[1][:7] == ["bbbbbbbbbbbb", "a", "/", "m[b]", "/", "seed", "0"]
    assert lines[1][7:10] == ["75.00%", "50.00%", "2.0"]
    assert lines[3] == ["2", "runs", "in", ".harness/store"]
    assert "1 runs" in harness("runs", "list", "m[c]").output
    shown = json.loads(harness("runs", "show", "b").output)
    assert (shown["key"], shown["run"]["run"], shown["measurements"]["test_accuracy"]) == (first, "m[b]", 0.5)
    assert harness("runs", "path", "c").output == f"{Path('.harness/store/runs').resolve() / second}\n"
    found = harness("runs", "path", "d")
    assert (found.exit_code, found.stdout) == (3, "")
    assert found.stderr == "error: no run in the store .harness/store has a key that begins with 'd'\n"


def test_runs_are_removed_after_a_question(harness: Harness) -> None:
    stored("bc")
    assert harness("runs", "remove", "b").exit_code == 1  # no answer is no
    assert "2 runs" in harness("runs", "list").output
    assert harness("runs", "remove", "b", "--yes").exit_code == 0
    assert "1 runs" in harness("runs", "list").output


def test_damaged_runs_are_told(harness: Harness) -> None:
    first, second = stored("bc")
    found = harness("runs", "verify")
    assert (found.exit_code, found.output) == (0, "2 of 2 runs are as they were written\n")
    Path(f".harness/store/runs/{second}/history.csv").write_text("epoch,step\n1,1\n")
    found = harness("runs", "verify")
    assert found.exit_code == 3
    assert found.output == f"{second}: history.csv is damaged\n1 of 2 runs are as they were written\n"
    assert harness("runs", "verify", first).exit_code == 0
