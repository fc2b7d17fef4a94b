"""The options of check, and of run, that say what continuous integration gets."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest

from harness.system.ownership import Kind, kind_of

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
    assert (
        "::warning file=a.json,line=1,title=a%3A e%3A blocked::one, seed 0: not run yet\n"
        in found.stdout
    )


def test_an_allowed_verdict_is_allowed_in_every_form(harness: Harness) -> None:
    found = harness(
        "check", "a.json", "--json", "v.json", "--annotate", "github", "--allow", "blocked"
    )
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
    harness: Harness,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    arguments: list[str],
    annotated: bool,
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", variable)
    assert ("::warning" in harness("check", "a.json", *arguments).stdout) == annotated


def test_a_variable_that_is_not_set_names_no_file(harness: Harness) -> None:
    assert harness("check", "a.json", "--summary", "", "--allow", "blocked").exit_code == 0
    assert sorted(path.name for path in Path().iterdir()) == ["a.json"]


@pytest.mark.parametrize("command", ["check", "run"])
@pytest.mark.parametrize("option", ["--junit", "--json", "--summary"])
@pytest.mark.parametrize("place", [".", "a.json/x", "x" * 250])
def test_a_file_that_cannot_be_written_is_told_before_anything_is_done(
    harness: Harness, command: str, option: str, place: str
) -> None:
    found = harness(command, "a.json", option, place)
    assert (found.exit_code, found.stdout) == (3, "")
    assert found.stderr.startswith(f"error: {place} cannot be written: ")


def files() -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in Path().rglob("*") if path.is_file()}


@pytest.mark.parametrize("command", ["check", "run"])
@pytest.mark.parametrize("option", ["--junit", "--json", "--summary"])
@pytest.mark.parametrize("name", ["a.json", "link", "_base.json", "mine.json", "mine.xml"])
def test_no_file_of_a_person_is_written_over(
    harness: Harness, command: str, option: str, name: str
) -> None:
    Path("_base.json").write_text('{"seeds": [0]}')
    Path("mine.json").write_text('{"mine": 1}')
    Path("mine.xml").write_text('<?xml version="1.0"?><testsuites/>')
    Path("link").symlink_to("a.json")
    before = files()
    found = harness(command, "a.json", option, name)
    assert (found.exit_code, found.stdout) == (2, "")
    assert found.stderr.startswith(f"error: {name} ")
    assert f"what {option} writes would " in found.stderr
    assert files() == before


def test_what_an_earlier_invocation_wrote_is_written_again(harness: Harness) -> None:
    arguments = ["check", "a.json", "--junit", "j.xml", "--json", "v.json", "--summary", "s"]
    for times in (1, 2):
        assert harness(*arguments).exit_code == 4
        assert Path("s").read_text().count("## None of 1 expectation pass") == times
    assert kind_of(Path("j.xml").read_bytes()) is Kind.JUNIT
    assert kind_of(Path("v.json").read_bytes()) is Kind.VERDICTS
    Path("new").touch()  # as mktemp makes one
    assert harness("check", "a.json", "--json", "new").exit_code == 4
    assert kind_of(Path("new").read_bytes()) is Kind.VERDICTS


@pytest.mark.parametrize(
    "arguments",
    [
        ["check", "a.json", "--junit", "x", "--json", "x"],
        ["check", "a.json", "--json", "x", "--summary", "X"],
        ["run", "a.json", "--json", "reports/a.json"],
        ["run", "a.json", "--json", "new/curves.png", "--reports", "."],
        ["run", "a.json", "--summary", "r/README.md", "--reports", "r"],
        ["run", "a.json", "--junit", "r/a/../A.MD", "--reports", "r"],
    ],
)
def test_one_file_is_written_for_one_purpose_alone(harness: Harness, arguments: list[str]) -> None:
    if "new/curves.png" in arguments:
        Path("specs").mkdir()
        Path("a.json").rename("specs/a.json")
        document = json.loads(Path("specs/a.json").read_text())
        Path("specs/a.json").write_text(json.dumps(document | {"name": "new"}))
        arguments = ["specs/a.json" if each == "a.json" else each for each in arguments]
    before = files()
    found = harness(*arguments)
    assert found.exit_code == 2
    assert "would be written to one file" in found.stderr
    assert files() == before


@pytest.mark.parametrize("arguments", [["none.json"], ["a.json", "--set", "x=1"]])
def test_verdicts_of_an_earlier_invocation_do_not_outlive_one_that_fails(
    harness: Harness, arguments: list[str]
) -> None:
    outputs = ["--junit", "j.xml", "--json", "v.json"]
    assert harness("check", "a.json", *outputs).exit_code == 4
    Path("s.json").write_text("{}")
    kept = harness("check", "a.json", "--junit", "j.xml", "--json", "s.json")
    assert (kept.exit_code, Path("j.xml").exists()) == (2, True)  # nothing is done at all
    assert harness("check", *arguments, *outputs).exit_code == 2
    assert sorted(path.name for path in Path().iterdir()) == ["a.json", "s.json"]


def test_an_output_that_fails_keeps_the_others_and_leaves_nothing(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced = os.fsync

    def full(descriptor: int) -> None:
        if "j.xml" in str(Path(f"/proc/self/fd/{descriptor}").readlink()):
            raise OSError(28, "No space left on device")
        synced(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    Path(".v.json.gone.tmp").touch()
    found = harness("check", "a.json", "--junit", "j.xml", "--json", "v.json", "--summary", "s")
    assert found.exit_code == 3
    assert found.stderr == "error: j.xml cannot be written: No space left on device\n"
    assert sorted(path.name for path in Path().iterdir()) == [
        ".v.json.gone.tmp",
        "a.json",
        "s",
        "v.json",
    ]


def test_a_summary_is_appended_whole_or_not_at_all(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    from harness.ci import outputs

    def half(write: Callable[[bytes], int], content: bytes) -> None:
        write(content[: len(content) // 2])
        raise OSError(28, "No space left on device")

    Path("s").write_text("before\n")
    monkeypatch.setattr(outputs, "_write_all", half)
    assert harness("check", "a.json", "--summary", "s").exit_code == 3
    assert Path("s").read_text() == "before\n"


def test_a_stream_is_written_to_and_stays(harness: Harness) -> None:
    os.mkfifo("pipe")
    reader = os.open("pipe", os.O_RDONLY | os.O_NONBLOCK)
    assert harness("check", "a.json", "--json", "pipe", "--junit", "/dev/null").exit_code == 4
    assert json.loads(os.read(reader, 1 << 16))["exit_code"] == 4
    os.close(reader)
    assert Path("pipe").is_fifo()
    assert Path("/dev/null").is_char_device()
