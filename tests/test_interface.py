"""The Python interface: what a notebook may ask, and that it costs nothing until then."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import harness
from harness.metrics import METRICS
from harness.spec.problems import SpecError

if TYPE_CHECKING:
    from tests.conftest import Pretend

SPEC = {
    "name": "a",
    "title": "A",
    "seeds": [0, 1],
    "defaults": {
        "dataset": {"name": "digits"},
        "model": {"name": "perceptron"},
        "training": {"epochs": 3},
    },
    "runs": {"one": {}, "two": {"initialize_from": "one"}},
    "expectations": [
        {
            "id": "better",
            "metric": "two.test_accuracy - one.test_accuracy",
            "at_least": 0.05,
            "statistic": "every",
            "basis": "hypothesis",
            "source": "s",
        }
    ],
}


@pytest.fixture
def spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A specification in the current folder."""
    monkeypatch.chdir(tmp_path)
    Path("a.json").write_text(json.dumps(SPEC))
    return Path("a.json")


@pytest.fixture
def measured(spec: Path, pretend: Pretend) -> Path:
    """The same, with the runs of both seeds in the store."""
    accuracies = {"one": [0.5, 0.6], "two": [0.75, 0.625]}
    numbers = {run: {"test_accuracy": values} for run, values in accuracies.items()}
    pretend(spec, Path(".harness/store"), numbers)
    return spec


class TestImport:
    """`import harness`."""

    def test_it_imports_nothing_else(self) -> None:
        program = (
            "import sys; before = set(sys.modules); import harness; dir(harness);"
            "new = {name.partition('.')[0] for name in set(sys.modules) - before};"
            "print(sorted(new - sys.stdlib_module_names),"
            " [name for name in sys.modules if name.startswith('harness.')])"
        )
        found = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True
        )
        assert found.stdout == "['harness'] []\n"

    def test_loading_and_planning_import_no_backend(self, spec: Path) -> None:
        program = (
            f"import sys, harness; harness.plan_runs({str(spec)!r}); harness.results;"
            "print({'keras', 'tensorflow', 'jax', 'matplotlib', 'pandas'} & set(sys.modules))"
        )
        found = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True
        )
        assert found.stdout == "set()\n"

    def test_every_name_is_there_and_documented(self) -> None:
        assert set(harness.__all__) <= set(dir(harness))
        for name in harness.__all__:
            assert getattr(harness, name).__doc__

    def test_a_name_that_is_not_there_is_said(self) -> None:
        with pytest.raises(AttributeError, match="module 'harness' has no attribute 'ran'"):
            _ = harness.ran  # type: ignore[attr-defined]


class TestLoad:
    """Specifications as records."""

    def test_one_path_several_and_a_folder_are_alike(self, spec: Path) -> None:
        assert harness.load(str(spec)) == harness.load([spec]) == harness.load(".")

    def test_changes_and_seeds_are_those_of_the_command(self, spec: Path) -> None:
        (found,) = harness.load(spec, changes={"defaults.training.epochs": 7}, seeds=[5])
        assert found.runs["one"].settings.training.epochs == 7
        assert found.seeds == (5,)
        assert found.trial == ("--set", "defaults.training.epochs=7", "--seeds", "5")

    def test_a_path_of_changes_has_names(self, spec: Path) -> None:
        with pytest.raises(ValueError, match="expected PATH=VALUE"):
            harness.load(spec, changes={"defaults..epochs": 7})


class TestValidate:
    """Faults as records."""

    def test_a_valid_specification_has_none(self, spec: Path) -> None:
        assert harness.validate(spec) == ()

    def test_every_fault_has_its_place(self, spec: Path) -> None:
        spec.write_text(json.dumps({**SPEC, "seeds": [-1], "question": 1}))
        found = harness.validate(spec)
        assert sorted(each.pointer for each in found) == ["/question", "/seeds/0"]
        assert str(found[0]).startswith("a.json:1:")
        with pytest.raises(SpecError):
            harness.load(spec)


class TestPlanRuns:
    """How every run stands."""

    def test_a_run_and_seed_is_a_record(self, spec: Path) -> None:
        found = harness.plan_runs(spec)
        assert [(each["run"], each["seed"]) for each in found] == [
            ("one", 0),
            ("two", 0),
            ("one", 1),
            ("two", 1),
        ]
        assert {each["starts_from"] for each in found} == {None, "one"}
        assert {each["status"] for each in found} <= {"missing", "blocked"}

    def test_what_is_done_is_said(self, measured: Path) -> None:
        assert {each["status"] for each in harness.plan_runs(measured)} == {"done"}
        assert not any(each["stale"] or each["reason"] for each in harness.plan_runs(measured))


class TestCheck:
    """Stored runs, judged."""

    def test_it_ends_as_the_command_does(
        self, measured: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        command = [sys.executable, "-m", "harness", "check", str(measured)]
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
        found = harness.check(measured)
        assert (ran.returncode, ran.stdout) == (found.exit_code, capsys.readouterr().out)
        assert (found.exit_code, found.passed) == (1, False)

    def test_an_expectation_is_a_record(self, measured: Path) -> None:
        (verdict,) = harness.check(measured).verdicts
        assert (verdict["expectation"], verdict["verdict"], verdict["seeds"]) == (
            "better",
            "fail",
            2,
        )
        assert verdict["mean"] == pytest.approx(0.1375)
        assert verdict["message"] == "outside the bounds: seed 1 (2.50 points)"

    def test_a_changed_expectation_is_judged_by_the_same_runs(self, measured: Path) -> None:
        changed = [{**SPEC["expectations"][0], "at_least": 0.02}]  # type: ignore[index]
        assert harness.check(measured, changes={"expectations": changed}).passed

    def test_the_runs_are_those_of_results(self, measured: Path) -> None:
        found = harness.check(measured).runs
        stored = harness.results(".harness/store")
        assert sorted(found, key=lambda each: each["key"]) == sorted(
            stored, key=lambda each: each["key"]
        )


class TestResults:
    """What was measured, as rows."""

    def test_all_rows_of_a_store_have_the_same_columns(self, measured: Path) -> None:
        found = harness.results(".harness/store")
        assert {tuple(each) for each in found} == {
            ("experiment", "run", "seed", "status", "key", *METRICS)
        }
        assert {(each["run"], each["seed"]): each["test_accuracy"] for each in found} == {
            ("one", 0): 0.5,
            ("two", 0): 0.75,
            ("one", 1): 0.6,
            ("two", 1): 0.625,
        }
        assert {each["boundary_length"] for each in found} == {None}

    def test_committed_reports_are_read_alone_or_all_at_once(self) -> None:
        reports = Path(__file__).parents[1] / "reports"
        every = harness.results(reports)
        alone = harness.results(reports / "quickstart-toy.json")
        assert [each for each in every if each["experiment"] == "quickstart-toy"] == alone
        document = json.loads((reports / "quickstart-toy.json").read_text())
        for each in alone:
            told = document["runs"][each["run"]][str(each["seed"])]["measurements"]
            assert told.items() <= each.items()


class TestRun:
    """Runs, made by the command in a process of its own."""

    def test_a_trial_trains_what_it_is_given_and_reports_elsewhere(self, spec: Path) -> None:
        small = {"defaults.dataset.train_examples": 100, "defaults.training.epochs": 1}
        found = harness.run(spec, changes=small, seeds=[3], store="kept")
        assert {(each["run"], each["seed"], each["epochs"]) for each in found.runs} == {
            ("one", 3, 1),
            ("two", 3, 1),
        }
        assert found.runs == harness.results("kept")
        (verdict,) = found.verdicts
        assert verdict["seeds"] == 1
        assert found.exit_code == {"pass": 0, "fail": 1}[verdict["verdict"]]
        (judgement,) = json.loads(Path(".harness/reports/a.json").read_text())["judgements"]
        assert judgement["verdict"] == verdict["verdict"]
        assert not Path("reports").exists()

    def test_what_the_command_refuses_is_an_exception(
        self, measured: Path, capfd: pytest.CaptureFixture[str]
    ) -> None:
        Path("here").mkdir()
        Path("here/a.md").write_text("# Mine\n")
        with pytest.raises(RuntimeError, match="exit code 2"):
            harness.run(measured, reports="here")
        assert "was not written by this harness" in capfd.readouterr().err
