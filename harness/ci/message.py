"""One case in words, for a person who sees nothing else of the report."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from harness.ci.cases import Case
from harness.judging.check import Verdict
from harness.report.expectation import expected, measured_words, origin
from harness.spec.problems import Place
from harness.system.console import visible
from harness.units import number, scale_of
from harness.words import BASES


def headline(case: Case) -> str:
    """Return what matters in one line: expected and measured, or why nothing is compared."""
    judgement = case.judgement
    if judgement is None and case.verdict is Verdict.PASS:
        return visible(case.stale)
    if (
        judgement is None
        or judgement.mean is None
        or case.verdict in (Verdict.BLOCKED, Verdict.ERROR)
    ):
        return visible(case.message)
    return f"expected {expected(judgement.expectation)}, measured {measured_words(judgement)}"


def message(case: Case, report: Path | None) -> str:
    """Return all that explains the verdict: the headline, then a line each."""
    lines = [*_lines(case), ("stands in", shown(case.place))]
    if report is not None:
        lines.append(("report", str(report)))
    said = [headline(case), *(f"  {label:<9}  {visible(text)}" for label, text in lines)]
    return "\n".join([*said, *map(visible, details(case)), *_advice(case)])


def details(case: Case) -> list[str]:
    """Return what changed since the numbers were kept, and which did, a line each.

    Empty for other cases than the comparison with the kept numbers.
    """
    return case.regression.lines if case.regression is not None else []


def _advice(case: Case) -> Iterator[str]:
    regression = case.regression
    if regression is not None and (regression.drifted or regression.uncertain):
        yield (
            "if that is meant, keep the new ones: python -m harness baseline update"
            f" {visible(str(case.place.path))}"
        )


def shown(place: Place) -> str:
    """Return FILE:LINE, as editors and terminals take it."""
    return f"{os.path.normpath(place.path)}:{place.line}"


def _lines(case: Case) -> Iterator[tuple[str, str]]:
    judgement = case.judgement
    if case.title:
        yield "title", case.title
    if judgement is not None:
        if headline(case) == visible(case.message):
            yield "expected", expected(judgement.expectation)
        yield "metric", judgement.expectation.metric
        scale = scale_of(judgement.expectation.metric)
        if judgement.values:
            yield (
                "seeds",
                ", ".join(
                    f"{seed}: {number(value, scale)}" for seed, value in judgement.values.items()
                ),
            )
        if judgement.settings:
            yield (
                "settings",
                ", ".join(
                    f"{label}: {number(each.mean, scale)}"
                    for label, each in judgement.settings.items()
                ),
            )
    explained = case.message and visible(case.message) != headline(case)
    yield "verdict", f"{case.verdict.value}: {case.message}" if explained else case.verdict.value
    if case.stale and headline(case) != visible(case.stale):
        yield "stale", case.stale
    if judgement is not None:
        yield "rests on", f"{BASES[judgement.expectation.basis]}: {origin(judgement.expectation)}"
