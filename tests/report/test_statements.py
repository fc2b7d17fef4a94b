"""When the expectations were stated, as a person reads it in a report and at a terminal."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from harness.experiment import Basis, Expectation, Experiment, Statistic
from harness.judging.check import check
from harness.judging.ledger import ExpectationTerms, Measured
from harness.judging.timing import StatedExpectation, Statements, Timing
from harness.report.statements import stated_json, timing_sentence, warnings, when_stated
from harness.report.write import write_report
from harness.run_result import RunResult


def terms(
    lower: float = 0.03, metric: str = "a.test_accuracy - b.test_accuracy"
) -> ExpectationTerms:
    return ExpectationTerms(
        Expectation("e", "", metric, lower, None, Statistic.MEAN, 0.95, Basis.CLAIM, ""), [0, 1, 2]
    )


DONE = {"a": (0, 1, 2), "b": (0, 1, 2)}
DAY = "2026-03-04T05:06:07+00:00"
BEFORE = StatedExpectation("e", Timing.BEFORE, DAY, terms())
CHANGED = StatedExpectation(
    "e", Timing.CHANGED, DAY, terms(0.01), terms(), Measured(DONE, DONE, 0.0198), 1
)


def several(*stated: StatedExpectation) -> Statements:
    return Statements(
        {f"e{index}": replace(each, id=f"e{index}") for index, each in enumerate(stated)}
    )


class TestWhenStated:
    def test_the_common_case_is_one_sentence(self) -> None:
        assert (
            when_stated(several(BEFORE, BEFORE, BEFORE))
            == "All 3 expectations were stated on 2026-03-04, before any of their runs had started."
        )
        assert (
            when_stated(several(BEFORE))
            == "The one expectation was stated on 2026-03-04, before any of its runs had started."
        )
        later = replace(BEFORE, at="2026-04-01T00:00:00+00:00")
        assert (
            when_stated(several(later, BEFORE))
            == "All 2 expectations were stated from 2026-03-04 to 2026-04-01, before any of their"
            " runs had started."
        )

    def test_nothing_is_said_of_a_trial_and_where_nothing_is_expected(self) -> None:
        assert when_stated(None) == when_stated(Statements()) == ""

    def test_exceptions_are_listed_those_alike_together(self) -> None:
        unrecorded = StatedExpectation(
            "e", Timing.UNRECORDED, DAY, terms(), None, Measured(DONE, DONE, 0.0198)
        )
        assert when_stated(several(BEFORE, CHANGED, unrecorded, unrecorded)).splitlines() == [
            "1 of 4 expectations was stated on 2026-03-04, before any of its runs had started.",
            "",
            (
                "- `e1`: changed on 2026-03-04: before, it asked for mean at least 3 points (95%"
                " confidence); a and b, seeds 0, 1, 2, had finished by then, with a mean of 1.98"
                " points"
            ),
            (
                "- `e2`, `e3`: not recorded when stated; first written down on 2026-03-04, with"
                " results at hand"
            ),
        ]

    def test_what_is_not_written_down_yet_has_no_date(self) -> None:
        new = replace(BEFORE, at="")
        assert (
            when_stated(several(new, new))
            == "The expectations will be written down when the first of the runs starts."
        )
        assert when_stated(several(BEFORE, new)).endswith(
            "\n\n1 new expectation will be written down when the first of the runs starts."
        )

    def test_text_of_a_damaged_ledger_stays_text(self) -> None:
        assert (
            when_stated(Statements(faults=("<b>x</b> | y",))) == "- &lt;b&gt;x&lt;/b&gt; &#124; y"
        )


class TestTold:
    def test_every_difference_is_named(self) -> None:
        now = replace(
            terms(0.01, "a.test_accuracy - c.test_accuracy"),
            seeds={"first": 3, "most": 20},
            control="holm",
        )
        now = replace(now, expectation=replace(now.expectation, basis=Basis.PAPER, published=0.02))
        said = timing_sentence(
            replace(CHANGED, terms=now, changes=3, measured=Measured({"a": (1,)}))
        )
        assert (
            said == "changed on 2026-03-04, the last of 3 changes: before, the metric was"
            " a.test_accuracy - b.test_accuracy, it asked for mean at least 3 points (95%"
            " confidence), it rested on: published statement, the published number was None, the"
            " seeds asked for were 0, 1, 2, the control over all expectations was none; a, seed"
            " 1, had started by then"
        )

    def test_a_difference_too_small_to_be_shown_is_shown_in_full(self) -> None:
        said = timing_sentence(replace(CHANGED, terms=terms(math.nextafter(0.03, 1.0))))
        assert "before, the bounds were 0.03 and None; " in said

    def test_one_that_was_added_or_removed_says_what_there_was(self) -> None:
        added = StatedExpectation(
            "e", Timing.ADDED, DAY, terms(), None, Measured(DONE, {"a": (0,), "b": (0, 1)}, 0.5)
        )
        assert (
            timing_sentence(added)
            == "added on 2026-03-04, after its results: 3 seeds of 2 runs that it reads had"
            " finished by then, with a mean of 50.00 points"
        )
        median = replace(
            terms(), expectation=replace(terms().expectation, statistic=Statistic.MEDIAN)
        )
        assert (
            timing_sentence(replace(added, timing=Timing.REMOVED, terms=None, before=median))
            == "removed on 2026-03-04: it was a.test_accuracy - b.test_accuracy, median at least 3"
            " points (95% confidence); 3 seeds of 2 runs that it reads had finished by then,"
            " with a median of 50.00 points"
        )


class TestWarnings:
    def test_a_line_for_each_that_was_not_stated_in_time_and_for_what_is_wrong(self) -> None:
        gone = StatedExpectation("gone", Timing.REMOVED, DAY, None, terms(), Measured(DONE, DONE))
        found = replace(
            several(BEFORE, CHANGED),
            removed=(gone,),
            faults=("it is damaged",),
            notes=("one is missing",),
        )
        lines = warnings(found)
        assert [line.partition(":")[0] for line in lines] == [
            "e1",
            "gone",
            "it is damaged",
            "one is missing",
        ]
        assert warnings(several(BEFORE, BEFORE)) == warnings(None) == []


class TestStatedJson:
    def test_it_holds_what_a_program_needs(self) -> None:
        assert stated_json(BEFORE) == {"when": "before", "date": DAY}
        assert stated_json(CHANGED) == {
            "when": "changed",
            "date": DAY,
            "before": {
                "metric": "a.test_accuracy - b.test_accuracy",
                "lower": 0.03,
                "statistic": "mean",
                "method": "student",
                "confidence": 0.95,
                "basis": "claim",
                "seeds": [0, 1, 2],
            },
            "measured": {
                "begun": {"a": [0, 1, 2], "b": [0, 1, 2]},
                "finished": {"a": [0, 1, 2], "b": [0, 1, 2]},
                "value": 0.0198,
            },
        }


def test_the_report_and_its_json_tell_of_every_expectation(
    experiment: Experiment, results: list[RunResult], tmp_path: Path, when: datetime
) -> None:
    gone = replace(CHANGED, id="gone", timing=Timing.REMOVED, terms=None)
    each = {
        expectation.id: replace(BEFORE, id=expectation.id)
        for expectation in experiment.expectations
    }
    found = Statements(each | {"drop": replace(CHANGED, id="drop")}, (gone,))
    path = write_report(experiment, results, check(experiment, results), tmp_path, when, found)
    text = path.read_text(encoding="utf-8")
    start = text.index("- `drop`: changed on 2026-03-04")
    assert text.index("## Verdicts") < start < text.index("## Words")
    assert "\n- `drop`: changed on 2026-03-04: before, it asked for mean at least 3 points" in text
    assert "\n- `gone`: removed on 2026-03-04: it was" in text
    document = json.loads(path.with_suffix(".json").read_text())
    assert {each["id"]: each["stated"]["when"] for each in document["judgements"]} == {
        name: "changed" if name == "drop" else "before" for name in each
    }
    assert [(each["id"], each["when"]) for each in document["removed"]] == [("gone", "removed")]
