"""Kept numbers: the file, and what counts as drift."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from pytest_regressions.file_regression import FileRegressionFixture

from harness.measurements import METRICS
from harness.report.baseline import (
    Baseline,
    BaselineError,
    Comparison,
    Values,
    compare,
    default_tolerance,
    measure,
    path_of,
    read,
    text,
    unfinished,
    write,
)
from harness.report.drift import changes, drift_table, other_environment
from harness.results import RunResult, Status
from harness.spec.records import Experiment, Tolerance


def kept(values: Values, seeds: Sequence[int] = (0, 1)) -> Baseline:
    return Baseline("a", "a.json", tuple(seeds), {"device": "CPU", "python": "3.11"}, values)


def drifted(before: Values, after: Values, tolerances: dict[str, Tolerance] | None = None) -> list[str]:
    compared = compare(kept(before), kept(after), tolerances or {})
    return [f"{each.run}.{each.metric}" for each in compared if each.drifted]


@pytest.mark.parametrize(
    ("metric", "before", "within", "outside"),
    [
        ("test_accuracy", 0.95, 0.96, 0.9601),  # 1 point
        ("initial_train_accuracy", 0.1, 0.09, 0.0899),
        ("test_loss", 2.0, 2.2, 2.201),  # 10%
        ("train_loss", 0.001, 0.011, 0.0111),  # or 0.01
        ("epochs", 100, 90, 89),  # 10%
        ("steps", 1000, 1100, 1101),
        ("steps_to_fit", 1000, 1300, 1301),  # 30%
        ("distance", 10.0, 10.5, 10.501),  # 5%
        ("boundary_length", -2.0, -2.1, -2.101),
        ("a_metric_of_later", 1.0, 1.05, 1.051),
    ],
)
def test_what_may_drift_depends_on_the_kind_of_metric(
    metric: str, before: float, within: float, outside: float
) -> None:
    assert drifted({"r": {metric: [before]}}, {"r": {metric: [within]}}) == []
    assert drifted({"r": {metric: [before]}}, {"r": {metric: [outside]}}) == [f"r.{metric}"]


def test_every_metric_has_a_default() -> None:
    assert all(default_tolerance(name) != Tolerance() for name in METRICS)


def test_means_are_compared_and_not_single_seeds() -> None:
    before = {"r": {"test_accuracy": [0.90, 0.92]}}
    assert drifted(before, {"r": {"test_accuracy": [0.92, 0.90]}}) == []
    assert drifted(before, {"r": {"test_accuracy": [0.92, 0.93]}}) == ["r.test_accuracy"]


def test_the_specification_s_tolerance_is_the_larger_of_its_two() -> None:
    before, after = {"r": {"test_loss": [1.0, 1.0]}}, {"r": {"test_loss": [1.5, 1.5]}}
    assert drifted(before, after, {"test_loss": Tolerance(absolute=0.5)}) == []
    assert drifted(before, after, {"test_loss": Tolerance(absolute=0.1, relative=0.5)}) == []
    assert drifted(before, after, {"test_loss": Tolerance(absolute=0.4, relative=0.4)}) == ["r.test_loss"]
    assert drifted(before, before, {"test_loss": Tolerance()}) == []


def test_what_is_kept_must_be_measured_again_and_what_is_new_cannot_drift() -> None:
    before: Values = {"gone": {"steps": [1, 1]}, "r": {"epochs_to_fit": [3, None], "boundary_length": [1.0, 1.0]}}
    after: Values = {"new": {"steps": [1, 1]}, "r": {"epochs_to_fit": [None, 3], "steps": [1, 1]}}
    assert drifted(before, after) == ["gone.steps", "r.boundary_length"]
    assert drifted({"r": {"epochs_to_fit": [3, None]}}, {"r": {"epochs_to_fit": [None, None]}}) == ["r.epochs_to_fit"]
    assert drifted({"r": {"epochs_to_fit": [None, None]}}, {"r": {"epochs_to_fit": [3, 3]}}) == []
    assert drifted({"r": {"steps": [1, 1]}}, {"r": {"steps": [math.inf, math.nan]}}) == ["r.steps"]


def test_more_seeds_are_no_drift_and_fewer_are() -> None:
    two, three = kept({"r": {"steps": [1, 3]}}), kept({"r": {"steps": [1, 3, 99]}}, [0, 1, 2])
    assert [each.drifted for each in compare(two, three, {})] == [False]
    (fewer,) = compare(three, two, {})
    assert (fewer.measured, fewer.drifted) == (None, True)


def test_the_numbers_of_an_experiment_are_those_of_its_finished_runs(
    experiment: Experiment, results: Sequence[RunResult]
) -> None:
    found = measure(experiment, results)
    of = {(each.run, each.seed): each for each in results}
    assert list(found.values) == list(experiment.runs)
    first = of["random[none]", experiment.seeds[0]]
    assert found.values["random[none]"]["test_accuracy"][0] == first.measurements["test_accuracy"]
    assert found.values["large"] == {}
    assert {each.run for each in unfinished(results)} == {each.run for each in results if each.status != Status.DONE}
    assert found.environment["precision"] == "float32"


def test_the_file_reads_as_before(
    experiment: Experiment, results: Sequence[RunResult], file_regression: FileRegressionFixture
) -> None:
    file_regression.check(text(measure(experiment, results)), extension=".json", encoding="utf-8")


def test_a_file_gives_back_what_was_written(
    experiment: Experiment, results: Sequence[RunResult], tmp_path: Path
) -> None:
    found = measure(experiment, results)
    path = path_of(experiment.name, tmp_path / "new" / "folder")
    write(found, path)
    assert path.name == f"{experiment.name}.baseline.json"
    assert read(path) == found
    assert json.loads(path.read_text())["seeds"] == list(experiment.seeds)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "Expecting property name"),
        ("[]", "it is no baseline of this harness"),
        ("{}", "it is no baseline of this harness"),
        ("[" * 100_000, "recursion"),
        ('{"format": "x"}', "its format is 'x', not 'reproduction-harness baseline 1'"),
    ],
)
def test_another_file_is_refused(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "a.baseline.json"
    assert read(path) is None
    path.write_text(content)
    with pytest.raises(BaselineError, match="cannot be read: .*" + message.replace("(", r"\(")):
        read(path)


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BaselineError, match="cannot be written: "):
        write(kept({}), tmp_path / "file" / "a.baseline.json")


def test_a_full_disk_keeps_the_kept_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.baseline.json"
    write(kept({"r": {"steps": [1, 1]}}), path)

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(BaselineError, match="cannot be written: No space left on device"):
        write(kept({"r": {"steps": [2, 2]}}), path)
    assert read(path) == kept({"r": {"steps": [1, 1]}})
    assert list(tmp_path.iterdir()) == [path]


def test_a_kill_in_the_middle_of_writing_keeps_the_kept_numbers(tmp_path: Path) -> None:
    path = tmp_path / "a.baseline.json"
    write(kept({"r": {"steps": [1, 1]}}), path)
    script = (
        "import os, pathlib, sys\n"
        "from harness.report.baseline import Baseline, write\n"
        "def half(path, text, **_):\n"
        "    path.open('w').write(text[: len(text) // 2])\n"
        "    os.kill(os.getpid(), 9)\n"
        "pathlib.Path.write_text = half\n"
        "write(Baseline('a', 's', (0,), {}, {'r': {'steps': [2]}}), pathlib.Path(sys.argv[1]))\n"
    )
    ended = subprocess.run([sys.executable, "-c", script, str(path)], check=False)
    assert ended.returncode == -9
    assert len(list(tmp_path.iterdir())) == 2  # the other is half of the new one, hidden
    assert read(path) == kept({"r": {"steps": [1, 1]}})
    write(kept({}), path)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("content", ['{"runs": {}, "name": "a"}', "mine", "{}"])
def test_another_file_is_not_replaced(tmp_path: Path, content: str) -> None:
    path = tmp_path / "a.baseline.json"
    path.write_text(content)
    with pytest.raises(BaselineError, match="and the kept numbers of a would replace it"):
        write(kept({}), path)
    assert path.read_text() == content


def test_the_table_shows_differences_in_the_metric_s_unit() -> None:
    compared = [
        Comparison("r", "test_accuracy", 0.9, 0.8, Tolerance(absolute=0.01)),
        Comparison("r", "steps", 10, 10, Tolerance(relative=0.1)),
        Comparison("r", "distance", 1.0, None, Tolerance(relative=0.1)),
        Comparison("r", "epochs", None, 3, Tolerance(relative=0.1)),
    ]
    assert drift_table(changes(compared)).splitlines() == [
        "run    metric         kept    measured    difference     allowed",
        "r      test_accuracy  90.00%  80.00%      -10.00 points  1.00 points  drifted",
        "r      distance       1.00    –                          0.100        drifted",  # noqa: RUF001
        "r      epochs         –       3 epochs                                new",  # noqa: RUF001
    ]


def test_what_took_part_is_compared() -> None:
    other = Baseline("a", "a.json", (0,), {"device": "GPU", "threads": "2", "python": "3.11"}, {})
    assert other_environment(kept({}), other) == ["device: CPU -> GPU", "threads: nothing -> 2"]
