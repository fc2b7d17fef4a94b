"""One specification whose every text tries to be something else, through every output of every
command.
"""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner
from markdown_it import MarkdownIt

from harness.cli import main
from harness.report.folder import files_of
from tests.support.processes import run_harness

TEXT = (
    "x\n::stop-commands::t\r\x1b[31mred\x9b1m\x07 [none] [/] ##[error] \u202ebidi ]]> <b>| `c` $y$"
    " %0A &amp; \ufffe"
)
TITLE = (
    "x ::stop-commands::t \\x1b[31mred\\x9b1m\\x07 [none] [/] ## [error] \\u202ebidi ]]> <b>| `c`"
    " $y$ %0A &amp;"
)
"""How a terminal shows it: on one line, with all of it seen."""

FILE = "a\n::error::b \x1b[31m|`).json"

SPEC: dict[str, Any] = {
    "name": "hostile",
    "title": TEXT,
    "question": TEXT,
    "remarks": [TEXT],
    "source": {"citation": TEXT, "url": "https://example.org/)x", "locator": TEXT},
    "seeds": [0, 1],
    "defaults": {
        "dataset": {"name": "digits", "train_examples": 64, "test_examples": 64},
        "model": {"name": "perceptron", "hidden": [8]},
        "training": {
            "optimizer": {"name": "sgd", "learning_rate": 0.05},
            "batch_size": 32,
            "epochs": 1,
        },
    },
    "runs": {
        "plain": {"training": {"batch_size": 16}},
        "m": {"matrix": {"regularizers": [[], ["momentum"]]}},
    },
    "expectations": [
        {
            "id": "fails",
            "title": TEXT,
            "metric": "plain.epochs\n+ 0",
            "at_least": 9,
            "statistic": "every",
            "basis": "hypothesis",
            "source": TEXT,
        }
    ],
    "figures": [
        {
            "name": "by_cell",
            "title": TEXT,
            "metric": "test_accuracy",
            "groups": {TEXT: "plain", "_m": "m"},
        },
        {"name": "history", "title": TEXT, "metrics": ["test_accuracy"], "groups": {TEXT: "plain"}},
    ],
}


@dataclass(frozen=True)
class Place:
    """A folder with the specification, where it was run once; `first` is what that printed."""

    folder: Path
    first: str

    def __call__(self, *arguments: str, code: int = 0) -> str:
        """Give a command in this process, as in a step of a workflow."""
        environment = {"GITHUB_ACTIONS": "true", "GITHUB_WORKSPACE": str(self.folder)}
        with contextlib.chdir(self.folder):
            found = CliRunner().invoke(main, arguments, env=environment)
        assert found.exit_code == code, found.output
        return found.output

    def text(self, name: str) -> str:
        return (self.folder / name).read_text(encoding="utf-8")


def harness(folder: Path, *arguments: str, code: int, program: str = "harness") -> str:
    found = run_harness(
        *arguments,
        folder=folder,
        program=program,
        GITHUB_ACTIONS="true",
        GITHUB_WORKSPACE=str(folder),
        PYTHONIOENCODING="utf-8",
    )
    assert found.returncode == code, found.stdout + found.stderr
    return found.stdout + found.stderr


def outputs(name: str) -> list[str]:
    return ["--json", f"{name}.json", "--junit", f"{name}.xml", "--summary", f"{name}.md"]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    folder = tmp_path_factory.mktemp("hostile")
    (folder / FILE).write_text(json.dumps(SPEC))
    return Place(folder, harness(folder, "run", FILE, *outputs("out/run"), code=1))


def commands(output: str) -> list[str]:
    """Return the lines that GitHub's runner takes for commands."""
    return [line for line in output.splitlines() if line.lstrip().startswith("::") or "##[" in line]


def unseen(output: str) -> set[str]:
    """Return the characters that a terminal acts on instead of showing them."""
    return {
        c for c in output if c != "\n" and unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")
    }


class TestTheTerminal:
    """What a person, or a log, is shown."""

    def test_a_run_shows_the_title_on_one_line_and_the_names_of_cells(self, place: Place) -> None:
        assert f"hostile: {TITLE}" in place.first
        assert "/ m[none] / seed 0" in place.first
        assert unseen(place.first) == set()

    @pytest.mark.parametrize(
        ("arguments", "code"),
        [
            (("check", FILE), 1),
            (("report", FILE), 0),
            (("plan", FILE), 0),
            (("runs", "list"), 0),
            (("runs", "list", "--json"), 0),
            (("plan", FILE, "--json"), 0),
            (("check", FILE, "--json"), 1),
            (("validate", FILE, "--json"), 0),
            (("runs", "verify"), 0),
            (("status",), 0),
            (("status", "--json"), 0),
            (("diff", "reports", ".harness/store"), 0),
            (("diff", "reports", ".harness/store", "--all"), 0),
            (("diff", "reports", ".harness/store", "--format", "markdown", "--all"), 0),
            (("explain", "title"), 0),
            (("explain", "no\x1bway"), 2),
            (("validate", FILE), 0),
            (("validate", "no\x1bway\n::error::.json"), 2),
            (("baseline", "update", FILE, "--yes"), 0),
            (("baseline", "compare", FILE), 0),
            (("baseline", "compare", FILE, "--json"), 0),
        ],
        ids=lambda each: (
            " ".join(each[:2]).partition("\n")[0].replace("\x1b", "")
            if isinstance(each, tuple)
            else ""
        ),
    )
    def test_every_command_shows_text_as_text(
        self, arguments: tuple[str, ...], code: int, place: Place
    ) -> None:
        output = place(*arguments, code=code)
        assert output
        assert unseen(output) == set()
        annotations = [line for line in commands(output) if not line.startswith("::error file=")]
        assert annotations == []

    def test_a_fault_of_such_a_file_is_one_line(self, place: Place) -> None:
        bad = "b\n::error::\x1b.json"
        (place.folder / bad).write_text('{"name": "b"}')
        output = place("validate", bad, code=2)
        assert unseen(output) == set()
        assert [line.split(":1:1:")[0] for line in output.splitlines()] == [
            "b ::error::\\x1b.json"
        ] * 2 + ["2 problems found"]

    def test_pytest_shows_text_as_text(self, place: Place) -> None:
        (place.folder / "b\x1b.json").write_text(json.dumps(SPEC))
        options = ["-p", "no:cacheprovider", "-q", "--harness-no-run", "--color=no"]
        output = harness(place.folder, "b\x1b.json", *options, code=1, program="pytest")
        ours = output[
            output.index("expected every seed at least 9") : output.index("short test summary")
        ]
        assert f"title      {TITLE}" in ours
        assert "stands in  b\\x1b.json:1" in ours
        assert unseen(ours) == set()
        annotations = [
            line for line in commands(ours) if not line.startswith("::error file=b\\x1b.json,")
        ]
        assert annotations == []


class TestTheForge:
    """Workflow commands: one for the failing expectation, no other."""

    def test_nothing_begins_a_command_but_the_annotation(self, place: Place) -> None:
        (line,) = commands(place.first)
        found = re.fullmatch(r"::error file=([^,:]*),line=\d+,title=([^,:]*)::(.*)", line)
        assert found is not None
        assert found[1] == "a %3A%3Aerror%3A%3Ab \\x1b[31m|`).json"
        assert found[2] == "hostile%3A fails%3A fail"


class TestFiles:
    """What other programs read."""

    def test_junit_is_xml_with_the_whole_text(self, place: Place) -> None:
        root = ElementTree.fromstring(place.text("out/run.xml"))
        case, _ = root.iter("testcase")
        assert (case.get("name"), case.get("classname")) == ("fails", "hostile")
        titles = [
            each.get("value") for each in root.iter("property") if each.get("name") == "title"
        ]
        assert titles == [re.sub("[\x1b\x07\ufffe]", "\ufffd", TEXT)]
        (failure,) = root.iter("failure")
        assert f"title      {TITLE}" in str(failure.text)

    def test_json_holds_the_text_as_it_is(self, place: Place) -> None:
        (experiment,) = json.loads(place.text("out/run.json"))["experiments"]
        assert experiment["title"] == TEXT
        assert experiment["specification"] == FILE
        assert json.loads(place.text("reports/hostile.json"))["title"] == TEXT

    @pytest.mark.parametrize("name", ["out/run.md", "reports/hostile.md", "reports/README.md"])
    def test_markdown_shows_the_text_and_nothing_else(self, name: str, place: Place) -> None:
        text = place.text(name)
        assert unseen(text) == set()
        tokens = MarkdownIt("commonmark").enable("table").parse(text)
        inline = [child for token in tokens for child in token.children or ()]
        inside = {each.content for each in inline if each.type == "html_inline"}
        anchors = {each for each in inside if re.fullmatch(r'<a id="expectation-[a-z-]+">', each)}
        assert inside - anchors <= {"<br>", "<code>", "</code>", "</a>"}
        blocks = [token.content for token in tokens if token.type == "html_block"]
        ours = (
            r"</?details>|<!-- reproduction-harness [a-z]+ 1: written by a program, which replaces"
            r" it -->\n?\Z|<picture>\n(<(source|img)( [a-z]+=\"[^\"<>]*\")+>\n){3}</picture>\n?\Z"
        )
        assert all(re.match(ours, block) for block in blocks)
        shown = "".join(each.content for each in inline if each.type == "text")
        assert "x ::stop-commands::t [31mred" in shown
        assert "[none] [/] ##[error]" in shown
        for lines in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
            assert len({line.count("|") for line in lines.splitlines()}) == 1

    def test_every_figure_is_drawn(self, place: Place) -> None:
        names = {path.name for path in (place.folder / "reports/hostile").iterdir()}
        plots = ("1-by_cell", "2-history", "curves", "expectations")
        drawn = {file for plot in plots for file in files_of(plot)}
        assert names == drawn | {"data.png", "histories.json"}
        assert "left out" not in place.first
        assert "Warning" not in place.first

    def test_the_command_to_reproduce_names_the_file(self, place: Place) -> None:
        (line,) = re.findall(
            r"^python -m harness run (.*)$", place.text("reports/hostile.md"), re.MULTILINE
        )
        found = subprocess.run(["bash", "-c", f"printf %s {line}"], capture_output=True, check=True)
        assert found.stdout.decode() == FILE
