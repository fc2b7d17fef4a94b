"""Killed at any moment, and started again until it is through: the results are those of one clean
run.
"""

from __future__ import annotations

import dataclasses
import os
import random
import signal
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.data import catalog
from harness.plan import make_plan
from harness.report.write import write_index, write_report
from harness.run_result import RunResult
from harness.runner.conclude import judge_stored
from harness.spec.load import load

if TYPE_CHECKING:
    from tests.support.person import Person

KILLS = int(os.environ.get("HARNESS_KILLS", "2"))
"""How often a process is killed; a long test asks for more."""

SPEC = {
    "seeds": [0, 1],
    "runs": {
        "parent": {"training": {"epochs": 1500, "measure_every": 50}},
        "child": {"initialize_from": "parent", "training": {"epochs": 1000, "measure_every": 100}},
        "images": {
            "dataset": {"train_examples": 60, "test_examples": 50},
            "model": {"name": "convnet", "hidden": None, "width": 2},
            "regularizers": ["augmentation", "momentum", "l2", "dropout"],
            "strengths": {"augmentation": [{"name": "random_crop", "padding": 1}]},
            "training": {"epochs": 40},
        },
    },
}
STARTING_SECONDS = 1.0
"""Before this nothing has begun: a kill hits the preparation of the first run."""

QUICKSTART = str(Path(__file__).parents[2] / "specs" / "quickstart")


def kill(person: Person, spec: str, longest: float) -> Iterator[int]:
    """Start the runs again and again, each time killed after a random time, and then once to the
    end.

    Yields the exit codes of those that came to their end before.
    """
    moments, killed = random.Random(0), 0
    while killed < KILLS:
        process = person.fork(spec)
        try:
            process.communicate(timeout=moments.uniform(STARTING_SECONDS, longest))
            yield process.wait()
            for key in moments.sample(
                person.store.keys(), 1
            ):  # all is done: begin one of the runs anew
                person.store.remove(key)
        except subprocess.TimeoutExpired:
            process.send_signal(moments.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGTERM]))
            process.communicate(timeout=60)
            killed += 1
    yield person.run(spec).exit_code


def assert_same(person: Person, another: Person, keys: set[str]) -> None:
    assert set(person.store.keys()) == keys
    for key in keys:
        assert person.same(another, key)
        assert person.store.damage(key) == []
    assert list((person.folder / "store" / "unfinished").iterdir()) == []
    assert {path.name for path in (person.folder / "store" / "runs").iterdir()} == keys


@pytest.mark.timeout(300 + 30 * KILLS)
def test_kills_change_nothing(person: Person, another: Person) -> None:
    spec = person.spec(**SPEC)
    assert set(kill(person, spec, STARTING_SECONDS + 6)) == {0}
    assert another.run(spec).exit_code == 0
    keys = set(person.plan(spec).runs)
    assert len(keys) == 6
    assert_same(person, another, keys)


@pytest.mark.long
@pytest.mark.timeout(1200 + 60 * KILLS)
def test_kills_leave_the_quickstart_and_its_reports_as_they_are(
    person: Person, another: Person
) -> None:
    assert set(kill(person, QUICKSTART, STARTING_SECONDS + 36)) == {0}
    assert another.run(QUICKSTART).exit_code == 0
    assert_same(person, another, set(person.plan(QUICKSTART).runs))
    ours, theirs = timeless_reports(person), timeless_reports(another)
    assert {"README.md", "quickstart-digits.md", "quickstart-toy.json"} < ours.keys()
    assert ours == theirs


def timeless_reports(person: Person) -> dict[str, bytes]:
    """Write the quickstart's reports again as if no run had taken any time, and read all of their
    files.
    """
    folder = person.folder / "timeless"
    experiments = load([Path(QUICKSTART)])
    plan = make_plan(experiments, catalog.data_dir(), gpus=0)
    for experiment in experiments:
        judged = judge_stored(experiment, plan, person.store, history=True)
        results = [timeless(result) for result in judged.results]
        write_report(
            experiment, results, judged.judgements, folder, datetime(2026, 1, 1, tzinfo=UTC)
        )
    write_index(folder)
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def timeless(result: RunResult) -> RunResult:
    history = {**result.history, "seconds": [0.0] * len(result.history["seconds"])}
    return dataclasses.replace(result, seconds=0.0, images_per_second=0.0, history=history)
