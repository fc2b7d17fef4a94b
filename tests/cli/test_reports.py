"""What run and report do to the folder of reports: theirs is written, all else stays."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness.ci.outputs import Outputs
from harness.errors import InternalError
from harness.runner.conclude import check_experiments
from harness.runner.invocation import Invocation
from harness.spec.load import load
from harness.store.store import Store
from harness.system.ownership import Kind, kind_of
from tests.cli.conftest import SPEC

if TYPE_CHECKING:
    from tests.cli.conftest import Harness
    from tests.conftest import Pretend

PLOTS = {"curves.png": b"image"}


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw nothing, which takes long."""
    monkeypatch.setattr("harness.report.write.draw", lambda *_: PLOTS)


def files() -> dict[str, bytes]:
    return {
        str(path): path.read_bytes()
        for path in Path().rglob("*")
        if path.is_file() and not path.is_relative_to(".harness")
    }


def into(place: str) -> Path:
    """Move the specification to a folder, so that the present one is free for reports."""
    path = Path(place)
    path.parent.mkdir(exist_ok=True)
    Path("a.json").rename(path)
    return path


@pytest.mark.parametrize("command", ["run", "report"])
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("README.md", "was not written by this harness, and the index of the reports would"),
        ("a.md", "was not written by this harness, and the report of a would replace it"),
        ("a.json", "was not written by this harness, and the results of a would replace it"),
        ("a/curves.png", "was not written by this harness, and a plot of a would replace it"),
        ("a", "is no folder, and the plots of a would lie in one"),
    ],
)
def test_a_foreign_file_in_the_folder_ends_the_command_before_anything_is_done(
    harness: Harness, command: str, name: str, said: str
) -> None:
    spec = into("specs/a.json")
    Path(name).parent.mkdir(exist_ok=True)
    Path(name).write_text("mine")
    before = files()
    found = harness(command, str(spec), "--reports", ".")
    assert (found.exit_code, found.stdout) == (2, "")
    assert found.stderr.startswith(f"error: {name} {said}")
    assert "choose another folder with --reports" in found.stderr
    assert files() == before
    assert not list(Path(".harness/store/runs").glob("*"))


@pytest.mark.parametrize("reports", ["specs", "link", "specs/../specs"])
def test_a_specification_is_never_replaced_by_its_results(harness: Harness, reports: str) -> None:
    spec = into("specs/a.json")
    Path("link").symlink_to("specs")
    before = files()
    found = harness("run", str(spec), "--reports", reports)
    assert found.exit_code == 2
    assert "is a specification, and the results of a would replace it" in found.stderr
    assert files() == before


def test_a_report_may_not_be_named_as_the_index_is(harness: Harness) -> None:
    Path("b.json").write_text(json.dumps(SPEC | {"name": "readme"}))
    found = harness("report", "b.json", "--reports", "r")
    assert found.exit_code == 2
    assert (
        "the report of readme and the index of the reports would be written to one file"
        in found.stderr
    )


@pytest.mark.usefixtures("quick")
def test_reports_are_written_again_and_what_is_beside_them_stays(harness: Harness) -> None:
    Path("r/a").mkdir(parents=True)
    Path("r/a/my_photo.png").write_text("mine")
    Path("r/thesis.md").write_text("mine")
    for _ in range(2):
        assert harness("report", "a.json", "--reports", "r").exit_code == 0
    kinds = {
        str(path): kind_of(content)
        for path, content in files().items()
        if not path.startswith("data/")
    }
    assert kinds == {
        "a.json": None,
        "r/README.md": Kind.INDEX,
        "r/a.json": Kind.RESULT,
        "r/a.md": Kind.REPORT,
        "r/a/curves.png": None,
        "r/a/data.png": None,
        "r/a/my_photo.png": None,
        "r/thesis.md": None,
    }
    assert json.loads(Path("r/a.json").read_text())["files"] == ["curves.png", "data.png"]


@pytest.mark.usefixtures("quick")
def test_reports_of_a_version_without_marks_are_written_again(harness: Harness) -> None:
    assert harness("report", "a.json", "--reports", "r").exit_code == 0
    for name in ("r/a.md", "r/README.md"):
        comment, _, rest = Path(name).read_text().partition("\n\n")
        assert comment.startswith("<!--")
        Path(name).write_text(rest)
    document: dict[str, Any] = json.loads(Path("r/a.json").read_text())
    del document["files"]
    Path("r/a.json").write_text(json.dumps(document))
    assert harness("report", "a.json", "--reports", "r").exit_code == 0


def test_a_report_that_cannot_be_made_stops_no_other(
    harness: Harness, pretend: Pretend, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("b.json").write_text(json.dumps(SPEC | {"name": "b"}))
    numbers = {run: {"distance": [1.0]} for run in ("one", "m[none]", "m[l2]")}
    for name in ("a.json", "b.json"):
        pretend(Path(name), Path(".harness/store"), numbers)

    def draw(experiment: Any, *_: Any) -> dict[str, bytes]:
        if experiment.name == "a":
            raise ValueError("a figure\nthat cannot be drawn")
        return PLOTS

    monkeypatch.setattr("harness.report.write.draw", draw)
    said = "the report of a cannot be made: ValueError: a figure that cannot be drawn"
    found = harness("report", "a.json", "b.json", "--reports", "r")
    assert found.exit_code == 70
    assert found.stderr.startswith(f"internal error: {said}; this is a fault of the harness: ")
    assert found.stderr.count("\n") == 1
    names = ["README.md", "a.expectations.json", "b", "b.expectations.json", "b.json", "b.md"]
    assert sorted(path.name for path in Path("r").iterdir()) == names
    experiments, store = load([Path("a.json"), Path("b.json")]), Store(Path(".harness/store"))
    invocation = Invocation(
        experiments, store, Path("data"), reports=Path("r"), outputs=Outputs(json=Path("v.json"))
    )
    with pytest.raises(InternalError, match=said):
        check_experiments(invocation)
    verdicts = json.loads(Path("v.json").read_text())
    assert verdicts["exit_code"] == 70
    assert [each["report"] for each in verdicts["experiments"]] == [None, "r/b.md"]
    assert verdicts["counts"]["inconclusive"] == 2


@pytest.mark.usefixtures("quick")
def test_what_a_killed_process_left_is_removed(harness: Harness) -> None:
    code = (
        "import pathlib, sys; from harness.system.files import temporary_path;"
        "print(*(temporary_path(pathlib.Path(path)) for path in sys.argv[1:]))"
    )
    replaced = ["r/a.md", "r/a/curves.png", "out/v.json"]
    ended = subprocess.run(
        [sys.executable, "-c", code, *replaced], capture_output=True, text=True, check=True
    )
    Path("r/a").mkdir(parents=True)
    Path("out").mkdir()
    paths = [Path(path) for path in ended.stdout.split()]
    for path in paths:
        path.touch()
    harness("report", "a.json", "--reports", "r")
    harness("check", "a.json", "--json", "out/v.json")
    assert not any(path.exists() for path in paths)
