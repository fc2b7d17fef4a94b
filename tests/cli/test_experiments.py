"""The commands on specifications: exit codes and messages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.conftest import Harness


def test_a_valid_specification_is_counted(harness: Harness) -> None:
    found = harness("validate", "a.json")
    assert (found.exit_code, found.output) == (0, "1 specification valid, 3 runs\n")
    found = harness("validate", ".", "--set", "seeds=[0,1]")
    assert (found.exit_code, found.output) == (0, "1 specification valid, 6 runs\n")


@pytest.mark.parametrize("command", ["validate", "plan", "run", "measure", "check", "report"])
def test_an_invalid_specification_ends_every_command_alike(harness: Harness, command: str) -> None:
    Path("b.json").write_text('{"name": "b"}')
    found = harness(command, "a.json", "b.json")
    assert found.exit_code == 2
    assert found.stdout == ""
    assert (
        found.stderr
        == "b.json:1:1: 'runs' is missing\nb.json:1:1: 'title' is missing\n2 problems found\n"
    )
    assert not Path("reports").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["validate"], "Missing argument 'PATHS...'"),
        (["validate", "nowhere"], "nowhere:1:1: no such file or folder\n1 problem found"),
        (["validate", "a.json", "--frob"], "No such option '--frob'"),
        (
            ["validate", "a.json", "--set", "nonsense"],
            "expected PATH=VALUE, such as defaults.training.epochs=3",
        ),
        (
            ["validate", "a.json", "--set", "runs.one.training=3"],
            "--set runs.one.training: expected an object",
        ),
        (["plan", "a.json", "--seeds", "one"], "expected numbers such as 0,1,2, found 'one'"),
        (["plan", "a.json", "--seeds", "0,0"], "--seeds: expected distinct items"),
        (
            ["plan", "a.json", "--seeds", "-1"],
            "--seeds: expected at least 0, found -1",
        ),
        (
            ["plan", "a.json", "--set", "seeds=[-1]"],
            "--set seeds.0: expected at least 0, found -1",
        ),
        (
            ["run", "a.json", "--only", "x*"],
            "no run is named like 'x*' (there are: one, m[...])",
        ),
        (["run", "a.json", "--only", ""], "no run is named like ''"),
        (["check", "a.json", "--allow", "fail"], "'fail' is not one of 'blocked', 'inconclusive'"),
        (["data", "import", "mnist", "x"], "'mnist' is not 'cifar10_jpeg'"),
        (["data", "prepare", "nothing"], "'nothing' is not one of"),
        (["nonsense"], "No such command 'nonsense'"),
    ],
)
def test_wrong_usage_ends_with_2_and_says_what_is_right(
    harness: Harness, arguments: list[str], message: str
) -> None:
    found = harness(*arguments)
    assert found.exit_code == 2
    assert message in found.stderr


def test_the_plan_shows_what_is_to_do_and_what_it_costs(harness: Harness) -> None:
    found = harness("plan", "a.json", "--seeds", "0,1")
    assert found.exit_code == 0
    # 500 examples, 4 batches of at most 128, 3 epochs.
    assert [
        line.split() for line in found.stdout.splitlines() if line.startswith(("one", "m["))
    ] == [
        ["one", "2", "to", "do", "(shared)", "12", "1,500"],
        ["m[none]", "2", "to", "do", "(shared)", "12", "1,500"],
        ["m[l2]", "2", "to", "do", "12", "1,500"],
    ]
    # `one` and `m[none]` are the same run: 2 networks of 2 seeds.
    assert found.stdout.endswith(
        "4 runs: 0 done, 4 to do, 0 blocked; left at most 48 steps, 6,000 images\n"
    )
    assert not Path(".harness").exists()


def test_the_plan_shows_what_is_blocked_and_why(harness: Harness) -> None:
    found = harness(
        "plan", "a.json", "--set", "runs.one.dataset.name=mnist", "--set", "runs.m=null"
    )
    assert found.exit_code == 0
    # 60,000 images are 468 batches of 128 and one of 96.
    assert "blocked: mnist is not prepared in" in found.stdout
    assert "1,407" in found.stdout
    assert "1 runs: 0 done, 0 to do, 1 blocked; left at most 0 steps, 0 images" in found.stdout


def test_an_empty_store_is_blocked_unless_that_is_allowed(harness: Harness) -> None:
    found = harness("check", "a.json")
    assert found.exit_code == 4
    assert "e: one, seed 0: not run yet" in found.stdout
    assert harness("check", "a.json", "--allow", "inconclusive").exit_code == 4
    assert harness("check", "a.json", "--allow", "blocked").exit_code == 0


def test_a_report_is_written_without_training(harness: Harness) -> None:
    assert harness("report", "a.json", "--reports", "out").exit_code == 0
    assert "not run yet" in Path("out/a.md").read_text()
    assert harness("report", "a.json", "--seeds", "1").exit_code == 0
    assert Path(".harness/reports/a.md").exists()
    assert not Path("reports").exists()


@pytest.mark.parametrize("change", [["--seeds", "1"], ["--set", "defaults.training.epochs=2"]])
def test_a_trial_never_touches_the_committed_reports_unasked(
    harness: Harness, change: list[str]
) -> None:
    assert harness("report", "a.json").exit_code == 0
    before = {path: path.read_bytes() for path in Path("reports").rglob("*") if path.is_file()}
    found = harness("report", "a.json", *change)
    assert (found.exit_code, found.stderr) == (0, "")
    assert {
        path: path.read_bytes() for path in Path("reports").rglob("*") if path.is_file()
    } == before
    asked = harness("report", "a.json", *change, "--reports", "reports")
    assert asked.exit_code == 0
    assert (
        asked.stderr
        == "warning: this is a trial (--set, --seeds or --only), whose reports replace those in"
        " reports: a\n"
    )
    assert Path("reports/a.json").read_bytes() != before[Path("reports/a.json")]
    assert harness("report", "a.json", "--reports", "reports").stderr == ""


def test_reports_that_cannot_be_written_end_with_3(harness: Harness) -> None:
    found = harness("report", "a.json", "--reports", "a.json")
    assert found.exit_code == 3
    assert found.stderr.startswith("error: the reports a.json cannot be written: ")


class TestTrial:
    """A run that options changed says so, with the command that repeats it."""

    @pytest.mark.parametrize(
        ("options", "command"),
        [
            (["--seeds", "1,2"], "python -m harness run a.json --seeds 1,2"),
            (
                ["--set", "defaults.training.epochs=2", "--set", "title=It's short"],
                (
                    "python -m harness run a.json --set defaults.training.epochs=2 --set"
                    " 'title=It'\"'\"'s short'"
                ),
            ),
        ],
    )
    def test_the_report_the_terminal_and_the_index_tell(
        self, harness: Harness, options: list[str], command: str
    ) -> None:
        found = harness("report", "a.json", *options)
        assert f"this is a trial, not the experiment as specified: {command}\n" in found.output
        reports = Path(".harness/reports")
        text = (reports / "a.md").read_text()
        assert f"**This is a trial**, not the experiment as specified: `{command}`" in text
        assert f"```sh\n{command}\n```" in text
        assert json.loads((reports / "a.json").read_text())["trial"] == command
        assert "(trial)" in (reports / "README.md").read_text()
        assert command in harness("check", "a.json", *options).output

    def test_what_is_run_as_specified_is_none(self, harness: Harness) -> None:
        assert "trial" not in harness("report", "a.json").output
        assert "trial" not in Path("reports/a.md").read_text()
        assert "trial" not in Path("reports/a.json").read_text()
        assert "trial" not in Path("reports/README.md").read_text()

    def test_a_run_of_some_runs_alone_is_one(self, harness: Harness) -> None:
        found = harness("run", "a.json", "--only", "m[*")
        assert "python -m harness run a.json --only 'm[*'" in found.output
