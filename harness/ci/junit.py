"""JUnit XML, as most services read it: a test suite an experiment, a test case an expectation.

Where `--baseline` was given, the comparison with the kept numbers is a case too.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from xml.etree import ElementTree

from harness.ci.cases import Case, Conclusion, Suite
from harness.ci.message import headline, message
from harness.judging.check import Judgement, Mark, Verdict
from harness.judging.exit_code import Allow
from harness.report.statements import timing_sentence
from harness.system.ownership import Kind, comment

_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold, not even escaped (section 2.2)."""

_COUNTED = {"failure": "failures", "error": "errors", "skipped": "skipped"}


def junit(suites: Sequence[Suite], allow: Allow, when: datetime) -> str:
    """Return the text of a JUnit XML file.

    A fail is a failure, an error an error, and what is blocked is skipped. What is inconclusive is
    a failure, or skipped where it is allowed: the format has no word for it. A pass that rests on
    stale runs is a failure unless that is allowed. A case's time is `Case.seconds`.
    """
    root = _element("testsuites", name="harness")
    for suite in suites:
        root.append(_suite(suite, allow, when))
    for name in ("tests", "failures", "errors", "skipped"):
        root.set(name, str(sum(int(each.get(name, 0)) for each in root)))
    root.set("time", _time(sum(case.seconds for suite in suites for case in suite.cases)))
    ElementTree.indent(root)
    head = f'<?xml version="1.0" encoding="utf-8"?>\n{comment(Kind.JUNIT)}\n'
    return head + ElementTree.tostring(root, encoding="unicode") + "\n"


def _suite(suite: Suite, allow: Allow, when: datetime) -> ElementTree.Element:
    experiment = suite.conclusion.experiment
    element = _element(
        "testsuite", name=experiment.name, timestamp=when.isoformat(timespec="seconds")
    )
    _add_properties(element, _of_experiment(suite.conclusion))
    tags = [_outcome(case, allow) for case in suite.cases]
    for case in suite.cases:
        element.append(_case(case, suite.conclusion, allow))
    element.set("tests", str(len(suite.cases)))
    for tag, name in _COUNTED.items():
        element.set(name, str(tags.count(tag)))
    element.set("time", _time(sum(case.seconds for case in suite.cases)))
    return element


def _case(case: Case, conclusion: Conclusion, allow: Allow) -> ElementTree.Element:
    element = _element(
        "testcase",
        classname=conclusion.experiment.name,
        name=case.id,
        time=_time(case.seconds),
        file=os.path.normpath(case.place.path),
        line=str(case.place.line),
    )
    _add_properties(element, _of_case(case))
    if conclusion.statements is not None and case.id in conclusion.statements.each:
        _add_properties(
            element, iter([("stated", timing_sentence(conclusion.statements.each[case.id]))])
        )
    tag = _outcome(case, allow)
    if tag is not None:
        kind = Mark.STALE.value if case.verdict is Verdict.PASS else case.verdict.value
        outcome = _element(tag, type=kind, message=headline(case))
        outcome.text = _legal(message(case, conclusion.report))
        element.append(outcome)
    return element


def _outcome(case: Case, allow: Allow) -> str | None:
    """Return the tag of the element that a case has for anything but a pass, None for a pass."""
    inconclusive = "skipped" if Verdict.INCONCLUSIVE in allow else "failure"
    return {
        Verdict.PASS: None if case.passes(allow) else "failure",
        Verdict.FAIL: "failure",
        Verdict.INCONCLUSIVE: inconclusive,
        Verdict.BLOCKED: "skipped",
        Verdict.ERROR: "error",
    }[case.verdict]


def _of_experiment(conclusion: Conclusion) -> Iterator[tuple[str, str]]:
    experiment = conclusion.experiment
    yield "title", experiment.title
    yield "specification", experiment.path.as_posix()
    yield "seeds", ", ".join(map(str, experiment.seeds))
    if conclusion.report is not None:
        yield "report", conclusion.report.as_posix()


def _of_case(case: Case) -> Iterator[tuple[str, str]]:
    if case.judgement is not None:
        yield from _of_judgement(case.judgement)
    regression = case.regression
    if regression is not None:
        yield "verdict", regression.verdict.value
        yield "baseline", regression.path.as_posix()
        yield "numbers", str(len(regression.comparisons))
        yield "drifted", str(len(regression.drifted))
        for cause in regression.causes:
            yield "changed since", cause


def _of_judgement(judgement: Judgement) -> Iterator[tuple[str, str]]:
    expectation = judgement.expectation
    numbers = {
        "lower": expectation.lower,
        "upper": expectation.upper,
        "mean": judgement.mean,
        "deviation": judgement.deviation,
        "median": judgement.median,
        "settings": len(judgement.settings) or None,
        "holding": judgement.holding if judgement.settings else None,
    }
    yield "verdict", judgement.verdict.value
    yield "metric", expectation.metric
    yield "statistic", expectation.statistic.value
    yield "basis", expectation.basis.value
    if judgement.stale:
        yield Mark.STALE.value, judgement.stale
    for name, value in (
        numbers
        | {f"seed {seed}": value for seed, value in judgement.values.items()}
        | {f"setting {label}": each.mean for label, each in judgement.settings.items()}
    ).items():
        if value is not None:
            yield name, repr(value)


def _add_properties(element: ElementTree.Element, properties: Iterator[tuple[str, str]]) -> None:
    pairs = list(properties)
    if pairs:
        parent = element.find("properties")
        if parent is None:
            parent = ElementTree.SubElement(element, "properties")
        parent.extend(_element("property", name=name, value=value) for name, value in pairs)


def _element(tag: str, **attributes: str) -> ElementTree.Element:
    return ElementTree.Element(tag, {name: _legal(value) for name, value in attributes.items()})


def _legal(text: str) -> str:
    return _ILLEGAL.sub("\ufffd", text)


def _time(seconds: float) -> str:
    return f"{seconds:.3f}"
