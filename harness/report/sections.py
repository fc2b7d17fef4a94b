"""The sections of a report, each a function from what is known to Markdown."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from harness.experiment import Experiment, Json
from harness.expression import ExpressionError, parse, references
from harness.final_metrics import names
from harness.judging.judgement import Judgement
from harness.judging.timing import Statements
from harness.report import runs
from harness.report.answer import answer, answer_section
from harness.report.command import run_command
from harness.report.data_card import caption, data_card, data_sets
from harness.report.drawn import drawn_settings
from harness.report.environment import differing, environment, guarantees
from harness.report.figure_markdown import figures, overview, training_curves
from harness.report.folder import example_files
from harness.report.glossary import glossary, words_of_settings
from harness.report.markdown import bullets, code, details, escape, fence, link, table
from harness.report.outcome import outcome, reaches, resting_on_stale
from harness.report.statements import when_stated
from harness.report.verdicts import verdict_details, verdict_table
from harness.run_result import RunResult, Status
from harness.words import MEANING, Verdict, marked, plural

_MOST_VALUES = 6
_MOST_RUNS = 8


def report(
    experiment: Experiment,
    results: Sequence[RunResult],
    judgements: Sequence[Judgement],
    images: Sequence[str],
    statements: Statements | None = None,
) -> str:
    """Return the whole report: what came out first, then on what it rests, then how it was made.

    It has no date and no time, so that the same results give the same text. `images` are the names
    of the files in its folder of plots; `statements` tell when the expectations were stated, None
    for a trial.
    """
    key_figure, *more_figures = figures(experiment, images) or [""]
    sections = [
        _head(experiment, results, judgements),
        key_figure,
        _verdicts(experiment, judgements, statements),
        overview(experiment, images),
        _section("Remarks", _remarks(experiment)),
        _section("The data", *_data(experiment, results, images)),
        _section("More figures", *more_figures),
        _section("What was drawn", drawn_settings(experiment, judgements)),
        _section("What each run measured", *_measured(experiment, results)),
        training_curves(experiment, images),
        _details(experiment, judgements, statements),
        _section(
            "What was run",
            runs.settings_table(experiment),
            details("What these settings mean", words_of_settings(experiment)),
        ),
        _reproduction(experiment),
        _environment(results),
        _legend(),
    ]
    page = "\n\n".join(sections)
    words = glossary(experiment, list(_metrics_used(experiment)), page)
    sections.insert(_AFTER_VERDICTS, _section("Words", words))
    return "\n\n".join(section for section in sections if section) + "\n"


_AFTER_VERDICTS = 4
"""Where the glossary stands among the sections: below the verdicts and their plot."""


def _section(title: str, *bodies: str) -> str:
    return "\n\n".join([f"## {title}", *bodies]) if any(bodies) else ""


def _head(
    experiment: Experiment, results: Sequence[RunResult], judgements: Sequence[Judgement]
) -> str:
    verdicts = [judgement.verdict for judgement in judgements]
    stale = sum(bool(judgement.stale) for judgement in judgements)
    words = [outcome(verdicts, reaches(judgements)), resting_on_stale(stale, len(judgements))]
    came_out = " ".join(filter(None, words))
    answered = answer_section(answer(experiment, results, judgements))
    lines = [
        f"# {escape(experiment.title)}",
        answered or f"**{came_out}**",
        f"> {escape(experiment.question)}" if experiment.question else "",
        " ".join(filter(None, [came_out if answered else "", _run_counts(experiment, results)]))
        + _origin(experiment),
    ]
    if experiment.trial:
        lines.append(
            f"**This is a trial**, not the experiment as specified: {code(run_command(experiment))}"
        )
    return "\n\n".join(filter(None, lines))


def _run_counts(experiment: Experiment, results: Sequence[RunResult]) -> str:
    counts = runs.status_counts(experiment, results)
    of_runs = [len(experiment.seeds_of(run)) for run in experiment.runs]
    total, least, most = sum(of_runs), min(of_runs), max(of_runs)
    each = plural(most, "seed") if least == most else f"{least} to {plural(most, 'seed')}"
    made = f"{plural(len(of_runs), 'run')} with {each}{' each' if len(of_runs) > 1 else ''}"
    words = {
        Status.BLOCKED: "blocked",
        Status.ERROR: "ended in an error",
        Status.MISSING: "not run yet",
    }
    rest = [f"{counts[status]} {word}" for status, word in words.items() if counts[status]]
    if rest:
        done = f"{counts[Status.DONE]} of {plural(total, 'training')} done, {', '.join(rest)}"
    else:
        done = "its one training is done" if total == 1 else f"all {total} trainings are done"
    return f"{made[:1].upper()}{made[1:]}: {done}."


def _origin(experiment: Experiment) -> str:
    if experiment.source is None:
        return ""
    locator = f", {escape(experiment.source.locator)}" if experiment.source.locator else ""
    return f" Reproduces {link(experiment.source.citation, experiment.source.url)}{locator}."


def _measured(experiment: Experiment, results: Sequence[RunResult]) -> list[str]:
    tables = runs.measured_table(experiment, results), runs.final_table(experiment, results)
    return [each for each in tables if each]


def _verdicts(
    experiment: Experiment, judgements: Sequence[Judgement], statements: Statements | None
) -> str:
    if not judgements:
        return ""
    shown = verdict_table(experiment, judgements)
    return _section("Verdicts", *filter(None, [*shown, when_stated(statements)]))


def _details(
    experiment: Experiment, judgements: Sequence[Judgement], statements: Statements | None
) -> str:
    if not judgements:
        return ""
    return _section("The verdicts in detail", *verdict_details(experiment, judgements, statements))


def _remarks(experiment: Experiment) -> str:
    remarks = [escape(remark) for remark in experiment.remarks]
    return remarks[0] if len(remarks) == 1 else bullets(remarks)


def _data(experiment: Experiment, results: Sequence[RunResult], images: Sequence[str]) -> list[str]:
    used = data_sets(experiment, results)
    shown = {
        place: f"![Examples of the data]({experiment.name}/{file})\n\n"
        + caption(used[place], experiment.seeds[0])
        for place, file in enumerate(example_files(len(used)))
        if file in images
    }
    return data_card(used, shown)


def _reproduction(experiment: Experiment) -> str:
    command = fence(run_command(experiment), "sh")
    gpu = "It needs a GPU." if experiment.requires.gpu else ""
    document = fence(json.dumps(experiment.document, indent=2, ensure_ascii=False), "json")
    parts = [command, gpu, details("The complete specification", document)]
    return _section("How to reproduce", *filter(None, parts))


def _environment(results: Sequence[RunResult]) -> str:
    found = {k: v for k, v in environment(results).items() if k not in _OF_THE_MOMENT}
    if not found:
        return ""
    rows = [[code(name), _occurrences(values)] for name, values in found.items()]
    repeated = (
        f"Another run with the same settings and seed gives {_occurrences(guarantees(results))}."
    )
    differences = [_values_in_runs(name, values) for name, values in differing(results).items()]
    parts = [
        repeated,
        _RUNS_DIFFER if differences else "",
        bullets(differences),
        details("Packages, processor and settings of the runs", table(["what", "value"], rows)),
    ]
    return _section("Machine and software", *filter(None, parts))


_OF_THE_MOMENT = ("harness",)
"""What changes without any number changing; the JSON beside the report has it."""

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


def _legend() -> str:
    meanings = bullets([f"{marked(verdict)}: {MEANING[verdict]}" for verdict in Verdict])
    return _section("What the verdicts mean", meanings)


def _metrics_used(experiment: Experiment) -> Iterator[str]:
    yield from runs.metrics_shown(experiment)
    for run in experiment.runs.values():
        yield from (name for metric in run.metrics for name in names(metric).values())
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
