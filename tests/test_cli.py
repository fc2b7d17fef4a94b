"""The commands as a person meets them: exit codes and messages."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from harness.cli import main
from harness.data import catalog
from harness.spec.records import Json
from harness.store import Store

Harness = Callable[..., Result]

SPEC: Json = {
    "name": "a",
    "title": "A",
    "defaults": {"dataset": {"name": "digits"}, "model": {"name": "perceptron"}, "training": {"epochs": 3}},
    "runs": {"one": {}, "m": {"matrix": {"regularizers": [[], ["l2"]]}}},
    "expectations": [{"id": "e", "metric": "one.distance", "at_least": 0, "basis": "claim", "source": "s"}],
}


@pytest.fixture
def harness(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Harness:
    """Run a command in a folder with the specification `a.json`, without any data."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("HARNESS_ARCHIVES", "")
    monkeypatch.setenv("COLUMNS", "200")
    Path("a.json").write_text(json.dumps(SPEC))
    return lambda *arguments: CliRunner().invoke(main, arguments)


def test_a_valid_specification_is_counted(harness: Harness) -> None:
    found = harness("validate", "a.json")
    assert (found.exit_code, found.output) == (0, "1 specification valid, 3 runs\n")
    found = harness("validate", ".", "--set", "seeds=[0,1]")
    assert (found.exit_code, found.output) == (0, "1 specification valid, 6 runs\n")


@pytest.mark.parametrize("command", ["validate", "plan", "run", "check", "report"])
def test_an_invalid_specification_ends_every_command_alike(harness: Harness, command: str) -> None:
    Path("b.json").write_text('{"name": "b"}')
    found = harness(command, "a.json", "b.json")
    assert found.exit_code == 2
    assert found.stdout == ""
    assert found.stderr == "b.json:1:1: 'runs' is missing\nb.json:1:1: 'title' is missing\n2 problems found\n"
    assert not Path("reports").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["validate"], "Missing argument 'PATHS...'"),
        (["validate", "nowhere"], "nowhere:1:1: no such file or folder\n1 problem found"),
        (["validate", "a.json", "--frob"], "No such option '--frob'"),
        (["validate", "a.json", "--set", "nonsense"], "expected PATH=VALUE, such as defaults.training.epochs=3"),
        (
            ["validate", "a.json", "--set", "runs.one.training=3"],
            "--set:1:31: at /runs/one/training expected an object",
        ),
        (["plan", "a.json", "--seeds", "one"], "expected numbers such as 0,1,2, found 'one'"),
        (["plan", "a.json", "--seeds", "0,0"], "at /seeds expected distinct items"),
        (["plan", "a.json", "--seeds", "-1"], "at /seeds/0 expected at least 0, found -1"),
        (["run", "a.json", "--only", "x*"], "no run is named like 'x*'; there are one, m[none], m[l2]"),
        (["run", "a.json", "--only", ""], "no run is named like ''"),
        (["check", "a.json", "--allow", "fail"], "'fail' is not one of 'blocked', 'inconclusive'"),
        (["data", "import", "mnist", "x"], "'mnist' is not 'cifar10_jpeg'"),
        (["data", "prepare", "nothing"], "'nothing' is not one of"),
        (["nonsense"], "No such command 'nonsense'"),
    ],
)
def test_wrong_usage_ends_with_2_and_says_what_is_right(harness: Harness, arguments: list[str], message: str) -> None:
    found = harness(*arguments)
    assert found.exit_code == 2
    assert message in found.stderr


def test_the_plan_shows_what_is_to_do_and_what_it_costs(harness: Harness) -> None:
    found = harness("plan", "a.json", "--seeds", "0,1")
    assert found.exit_code == 0
    # 500 examples, 4 batches of at most 128, 3 epochs.
    assert [line.split() for line in found.stdout.splitlines() if line.startswith(("one", "m["))] == [
        ["one", "2", "to", "do", "(shared)", "12", "1,500"],
        ["m[none]", "2", "to", "do", "(shared)", "12", "1,500"],
        ["m[l2]", "2", "to", "do", "12", "1,500"],
    ]
    # `one` and `m[none]` are the same run: 2 networks of 2 seeds.
    assert found.stdout.endswith("4 runs: 0 done, 4 to do, 0 blocked; left at most 48 steps, 6,000 images\n")
    assert not Path(".harness").exists()


def test_the_plan_shows_what_is_blocked_and_why(harness: Harness) -> None:
    found = harness("plan", "a.json", "--set", "runs.one.dataset.name=mnist", "--set", "runs.m=null")
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


def test_reports_that_cannot_be_written_end_with_3(harness: Harness) -> None:
    found = harness("report", "a.json", "--reports", "a.json")
    assert found.exit_code == 3
    assert found.stderr.startswith("error: the reports a.json cannot be written: ")


def test_data_sets_are_listed_with_how_to_get_them(harness: Harness) -> None:
    found = harness("data", "list")
    assert found.exit_code == 0
    table, _, notes = found.stdout.partition("cifar10_jpeg is not in")
    ready = {line.split()[0]: line.split()[1] for line in table.splitlines() if line[:1].isalpha()}
    assert (ready["digits"], ready["blobs"], ready["image_folder"], ready["mnist"]) == ("yes", "yes", "by", "no")
    assert "get it with: python -m harness data prepare mnist" in notes


def test_the_status_of_data_sets_is_told(harness: Harness) -> None:
    found = harness("data", "status", "cinic10", "digits")
    assert found.exit_code == 0
    assert "CINIC-10.tar.gz, not in" in found.stdout
    assert "then: python -m harness data prepare cinic10\n" in found.stdout
    assert "digits: Optical" in found.stdout
    assert "mnist" not in found.stdout
    every = harness("data", "status")
    assert every.exit_code == 0
    assert all(f"\n{name}: " in every.stdout for name in catalog.SOURCES)


def test_looking_at_data_sets_loads_no_backend(tmp_path: Path) -> None:
    code = (
        "import sys; from click.testing import CliRunner; from harness.cli import main;"
        "found = [CliRunner().invoke(main, ['data', *words]) for words in (['list'], ['status'])];"
        "print([each.exit_code for each in found], 'tensorflow' in sys.modules, 'keras' in sys.modules)"
    )
    environment = {**os.environ, "TFDS_DATA_DIR": str(tmp_path)}
    found = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert found.stdout == "[0, 0] False False\n"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["restricted_imagenet", "--set", "size=8"], 2, "at size expected at least 16, found 8"),
        (["cinic10", "--set", "size=64"], 2, "at size unknown property 'size'"),
        (["restricted_imagenet", "--set", "size=64"], 3, "restricted_imagenet cannot be prepared: no archive folder"),
        (["digits"], 3, "digits needs no preparation"),
    ],
)
def test_what_cannot_be_prepared_is_told(harness: Harness, arguments: list[str], code: int, message: str) -> None:
    found = harness("data", "prepare", *arguments)
    assert found.exit_code == code
    assert message in found.stderr


def test_a_wrong_archive_ends_with_3_and_a_sentence(harness: Harness) -> None:
    found = harness("data", "import", "cifar10_jpeg", "a.json")
    assert (found.exit_code, found.stdout) == (3, "")
    assert found.stderr.startswith(
        "error: a.json is not the archive that is known, or is cut off or damaged: its SHA-256"
    )
    found = harness("data", "import", "cifar10_jpeg", "nowhere.tar.gz")
    assert (found.exit_code, found.stderr) == (3, "error: there is no archive nowhere.tar.gz\n")


def test_the_version_and_the_exit_codes_are_told(harness: Harness) -> None:
    assert harness("--version").exit_code == 0
    words = " ".join(harness("-h").stdout.split())
    assert "Exit codes of run and check: 0 all pass; 1 a fail; 2 invalid specification or usage; 3 an error; 4" in words


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
