"""Markdown for the summary page of a workflow's step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.check import Verdict
from harness.ci.cases import Case, Suite
from harness.ci.forge import commit_address, repository_path
from harness.ci.message import headline, measured
from harness.report.markdown import bullets, code, details, escape, file_link, table, unbroken
from harness.report.outcome import marked, outcome, reaches
from harness.report.words import BASES, expected
from harness.spec.problems import Place


def summary(suites: Sequence[Suite], environment: Mapping[str, str]) -> str:
    """Return the outcome and every verdict, with links to the lines of the specifications.

    Experiments whose expectations all pass are folded. The links lead to the commit that
    `environment` names, else into the folder of the checkout.
    """
    parts = [
        f"## {_outcome([case for suite in suites for case in suite.cases])}",
        *(_experiment(suite, environment) for suite in suites),
    ]
    return "\n\n".join(parts) + "\n\n"


def _outcome(cases: Sequence[Case]) -> str:
    judged = [case for case in cases if case.judgement is not None]
    return outcome([case.verdict for case in judged], reaches([case.judgement for case in judged if case.judgement]))


def _experiment(suite: Suite, environment: Mapping[str, str]) -> str:
    conclusion = suite.conclusion
    experiment = conclusion.experiment
    wrong = [case for case in suite.cases if case.verdict is not Verdict.PASS]
    rows = [_row(case, environment) for case in suite.cases]
    where = _link(experiment.path.as_posix(), Place(experiment.path, 1), environment)
    report = f", report: {code(conclusion.report.as_posix())}" if conclusion.report else ""
    body = [f"{where}{report}"]
    if rows:
        body.append(table(["verdict", "expectation", "expected", "measured", "rests on"], rows))
    body += [bullets([f"{code(case.id)}: {escape(case.message or headline(case))}" for case in wrong])] if wrong else []
    head = f"{experiment.name}: {_outcome(suite.cases)}"
    if wrong:
        return "\n\n".join([f"### {escape(head)}", escape(experiment.title), *body])
    return details(head, "\n\n".join([escape(experiment.title), *body]))


def _row(case: Case, environment: Mapping[str, str]) -> list[str]:
    first = [marked(case.verdict), f"{_link(case.id, case.place, environment)} {escape(case.title)}".rstrip()]
    judgement = case.judgement
    if judgement is None:
        return [*first, "", "", ""]
    expectation = judgement.expectation
    return [*first, escape(expected(expectation)), unbroken(measured(judgement)), BASES[expectation.basis]]


def _link(text: str, place: Place, environment: Mapping[str, str]) -> str:
    address = commit_address(environment)
    below = f"{address}/" if address else ""
    return file_link(text, repository_path(place.path, environment), f"#L{place.line}", below)
