"""The sections of a report, each a function from what is known to Markdown."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

from harness.experiment import Experiment, Json
from harness.expression import ExpressionError, parse, references
from harness.judging.judgement import Judgement
from harness.judging.timing import Statements
from harness.metrics import METRICS
from harness.report import runs
from harness.report.certainty import limits_cell, notes, remarks
from harness.report.command import run_command
from harness.report.environment import differing, environment, guarantees
from harness.report.expectation import expected, origin
from harness.report.figure_markdown import figures, overview, training_curves
from harness.report.markdown import bullets, code, details, escape, fence, link, table, unbroken
from harness.report.outcome import chance, outcome, reaches, resting_on_stale
from harness.report.published import difference
from harness.report.statements import when_stated
from harness.run_result import RunResult, Status
from harness.units import NOTHING, Scale, bound, found, measured, scale_of, scale_of_difference
from harness.words import BASES, MEANING, SYMBOLS, Verdict, marked, plural

_MOST_VALUES = 6
_MOST_RUNS = 8


def report(
    experiment: Experiment,
    results: Sequence[RunResult],
    judgements: Sequence[Judgement],
    images: Sequence[str],
    when: datetime,
    statements: Statements | None = None,
) -> str:
    """Return the whole report.

    `images` are the names of the files in its folder of plots; `statements` tell when the
    expectations were stated, None for a trial.
    """
    sections = (
        _head(experiment, results, judgements, when),
        overview(experiment, images),
        _verdicts(experiment, judgements),
        _section("When the expectations were stated", when_stated(statements)),
        _section("Remarks", bullets([escape(remark) for remark in experiment.remarks])),
        figures(experiment, images),
        _section("What each run measured", runs.measured_table(experiment, results)),
        training_curves(experiment, images),
        _section("What was run", runs.settings_table(experiment)),
        _reproduction(experiment),
        _environment(results),
        _definitions(experiment),
        _section(
            "What the verdicts mean",
            bullets([f"{marked(verdict)}: {MEANING[verdict]}" for verdict in Verdict]),
        ),
    )
    return "\n\n".join(section for section in sections if section) + "\n"


def _section(title: str, *bodies: str) -> str:
    return "\n\n".join([f"## {title}", *bodies]) if any(bodies) else ""


def _head(
    experiment: Experiment,
    results: Sequence[RunResult],
    judgements: Sequence[Judgement],
    when: datetime,
) -> str:
    fewest = min(len(experiment.seeds_of(run)) for run in experiment.runs)
    seeds = plural(len(experiment.seeds), "seed")
    stale = resting_on_stale(
        sum(bool(judgement.stale) for judgement in judgements), len(judgements)
    )
    head = " ".join(filter(None, [outcome(_verdicts_of(judgements), reaches(judgements)), stale]))
    seeds = seeds if fewest == len(experiment.seeds) else f"{fewest} to {seeds}"
    lines = [
        f"# {escape(experiment.title)}",
        f"**{head}** {_run_counts(experiment, results)}",
        f"{when.astimezone(UTC):%Y-%m-%d %H:%M} UTC, {seeds} a run.{_origin(experiment)}",
    ]
    if experiment.trial:
        lines.append(
            f"**This is a trial**, not the experiment as specified: {code(run_command(experiment))}"
        )
    return "\n\n".join(
        [*lines, f"> {escape(experiment.question)}"] if experiment.question else lines
    )


def _verdicts_of(judgements: Sequence[Judgement]) -> list[Verdict]:
    return [judgement.verdict for judgement in judgements]


def _run_counts(experiment: Experiment, results: Sequence[RunResult]) -> str:
    total = sum(len(experiment.seeds_of(run)) for run in experiment.runs)
    counts = runs.status_counts(experiment, results)
    if counts[Status.DONE] == total:
        return f"All {plural(total, 'training')} are done."
    words = {
        Status.BLOCKED: "blocked",
        Status.ERROR: "ended in an error",
        Status.MISSING: "not run yet",
    }
    rest = ", ".join(f"{counts[status]} {word}" for status, word in words.items() if counts[status])
    return f"{counts[Status.DONE]} of {plural(total, 'training')} are done, {rest}."


def _origin(experiment: Experiment) -> str:
    if experiment.source is None:
        return ""
    locator = f", {escape(experiment.source.locator)}" if experiment.source.locator else ""
    return f" Reproduces {link(experiment.source.citation, experiment.source.url)}{locator}."


def _verdicts(experiment: Experiment, judgements: Sequence[Judgement]) -> str:
    if not judgements:
        return ""
    compared = any(judgement.expectation.published is not None for judgement in judgements)
    compared_columns = ["published", "difference"] if compared else []
    headers = [
        "verdict",
        "what is expected",
        "bounds",
        "measured",
        *compared_columns,
        "confidence limits",
        "rests on",
    ]
    rows = [_verdict_row(judgement, len(experiment.seeds), compared) for judgement in judgements]
    confidences = [judgement.expectation.confidence for judgement in judgements]
    by_chance = chance(_verdicts_of(judgements), reaches(judgements), confidences)
    explained = " ".join(filter(None, [notes(judgements), by_chance]))
    parts = [
        table(headers, rows),
        bullets(_messages(judgements)),
        explained,
        _NOTE_ON_DIFFERENCE if compared else "",
    ]
    return _section("Verdicts", *filter(None, parts))


_NOTE_ON_DIFFERENCE = (
    "Difference is measured minus published, of the median where that is what counts; ± the"
    " distance to the one-sided Student-t limits of the mean at the expectation's confidence,"
    " which is 95% unless the specification says otherwise."
)


def _messages(judgements: Sequence[Judgement]) -> list[str]:
    """Return what explains the verdicts: messages, stale runs and notes."""
    messages = [
        _message(judgement) for judgement in judgements if judgement.verdict is not Verdict.PASS
    ]
    messages += [
        f"(stale) {code(judgement.expectation.id)}: {escape(judgement.stale)}"
        for judgement in judgements
        if judgement.stale
    ]
    messages += [
        f"Note on {', '.join(map(code, ids))}: {escape(note)}."
        for note, ids in remarks(judgements).items()
    ]
    return messages


def _verdict_row(judgement: Judgement, seeds: int, compared: bool) -> list[str]:
    expectation, values = judgement.expectation, judgement.values
    scale = scale_of(expectation.metric)
    title = f"{escape(expectation.title)}<br>" if expectation.title else ""
    shown = found(judgement.mean, judgement.deviation, judgement.median, scale)
    seeds = judgement.look.seeds if judgement.look else seeds
    some = f"n = {len(values)}" if len(values) == seeds else f"{len(values)} of {seeds} seeds"
    return [
        marked(judgement.verdict, judgement.stale),
        f"{code(expectation.id)} {title}{code(expectation.metric)}",
        escape(expected(expectation)),
        f"{unbroken(shown)} {unbroken(f'({some})')}",
        *(_published(judgement, scale) if compared else []),
        limits_cell(judgement, scale),
        f"**{BASES[expectation.basis]}**: {escape(origin(expectation))}",
    ]


def _published(judgement: Judgement, scale: Scale) -> list[str]:
    """Return the published number, and what was measured minus it, each with its unit."""
    published = judgement.expectation.published
    if published is None:
        return [NOTHING, NOTHING]
    return [
        unbroken(bound(published, scale)),
        unbroken(measured(*difference(judgement), scale_of_difference(scale))),
    ]


def _message(judgement: Judgement) -> str:
    verdict = judgement.verdict
    return (
        f"{SYMBOLS[verdict]} {code(judgement.expectation.id)} {verdict.value}:"
        f" {escape(judgement.message)}"
    )


def _reproduction(experiment: Experiment) -> str:
    command = fence(run_command(experiment), "sh")
    gpu = "It needs a GPU." if experiment.requires.gpu else ""
    document = fence(json.dumps(experiment.document, indent=2, ensure_ascii=False), "json")
    parts = [command, gpu, details("The complete specification", document)]
    return _section("How to reproduce", *filter(None, parts))


def _environment(results: Sequence[RunResult]) -> str:
    found = environment(results)
    if not found:
        return ""
    rows = [[code(name), _occurrences(values)] for name, values in found.items()]
    repeated = (
        f"Another run with the same settings and seed gives {_occurrences(guarantees(results))}."
    )
    differences = [_values_in_runs(name, values) for name, values in differing(results).items()]
    parts = [
        table(["what", "value"], rows),
        repeated,
        _RUNS_DIFFER if differences else "",
        bullets(differences),
    ]
    return _section("Environment", *filter(None, parts))


_RUNS_DIFFER = (
    "Not all of these runs were made alike. They differ in what can change the bits of a result, so"
    " that a difference between them may come from it:"
)


def _values_in_runs(name: str, values: Mapping[str, Sequence[str]]) -> str:
    """Return which runs had each value of a thing."""
    shown = [
        f"{escape(value)} in {_listed(labels)}"
        for value, labels in list(values.items())[:_MOST_VALUES]
    ]
    more = [f"and {len(values) - _MOST_VALUES} more values"] if len(values) > _MOST_VALUES else []
    return f"{code(name)}: {'; '.join([*shown, *more])}"


def _listed(labels: Sequence[str]) -> str:
    more = f" and {len(labels) - _MOST_RUNS} more" if len(labels) > _MOST_RUNS else ""
    return ", ".join(map(escape, labels[:_MOST_RUNS])) + more


def _occurrences(values: Mapping[str, int]) -> str:
    if len(values) == 1:
        return escape(next(iter(values)))
    shown = [
        f"{escape(value)} ({plural(count, 'run')})"
        for value, count in list(values.items())[:_MOST_VALUES]
    ]
    more = [f"and {len(values) - _MOST_VALUES} more values"] if len(values) > _MOST_VALUES else []
    return "; ".join([*shown, *more])


def _definitions(experiment: Experiment) -> str:
    used = set(_metrics_used(experiment))
    rows = [
        [code(name), escape(m.title), escape(m.unit) or NOTHING, escape(m.definition)]
        for name, m in METRICS.items()
        if name in used
    ]
    return _section(
        "What the measurements are", table(["name", "title", "unit", "definition"], rows)
    )


def _metrics_used(experiment: Experiment) -> Iterator[str]:
    yield from runs.METRICS_SHOWN
    for expectation in experiment.expectations:
        yield from _metrics_in(expectation.metric)
    for figure in experiment.figures:
        metric: Json = figure.parameters.get("metric")
        metrics: Sequence[str] = figure.parameters.get("metrics", [metric] if metric else [])
        yield from metrics


def _metrics_in(metric: str) -> list[str]:
    try:
        return [reference.metric for reference in references(parse(metric))]
    except ExpressionError:
        return []
