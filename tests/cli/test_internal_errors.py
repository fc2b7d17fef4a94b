"""What nobody foresaw: one line, an exit code of its own, and the traceback in a file."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import pytest

from harness.experiment import Experiment
from harness.judging import check as check_module
from tests.cli.conftest import SPEC

if TYPE_CHECKING:
    from click.testing import Result

    from tests.cli.conftest import Harness
    from tests.conftest import Pretend

STORE = Path(".harness/store")
INTERNAL = 70


def broken(*_arguments: Any, **_named: Any) -> Any:
    raise RuntimeError("nobody\nforesaw \x1b[31mthis")


@pytest.fixture
def measured(harness: Harness, pretend: Pretend) -> Harness:
    """A folder with the specifications `a.json` and `b.json`, whose runs are as good as made."""
    Path("b.json").write_text(json.dumps(SPEC | {"name": "b"}))
    numbers = {run: {"distance": [1.0]} for run in ("one", "m[none]", "m[l2]")}
    for name in ("a.json", "b.json"):
        pretend(Path(name), STORE, numbers)
    return harness


@pytest.fixture
def a_cannot_be_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    check = check_module.check

    def check_all_but_a(experiment: Experiment, results: Any) -> Any:
        return broken() if experiment.name == "a" else check(experiment, results)

    monkeypatch.setattr("harness.runner.conclude.check", check_all_but_a)


def file_of(found: Result, folder: Path = STORE / "crashes") -> Path:
    """See that a command ended with an internal error, and return the file that it names."""
    assert (found.exit_code, found.stderr.count("\n")) == (INTERNAL, 1), found.output
    assert found.stderr.startswith("internal error: ")
    assert "RuntimeError: nobody foresaw \\x1b[31mthis; this is a fault of" in found.stderr
    named = re.search(r"the command line are in (\S+\.txt)$", found.stderr)
    assert named is not None
    path = Path(named[1])
    assert path.is_relative_to(folder)
    assert path.read_text().splitlines()[-1].endswith("this")
    return path


def test_the_file_has_the_command_the_versions_and_the_traceback(
    measured: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.orig_argv", ["python", "-m", "harness", "plan", "a file.json"])
    monkeypatch.setattr("harness.runner.looks.make_plan", broken)
    text = file_of(measured("plan", "a.json")).read_text()
    assert re.search(r"^command +python -m harness plan 'a file.json'$", text, re.MULTILINE)
    assert re.search(r"^python +3\.", text, re.MULTILINE)
    assert re.search(r"^tensorflow +\d", text, re.MULTILINE)
    assert "\nTraceback (most recent call last):\n" in text
    assert 'raise RuntimeError("nobody\\nforesaw' in text


@pytest.mark.parametrize("command", ["plan", "run", "check", "report"])
def test_planning(measured: Harness, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    monkeypatch.setattr("harness.runner.looks.make_plan", broken)
    file_of(measured(command, "a.json"))


@pytest.mark.parametrize(
    ("place", "arguments"),
    [
        ("harness.authoring.explain.explain", ["explain", "title"]),
        ("harness.compare.sides.read_side", ["diff", "a", "b"]),
        ("harness.spec.load.load", ["validate", "a.json"]),
    ],
)
def test_commands_without_a_store_write_to_a_temporary_folder(
    harness: Harness, monkeypatch: pytest.MonkeyPatch, place: str, arguments: list[str]
) -> None:
    monkeypatch.setattr(place, broken)
    file_of(harness(*arguments), Path(tempfile.gettempdir()))


@pytest.mark.parametrize("obstacle", ["no store", "a file in the way"])
def test_where_the_store_cannot_be_written_the_file_goes_to_a_temporary_folder(
    harness: Harness, monkeypatch: pytest.MonkeyPatch, obstacle: str
) -> None:
    monkeypatch.setattr("harness.runner.looks.make_plan", broken)
    if obstacle != "no store":
        STORE.mkdir(parents=True)
        (STORE / "crashes").write_text("in the way")
    file_of(harness("plan", "a.json"), Path(tempfile.gettempdir()))


def test_where_nothing_can_be_written_the_line_says_so(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("harness.runner.looks.make_plan", broken)
    monkeypatch.setattr("harness.system.files.replace", full)
    found = harness("plan", "a.json")
    assert found.exit_code == INTERNAL
    assert found.stderr.endswith("its traceback cannot be written: No space left on device\n")


def test_executing(measured: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    from harness.runner import local

    monkeypatch.setattr(local, "ended", broken)
    file_of(measured("run", "a.json", "b.json"))


@pytest.mark.usefixtures("a_cannot_be_judged")
@pytest.mark.parametrize("command", ["run", "check"])
def test_judging_one_of_two_experiments(measured: Harness, command: str) -> None:
    outputs = ["--json", "v.json", "--junit", "v.xml", "--summary", "v.md"]
    found = measured(command, "a.json", "b.json", *outputs)
    file_of(found)
    assert found.stderr.startswith("internal error: a cannot be judged: RuntimeError: ")
    assert "b: A" in found.stdout
    assert "a: A" not in found.stdout
    verdicts = json.loads(Path("v.json").read_text())
    assert verdicts["exit_code"] == INTERNAL
    assert verdicts["counts"]["error"] >= 1
    cases = {
        (case.get("classname"), case.get("name")): [child.tag for child in case]
        for case in ElementTree.parse("v.xml").iter("testcase")
    }
    assert "error" in cases["a", "e"]
    assert "error" not in cases["b", "e"]
    assert "failure" not in [
        tag for (name, _), tags in cases.items() if name == "a" for tag in tags
    ]
    assert "a cannot be judged" in Path("v.md").read_text()
    if command == "run":
        assert Path("reports/b.md").exists()
        assert not Path("reports/a.md").exists()


def test_a_report_of_one_of_two_experiments(
    measured: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    def draw(experiment: Experiment, *_: Any) -> dict[str, bytes]:
        return broken() if experiment.name == "a" else {"curves.png": b"image"}

    monkeypatch.setattr("harness.report.write.draw", draw)
    found = measured("run", "a.json", "b.json", "--json", "v.json")
    file_of(found)
    assert found.stderr.startswith("internal error: the report of a cannot be made: RuntimeError:")
    assert Path("reports/b.md").exists()
    assert "a: A" in found.stdout  # the verdicts are shown all the same
    assert json.loads(Path("v.json").read_text())["exit_code"] == INTERNAL


@pytest.mark.parametrize("form", ["junit.junit", "compact.compact", "summary.summary"])
def test_writing_outputs(measured: Harness, monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    monkeypatch.setattr(f"harness.ci.{form}", broken)
    file_of(
        measured("check", "a.json", "--json", "v.json", "--junit", "v.xml", "--summary", "v.md")
    )


def test_options(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.ci.outputs.clear", broken)
    file_of(harness("check", "a.json"), Path(tempfile.gettempdir()))


def test_a_fault_that_a_person_can_mend_is_none(harness: Harness) -> None:
    cases: list[tuple[Callable[[], Result], int]] = [
        (lambda: harness("plan", "nowhere.json"), 2),
        (lambda: harness("runs", "show", "abc"), 3),
        (lambda: harness("explain", "nothing"), 2),
    ]
    for run, code in cases:
        found = run()
        assert (found.exit_code, "internal" in found.stderr) == (code, False)
    usage = harness("explain", "nothing").stderr.splitlines()
    assert usage[0] == "Usage: main explain [OPTIONS] [PATH]"
