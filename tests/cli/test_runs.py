"""The commands on finished runs."""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.cli import stored_runs
from harness.run_result import Code
from harness.store.staleness import present
from harness.store.store import Store

if TYPE_CHECKING:
    from tests.cli.conftest import Harness


def stored(names: str, made_by: Code | None = None) -> list[str]:
    made_by = made_by or present("tensorflow")
    store = Store(Path(".harness/store"))
    store.prepare()
    for name in names:
        store.finish(
            name * 64,
            run={"experiment": "a", "run": f"m[{name}]", "seed": 0, "parent": None, "settings": {}},
            history=[{"epoch": 0, "step": 0}],
            measurements={"train_accuracy": 0.75, "test_accuracy": 0.5},
            environment={
                "environment": {},
                "seconds": 2.0,
                "images_per_second": 1.0,
                "parameters": 3,
            }
            | {"code": made_by.to_json()},
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
    assert (shown["key"], shown["run"]["run"], shown["measurements"]["test_accuracy"]) == (
        first,
        "m[b]",
        0.5,
    )
    assert shown["predictions"] == "not kept: the run is from before they were"
    assert shown["bytes"]["history.csv"] == len("epoch,step\n0,0\n")
    assert (
        harness("runs", "path", "c").output == f"{Path('.harness/store/runs').resolve() / second}\n"
    )
    found = harness("runs", "path", "d")
    assert (found.exit_code, found.stdout) == (3, "")
    assert (
        found.stderr == "error: no run in the store .harness/store has a key that begins with 'd'\n"
    )


def test_stale_runs_are_marked_in_the_list_with_why(harness: Harness) -> None:
    made_by = present("tensorflow")
    stored("b", Code({**made_by.modules, "harness.training.step": "another"}, made_by.packages))
    stored("c")
    lines = harness("runs", "list").output.splitlines()
    assert [line.split()[-1] == "stale" for line in lines[1:3]] == [True, False]
    assert "stale, 1 of them: harness.training.step changed" in lines
    shown = [json.loads(harness("runs", "show", name).output) for name in "bc"]
    assert [each["stale"] for each in shown] == ["harness.training.step changed", ""]
    assert shown[1]["code"]["digest"] == made_by.digest


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
    assert (
        found.output
        == f"{second}: history.csv is damaged: its SHA-256 is not the one in SHA256SUMS\n"
        "to make them again: python -m harness runs remove KEY --store .harness/store, then run\n"
        "1 of 2 runs are as they were written\n"
    )
    assert harness("runs", "verify", first).exit_code == 0


def test_a_run_that_cannot_be_read_is_told_by_every_command_and_can_be_removed(
    harness: Harness,
) -> None:
    _, second = stored("bc")
    folder = Path(f".harness/store/runs/{second}")
    shutil.rmtree(folder)
    folder.write_text("")
    found = harness("runs", "list")
    assert (found.exit_code, found.stdout.splitlines()[-1]) == (3, "1 runs in .harness/store")
    way_out = (
        f"remove the run (python -m harness runs remove {second} --store .harness/store), then run"
        " it again"
    )
    assert found.stderr == f"error: {folder} is no folder; {way_out}\n"
    found = harness("runs", "show", second)
    assert (found.exit_code, found.stderr) == (3, f"error: {folder} is no folder; {way_out}\n")
    found = harness("runs", "verify")
    assert (found.exit_code, found.stdout.splitlines()[-1]) == (
        3,
        "1 of 2 runs are as they were written",
    )
    assert harness("runs", "remove", second, "--yes").exit_code == 0
    assert harness("runs", "verify").output == "1 of 1 runs are as they were written\n"
    assert harness("runs", "list").exit_code == 0


def test_an_unfinished_run_can_be_removed(harness: Harness) -> None:
    store = Store(Path(".harness/store"))
    store.save_error("u" * 64, "no")
    assert harness("runs", "remove", "u", "--yes").exit_code == 0
    assert store.error("u" * 64) is None


def test_a_store_that_is_none_is_told(harness: Harness) -> None:
    Path("s").mkdir()
    Path("s/runs").write_text("")
    for command in (
        ["runs", "list"],
        ["runs", "show", "b"],
        ["runs", "verify"],
        ["plan", "a.json"],
        ["diff", "s"],
    ):
        options = ["--store", "s"] if command[0] != "diff" else []
        found = harness(*command, *options)
        assert found.exit_code == 3 or command[0] == "diff", command
        assert found.exception is None or isinstance(found.exception, SystemExit), command


def test_of_many_runs_the_latest_are_listed_where_none_are_named(
    harness: Harness, monkeypatch: pytest.MonkeyPatch, opened: Counter[Path]
) -> None:
    keys = stored("bcd")
    for moment, key in zip((3, 1, 2), keys, strict=True):
        os.utime(f".harness/store/runs/{key}", (moment, moment))
    monkeypatch.setattr(stored_runs, "MOST_RUNS", 2)
    opened.clear()
    found = harness("runs", "list").output.splitlines()
    assert [line.split()[0] for line in found[1:3]] == ["bbbbbbbbbbbb", "dddddddddddd"]
    assert found[3:] == [
        "2 runs in .harness/store",
        "1 older run not looked at: --all lists all, a PATTERN those that have it in their labels",
    ]
    assert {path.parent.name for path in opened} == {keys[0], keys[2]}
    for arguments in (["--all"], ["m["]):
        assert "3 runs in" in harness("runs", "list", *arguments).output.splitlines()[-1]
    assert len(json.loads(harness("runs", "list", "--json").output)["runs"]) == 3
    monkeypatch.setattr(stored_runs, "MOST_RUNS", 3)
    assert harness("runs", "list").output == harness("runs", "list", "--all").output


def test_of_runs_without_the_pattern_one_file_is_read(harness: Harness) -> None:
    first, second, third = stored("bcd")
    folder = Path(".harness/store/runs")
    (folder / second / "measurements.json").write_text("{}")
    found = harness("runs", "list", "m[b]")
    assert (found.exit_code, found.stderr) == (0, "")
    assert found.stdout.splitlines()[1].startswith(first[:12])
    (folder / third / "run.json").write_text("no JSON")  # it may be the one that is asked for
    found = harness("runs", "list", "m[b]")
    assert found.exit_code == 3
    assert found.stderr.startswith(f"error: {folder / third / 'run.json'} is damaged")
