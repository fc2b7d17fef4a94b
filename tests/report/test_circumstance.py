"""What stays of an earlier report where the same was run again."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from harness.experiment import Experiment, Json
from harness.judging.check import check
from harness.report.write import write_index, write_report
from harness.run_result import Code, RunResult, Status

THEN, NOW = (datetime(2026, month, 4, 5, 6, 7, tzinfo=UTC) for month in (3, 9))
MACHINES = ({"device": "CPU", "harness": "1 (aaaa)"}, {"device": "GPU", "harness": "1 (bbbb)"})


def test_the_same_numbers_from_another_day_and_machine_leave_every_file_as_it_was(
    one: Experiment, tmp_path: Path
) -> None:
    before = written(one, made(), tmp_path, THEN)
    again = made(seconds=99.0, code="new", ran_with=MACHINES[1])
    assert written(one, again, tmp_path, NOW) == before


def test_runs_that_differ_in_their_machines_keep_each_its_own(
    one: Experiment, tmp_path: Path
) -> None:
    mixed = [dataclasses.replace(result, environment=MACHINES[result.seed]) for result in made()]
    before = written(one, mixed, tmp_path, THEN)
    assert "`device`: CPU in one seed 0; GPU in one seed 1" in before["a.md"].decode()
    assert written(one, made(ran_with=MACHINES[1]), tmp_path, NOW) == before


@pytest.mark.parametrize(
    "change",
    [
        {"accuracy": 0.5000000001},
        {"key": "other"},
        {"stale": "training.step is not what it was"},
        {"status": Status.ERROR},
    ],
)
def test_another_number_brings_its_own_date_machine_and_times(
    one: Experiment, tmp_path: Path, change: dict[str, Json]
) -> None:
    written(one, made(), tmp_path, THEN)
    later = made(seconds=99.0, ran_with=MACHINES[1], **change)
    found = written(one, later, tmp_path, NOW)
    assert found == written(one, later, tmp_path / "fresh", NOW)
    document = json.loads(found["a.json"])
    assert document["date"] == NOW.isoformat()
    assert "aaaa" not in found["a.json"].decode() + found["a.md"].decode()


def test_another_verdict_on_the_same_runs_has_its_own_date_and_their_machine(
    load: Callable[..., Experiment], tmp_path: Path
) -> None:
    written(load(**asked(0.4)), made(), tmp_path, THEN)
    found = written(load(**asked(0.6)), made(seconds=99.0, ran_with=MACHINES[1]), tmp_path, NOW)
    document = json.loads(found["a.json"])
    assert document["date"] == NOW.isoformat()
    assert document["environment"]["device"] == {"CPU": 2}
    assert document["runs"]["one"]["0"]["seconds"] == 1.0


def test_other_words_are_written_and_the_date_stays(
    load: Callable[..., Experiment], tmp_path: Path
) -> None:
    written(load(**asked(0.4)), made(), tmp_path, THEN)
    found = written(load(title="In other words", **asked(0.4)), made(seconds=9.0), tmp_path, NOW)
    document = json.loads(found["a.json"])
    assert (document["title"], document["date"]) == ("In other words", THEN.isoformat())


@pytest.mark.parametrize(
    "damaged",
    [
        {"date": "yesterday"},
        {"environment": {"device": {"CPU": 1}}},
        {"runs": []},
        {"judgements": None},
        {"environments": 3},
        {"format": "reproduction-harness result 1", "date": None},
    ],
)
def test_an_earlier_report_that_is_damaged_counts_as_none(
    one: Experiment, tmp_path: Path, damaged: dict[str, Json]
) -> None:
    before = written(one, made(), tmp_path, THEN)
    document = json.loads(before["a.json"])
    (tmp_path / "reports" / "a.json").write_text(json.dumps(document | damaged))
    found = written(one, made(seconds=99.0), tmp_path, NOW)
    assert json.loads(found["a.json"])["runs"]["one"]["0"]["seconds"] == 99.0


@pytest.fixture
def one(load: Callable[..., Experiment]) -> Experiment:
    return load(**asked(0.4))


def asked(at_least: float) -> dict[str, Json]:
    expectation = {"id": "e", "metric": "one.test_accuracy", "at_least": at_least}
    return {
        "expectations": [
            {**expectation, "statistic": "every", "basis": "hypothesis", "source": "s"}
        ]
    }


def made(
    accuracy: float = 0.5,
    seconds: float = 1.0,
    code: str = "old",
    ran_with: Mapping[str, str] = MACHINES[0],
    **changes: Json,
) -> list[RunResult]:
    first = RunResult(
        "one",
        0,
        "key",
        Status.DONE,
        measurements={"test_accuracy": accuracy, "train_loss": float("nan")},
        environment=ran_with,
        seconds=seconds,
        images_per_second=1000 / seconds,
        code=Code({"training.step": code}, {}),
    )
    return [dataclasses.replace(first, seed=seed, **changes) for seed in (0, 1)]


def written(
    experiment: Experiment, results: Sequence[RunResult], folder: Path, when: datetime
) -> dict[str, bytes]:
    folder = folder / "reports"
    folder.mkdir(parents=True, exist_ok=True)
    write_report(experiment, results, check(experiment, results), folder, when)
    write_index(folder)
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }
