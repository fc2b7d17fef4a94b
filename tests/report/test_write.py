"""Whole reports: the golden Markdown and JSON, how a renderer shows them, and their files."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import math
import os
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from markdown_it import MarkdownIt
from pytest_regressions.file_regression import FileRegressionFixture

from harness.experiment import Basis, Expectation, Experiment, Statistic
from harness.judging.check import check
from harness.report.folder import files_of
from harness.report.write import write_index, write_report
from harness.run_result import RunResult, Status
from harness.system import files
from harness.system.ownership import OverwriteError
from harness.words import Verdict
from tests.support.plots import drawn

PLOTS = dict.fromkeys(("1-by_cell.png", "2-decision_regions.png", "curves.png"), b"image")
"""In the place of those that take long to draw."""


@pytest.fixture(scope="module")
def written(
    experiment: Experiment,
    results: Sequence[RunResult],
    tmp_path_factory: pytest.TempPathFactory,
    when: datetime,
) -> Path:
    with drawn():
        return write_report(
            experiment,
            results,
            check(experiment, results),
            tmp_path_factory.mktemp("reports"),
            when,
        )


def html_of(path: Path) -> str:
    rendered: str = (
        MarkdownIt("commonmark").enable("table").render(path.read_text(encoding="utf-8"))
    )
    return rendered


def test_the_verdicts_are_those_the_fixture_is_made_for(
    experiment: Experiment, results: Sequence[RunResult]
) -> None:
    verdicts = {j.expectation.id: j.verdict for j in check(experiment, results)}
    assert verdicts == {
        "fits": Verdict.PASS,
        "drop": Verdict.PASS,
        "escape": Verdict.PASS,
        "near": Verdict.PASS,
        "band": Verdict.INCONCLUSIVE,
        "table": Verdict.FAIL,
        "quick": Verdict.INCONCLUSIVE,  # one seed never fitted
        "big": Verdict.BLOCKED,
        "sane": Verdict.ERROR,
    }


def test_the_report_reads_as_before(written: Path, file_regression: FileRegressionFixture) -> None:
    file_regression.check(written.read_text(encoding="utf-8"), extension=".md", encoding="utf-8")


def test_the_json_reads_as_before(written: Path, file_regression: FileRegressionFixture) -> None:
    file_regression.check(
        written.with_suffix(".json").read_text(encoding="utf-8"),
        extension=".json",
        encoding="utf-8",
    )


def test_the_index_reads_as_before(written: Path, file_regression: FileRegressionFixture) -> None:
    (written.parent / "other.json").write_text('{"not": "a report"}')
    text = write_index(written.parent).read_text(encoding="utf-8")
    file_regression.check(text, extension=".md", encoding="utf-8")


@pytest.mark.usefixtures("drawn_plots")
def test_a_report_of_a_report_is_the_same_byte_for_byte(
    written: Path, experiment: Experiment, results: Sequence[RunResult], when: datetime
) -> None:
    first = {path: path.read_bytes() for path in written.parent.rglob("*") if path.is_file()}
    write_report(experiment, results, check(experiment, results), written.parent, when)
    assert first == {
        path: path.read_bytes() for path in written.parent.rglob("*") if path.is_file()
    }


def test_every_image_that_the_report_shows_exists_and_no_other(written: Path) -> None:
    shown = re.findall(r'(?:src|srcset)="([^"]+)"', html_of(written))
    assert sorted(shown) == sorted(
        path.relative_to(written.parent).as_posix()
        for ending in ("png", "svg")
        for path in written.parent.rglob(f"*.{ending}")
    )
    assert len(shown) == 3 * 4  # the overview, two figures and the curves


def test_plots_of_an_earlier_report_go_and_other_files_stay(
    experiment: Experiment, results: Sequence[RunResult], tmp_path: Path, when: datetime
) -> None:
    plots = tmp_path / experiment.name
    plots.mkdir()
    mine = [plots / "my_photo.png", plots / "notes.txt", tmp_path / "another.md"]
    for path in mine:
        path.write_text("mine")
    write_report(experiment, results, (), tmp_path, when)
    fewer = dataclasses.replace(experiment, figures=experiment.figures[:1])
    write_report(fewer, results, (), tmp_path, when)
    assert {path.name for path in plots.iterdir()} == {
        *files_of("1-by_cell"),
        *files_of("curves"),
        "histories.json",
        "my_photo.png",
        "notes.txt",
    }
    assert {path.name for path in tmp_path.glob("*.*")} == {
        "another.md",
        f"{experiment.name}.md",
        f"{experiment.name}.json",
    }
    assert {path.read_text() for path in mine} == {"mine"}


@pytest.mark.parametrize("place", ["{}.md", "{}.json", "{}/curves.png", "{}"])
def test_a_file_that_came_to_be_in_the_way_keeps_every_other_as_it_was(
    experiment: Experiment,
    results: Sequence[RunResult],
    tmp_path: Path,
    place: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("harness.report.write.draw", lambda *_: PLOTS)
    path = tmp_path / place.format(experiment.name)
    path.parent.mkdir(exist_ok=True)
    path.write_text("mine")
    with pytest.raises(OverwriteError, match=re.escape(f"{path} ")):
        write_report(experiment, results, (), tmp_path)
    assert [each for each in tmp_path.rglob("*") if each.is_file()] == [path]
    assert path.read_text() == "mine"


def test_a_report_that_is_broken_off_is_written_again(
    experiment: Experiment,
    results: Sequence[RunResult],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("harness.report.write.draw", lambda *_: PLOTS)
    for broken_off_at in range(1, 6):
        folder = tmp_path / str(broken_off_at)
        left = iter(range(broken_off_at))

        def replace(path: Path, write: files.Writer, left: Iterator[int] = left) -> None:
            if next(left, None) is None:
                raise OSError("the disk is full")
            files.replace(path, write)

        with monkeypatch.context() as patch:
            patch.setattr("harness.report.write.files", SimpleNamespace(replace=replace))
            with contextlib.suppress(OSError):
                write_report(experiment, results, (), folder)
        assert len([each for each in folder.rglob("*") if each.is_file()]) == broken_off_at
        path = write_report(experiment, results, (), folder)
        assert len(re.findall("<img", html_of(path))) == 3


def test_hostile_text_stays_text(
    experiment: Experiment,
    results: Sequence[RunResult],
    tmp_path: Path,
    when: datetime,
    hostile: str,
) -> None:
    run = next(iter(experiment.runs))
    attack = dataclasses.replace(
        experiment,
        title=hostile,
        question=hostile,
        source=None,
        figures=tuple(dataclasses.replace(figure, title=hostile) for figure in experiment.figures),
        expectations=tuple(
            dataclasses.replace(e, source=hostile, title=hostile) for e in experiment.expectations
        ),
    )
    results = [*results, RunResult(run, 0, "key", Status.ERROR, hostile)]
    path = write_report(attack, results, check(attack, results), tmp_path, when)
    for text in (html_of(path), html_of(write_index(tmp_path))):
        assert "<script" not in text
        assert 'href="javascript' not in text
        assert "<b>" not in text
        assert "<em>em</em>" not in text
        assert text.count("<details>") == text.count("</details>") <= 3
        for table in re.findall(r"<table>.*?</table>", text, re.DOTALL):
            widths = {
                len(re.findall("<t[hd]", row))
                for row in re.findall(r"<tr>.*?</tr>", table, re.DOTALL)
            }
            assert len(widths) == 1
            assert "<code>code</code>" not in table
            assert "<strong>bold</strong>" not in table
    title = re.search("<h1>(.*)</h1>", html_of(path))
    assert title is not None
    assert title[1] == (
        "a | b # `code` &lt;script&gt;alert(1)&lt;/script&gt; **bold** "
        "[x](javascript:alert(1)) $5 &amp;amp; \\| _em_ 😀"
    )


@pytest.mark.usefixtures("drawn_plots")
def test_a_report_with_lines_renders(
    load: Callable[..., Experiment], tmp_path: Path, when: datetime, hostile: str
) -> None:
    figures = [
        {
            "name": "history",
            "title": hostile,
            "metrics": ["weight_norm"],
            "groups": {hostile: "one[1]"},
        },
        {
            "name": "against",
            "metrics": ["distance", "test_loss"],
            "axis": "p",
            "groups": {hostile: "one"},
        },
    ]
    experiment = load(runs={"one": {"matrix": {"p": {"1": {}, "2": {}}}}}, figures=figures)
    done = [
        RunResult(
            run,
            0,
            "key",
            Status.DONE,
            measurements={"distance": 1.0},
            history={"step": [0, 9], "weight_norm": [1, 2]},
        )
        for run in experiment.runs
    ]
    for number, results in enumerate((done, [])):
        folder = tmp_path / str(number)
        folder.mkdir()
        path = write_report(experiment, results, (), folder, when)
        text = html_of(path)
        for file in ("a/1-history.png", "a/2-against.png"):
            assert f'<img src="{file}"' in text
            assert (folder / file).exists()
        assert "<h3>Against</h3>" in text  # after the key figure
        assert "<script" not in text
        assert "While training: a line is the mean" in text
        assert "Against the numbers on an axis: a pale point" in text
        for metric in ("weight_norm", "distance", "test_loss"):
            assert f"(<code>{metric}</code>): " in text


def test_the_json_holds_the_numbers_in_full(written: Path, results: Sequence[RunResult]) -> None:
    document = json.loads(written.with_suffix(".json").read_text(encoding="utf-8"))
    one = next(r for r in results if (r.run, r.seed) == ("adversarial[l2]", 2))
    assert document["runs"]["adversarial[l2]"]["2"]["measurements"] == one.measurements
    assert document["runs"]["large"]["0"]["status"] == "blocked"
    assert document["judgements"][1]["values"].keys() == {"0", "1", "2"}


def test_what_is_not_finite_is_valid_json(
    experiment: Experiment, tmp_path: Path, when: datetime
) -> None:
    diverged = [
        RunResult(
            "confusion",
            0,
            "key",
            Status.DONE,
            measurements={"train_loss": math.nan, "weight_norm": math.inf},
        )
    ]
    path = write_report(experiment, diverged, check(experiment, diverged), tmp_path, when)
    document = json.loads(path.with_suffix(".json").read_text(), parse_constant=pytest.fail)
    assert document["runs"]["confusion"]["0"]["measurements"] == {
        "train_loss": "nan",
        "weight_norm": "inf",
    }


def test_numbers_near_the_largest_have_a_report_and_a_line_in_the_index(
    experiment: Experiment, tmp_path: Path, when: datetime
) -> None:
    huge = [
        RunResult("confusion", seed, "key", Status.DONE, measurements={"weight_norm": value})
        for seed, value in enumerate((1.7e308, -1.7e308, 1.7e308))
    ]
    asked = Expectation(
        "e", "", "confusion.weight_norm", 0.0, None, Statistic.MEAN, 0.95, Basis.CLAIM, "s"
    )
    asked = dataclasses.replace(asked, claim="A1")
    wide = dataclasses.replace(experiment, expectations=(asked,), figures=())
    path = write_report(wide, huge, check(wide, huge), tmp_path, when)
    (judgement,) = json.loads(path.with_suffix(".json").read_text(), parse_constant=pytest.fail)[
        "judgements"
    ]
    assert (judgement["verdict"], judgement["deviation"]) == ("inconclusive", "inf")
    assert "5.67e+307 ± inf" in path.read_text(encoding="utf-8").replace("\N{NO-BREAK SPACE}", " ")
    assert "5.67e+307 ± inf" in write_index(tmp_path).read_text(encoding="utf-8").replace(
        "\N{NO-BREAK SPACE}", " "
    )


def test_an_experiment_of_which_nothing_ran(
    experiment: Experiment, tmp_path: Path, when: datetime
) -> None:
    bare = dataclasses.replace(experiment, expectations=(), question="")
    text = write_report(bare, [], (), tmp_path, when).read_text(encoding="utf-8")
    assert "**No expectations are stated.**" in text
    assert "11 runs with 3 seeds each: 0 of 33 trainings done, 33 not run yet." in text
    assert "## Verdicts" not in text
    assert "curves.png" not in text
    assert (tmp_path / experiment.name / "1-by_cell.png").exists()


def test_the_date_is_utc_and_now_if_not_given(experiment: Experiment, tmp_path: Path) -> None:
    before = datetime.now(UTC)
    path = write_report(experiment, [], check(experiment, []), tmp_path)
    written = datetime.fromisoformat(json.loads(path.with_suffix(".json").read_text())["date"])
    assert timedelta(seconds=-1) <= written - before < timedelta(minutes=1)


def test_an_index_of_an_empty_folder(tmp_path: Path) -> None:
    assert "No expectations are stated." in write_index(tmp_path).read_text(encoding="utf-8")


def test_an_index_leaves_foreign_files_alone_and_names_damaged_results(
    written: Path, tmp_path: Path
) -> None:
    (tmp_path / "whole.json").write_bytes(written.with_suffix(".json").read_bytes())
    plain = write_index(tmp_path).read_text(encoding="utf-8")
    (tmp_path / "bad.json").write_text("{")
    (tmp_path / "latin1.json").write_bytes('{"ä": 1}'.encode("latin-1"))
    (tmp_path / "deep.json").write_text("[" * 100_000)
    (tmp_path / "gone.json").symlink_to("/nowhere/gone.json")
    (tmp_path / "folder.json").mkdir()
    os.mkfifo(tmp_path / "pipe.json")
    assert write_index(tmp_path).read_text(encoding="utf-8") == plain
    document = json.loads((tmp_path / "whole.json").read_text(encoding="utf-8"))
    for name, changed in {
        "verdict": {"judgements": [{"verdict": "good"}]},
        "seeds": {"seeds": 3},
        "later": {"format": "reproduction-harness result 99"},
        "title": {"title": None},
        "source": {"source": {"citation": "C", "url": 3}},
        "settings": {"settings": {"common": 3}},
    }.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(document | changed))
    text = write_index(tmp_path).read_text(encoding="utf-8")
    names = re.findall(r"^- `(.*)`$", text, re.MULTILINE)
    assert names == [
        "later.json",
        "seeds.json",
        "settings.json",
        "source.json",
        "title.json",
        "verdict.json",
    ]
    assert text.count("(whole.md)") == plain.count("(whole.md)")


def test_an_index_replaces_no_readme_of_another(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("# My thesis\n")
    with pytest.raises(OverwriteError, match=r"README\.md was not written by this harness"):
        write_index(tmp_path)
    assert (tmp_path / "README.md").read_text() == "# My thesis\n"


def test_remarks_stand_between_verdicts_and_the_data_as_text(
    experiment: Experiment, results: Sequence[RunResult], tmp_path: Path, when: datetime
) -> None:
    remarked = dataclasses.replace(
        experiment, remarks=("The schedule is too short.", "<b>bold</b> | `x`")
    )
    text = write_report(remarked, results, check(remarked, results), tmp_path, when).read_text(
        encoding="utf-8"
    )
    _, _, below = text.partition("## Remarks\n\n")
    assert below.startswith(
        "- The schedule is too short.\n- &lt;b&gt;bold&lt;/b&gt; &#124; \\`x\\`\n\n## The data"
    )
    assert text.index("## Verdicts") < text.index("## Remarks")
