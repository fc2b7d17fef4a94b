"""The options of check, and of run, that say what continuous integration gets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest

if TYPE_CHECKING:
    from tests.cli.conftest import Harness


def test_all_forms_are_written_at_once(harness: Harness) -> None:
    Path("s.md").write_text("before\n")
    files = ["--junit", "new/j.xml", "--json", "v.json", "--summary", "s.md"]
    found = harness("check", "a.json", *files, "--annotate", "github")
    assert found.exit_code == 4
    suite = ElementTree.parse("new/j.xml").getroot()[0]
    assert [case.get("name") for case in suite.iter("testcase")] == ["e", "[runs]"]
    assert json.loads(Path("v.json").read_text())["exit_code"] == 4
    assert Path("s.md").read_text().startswith("before\n## None of 1 expectation pass")
    assert "::warning file=a.json,line=1,title=a%3A e%3A blocked::one, seed 0: not run yet\n" in found.stdout


def test_an_allowed_verdict_is_allowed_in_every_form(harness: Harness) -> None:
    found = harness("check", "a.json", "--json", "v.json", "--annotate", "github", "--allow", "blocked")
    assert found.exit_code == 0
    document = json.loads(Path("v.json").read_text())
    assert (document["exit_code"], document["allowed"]) == (0, ["blocked"])
    assert "::notice " in found.stdout
    assert "::warning " not in found.stdout


@pytest.mark.parametrize(
    ("variable", "arguments", "annotated"),
    [
        ("", [], False),
        ("true", [], True),
        ("true", ["--annotate", "none"], False),
        ("", ["--annotate", "github"], True),
    ],
)
def test_a_workflow_gets_annotations_unasked(
    harness: Harness, monkeypatch: pytest.MonkeyPatch, variable: str, arguments: list[str], annotated: bool
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", variable)
    assert ("::warning" in harness("check", "a.json", *arguments).stdout) == annotated


def test_a_variable_that_is_not_set_names_no_file(harness: Harness) -> None:
    assert harness("check", "a.json", "--summary", "", "--allow", "blocked").exit_code == 0
    assert sorted(path.name for path in Path().iterdir()) == ["a.json"]


@pytest.mark.parametrize("command", ["check", "run"])
@pytest.mark.parametrize("option", ["--junit", "--json", "--summary"])
@pytest.mark.parametrize("place", [".", "a.json/x"])
def test_a_file_that_cannot_be_written_is_told_before_anything_is_done(
    harness: Harness, command: str, option: str, place: str
) -> None:
    found = harness(command, "a.json", option, place)
    assert (found.exit_code, found.stdout) == (3, "")
    assert found.stderr.startswith(f"error: {place} cannot be written: ")
