"""A difference as Markdown and as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from harness.compare.difference import (
    Change,
    Difference,
    ExpectationDifference,
    ExperimentDifference,
    RunDifference,
)
from harness.compare.page import Page, Section
from harness.compare.significance import Comparison
from harness.experiment import Json
from harness.report.markdown import bullets, code, escape, table, unbroken
from harness.report.result_json import finite

FORMAT = "reproduction-harness difference 1"


def markdown(page: Page) -> str:
    """Return the page as GitHub Markdown."""
    parts = [
        f"# {escape(page.before)} → {escape(page.after)}",
        f"**{escape(page.summary)}.**",
        *([bullets([escape(sentence) for sentence in page.notes])] if page.notes else []),
        *(part for section in page.sections for part in _section(section)),
        *(escape(sentence) for sentence in page.footer),
    ]
    return "\n\n".join(parts) + "\n"


def _section(section: Section) -> list[str]:
    title = (
        f"{code(section.name)}: {escape(section.title)}" if section.title else code(section.name)
    )
    return [
        f"## {title}",
        *(
            [bullets([escape(sentence) for sentence in section.sentences])]
            if section.sentences
            else []
        ),
        *(
            table(
                each.headers,
                [[unbroken(escape(cell)) for cell in row] for row in each.rows],
                each.align,
            )
            for each in section.tables
        ),
    ]


def as_json(difference: Difference) -> str:
    """Return everything that was compared as JSON, for programs.

    Numbers that JSON does not have are strings, as in reports.
    """
    document = {
        "format": FORMAT,
        "before": difference.before,
        "after": difference.after,
        "confidence": difference.confidence,
        "changed": difference.changes,
        "remarks": list(difference.remarks),
        "experiments": {each.name: _experiment(each) for each in difference.experiments},
    }
    return json.dumps(finite(document), indent=1, ensure_ascii=False, allow_nan=False)


def _experiment(experiment: ExperimentDifference) -> dict[str, Json]:
    return {
        "title": experiment.title,
        "presence": experiment.presence.value,
        "changed": experiment.changes,
        "code": list(experiment.code),
        "environment": _changes(experiment.environment),
        "runs": {run.name: _run(run) for run in experiment.runs},
        "expectations": {each.id: _expectation(each) for each in experiment.expectations},
    }


def _run(run: RunDifference) -> dict[str, Json]:
    return {
        "presence": run.presence.value,
        "changed": run.changes,
        "statuses": _changes(run.statuses),
        "settings": list(run.settings),
        "numbers": {
            metric: _comparison(comparison) for metric, comparison in (run.numbers or {}).items()
        },
    }


def _expectation(each: ExpectationDifference) -> dict[str, Json]:
    return {
        "presence": each.presence.value,
        "changed": each.changes,
        "verdict": {
            "before": each.before.verdict if each.before else None,
            "after": each.after.verdict if each.after else None,
        },
        "terms": _changes(each.terms),
        "value": _comparison(each.comparison) if each.comparison else None,
    }


def _changes(changes: tuple[Change, ...]) -> dict[str, Json]:
    return {change.name: {"before": change.before, "after": change.after} for change in changes}


def _comparison(comparison: Comparison) -> dict[str, Any]:
    return asdict(comparison) | {
        "outcome": comparison.outcome.value,
        "method": comparison.method.value if comparison.method else None,
    }
