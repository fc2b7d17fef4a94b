"""The pytest plugin, as one meets it who runs pytest on a folder of specifications."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import pytest

# What only a session within this one imports is forgotten afterwards, and imported anew: the
# builder, whose name TFDS takes once alone, could not be.
import pytest_regressions.common  # noqa: F401

import harness.data.builders.digits
import harness.testing.specification  # noqa: F401
from harness.plan import make_plan
from harness.spec.load import find, load_file
from harness.spec.patch import merge_patch
from harness.store import staleness
from harness.store.store import Store
from harness.testing import judged, reports
from tests.support import specifications

if TYPE_CHECKING:
    from tests.conftest import Pretend

SPEC: dict[str, Any] = {
    "$schema": "../harness/spec/experiment.schema.json",
    **specifications.quick(seeds=[0, 1, 2], runs={"one": {}, "two": {"training": {"epochs": 6}}}),
    "expectations": [
        {
            "id": "learns",
            "metric": "one.test_accuracy",
            "at_least": 0.2,
            "basis": "hypothesis",
            "source": "chance is 10%",
        },
        {
            "id": "steady",
            "title": "As it was before",
            "metric": "one.test_accuracy",
            "between": [0.95, 0.99],
            "basis": "measured",
            "source": "reports/tiny.json",
        },
        {
            "id": "unsure",
            "metric": "two.test_accuracy",
            "at_most": 0.8,
            "basis": "paper",
            "citation": "C",
            "source": "t",
            "published": 1,
        },
    ],
}
Numbers = dict[str, Sequence[float | None]]
# Worked out by hand: of 0.88, 0.90, 0.92 the mean is 0.90 and the sample deviation 0.02; of 0.6,
# 0.7, 0.8 the limits at 95% are 0.7 -+ 2.92 * 0.1 / sqrt(3), which straddle 0.8.
ONE: Numbers = {
    "train_accuracy": [1.0, 1.0, 1.0],
    "test_accuracy": [0.88, 0.9, 0.92],
    "train_loss": [0.1, 0.2, 0.3],
}
TWO: Numbers = {
    "train_accuracy": [1.0, 1.0, 1.0],
    "test_accuracy": [0.6, 0.7, 0.8],
    "epochs": [6, 6, 6],
}

Session = Callable[..., pytest.RunResult]


@pytest.fixture
def tiny_with_reports(pytester: pytest.Pytester, pretend: Pretend) -> Session:
    """A folder with `specs/tiny.json`, its runs as good as made; returns what runs pytest there."""
    write(pytester, SPEC)
    pretend(
        pytester.path / "specs/tiny.json",
        pytester.path / ".harness/store",
        {"one": ONE, "two": TWO},
    )
    # Sessions within this one import Hypothesis anew, every time.
    common = ("--basetemp", "temporary", "-p", "no:hypothesispytest")
    return lambda *arguments: pytester.runpytest_inprocess(*common, *arguments)


@pytest.fixture
def tiny(tiny_with_reports: Session, monkeypatch: pytest.MonkeyPatch) -> Session:
    """The same without the reports, which take most of the time."""
    monkeypatch.setattr(reports, "write_reports", lambda *_: "reports: none")
    return tiny_with_reports


def write(pytester: pytest.Pytester, document: Any, name: str = "tiny.json") -> Path:
    path = pytester.path / "specs" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(document if isinstance(document, str) else json.dumps(document, indent=1))
    return path


def ids(result: pytest.RunResult) -> list[str]:
    return [
        line.partition("::")[2]
        for line in result.stdout.lines
        if line.startswith("specs/tiny.json::")
    ]


def test_every_expectation_is_an_item_and_the_kept_numbers_are_one(
    tiny: Session, pytester: pytest.Pytester
) -> None:
    write(pytester, SPEC, "_base.json")
    write(pytester, {"runs": [], "name": "a log"}, "other.json")
    (pytester.path / "specs" / "twice.txt").write_text(json.dumps(SPEC))
    assert ids(tiny("specs", "--collect-only", "-q")) == [
        "learns",
        "steady",
        "unsure",
        "[baseline]",
    ]


def test_runs_that_no_expectation_reads_are_an_item(
    tiny: Session, pytester: pytest.Pytester
) -> None:
    write(pytester, merge_patch(SPEC, {"runs": {"spare": {"training": {"epochs": 7}}}}))
    result = tiny("specs", "--harness-no-run", "-rs", "-k", "runs")
    result.assert_outcomes(skipped=1, deselected=4)
    result.stdout.fnmatch_lines(
        ["SKIPPED * specs/tiny.json:1: blocked: spare, seeds 0, 1, 2: not run yet"]
    )


def test_a_failure_shows_all_that_explains_it(tiny: Session) -> None:
    result = tiny("specs")
    result.assert_outcomes(passed=1, failed=2, skipped=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    # One-sided, n = 3: 0.9 -+ 2.92 * 0.02 / sqrt(3).
    expected = [
        "*_ tiny: steady _*",
        "expected mean between 95% and 99% (95% confidence), measured 90.0 ± 2.0%",
        "  title      As it was before",
        "  metric     one.test_accuracy",
        "  seeds      0: 88.00%, 1: 90.00%, 2: 92.00%",
        (
            "  verdict    fail: the mean 90.00% is outside the bounds, * its 95% confidence limits"
            " 86.6 to 93.4%"
        ),
        "  rests on   our own earlier measurement: reports/tiny.json",
        "  stands in  specs/tiny.json:46",
        "  report     .harness/reports/tiny.md",
    ]
    result.stdout.fnmatch_lines(expected, consecutive=True)
    result.stdout.fnmatch_lines(
        ["FAILED specs/tiny.json::steady - *expected mean between 95% and 99%*"]
    )
    result.stdout.no_fnmatch_line("*Traceback*")
    result.stdout.no_fnmatch_line("*pytest_items.py*")


def test_the_report_is_where_the_message_says(
    tiny_with_reports: Session, pytester: pytest.Pytester
) -> None:
    tiny = tiny_with_reports
    tiny("specs")
    assert (pytester.path / ".harness/reports/tiny.md").is_file()
    assert not (pytester.path / "reports").exists()
    tiny(
        "specs", "--harness-reports", "elsewhere", "--harness-store", ".harness/store"
    ).stdout.fnmatch_lines(["  report     elsewhere/tiny.md", "harness: reports: elsewhere"])
    assert (pytester.path / "elsewhere/tiny.md").is_file()


@pytest.mark.parametrize(
    ("arguments", "outcomes"),
    [
        (["specs", "-k", "learns or baseline"], {"passed": 1, "skipped": 1, "deselected": 2}),
        (["specs", "-k", "tiny and steady"], {"failed": 1, "deselected": 3}),
        (["specs", "-x"], {"passed": 1, "failed": 1}),
        (["specs/tiny.json::learns"], {"passed": 1}),
        (["specs/tiny.json::[baseline]"], {"skipped": 1}),
        (
            ["specs/tiny.json", "--deselect", "specs/tiny.json::steady", "-k", "not unsure"],
            {"passed": 1, "skipped": 1},
        ),
    ],
)
def test_items_are_chosen_as_others_are(
    tiny: Session, arguments: list[str], outcomes: dict[str, int]
) -> None:
    result = tiny(*arguments)
    assert result.parseoutcomes() | outcomes == result.parseoutcomes()


def test_the_last_failed_are_run_again(tiny: Session) -> None:
    tiny("specs")
    assert ids(tiny("specs", "--lf", "--collect-only", "-q")) == ["steady", "unsure"]


def test_a_session_writes_down_what_is_expected_unless_it_is_a_trial(
    tiny_with_reports: Session, pytester: pytest.Pytester
) -> None:
    beside, kept = (
        pytester.path / name / "tiny" for name in ("out", ".harness/store/expectations")
    )
    beside, kept = beside.with_suffix(".expectations.json"), kept.with_suffix(".json")
    arguments = ("specs", "--harness-no-run", "--harness-reports", "out")
    tiny_with_reports(*arguments, "--harness-set", "title=Trial")
    assert not kept.exists()
    tiny_with_reports(*arguments)
    assert {each["id"] for each in json.loads(kept.read_text())["statements"]} == {
        "learns",
        "steady",
        "unsure",
    }
    assert not beside.exists()  # no folder of reports that are committed
    assert "not recorded when stated" in (pytester.path / "out/tiny.md").read_text()
    tiny_with_reports(*arguments, "--harness-baselines", "out")
    assert beside.read_bytes() == kept.read_bytes()


def test_junit_xml_has_the_numbers(tiny: Session, pytester: pytest.Pytester) -> None:
    tiny("specs", "--junitxml", "out.xml")
    suite = ElementTree.parse(pytester.path / "out.xml").getroot()[0]
    assert [suite.get(name) for name in ("tests", "failures", "errors", "skipped")] == [
        "4",
        "2",
        "0",
        "1",
    ]
    case = suite[0]
    assert (case.get("classname"), case.get("name")) == ("specs.tiny.json", "learns")
    properties = {each.get("name"): each.get("value") for each in case.iter("property")}
    assert properties["verdict"] == "pass"
    assert properties["experiment"] == "tiny"
    assert float(str(properties["mean"])) == pytest.approx(0.9)
    assert str(properties["stated"]).startswith("not recorded when it was stated; ")
    failure = suite[1].find("failure")
    assert failure is not None
    assert "report     .harness/reports/tiny.md" in str(failure.text)


def test_what_is_not_run_is_skipped_and_no_pass(tiny: Session) -> None:
    blocked = ("specs", "--harness-no-run", "--harness-store", "empty", "-rs", "-k", "learns")
    result = tiny(*blocked)
    result.assert_outcomes(skipped=1, deselected=3)
    result.stdout.fnmatch_lines(
        [
            "harness: 1 blocked, which is no pass; --harness-allow blocked accepts that",
            "SKIPPED * specs/tiny.json:39: blocked: one, seeds 0, 1, 2: not run yet",
        ]
    )
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert tiny(*blocked, "--harness-allow", "blocked").ret == pytest.ExitCode.OK
    assert tiny(*blocked, "-o", "harness_allow=inconclusive blocked").ret == pytest.ExitCode.OK
    assert tiny(*blocked, "--harness-allow", "inconclusive").ret == pytest.ExitCode.TESTS_FAILED


def test_what_is_inconclusive_fails_unless_it_is_allowed(tiny: Session) -> None:
    only = ("specs", "-k", "unsure", "-rx")
    result = tiny(*only)
    result.assert_outcomes(failed=1, deselected=3)
    result.stdout.fnmatch_lines(
        ["  verdict    inconclusive: the 95% confidence limits 53 to 87% straddle *"]
    )
    result = tiny(*only, "--harness-allow", "inconclusive")
    result.assert_outcomes(xfailed=1, deselected=3)
    result.stdout.fnmatch_lines(
        ["XFAIL specs/tiny.json::unsure - inconclusive: the 95% confidence limits *"]
    )
    assert result.ret == pytest.ExitCode.OK


def test_what_rests_on_stale_runs_fails_unless_it_is_allowed(
    tiny: Session, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = keep(pytester)
    assert kept.is_file()
    here = staleness.modules()
    monkeypatch.setattr(staleness, "modules", lambda: {**here, "harness.training.step": "another"})
    asked = ("specs", "--harness-no-run", "-k", "learns or baseline")
    result = tiny(*asked)
    result.assert_outcomes(failed=2, deselected=2)
    result.stdout.fnmatch_lines(
        [
            "*stale * one, seeds 0, 1, 2: harness.training.step changed",
            (
                "the measured numbers rest on stale runs: one, seeds 0, 1, 2: harness.training.step"
                " changed; two, *"
            ),
        ]
    )
    assert tiny(*asked, "--harness-allow", "stale").ret == pytest.ExitCode.OK


def test_a_run_that_ended_in_an_error_is_an_error(tiny: Session, pytester: pytest.Pytester) -> None:
    spec = write(pytester, merge_patch(SPEC, {"runs": {"one": {"training": {"epochs": 9}}}}))
    plan = make_plan([load_file(spec)], pytester.path, gpus=0)
    for key, run in plan.runs.items():
        if run.run.name == "one":
            Store(pytester.path / ".harness/store").save_error(
                key, "the loss became NaN at step 7 (epoch 2)"
            )
    result = tiny("specs", "--harness-no-run", "-k", "learns or unsure")
    result.assert_outcomes(errors=1, failed=1, deselected=2)
    result.stdout.fnmatch_lines(
        ["one, seeds 0, 1, 2: the loss became NaN at step 7 (epoch 2)", "  verdict    error"]
    )


@pytest.mark.parametrize("obstacle", ["store", "process"])
def test_runs_that_cannot_be_made_are_an_error(
    tiny: Session, pytester: pytest.Pytester, obstacle: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judged, "run_in_child_process", lambda *_: -9)
    (pytester.path / "file").write_text("")
    result = tiny(
        "specs", "-k", "learns", "--harness-store", "file" if obstacle == "store" else "empty"
    )
    result.assert_outcomes(errors=1, deselected=3)
    said = {
        "store": "the store file cannot be written: *; choose another folder with --store",
        "process": (
            "the process that was to make one seed 0, two seed 0, one seed 1, * ended with exit"
            " code -9"
        ),
    }
    result.stdout.fnmatch_lines([said[obstacle]])


@pytest.mark.parametrize(
    ("place", "named"),
    [
        ("harness.runner.conclude.check", "learns"),
        ("harness.testing.items.message", "steady"),
        ("harness.testing.items.baseline.unfinished", "baseline"),
    ],
)
def test_what_nobody_foresaw_is_an_error_and_no_failure(
    tiny: Session, place: str, named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> Any:
        raise RuntimeError("nobody foresaw this")

    monkeypatch.setattr(place, broken)
    result = tiny("specs", "-k", named)
    result.assert_outcomes(errors=1, deselected=3)
    result.stdout.fnmatch_lines(
        [
            "internal error: RuntimeError: nobody foresaw this; this is a fault of the harness: *"
            " .harness/store/crashes/*.txt"
        ]
    )


def test_an_invalid_specification_is_a_collection_error_in_the_harness_s_words(
    tiny: Session, pytester: pytest.Pytester
) -> None:
    write(
        pytester,
        '{"$schema": "experiment.schema.json",\n "name": "wrong", "title": "W", "runs": {},'
        ' "expectatons": []}',
    )
    write(pytester, '{"$schema": "experiment.schema.json",\n "name": }', "broken.json")
    result = tiny("specs")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(
        [
            "specs/broken.json:2:10: not JSON: Expecting value",
            "specs/tiny.json:2:41: at /runs expected at least one member, found none",
            (
                "specs/tiny.json:2:60: at /expectatons unknown property 'expectatons'; did you mean"
                " 'expectations'? *"
            ),
        ]
    )
    result.stdout.no_fnmatch_line("*Traceback*")


@pytest.mark.parametrize("name", ["README.md", "tiny.md", "tiny.json", "tiny/curves.png"])
def test_reports_that_would_replace_a_foreign_file_end_the_session_before_training(
    tiny: Session, pytester: pytest.Pytester, name: str
) -> None:
    path = pytester.path / "mine" / name
    path.parent.mkdir(parents=True)
    path.write_text("mine")
    result = tiny("specs", "--harness-reports", "mine")
    assert result.ret == pytest.ExitCode.INTERRUPTED  # the code is 2
    result.stdout.fnmatch_lines([f"mine/{name} was not written by this harness, and * --reports*"])
    assert path.read_text() == "mine"


def test_two_specifications_of_one_name_are_a_collection_error(
    tiny: Session, pytester: pytest.Pytester
) -> None:
    write(pytester, SPEC, "twin.json")
    result = tiny("specs")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(
        ["specs/twin.json:3:10: at /name another specification is named 'tiny' too"]
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--harness-set", "nonsense"],
            "*--harness-set: *expected PATH=VALUE, such as defaults.training.epochs=3*",
        ),
        (
            ["--harness-seeds", "one"],
            "*--harness-seeds: expected numbers such as 0,1,2, found 'one'*",
        ),
        (["--harness-allow", "fail"], "*argument --harness-allow: invalid choice: 'fail'*"),
    ],
)
def test_wrong_usage_is_told(tiny: Session, arguments: list[str], message: str) -> None:
    result = tiny("specs", *arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([message])


def test_a_trial_changes_every_specification_and_keeps_no_numbers(tiny: Session) -> None:
    stated = '{"id":"x","metric":"one.epochs","at_least":1,"basis":"hypothesis","source":"s"}'
    trial = ("--harness-seeds", "0,1", "--harness-set", f"expectations=[{stated}]")
    assert ids(tiny("specs", "--collect-only", "-q", *trial)) == ["[runs]", "x"]


BASE = {
    "format": "reproduction-harness baseline 1",
    "name": "tiny",
    "specification": "specs/tiny.json",
}
KEPT = BASE | {
    "environment": {"device": "GPU"},
    "seeds": [0, 1, 2],
    "runs": {"one": ONE, "two": TWO},
}


def keep(pytester: pytest.Pytester, **changes: Any) -> Path:
    path = pytester.path / "reports/tiny.baseline.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(merge_patch(KEPT, changes)))
    return path


ONLY = ("specs", "-k", "baseline", "-rs")


def test_without_kept_numbers_nothing_is_compared_and_that_is_said(tiny: Session) -> None:
    result = tiny(*ONLY)
    result.assert_outcomes(skipped=1, deselected=3)
    result.stdout.fnmatch_lines(
        [
            "SKIPPED * specs/tiny.json:1: no numbers are kept in reports/tiny.baseline.json yet; "
            "keep them with: python -m harness baseline update specs/tiny.json"
        ]
    )
    assert result.ret == pytest.ExitCode.OK


def test_the_kept_numbers_pass(tiny: Session, pytester: pytest.Pytester) -> None:
    keep(pytester)
    tiny(*ONLY).assert_outcomes(passed=1, deselected=3)
    assert not list(pytester.path.rglob("*.obtained.json"))


def test_numbers_that_drifted_fail_in_a_table(tiny: Session, pytester: pytest.Pytester) -> None:
    # The epochs of all seeds were 7 and are 6 (10% is allowed, and nothing scatters). The
    # accuracies differ by 60, 60.1 and 59.9 points, whose t is 0.6 / (0.001 / sqrt 3) = 1039, and
    # the p-value of 2 degrees of freedom 1e-6.
    numbers = {"test_accuracy": [0.28, 0.299, 0.321]}
    path = keep(pytester, runs={"one": numbers, "two": {"epochs": [7, 7, 7]}})
    before = path.read_text()
    result = tiny(*ONLY)
    result.assert_outcomes(failed=1, deselected=3)
    result.stdout.fnmatch_lines(
        [
            "2 of 6 numbers drifted (kept in reports/tiny.baseline.json); device: GPU -> CPU",
            "changed since: device: GPU -> CPU",
            "run    metric         kept      measured    difference    allowed      seeds    p",
            (
                "one    test_accuracy  30.00%    90.00%      60.00 points  1.00 points  3       "
                " <0.001  drifted"
            ),
            (
                "two    epochs         7 epochs  6 epochs    -1 epochs     1 epochs     3          "
                "      drifted"
            ),
            (
                "if that is meant, keep the new ones: python -m harness baseline update"
                " specs/tiny.json"
            ),
        ]
    )
    assert path.read_text() == before
    tolerances = {"test_accuracy": {"absolute": 0.6}, "epochs": {"absolute": 1}}
    write(pytester, merge_patch(SPEC, {"baseline": {"tolerances": tolerances}}))
    tiny(*ONLY).assert_outcomes(passed=1, deselected=3)


def test_a_difference_that_may_be_chance_is_inconclusive(
    tiny: Session, pytester: pytest.Pytester
) -> None:
    # 0.92, 0.92, 0.92 to 0.88, 0.9, 0.92: differences of mean 0.02 and deviation 0.02, t = sqrt 3,
    # p = 0.225.
    keep(pytester, runs={"one": {"test_accuracy": [0.92, 0.92, 0.92]}})
    result = tiny(*ONLY)
    result.assert_outcomes(failed=1, deselected=3)
    result.stdout.fnmatch_lines(
        [
            (
                "0 of 6 numbers drifted, 1 differs by more than the tolerance, maybe by chance"
                " (kept in *"
            ),
            (
                "one    test_accuracy  92.00%  90.00%      -2.00 points  1.00 points  3       "
                " 0.225  maybe by chance"
            ),
        ]
    )
    tiny(*ONLY, "--harness-allow", "inconclusive").assert_outcomes(xfailed=1, deselected=3)


@pytest.mark.parametrize(
    ("accuracies", "said"),
    [
        ([None, None, None], "*test_accuracy*0 -> 3 of 3*drifted, not kept"),
        (
            [0.9, 0.9, "0.9"],
            "*cannot be read: one, test_accuracy, seed 2: expected a finite number or null*",
        ),
        (
            [0.9],
            "*cannot be read: one, test_accuracy: expected 3 numbers, one for each seed, found 1",
        ),
        (None, "*test_accuracy*0 -> 3 of 3*drifted, not kept"),
    ],
)
def test_a_kept_value_that_is_missing_or_no_number_fails(
    tiny: Session, pytester: pytest.Pytester, accuracies: Any, said: str
) -> None:
    keep(pytester, runs={"one": {"test_accuracy": accuracies}})
    result = tiny(*ONLY)
    result.assert_outcomes(failed=1, deselected=3)
    result.stdout.fnmatch_lines([said])
    result.stdout.no_fnmatch_line("*Traceback*")


def test_new_numbers_are_kept_when_that_is_forced_and_never_in_silence(
    tiny: Session, pytester: pytest.Pytester
) -> None:
    path = keep(pytester, runs={"one": {"test_accuracy": [0.5, 0.5, 0.5]}})
    result = tiny(*ONLY, "--force-regen")
    result.assert_outcomes(failed=1, deselected=3)
    result.stdout.fnmatch_lines(
        ["one    test_accuracy  50.00%  90.00%  *drifted", "Files differ and --force-regen set, *"]
    )
    tiny(*ONLY).assert_outcomes(passed=1, deselected=3)
    path.unlink()
    tiny(*ONLY, "--regen-all").assert_outcomes(skipped=1, deselected=3)
    tiny(*ONLY, "--force-regen").assert_outcomes(failed=1, deselected=3)
    assert json.loads(path.read_text())["runs"]["one"] == ONE


def test_a_damaged_baseline_fails(tiny: Session, pytester: pytest.Pytester) -> None:
    keep(pytester).write_text("{}")
    result = tiny(*ONLY)
    result.assert_outcomes(failed=1, deselected=3)
    result.stdout.fnmatch_lines(
        [
            "the baseline reports/tiny.baseline.json cannot be read: it is no baseline of this"
            " harness"
        ]
    )


def test_without_pytest_regressions_the_kept_numbers_are_blocked(
    tiny: Session, pytester: pytest.Pytester
) -> None:
    keep(pytester)
    result = tiny(*ONLY, "-p", "no:pytest_regressions", "-p", "no:regressions")
    result.assert_outcomes(skipped=1, deselected=3)
    result.stdout.fnmatch_lines(
        ["SKIPPED *: blocked: the kept numbers need pytest-regressions, which is not here: *"]
    )
    assert result.ret == pytest.ExitCode.TESTS_FAILED


class TestForge:
    """A workflow gets of a session what it gets of the commands."""

    def test_what_does_not_pass_is_annotated_and_summarized(
        self, tiny: Session, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        keep(pytester, runs={"two": {"epochs": [7, 7, 7]}})
        monkeypatch.setenv("GITHUB_ACTIONS", "true")
        monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(pytester.path / "step.md"))
        monkeypatch.setenv("GITHUB_WORKSPACE", str(pytester.path))
        result = tiny("specs", "-k", "steady or learns or baseline")
        result.assert_outcomes(passed=1, failed=2, deselected=1)
        lines = [line for line in result.stdout.lines if line.startswith("::")]
        assert [line.partition("title=")[2].partition("::")[0] for line in lines] == [
            "tiny%3A steady%3A fail",
            "tiny%3A [baseline]%3A fail",
        ]
        assert lines[0].startswith("::error file=specs/tiny.json,line=46,")
        summary = (pytester.path / "step.md").read_text()
        passes = "1 of 2 expectations passes with confidence over all seeds, 1 fails."
        assert summary.startswith(f"## {passes} 1 kept number drifted.")
        assert "unsure" not in summary

    def test_nothing_is_told_unasked_elsewhere_and_all_where_it_is_asked(
        self, tiny: Session, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
        monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(pytester.path / "step.md"))
        assert not [
            line for line in tiny("specs", "-k", "steady").stdout.lines if line.startswith("::")
        ]
        assert not (pytester.path / "step.md").exists()
        asked = (
            "--harness-annotate",
            "github",
            "--harness-summary",
            "s.md",
            "--harness-allow",
            "inconclusive",
        )
        lines = [line for line in tiny("specs", *asked).stdout.lines if line.startswith("::")]
        assert [line.partition(" ")[0] for line in lines] == ["::error", "::notice"]
        assert (pytester.path / "s.md").read_text().startswith("## 1 of 3 expectations")


def test_a_session_without_specifications_imports_little_and_of_the_standard_library_alone(
    pytester: pytest.Pytester,
) -> None:
    pytester.makepyfile("def test_one(): pass")
    pytester.makeconftest(
        "import sys\ndef pytest_unconfigure(config): print(sorted(m for m in sys.modules if"
        " m.startswith('harness')))"
    )
    write(
        pytester, {"runs": {}, "format": "reproduction-harness result 1", "name": "a", "title": "b"}
    )
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(passed=1)
    light = [
        "harness",
        "harness.experiment",  # the records whose words `harness.words` lists
        "harness.pytest_plugin",
        "harness.rounding",
        "harness.spec",
        "harness.spec.find",
        "harness.system",  # a package that is empty
        "harness.system.files",
        "harness.words",
    ]
    assert str(light) in result.stdout.lines


def test_json_of_other_tools_stops_no_session(pytester: pytest.Pytester) -> None:
    """Whatever it extends, and whatever lies where a file should be."""
    pytester.makepyfile("def test_one(): pass")
    for number, extends in enumerate(
        [r"a\u0000b", r"\ud800", "/dev/zero", "pipe", ".", "nul0.json", "~nobody/x"]
    ):
        (pytester.path / f"nul{number}.json").write_text(f'{{"extends": "{extends}"}}')
    for number, text in enumerate(
        ['{"extends": 5}', '{"extends": ["x"]}', "[" * 100_000, '{"runs": ' + "9" * 5000]
    ):
        (pytester.path / f"other{number}.json").write_text(text)
    os.mkfifo(pytester.path / "pipe")
    os.mkfifo(pytester.path / "pipe.json")
    (pytester.path / "gone.json").symlink_to("nowhere")
    (pytester.path / "folder.json").mkdir()
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(passed=1)
    assert result.ret == pytest.ExitCode.OK


def test_what_is_collected_is_what_the_commands_take(
    tiny: Session, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spec(path: str) -> None:
        file = pytester.path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(SPEC | {"name": file.stem.strip("._")}))

    for path in (
        "specs/sub/a.json",
        "specs/_b.json",
        "specs/.c.json",
        "specs/.hidden/d.json",
        "away/e.json",
    ):
        spec(path)
    for path in ("specs/node_modules/f.json", "specs/own/g.json", "specs/build/h.json"):
        spec(path)
    (pytester.path / "specs/linked").symlink_to(pytester.path / "away")
    (pytester.path / "specs/linked_too").symlink_to(pytester.path / "away")
    (pytester.path / "specs/round").symlink_to(pytester.path / "specs")
    (pytester.path / "specs/package.json").write_text('{"name": "thing", "version": "1.0.0"}')
    monkeypatch.chdir(pytester.path)
    for arguments in ((), ("-o", "norecursedirs=nothing")):
        result = tiny("specs", "--collect-only", "-q", *arguments)
        collected = {line.partition("::")[0] for line in result.stdout.lines if "::" in line}
        assert collected == {str(path) for path in find([Path("specs")])}
    named = ("specs/.c.json", "specs/_b.json", "specs/.hidden")
    result = tiny("--collect-only", "-q", *named)
    collected = {line.partition("::")[0] for line in result.stdout.lines if "::" in line}
    assert (
        collected
        == {str(path) for path in find(map(Path, named))}
        == {*named[:2], "specs/.hidden/d.json"}
    )


def test_workers_make_the_runs_once_and_one_process_reports(pytester: pytest.Pytester) -> None:
    wild = {"wild": {"training": {"optimizer": {"learning_rate": 1e30}}}}
    bounds = {"statistic": "every", "basis": "hypothesis", "source": "s", "at_least": 0.0}
    names = ["one", "two", "wild"]
    expectations = [{"id": name, "metric": f"{name}.test_accuracy", **bounds} for name in names]
    write(pytester, merge_patch(SPEC, {"seeds": [0], "runs": wild, "expectations": expectations}))
    result = pytester.runpytest_subprocess("specs", "-n", "2", "-v", "--harness-allow", "blocked")
    result.assert_outcomes(passed=2, errors=1, skipped=1)
    result.stdout.fnmatch_lines(
        ["wild, seed 0: the loss became NaN at step *", "harness: reports: .harness/reports"]
    )
    store = Store(pytester.path / ".harness/store")
    before = {path: path.stat().st_mtime_ns for path in store.folder("").rglob("*")}
    assert len(store.keys()) == 2
    assert "became NaN" in (pytester.path / ".harness/reports/tiny.md").read_text()
    again = pytester.runpytest_subprocess(
        "specs", "-n", "2", "--dist", "loadgroup", "--harness-no-run"
    )
    again.assert_outcomes(passed=2, errors=1, skipped=1)
    assert {path: path.stat().st_mtime_ns for path in store.folder("").rglob("*")} == before
