"""Show an experiment's verdicts to a person at a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from harness.experiment import Experiment
from harness.judging.judgement import Judgement
from harness.plan import Plan
from harness.report.certainty import remarks
from harness.report.command import run_command
from harness.report.expectation import measured_words
from harness.report.outcome import resting_on_stale
from harness.system.console import literal, say
from harness.system.table import Column, show_table
from harness.units import bounds, scale_of
from harness.words import Verdict, subject, worded

_COLOURS = {
    Verdict.PASS: "green",
    Verdict.FAIL: "red",
    Verdict.INCONCLUSIVE: "yellow",
    Verdict.BLOCKED: "yellow",
    Verdict.ERROR: "red",
}

_COLUMNS = (
    Column("verdict", leading=True),
    Column("expectation", leading=True),
    Column("expected", folds=True),
    Column("measured"),
    Column("basis"),
)


def show_judgements(
    console: Console, experiment: Experiment, judgements: Sequence[Judgement], report: Path | None
) -> None:
    """Show an experiment's verdicts, and where its report lies."""
    caption = literal(f"{experiment.name}: {experiment.title}", "italic")
    console.print()
    show_table(console, _COLUMNS, [_judgement_row(judgement) for judgement in judgements], caption)
    if experiment.trial:
        say(console, f"this is a trial, not the experiment as specified: {run_command(experiment)}")
    for judgement in judgements:
        if judgement.message and judgement.verdict is not Verdict.PASS:
            say(console, f"{judgement.expectation.id}: {judgement.message}")
    if resting := [judgement for judgement in judgements if judgement.stale]:
        say(console, resting_on_stale(len(resting), len(judgements)))
        for why, ids in _by_reason(resting).items():
            say(console, f"{', '.join(ids)}: {why}")
    for note, ids in remarks(judgements).items():
        say(console, f"note on {', '.join(ids)}: {note}")
    if report is not None:
        say(console, f"report: {report}")


def _by_reason(judgements: Sequence[Judgement]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for judgement in judgements:
        found.setdefault(judgement.stale, []).append(judgement.expectation.id)
    return found


def _judgement_row(judgement: Judgement) -> list[Text]:
    expectation = judgement.expectation
    scale, who = scale_of(expectation.metric), subject(expectation.statistic, expectation.share)
    return [
        literal(
            worded(judgement.verdict, judgement.stale),
            "yellow" if judgement.stale else _COLOURS[judgement.verdict],
        ),
        literal(expectation.id),
        literal(f"{who} {bounds(expectation.lower, expectation.upper, scale)}"),
        literal(measured_words(judgement)),
        literal(expectation.basis.value),
    ]


def show_remarks(console: Console, plan: Plan) -> None:
    """Show what of the data sets is left out, and what cannot be used."""
    for remark in plan.remarks:
        say(console, remark)
