"""The forms that continuous integration reads: what must hold in each, and how all of it reads."""

from __future__ import annotations

import dataclasses
import json
import math
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest
from markdown_it import MarkdownIt
from pytest_regressions.file_regression import FileRegressionFixture

from harness.ci.annotations import annotate
from harness.ci.cases import RUNS, Conclusion, Suite, suites
from harness.ci.compact import compact
from harness.ci.junit import junit
from harness.ci.message import message
from harness.ci.summary import summary
from harness.judging.check import Mark, Verdict, check
from harness.judging.exit_code import Allow
from harness.judging.ledger import Measured, terms_of
from harness.judging.timing import StatedExpectation, Statements, Timing
from harness.run_result import Status

if TYPE_CHECKING:
    from tests.ci.conftest import Make

WHEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
FORGE = {
    "GITHUB_SERVER_URL": "https://forge.example",
    "GITHUB_REPOSITORY": "a/b",
    "GITHUB_SHA": "c0ffee",
}


def test_junit_reads_as_before(
    every: tuple[Suite, ...], file_regression: FileRegressionFixture
) -> None:
    file_regression.check(junit(every, (), WHEN), extension=".xml", encoding="utf-8")


def test_compact_json_reads_as_before(
    every: tuple[Suite, ...], file_regression: FileRegressionFixture
) -> None:
    document = json.loads(compact(every, [Verdict.BLOCKED], 3))
    file_regression.check(
        json.dumps(document, indent=1) + "\n", extension=".json", encoding="utf-8"
    )


def test_what_json_has_no_number_for_is_a_string(every: tuple[Suite, ...]) -> None:
    suite = every[0]
    case = suite.cases[0]
    assert case.judgement is not None
    wide = dataclasses.replace(case.judgement, deviation=math.inf, interval=(-math.inf, math.inf))
    changed = dataclasses.replace(
        suite, cases=(dataclasses.replace(case, judgement=wide), *suite.cases[1:])
    )
    found = json.loads(compact([changed], [], 3), parse_constant=pytest.fail)
    first = found["experiments"][0]["expectations"][0]
    assert (first["deviation"], first["interval"]) == ("inf", ["-inf", "inf"])


def test_the_summary_reads_as_before(
    every: tuple[Suite, ...], file_regression: FileRegressionFixture
) -> None:
    file_regression.check(summary(every, FORGE), extension=".md", encoding="utf-8")


def test_annotations_read_as_before(
    every: tuple[Suite, ...], file_regression: FileRegressionFixture
) -> None:
    file_regression.check(annotate(every, (), {}), extension=".txt", encoding="utf-8")


def test_messages_read_as_before(
    every: tuple[Suite, ...], file_regression: FileRegressionFixture
) -> None:
    text = "\n\n".join(message(case, Path("reports/all.md")) for case in every[0].cases)
    file_regression.check(text + "\n", extension=".txt", encoding="utf-8")


def counts(element: ElementTree.Element) -> dict[str, str | None]:
    return {name: element.get(name) for name in ("tests", "failures", "errors", "skipped", "time")}


@pytest.mark.parametrize(
    ("allow", "failures", "skipped"), [((), "2", "1"), ((Verdict.INCONCLUSIVE,), "1", "2")]
)
def test_junit_counts_what_its_cases_are(
    every: tuple[Suite, ...], allow: tuple[Verdict, ...], failures: str, skipped: str
) -> None:
    root = ElementTree.fromstring(junit(every * 2, allow, WHEN))
    expected = {
        "tests": "6",
        "failures": failures,
        "errors": "1",
        "skipped": skipped,
        "time": "5.250",
    }
    assert [counts(suite) for suite in root] == [expected] * 2
    assert counts(root)["tests"] == "12"
    for tag, name in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
        assert len(list(root.iter(tag))) == int(str(root.get(name)))


def test_junit_holds_no_character_that_xml_cannot(every: tuple[Suite, ...]) -> None:
    error = next(ElementTree.fromstring(junit(every, (), WHEN)).iter("error"))
    assert error.get("message") == "wild, seeds 0, 1, 2: NaN\\x07 at step 3"


def test_annotations_escape_what_ends_a_command(every: tuple[Suite, ...]) -> None:
    lines = annotate(every, (), {}).splitlines()
    assert [line.split()[0] for line in lines] == ["::error", "::error", "::warning", "::warning"]
    assert all(line.count("::") == 2 for line in lines)
    failing = next(line for line in lines if "fails" in line)
    assert failing.startswith("::error file=specs/_base.json,line=")
    assert ",title=all%3A fails%3A fail::" in failing
    assert "99%25, measured 90.0 ± 2.0%25%0Aoutside the bounds" in failing


def test_what_is_allowed_is_a_notice_and_comes_last(every: tuple[Suite, ...]) -> None:
    lines = annotate(every, (Verdict.BLOCKED,), {}).splitlines()
    assert [line.split()[0] for line in lines] == ["::error", "::error", "::warning", "::notice"]


def test_annotations_name_files_from_the_root_of_the_checkout(every: tuple[Suite, ...]) -> None:
    root = Path.cwd()
    assert f" file={root.name}/specs/_base.json," in annotate(
        every, (), {"GITHUB_WORKSPACE": str(root.parent)}
    )
    assert f" file={root}/specs/_base.json," in annotate(
        every, (), {"GITHUB_WORKSPACE": str(root / "elsewhere")}
    )


def test_the_summary_is_a_table_with_links_to_the_lines(every: tuple[Suite, ...]) -> None:
    tokens = MarkdownIt().enable("table").parse(summary(every, FORGE))
    links = [
        str(child.attrs["href"])
        for token in tokens
        for child in token.children or ()
        if child.type == "link_open"
    ]
    line = next(case.place.line for case in every[0].cases if case.id == "fails")
    assert f"https://forge.example/a/b/blob/c0ffee/specs/_base.json#L{line}" in links
    rows = [token for token in tokens if token.type == "tr_open"]
    assert len(rows) == 7  # a head and six cases
    assert f"(specs/_base.json#L{line})" in summary(every, {})


def test_an_experiment_that_passes_is_folded(every: tuple[Suite, ...]) -> None:
    passing = dataclasses.replace(every[0], cases=every[0].cases[:1])
    text = summary([passing], {})
    assert text.startswith(
        "## The one expectation passes with confidence over all seeds.\n\n<details>\n"
    )
    assert "<details>" not in summary(every, {})


def test_compact_json_tells_the_runs_and_no_case_of_them(make: Make) -> None:
    document = json.loads(compact(suites([make(report=None, spare=Status.MISSING)]), (), 3))
    experiment = document["experiments"][0]
    assert experiment["runs"] == {"done": 3, "blocked": 3, "error": 3, "missing": 3}
    assert [each["id"] for each in experiment["expectations"]] == [
        "passes",
        "fails",
        "unsure",
        "blocked",
        "broken",
    ]
    assert (document["exit_code"], experiment["report"]) == (3, None)
    assert document["counts"] == {"pass": 1, "fail": 1, "inconclusive": 1, "blocked": 1, "error": 1}


class TestStale:
    """A verdict that rests on stale runs is no plain pass in any form."""

    @pytest.fixture
    def stale(self, make: Make) -> tuple[Suite, ...]:
        whole = make()
        results = [
            dataclasses.replace(each, stale="x changed" if each.status is Status.DONE else "")
            for each in whole.results
        ]
        return suites(
            [Conclusion(whole.experiment, results, check(whole.experiment, results), whole.report)]
        )

    def test_it_is_a_failure_in_junit_unless_that_is_allowed(
        self, stale: tuple[Suite, ...]
    ) -> None:
        def kinds(allow: Allow) -> dict[str, list[tuple[str, str]]]:
            root = ElementTree.fromstring(junit(stale, allow, WHEN))
            return {
                case.get("name", ""): [
                    (each.tag, each.get("type", "")) for each in case if each.tag != "properties"
                ]
                for case in root.iter("testcase")
            }

        assert kinds(())["passes"] == kinds(())[RUNS] == [("failure", "stale")]
        assert kinds(())["fails"] == [("failure", "fail")]
        assert kinds([Mark.STALE])["passes"] == kinds([Mark.STALE])[RUNS] == []

    def test_it_is_a_warning_or_a_notice_that_says_why(self, stale: tuple[Suite, ...]) -> None:
        lines = annotate(stale, (), {}).splitlines()
        (line,) = (line for line in lines if "all%3A passes%3A pass (stale)" in line)
        assert line.startswith("::warning ")
        assert "stale: good, seeds 0, 1, 2: x changed" in line
        allowed = annotate(stale, [Mark.STALE], {}).splitlines()
        assert line.replace("::warning ", "::notice ") in allowed

    def test_the_summary_counts_and_marks_it(self, stale: tuple[Suite, ...]) -> None:
        text = summary(stale, {})
        assert "4 of 5 verdicts rest on stale runs, which other code made: no plain pass." in text
        assert "✅ pass (stale)" in text
        assert "`passes`: stale: good, seeds 0, 1, 2: x changed" in text

    def test_compact_json_says_why(self, stale: tuple[Suite, ...]) -> None:
        found = json.loads(compact(stale, [Mark.STALE], 4))
        assert found["allowed"] == ["stale"]
        first, *_, broken = found["experiments"][0]["expectations"]
        assert (first["verdict"], first["stale"]) == ("pass", "good, seeds 0, 1, 2: x changed")
        assert "stale" not in broken


@pytest.fixture
def late(make: Make) -> tuple[Suite, ...]:
    """Expectations changed with results at hand, not recorded, removed, and a damaged ledger."""
    conclusion = make()
    at = "2026-03-04T05:06:07+00:00"
    terms = {
        each.id: terms_of(conclusion.experiment, each)
        for each in conclusion.experiment.expectations
    }
    there = Measured({"good": (0, 1, 2)}, {"good": (0, 1, 2)}, 0.9)
    each = {name: StatedExpectation(name, Timing.BEFORE, at, of) for name, of in terms.items()}
    each["passes"] = StatedExpectation(
        "passes", Timing.CHANGED, at, terms["passes"], terms["unsure"], there, 1
    )
    each["fails"] = StatedExpectation("fails", Timing.UNRECORDED, at, terms["fails"], None, there)
    removed = (StatedExpectation("gone", Timing.REMOVED, at, None, terms["passes"], there),)
    return suites([replace(conclusion, statements=Statements(each, removed, ("it is damaged",)))])


def test_annotations_warn_of_what_was_not_stated_before_its_results(
    late: tuple[Suite, ...],
) -> None:
    without = annotate(suites([replace(late[0].conclusion, statements=None)]), (), {})
    text = annotate(late, (), {})
    assert text.startswith(without)
    written = Path("specs/_base.json").read_text().splitlines()
    line = written.index('   "id": "passes",')  # of the brace before it, from 1 on
    lines = text.removeprefix(without).splitlines()
    assert [re.sub("file=[^,]*", "file=F", line).split("::")[1] for line in lines] == [
        (
            f"warning file=F,line={line},title=all%3A passes%3A not known to be stated before its"
            " results"
        ),
        "warning file=F,line=1,title=all%3A gone%3A not known to be stated before its results",
        "warning file=F,line=1,title=all%3A not known to be stated before its results",
    ]
    assert "changed on 2026-03-04" in lines[0]
    assert "removed on 2026-03-04" in lines[1]
    assert "it is damaged" in lines[2]


def test_compact_json_and_junit_tell_when_it_was_stated(late: tuple[Suite, ...]) -> None:
    (found,) = json.loads(compact(late, (), 0))["experiments"]
    stated = {each["id"]: each["stated"]["when"] for each in found["expectations"]}
    assert stated == dict.fromkeys(["unsure", "blocked", "broken"], "before") | {
        "passes": "changed",
        "fails": "unrecorded",
    }
    root = ElementTree.fromstring(junit(late, (), WHEN))
    told = {
        case.get("name"): [
            each.get("value") for each in case.iter("property") if each.get("name") == "stated"
        ]
        for case in root.iter("testcase")
    }
    assert told["unsure"] == ["stated on 2026-03-04, before any of its runs had started"]
    assert [len(each) for each in told.values()] == [1] * 5 + [0]
    assert all(len(case.findall("properties")) <= 1 for case in root.iter("testcase"))
