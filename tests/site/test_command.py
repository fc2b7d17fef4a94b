"""The command `site`: what it says, and how it ends."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from harness.cli import main
from tests.site.conftest import write_synthetic


def harness(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["site", *arguments])


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_the_folder_reports_becomes_the_folder_site() -> None:
    write_synthetic(Path("reports"), 2, runs=3, points=5)
    for _ in range(2):
        ran = harness()
        assert ran.exit_code == 0, ran.output
        assert ran.output.startswith("site: site/index.html (2 reports, 6 runs, ")
    assert Path("site/reports/synthetic-001.html").is_file()


def test_a_browser_is_opened_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []

    def show(address: str) -> bool:
        opened.append(address)
        return True

    monkeypatch.setattr("webbrowser.open", show)
    write_synthetic(Path("reports"), 1, runs=3, points=5)
    assert harness("--out", "pages", "--open").exit_code == 0
    assert opened == [Path("pages/index.html").absolute().as_uri()]
    monkeypatch.setattr("webbrowser.open", lambda _: False)
    ran = harness("--out", "pages", "--open")
    assert ran.exit_code == 0
    assert "no browser was found" in ran.stderr


def test_what_cannot_be_shown_or_written_is_told() -> None:
    ran = harness()
    assert ran.exit_code == 2
    assert "reports has no report" in ran.stderr
    write_synthetic(Path("reports"), 2, runs=3, points=5)
    Path("reports/synthetic-000/histories.json").write_text("[")
    ran = harness("reports", "--out", "reports")
    assert ran.exit_code == 2
    assert "is not empty and has no earlier site" in ran.stderr
    ran = harness()
    assert ran.exit_code == 0
    assert "warning: not shown: reports/synthetic-000.json: it is no JSON" in ran.stderr
