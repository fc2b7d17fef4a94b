"""Only whoever runs a specification allows Python that it names."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import HarnessError, UsageFault
from harness.experiment import Component, Metric, OwnPart
from harness.own.permission import allowed_by_project, may_run, why_not_called
from harness.plan import make_plan
from harness.runner.measure import Measuring
from harness.spec.load import load_file
from harness.store.store import Store
from tests.support import specifications

NAMED = Component("python", {}, OwnPart("nets:tiny", "/folder", "0"))
REGISTERED = Component("tiny", {}, OwnPart("package.nets:tiny", "", "0", "package 1"))
FROM_FILE = Component("keras", {}, OwnPart(None, "/net.keras", "0"))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of a project, in whose inner folder a person works."""
    (tmp_path / "inner").mkdir()
    monkeypatch.chdir(tmp_path / "inner")
    return tmp_path / "pyproject.toml"


def test_what_a_specification_names_runs_where_the_person_says_so(project: Path) -> None:
    project.write_text("")
    assert not may_run([FROM_FILE, NAMED], allowed=False)
    assert may_run([FROM_FILE, NAMED], allowed=True)


def test_installing_a_package_and_naming_a_file_need_no_permission(project: Path) -> None:
    project.write_text("")
    assert may_run([REGISTERED, FROM_FILE, Component("perceptron")], allowed=False)


@pytest.mark.parametrize(
    ("text", "allowed"),
    [
        ("[tool.harness]\nallow_python = true\n", True),
        ("[tool.harness]\nallow_python = false\n", False),
        ("[tool.other]\nallow_python = true\n", False),
    ],
)
def test_the_project_may_say_so(project: Path, text: str, allowed: bool) -> None:
    project.write_text(text)
    assert allowed_by_project(project.parent / "inner") is allowed
    assert may_run([NAMED], allowed=False) is allowed


def test_a_metric_needs_permission_as_a_part_of_the_run_does(project: Path) -> None:
    project.write_text("")
    named = Metric("python", {}, own=OwnPart("certainty:entropy", "/folder", "0"))
    registered = Metric("entropy", {}, own=OwnPart("package:entropy", "", "0", "package 1"))
    why = why_not_called([named], allowed=False)
    assert why is not None
    assert "(certainty:entropy)" in why
    assert why_not_called([named], allowed=True) is None
    assert why_not_called([registered, Metric("sharpness")], allowed=False) is None


def test_the_nearest_project_counts(project: Path) -> None:
    project.write_text("[tool.harness]\nallow_python = true\n")
    (project.parent / "inner" / "pyproject.toml").write_text("")
    assert not allowed_by_project(project.parent / "inner")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[tool.harness]\nallow_python = 'yes'\n", "is true or false, not 'yes'"),
        ("[tool.harness", "cannot be read"),
    ],
)
def test_a_project_that_says_something_else_is_a_fault(
    project: Path, text: str, message: str
) -> None:
    project.write_text(text)
    with pytest.raises(UsageFault, match=message):
        allowed_by_project(project.parent)


def test_nothing_is_measured_of_weights_either_that_runs_python(project: Path) -> None:
    """A finished run needs no permission to be judged, but its network is Python still."""
    folder = project.parent / "inner"
    (folder / "nets.py").write_text("def tiny(input_shape, outputs): pass\n")
    own = {"model": {"name": "python", "call": "nets:tiny"}}
    document = specifications.small(runs={"own": own})
    experiment = load_file(specifications.write(folder / "a.json", document))
    plan = make_plan([experiment], folder, gpus=0)
    (key,) = plan.runs
    measuring = Measuring(plan, Store(folder / "store"), folder, print)
    with pytest.raises(HarnessError, match="only whoever runs it can allow"):
        measuring._trained(key)
