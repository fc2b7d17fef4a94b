"""What README shows: a first specification that runs as it stands, and numbers of the reports."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from harness.experiment import Basis
from harness.spec.load import load_file
from tests.docs.conftest import README, ROOT, Reader, first_specification
from tests.support.processes import run_harness

ROWS = [
    line
    for line in README.read_text(encoding="utf-8").splitlines()
    if line.startswith("|") and "](reports/" in line
]
"""The rows of the table of what is reproduced."""

_NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?(?: ± \d+(?:\.\d+)?)?%?")
_REPORT = re.compile(r"\(reports/([a-z0-9-]+)\.md\)")
_VERDICTS = re.compile(r"(\d+) of (\d+) pass|(\d+) (fail|inconclusive|blocked)")


def test_readmes_first_specification_compares_runs_that_fit(reader: Reader) -> None:
    (expectation,) = load_file(reader.specification).expectations
    assert expectation.basis is Basis.HYPOTHESIS
    assert "did not fit" not in reader.printed
    document = json.loads(
        (reader.folder / "reports" / "momentum-on-digits.json").read_text(encoding="utf-8")
    )
    fitted = [
        run["measurements"]["train_accuracy"]
        for seeds in document["runs"].values()
        for run in seeds.values()
    ]
    assert fitted == [1.0] * 6
    (judgement,) = document["judgements"]
    assert (judgement["verdict"], "notes" in judgement) == ("pass", False)


def test_with_its_budget_cut_the_same_comparison_says_that_one_side_did_not_fit(
    tmp_path: Path,
) -> None:
    (tmp_path / "mine.json").write_text(first_specification(), encoding="utf-8")
    changes = ["--set", "defaults.training.epochs=100"]
    ran = run_harness("run", "mine.json", *changes, folder=tmp_path)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    said = " ".join(ran.stdout.split())
    assert (
        "plain, seeds 0, 1, 2: it did not reach the 100% training accuracy to stop at in 100 epochs"
        in said
    )
    assert "it passes whatever that is" in said
    assert "plain did not fit its training set: training accuracy" in said


def test_readme_has_at_most_8_kb() -> None:
    assert README.stat().st_size <= 8000


def test_readme_has_the_two_commands() -> None:
    text = README.read_text(encoding="utf-8")
    assert "\npython -m pip install -e . && python -m harness run specs/quickstart\n" in text
    assert "\npython -m pip install -e '.[test]' && python -m pytest -n 3\n" in text


def test_every_report_on_a_claim_of_a_paper_has_a_row() -> None:
    named = [_REPORT.findall(row) for row in ROWS]
    reports = {path.name.removesuffix(".md") for path in (ROOT / "reports").glob("*.md")}
    assert sorted(name for row in named for name in row) == sorted(
        reports - {"README", "digits-backends"}
    )


@pytest.mark.parametrize("row", ROWS, ids=lambda row: _REPORT.findall(row)[0])
def test_a_row_has_no_number_that_its_report_has_not(row: str) -> None:
    *_, measured, told, _ = row.split("|")
    (name,) = _REPORT.findall(told)
    text = (ROOT / "reports" / f"{name}.md").read_text(encoding="utf-8").replace("\xa0", " ")
    there = set(_NUMBER.findall(text)) | {
        part for number in _NUMBER.findall(text) for part in number.split(" ± ")
    }
    assert set(_NUMBER.findall(measured)) <= there


@pytest.mark.parametrize("row", ROWS, ids=lambda row: _REPORT.findall(row)[0])
def test_a_row_counts_the_verdicts_of_its_report(row: str) -> None:
    (name,) = _REPORT.findall(row)
    document = json.loads((ROOT / "reports" / f"{name}.json").read_text(encoding="utf-8"))
    counts = Counter(each["verdict"] for each in document["judgements"])
    found = Counter[str]()
    for passed, of, number, verdict in _VERDICTS.findall(row.split("|")[-2]):
        found.update({verdict: int(number)} if verdict else {"pass": int(passed)})
        assert not of or int(of) == counts.total()
    assert found == counts
