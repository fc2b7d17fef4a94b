"""Markdown for the summary page of a workflow's step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from harness.ci.cases import Case, Suite
from harness.ci.forge import commit_address, repository_path
from harness.ci.message import details as explained
from harness.ci.message import headline
from harness.judging.check import Verdict
from harness.report.expectation import expected, measured_words
from harness.report.markdown import (
    bullets,
    code,
    details,
    escape,
    fence,
    file_link,
    table,
    unbroken,
)
from harness.report.outcome import outcome, reaches, resting_on_stale
from harness.spec.problems import Place
from harness.system.console import visible
from harness.words import BASES, agreeing, marked, plural


def summary(suites: Sequence[Suite], environment: Mapping[str, str]) -> str:
    """Return the outcome and every verdict, with links to the lines of the specifications.

    Experiments whose expectations all pass are folded. The links lead to the commit that
    `environment` names, else into the folder of the checkout.
    """
    head = _outcome([case for suite in suites for case in suite.cases])
    parts = [f"## {head}{_drift(suites)}", *(_experiment(suite, environment) for suite in suites)]
    return "\n\n".join(parts) + "\n\n"


def _outcome(cases: Sequence[Case]) -> str:
    judged = [case for case in cases if case.judgement is not None]
    reached = reaches([case.judgement for case in judged if case.judgement])
    stale = resting_on_stale(sum(bool(case.stale) for case in judged), len(judged))
    return " ".join(filter(None, [outcome([case.verdict for case in judged], reached), stale]))


def _drift(suites: Sequence[Suite]) -> str:
    """Say how many kept numbers of all experiments drifted, to follow the verdicts."""
    found = [
        suite.conclusion.regression for suite in suites if suite.conclusion.regression is not None
    ]
    if not found:
        return ""
    counts = Counter(each.verdict for each in found)
    drifted = sum(len(each.drifted) for each in found)
    unclear = counts[Verdict.INCONCLUSIVE], counts[Verdict.BLOCKED] + counts[Verdict.ERROR]
    parts = [
        f"{drifted or 'No'} kept {agreeing(drifted, 'number', 'numbers')} drifted",
        f"of {plural(unclear[0], 'experiment')} it is not clear" if unclear[0] else "",
        f"those of {plural(unclear[1], 'experiment')} were not compared" if unclear[1] else "",
    ]
    return f" {', '.join(filter(None, parts))}."


def _experiment(suite: Suite, environment: Mapping[str, str]) -> str:
    conclusion = suite.conclusion
    experiment = conclusion.experiment
    wrong = [case for case in suite.cases if not case.passes(())]
    rows = [_row(case, environment) for case in suite.cases]
    where = _link(experiment.path.as_posix(), Place(experiment.path, 1), environment)
    report = f", report: {code(conclusion.report.as_posix())}" if conclusion.report else ""
    body = [f"{where}{report}"]
    if rows:
        body.append(table(["verdict", "expectation", "expected", "measured", "rests on"], rows))
    body += [bullets([f"{code(case.id)}: {escape(_why(case))}" for case in wrong])] if wrong else []
    head = f"{experiment.name}: {_outcome(suite.cases)}{_drift([suite])}"
    body += [
        fence("\n".join(visible(line) for line in explained(case)))
        for case in wrong
        if explained(case)
    ]
    if wrong:
        return "\n\n".join([f"### {escape(head)}", escape(experiment.title), *body])
    return details(head, "\n\n".join([escape(experiment.title), *body]))


def _why(case: Case) -> str:
    stale = f"stale: {case.stale}" if case.stale else ""
    message = "" if case.verdict is Verdict.PASS else case.message or headline(case)
    return "; ".join(filter(None, [message, stale]))


def _row(case: Case, environment: Mapping[str, str]) -> list[str]:
    first = [
        marked(case.verdict, case.stale),
        f"{_link(case.id, case.place, environment)} {escape(case.title)}".rstrip(),
    ]
    judgement, regression = case.judgement, case.regression
    if regression is not None:
        counted = regression.counted if regression.comparisons else ""
        return [
            *first,
            f"as in {code(regression.path.as_posix())}",
            escape(counted),
            "kept numbers",
        ]
    if judgement is None:
        return [*first, "", "", ""]
    expectation = judgement.expectation
    return [
        *first,
        escape(expected(expectation)),
        unbroken(measured_words(judgement)),
        BASES[expectation.basis],
    ]


def _link(text: str, place: Place, environment: Mapping[str, str]) -> str:
    address = commit_address(environment)
    below = f"{address}/" if address else ""
    return file_link(text, repository_path(place.path, environment), f"#L{place.line}", below)
