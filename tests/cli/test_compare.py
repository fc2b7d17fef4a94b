"""The command that compares results."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from markdown_it import MarkdownIt

from tests.compare.conftest import judgement, result, write

if TYPE_CHECKING:
    from tests.cli.conftest import Harness


@pytest.fixture(autouse=True)
def reports(harness: Harness) -> None:
    """Two folders of reports: the mean of `one` falls by 10 points, one seed of `two` moves."""
    before = result(
        {"one": [0.95, 0.96, 0.97], "two": [0.5]}, [judgement("pass", 0.95, 0.96, 0.97)]
    )
    after = result(
        {"one": [0.85, 0.861, 0.869], "two": [0.5]},
        [judgement("fail", 0.85, 0.861, 0.869, lower=0.92)],
    )
    write(Path("reports"), before)
    write(Path("after"), after)


def rows(text: str) -> list[list[str]]:
    return [[cell for cell in line.split("  ") if cell.strip()] for line in text.splitlines()]


def test_what_changed_is_shown_as_a_table(harness: Harness) -> None:
    found = harness("diff", "reports", "after")
    assert found.exit_code == 1
    shown = [[cell.strip() for cell in row] for row in rows(found.stdout)]
    # Differences -0.1, -0.099, -0.101: mean -0.1, deviation 0.001, half-width 4.3027 * 0.001 / sqrt
    # 3 = 0.0025.
    assert [
        "one",
        "test_accuracy",
        "96.0 ± 1.0%",
        "86.00 ± 0.95%",
        "-10.00 ± 0.25 points",
        "3",
        "<0.001",
        "changed",
    ] in shown
    assert [row[:2] for row in shown if row[:1] == ["e"]] == [["e", "pass -> fail"]]
    assert "- e: expected at least 90% -> at least 92%" in found.stdout
    assert (
        "1 of 1 verdict changed; 2 of 3 numbers changed, 0 differ within chance, 1 the same"
        in found.stdout
    )
    assert "corrected for these 2 comparisons (Benjamini and Hochberg)" in found.stdout
    assert "two" not in found.stdout
    assert "two" in harness("diff", "reports", "after", "--all").stdout


def test_nothing_that_changed_ends_with_0(harness: Harness) -> None:
    found = harness("diff", "reports/a.json", "reports")
    assert found.exit_code == 0
    assert (
        found.stdout == "before: reports/a.json\nafter:  reports\n\n"
        "0 of 1 verdict changed; 0 of 3 numbers changed, 0 differ within chance, 3 the same\n"
        "--all shows what did not change too.\n"
    )


def test_one_argument_is_compared_with_the_reports_and_none_is_the_last_commit(
    harness: Harness,
) -> None:
    assert harness("diff", "after").stdout.startswith("before: after\nafter:  reports\n")
    for words in (["init", "--quiet"], ["add", "reports"], ["commit", "--quiet", "-m", "m"]):
        subprocess.run(
            ["git", "-c", "user.name=n", "-c", "user.email=e", *words],
            check=True,
            capture_output=True,
        )
    assert harness("diff").exit_code == 0
    (Path("reports") / "a.json").write_text((Path("after") / "a.json").read_text())
    found = harness("diff")
    assert found.exit_code == 1
    assert found.stdout.startswith("before: HEAD:reports (")


def test_markdown_keeps_every_row_in_its_table(harness: Harness) -> None:
    document = result({"one": [0.85, 0.861, 0.869], "two|x": [0.5]})
    document["title"] = "<b>|`[x](y)"
    write(Path("after"), document)
    found = harness("diff", "reports", "after", "--format", "markdown", "--all")
    tokens = MarkdownIt("commonmark").enable("table").parse(found.stdout)
    assert [token.tag for token in tokens if token.type == "heading_open"] == ["h1", "h2"]
    cells = [token.content for token in tokens if token.type == "inline"]
    assert "test_accuracy" in cells
    assert not any(token.type == "html_block" for token in tokens)
    assert sum(token.type == "table_open" for token in tokens) == 2


def test_json_has_everything(harness: Harness) -> None:
    found = harness("diff", "reports", "after", "--format", "json")
    assert found.exit_code == 1
    document = json.loads(found.stdout)
    of = document["experiments"]["a"]
    assert (document["changed"], of["changed"], of["runs"]["two"]["changed"]) == (True, True, False)
    number = of["runs"]["one"]["numbers"]["test_accuracy"]
    assert (number["outcome"], number["method"], number["before"]["count"]) == (
        "changed",
        "paired",
        3,
    )
    assert number["difference"] == pytest.approx(-0.1)
    assert of["expectations"]["e"]["verdict"] == {"before": "pass", "after": "fail"}
    assert of["expectations"]["e"]["terms"] == {"lower": {"before": 0.9, "after": 0.92}}


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (
            ["nowhere"],
            2,
            "Error: 'nowhere' is no path and no git revision here (git says: fatal: not a git repo",
        ),
        (["reports", "nowhere"], 2, "Error: 'nowhere' is no path"),
        (["reports", "after", "more"], 2, "unexpected extra argument"),
        (["reports", "after", "--metric", "acuracy"], 2, "'acuracy' is not one of"),
        (["reports", "after", "--confidence", "95"], 2, "95"),
        (["a.json"], 3, "error: a.json is no result file of reports\n"),
        (["reports", "."], 3, "error: a.json"),
    ],
)
def test_nonsense_is_told(harness: Harness, arguments: list[str], code: int, message: str) -> None:
    if arguments[-1] == ".":
        Path("a.json").write_text("{")
    found = harness("diff", *arguments)
    assert (found.exit_code, found.stdout) == (code, "")
    assert message in found.stderr


def test_comparing_loads_no_backend() -> None:
    code = (
        "import sys; from click.testing import CliRunner; from harness.cli import main;found ="
        " CliRunner().invoke(main, ['diff', 'reports', 'reports']);print(found.exit_code,"
        " 'tensorflow' in sys.modules, 'keras' in sys.modules, 'scipy.stats' in sys.modules)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "0 False False False\n"
