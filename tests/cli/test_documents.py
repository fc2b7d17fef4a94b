"""What commands print for programs: one document, in a stable format, and nothing beside it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import harness as interface
from harness.cli.documents import print_document
from harness.experiment import Json

if TYPE_CHECKING:
    from click.testing import Result

    from tests.cli.conftest import Harness
    from tests.conftest import Pretend


@pytest.fixture
def stored(harness: Harness, pretend: Pretend) -> Harness:
    """The commands, in a folder where all runs of `a.json` are stored."""
    numbers: dict[str, dict[str, Sequence[float | None]]] = {
        run: {"test_accuracy": [0.5], "distance": [1.5], "epochs": [3]}
        for run in ("one", "m[none]", "m[l2]")
    }
    pretend(Path("a.json"), Path(".harness/store"), numbers)
    return harness


def document(result: Result, name: str, code: int = 0) -> Json:
    """Return the document that a command printed."""
    assert result.exit_code == code, result.output
    assert result.stdout.isascii()
    found = json.loads(result.stdout)
    assert found["format"] == f"reproduction-harness {name} 1"
    return found


def test_what_a_runner_would_act_on_is_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    print_document("x", {"title": "##[error]é\x1b\n::error::", "value": float("nan")})
    printed = capsys.readouterr().out
    assert "##[" not in printed
    assert json.loads(printed) == {
        "format": "reproduction-harness x 1",
        "title": "##[error]é\x1b\n::error::",
        "value": "nan",
    }


class TestValidate:
    """Every fault with its place, and what is valid beside."""

    def test_what_is_valid_is_summed_up(self, harness: Harness) -> None:
        assert document(harness("validate", "a.json", "--json"), "validate") == {
            "format": "reproduction-harness validate 1",
            "valid": True,
            "problems": [],
            "specifications": [
                {
                    "experiment": "a",
                    "title": "A",
                    "specification": "a.json",
                    "runs": 3,
                    "seeds": 1,
                    "expectations": 1,
                }
            ],
        }

    def test_faults_are_records_beside_what_is_valid(self, harness: Harness) -> None:
        Path("b.json").write_text('{"name": "b",\n "runs": {"x": {"training": {"epoch": 1}}}}')
        result = harness("validate", "a.json", "b.json", "nowhere", "--json")
        found = document(result, "validate", 2)
        assert result.stderr == ""
        assert not found["valid"]
        assert [each["experiment"] for each in found["specifications"]] == ["a"]
        places = {(each["file"], each["line"], each["pointer"]) for each in found["problems"]}
        assert {("b.json", 2, "/runs/x/training/epoch"), ("nowhere", 1, "")} <= places
        assert found["problems"] == [
            {
                "file": each.path.as_posix(),
                "line": each.line,
                "column": each.column,
                "pointer": each.pointer,
                "message": each.message,
            }
            for each in interface.validate(["a.json", "b.json", "nowhere"])
        ]

    def test_two_of_one_name_are_both_at_fault(self, harness: Harness) -> None:
        Path("b.json").write_text(Path("a.json").read_text())
        found = document(harness("validate", ".", "--json"), "validate", 2)
        assert found["specifications"] == []
        assert {each["file"] for each in found["problems"]} == {"a.json", "b.json"}


class TestPlan:
    """Every run of every seed, and a record a specification."""

    def test_the_records_are_those_of_the_interface(self, harness: Harness) -> None:
        found = document(harness("plan", "a.json", "--seeds", "0,1", "--json"), "plan")
        assert found["runs"] == interface.plan_runs("a.json", seeds=[0, 1])
        assert found["specifications"] == [
            {
                "experiment": "a",
                "title": "A",
                "specification": "a.json",
                "runs": 6,
                "done": 0,
                "blocked": 0,
                "error": 0,
                "missing": 6,
                "stale": 0,
                "steps_left": 48,  # `one` and `m[none]` are one run
                "images_left": 6000,
                "seconds_left": 0,
                "runs_not_estimated": 4,
            }
        ]

    def test_what_is_done_is_counted(self, stored: Harness) -> None:
        (found,) = document(stored("plan", "a.json", "--json"), "plan")["specifications"]
        assert (found["done"], found["missing"], found["steps_left"]) == (3, 0, 0)

    def test_an_invalid_specification_leaves_standard_output_empty(self, harness: Harness) -> None:
        result = harness("plan", "nowhere", "--json")
        assert (result.exit_code, result.stdout) == (2, "")


class TestRuns:
    """The finished runs of a store."""

    def test_the_records_are_those_of_the_interface(self, stored: Harness) -> None:
        found = document(stored("runs", "list", "m[l2]", "--json"), "runs list")
        (record,) = found["runs"]
        (same,) = (
            each for each in interface.results(".harness/store") if each["run"] == record["run"]
        )
        assert same.items() <= record.items()
        assert record["bytes"] > 0
        assert (record["stale"], record["reason"]) == (False, "")
        shown = stored("runs", "show", record["key"][:12], "--json")
        assert shown.stdout == stored("runs", "show", record["key"][:12]).stdout
        assert document(shown, "runs show")["key"] == record["key"]

    def test_a_damaged_run_is_an_error_there_and_on_standard_error(self, stored: Harness) -> None:
        folder = next(Path(".harness/store/runs").rglob("SHA256SUMS"))
        folder.unlink()
        result = stored("runs", "list", "--json")
        (error,) = document(result, "runs list", 3)["errors"]
        assert result.stderr == f"error: {error}\n"


class TestData:
    """The data sets."""

    def test_the_list_tells_what_is_ready(self, harness: Harness) -> None:
        found = document(harness("data", "list", "--json"), "data list")
        known = {each["name"]: each for each in found["datasets"]}
        assert (known["digits"]["ready"], known["digits"]["test_examples"]) == (True, 1297)
        assert known["mnist"]["ready"] is False
        assert known["mnist"]["next_step"].startswith("mnist is not prepared in")
        assert (known["image_folder"]["ready"], known["image_folder"]["named_by"]) == (None, "path")

    def test_the_status_tells_where_files_are(self, harness: Harness) -> None:
        found = document(harness("data", "status", "cinic10", "--json"), "data status")
        (record,) = found["datasets"]
        assert record["archives"] == [{"name": "CINIC-10.tar.gz", "path": None, "bytes": None}]
        listed = document(harness("data", "list", "--json"), "data list")["datasets"]
        assert next(each for each in listed if each["name"] == "cinic10").items() <= record.items()


class TestVerdicts:
    """What `check --json` prints is what `check --json FILE` writes."""

    def test_without_a_file_they_are_printed_alone(self, stored: Harness) -> None:
        result = stored("check", "a.json", "--json")
        written = stored("check", "a.json", "--json", "v.json")
        assert (written.exit_code, written.stdout) == (4, result.stderr)
        before_them = stored("check", "--json=-", "a.json")
        found = [
            document(result, "verdicts", 4),
            document(before_them, "verdicts", 4),
            json.loads(Path("v.json").read_text()),
        ]
        for each in found:  # which holds the time
            assert each["experiments"][0]["expectations"][0].pop("stated")
        assert found[0] == found[1] == found[2]

    def test_the_records_are_those_of_the_interface(self, stored: Harness) -> None:
        found = document(stored("check", "a.json", "--json"), "verdicts", 4)
        (record,) = found["experiments"][0]["expectations"]
        (same,) = interface.check("a.json").verdicts
        del same["stale"]  # it is left out where nothing is
        assert same.items() <= record.items()

    def test_they_are_printed_where_the_exit_code_is_another(self, harness: Harness) -> None:
        result = harness("check", "a.json", "--json", "--annotate", "github")
        assert document(result, "verdicts", 4)["exit_code"] == 4
        assert "::warning" in result.stderr

    def test_a_specification_is_not_taken_for_the_file(self, harness: Harness) -> None:
        result = harness("check", "--json", "a.json")
        assert (result.exit_code, result.stdout) == (2, "")
        assert "name the specifications first, or write --json=- before them" in result.stderr
        assert Path("a.json").read_text().startswith("{")


class TestBaseline:
    """What drifted from kept numbers."""

    def compare(self, harness: Harness, code: int) -> tuple[Json, Json]:
        result = harness("baseline", "compare", "a.json", "--json")
        found = document(result, "baseline compare", code)
        assert found["exit_code"] == code
        (experiment,) = found["experiments"]
        assert (experiment["experiment"], experiment["file"]) == (
            "a",
            "reports/a.baseline.json",
        )
        return experiment, found["numbers"]

    def test_every_number_is_a_record(self, stored: Harness, pretend: Pretend) -> None:
        experiment, numbers = self.compare(stored, 4)
        assert (experiment["verdict"], experiment["message"]) == ("blocked", "no baseline yet")
        assert stored("baseline", "update", "a.json", "--yes").exit_code == 0
        experiment, numbers = self.compare(stored, 0)
        assert (experiment["verdict"], experiment["compared"]) == ("pass", len(numbers))
        pretend(Path("a.json"), Path(".harness/store"), {"m[l2]": {"test_accuracy": [0.75]}})
        experiment, numbers = self.compare(stored, 1)
        assert experiment["verdict"] == "fail"
        (moved,) = (
            each for each in numbers if each["metric"] == "test_accuracy" and each["drifted"]
        )
        assert (moved["experiment"], moved["run"]) == ("a", "m[l2]")
        assert (moved["kept"], moved["measured"]) == (0.5, 0.75)

    def test_runs_that_are_not_made_block_it(self, harness: Harness) -> None:
        experiment, numbers = self.compare(harness, 4)
        assert experiment["verdict"] == "blocked"
        assert experiment["message"] == "one, seed 0 (and 2 more): not run yet"
        assert numbers == []
