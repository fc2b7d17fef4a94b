"""The histories beside a report: what is kept of them, byte by byte, and how they are read."""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from harness.experiment import Experiment
from harness.report.histories import (
    COLUMNS,
    Histories,
    histories_json,
    read_histories,
    thinned,
)
from harness.run_result import RunResult, Status
from harness.system.json_value import WrongForm

Load = Callable[..., Experiment]


def done(run: str, seed: int, **history: Sequence[float]) -> RunResult:
    return RunResult(run=run, seed=seed, key="k", status=Status.DONE, history=history)


def read(tmp_path: Path, text: str) -> Histories:
    path = tmp_path / "histories.json"
    path.write_text(text)
    return read_histories(path)


@pytest.fixture
def one(load: Load) -> Experiment:
    return load()


def test_columns_are_kept_by_run_and_seed_but_for_the_seconds(
    one: Experiment, tmp_path: Path
) -> None:
    run = next(iter(one.runs))
    text = histories_json(
        one, [done(run, 1, step=[0, 8], seconds=[0.0, 1.7], train_loss=[2.3025851, 0.5])]
    )
    assert read(tmp_path, text) == {run: {1: {"step": [0, 8], "train_loss": [2.30259, 0.5]}}}
    assert "seconds" not in COLUMNS


def test_another_repetition_writes_the_same_bytes(
    experiment: Experiment, results: Sequence[RunResult]
) -> None:
    later = [
        dataclasses.replace(each, seconds=each.seconds + 1.0, history=dict(each.history))
        for each in results
    ]
    assert histories_json(experiment, results) == histories_json(experiment, later)


def test_two_hundred_points_are_kept_with_the_ends(one: Experiment, tmp_path: Path) -> None:
    run = next(iter(one.runs))
    text = histories_json(one, [done(run, 0, epoch=range(1001))])
    kept = read(tmp_path, text)[run][0]["epoch"]
    assert len(kept) == 200
    assert (kept[0], kept[-1]) == (0, 1000)
    assert {round(b - a) for a, b in itertools.pairwise(kept)} == {5, 6}
    assert thinned([1.0, 2.0], 3) == [1.0, 2.0]


def test_what_json_has_no_number_for_is_kept(one: Experiment, tmp_path: Path) -> None:
    run = next(iter(one.runs))
    text = histories_json(one, [done(run, 0, train_loss=[float("inf"), -1e-300])])
    json.loads(text, parse_constant=pytest.fail)
    assert read(tmp_path, text)[run][0]["train_loss"] == [float("inf"), -1e-300]


def test_nothing_is_written_where_nothing_was_trained(one: Experiment, tmp_path: Path) -> None:
    run = next(iter(one.runs))
    missing = dataclasses.replace(done(run, 0, step=[1]), status=Status.MISSING)
    assert histories_json(one, [missing]) == ""
    assert read_histories(tmp_path / "none.json") == {}


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        '{"format": "reproduction-harness histories 2", "runs": {}}',
        '{"format": "reproduction-harness histories 1", "runs": {"a": {"0": {"step": ["x"]}}}}',
        '{"format": "reproduction-harness histories 1", "runs": {"a": {"0": {"b": [1], "c": []}}}}',
    ],
)
def test_a_damaged_file_is_told(text: str, tmp_path: Path) -> None:
    with pytest.raises(WrongForm):
        read(tmp_path, text)
