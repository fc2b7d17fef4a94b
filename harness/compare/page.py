"""Put a difference into words and tables, which the terminal and Markdown both show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from harness.compare.difference import (
    ABSENT,
    Change,
    Difference,
    ExpectationDifference,
    ExperimentDifference,
    Presence,
    RunDifference,
    only_changes,
    weight,
)
from harness.compare.records import ExpectationRecord
from harness.compare.significance import Comparison, Method, Outcome, Sample
from harness.experiment import Json
from harness.units import NOTHING, Scale, bounds, measured, scale_of, scale_of_difference
from harness.words import percent, plural, seeds_named

_NUMBERS = ("run", "metric", "before", "after", "difference", "seeds", "p", "")
_EXPECTATIONS = ("expectation", "verdict", "before", "after", "difference", "p", "")
_METHODS = {
    Method.PAIRED: "the paired t-test, as the seeds are the same",
    Method.WELCH: "Welch's t-test",
}
_BOUNDS = ("lower", "upper")


@dataclass(frozen=True)
class Table:
    """Rows of plain text below their headers; `align` has one of `<>` a column."""

    headers: Sequence[str]
    rows: Sequence[Sequence[str]]
    align: str


@dataclass(frozen=True)
class Section:
    """What is said of one experiment."""

    name: str
    title: str
    sentences: Sequence[str]
    tables: Sequence[Table]


@dataclass(frozen=True)
class Page:
    """All that is said of a difference.

    `notes` say which experiments are on one side only, and which runs of a store were compared.
    """

    before: str
    after: str
    summary: str
    notes: Sequence[str]
    sections: Sequence[Section]
    footer: Sequence[str]


def page(difference: Difference, everything: bool = False) -> Page:
    """Return the page: of `everything`, or of what changed alone."""
    shown = difference if everything else only_changes(difference)
    return Page(
        difference.before,
        difference.after,
        summary(difference),
        [*difference.remarks, *_on_one_side(shown)],
        [
            _section(experiment)
            for experiment in shown.experiments
            if experiment.presence is Presence.BOTH
        ],
        list(_footer(difference, everything)),
    )


def summary(difference: Difference) -> str:
    """Return one sentence: how much of what was compared changed."""
    counts = Counter(comparison.outcome for comparison in difference.comparisons())
    verdicts = [each for experiment in difference.experiments for each in experiment.expectations]
    turned = sum(each.verdict_changed for each in verdicts)
    others = sum(experiment.presence is not Presence.BOTH for experiment in difference.experiments)
    runs = sum(
        bool(run.statuses) or run.presence is not Presence.BOTH
        for experiment in difference.experiments
        for run in experiment.runs
    )
    changed = sum(count for outcome, count in counts.items() if outcome.changes)
    parts = [
        (
            f"{others} of {plural(len(difference.experiments), 'experiment')} on one side alone"
            if others
            else ""
        ),
        f"{plural(runs, 'run')} on one side alone or with another status" if runs else "",
        f"{turned} of {plural(len(verdicts), 'verdict')} changed" if verdicts else "",
        (
            f"{changed} of {plural(counts.total(), 'number')} changed, {counts[Outcome.CHANCE]}"
            f" differ within chance, {counts[Outcome.SAME]} the same"
            if counts
            else ""
        ),
    ]
    return "; ".join(part for part in parts if part) or "there is nothing to compare"


def _on_one_side(difference: Difference) -> Iterator[str]:
    for presence, side in ((Presence.REMOVED, "before"), (Presence.ADDED, "after")):
        names = [
            experiment.name
            for experiment in difference.experiments
            if experiment.presence is presence
        ]
        if names:
            yield f"only {side}: {', '.join(names)}"


def _section(experiment: ExperimentDifference) -> Section:
    """Say first what changed, then what that did: changed verdicts, then the largest changes."""
    measured = [
        (run, metric, each)
        for run in experiment.runs
        for metric, each in (run.numbers or {}).items()
    ]
    measured.sort(key=lambda each: -weight(each[2]))
    judged = sorted(
        experiment.expectations,
        key=lambda each: (not each.verdict_changed, -weight(each.comparison)),
    )
    numbers = [_number_row(*each) for each in measured]
    expectations = [_expectation_row(each) for each in judged]
    tables = [Table(_EXPECTATIONS, expectations, "<<>>>><"), Table(_NUMBERS, numbers, "<<>>>>><")]
    sentences = [
        *_sentences_on_runs(experiment, lambda run: run.settings),
        *experiment.code,
        *_environment(experiment),
        *_sentences_on_runs(experiment, _status_changes),
        *_terms(experiment),
    ]
    return Section(
        experiment.name, experiment.title, sentences, [table for table in tables if table.rows]
    )


def _sentences_on_runs(
    experiment: ExperimentDifference, of: Callable[[RunDifference], Iterable[str]]
) -> Iterator[str]:
    """Yield the sentences on runs besides their numbers; runs with the same sentence share it."""
    said: dict[str, list[str]] = {}
    for run in experiment.runs:
        for sentence in of(run):
            said.setdefault(sentence, []).append(run.name)
    for sentence, names in said.items():
        yield f"{', '.join(names)}: {sentence}"


def _status_changes(run: RunDifference) -> Iterator[str]:
    if run.presence is not Presence.BOTH:
        yield f"run {run.presence.value}"
    moves: dict[tuple[str, str], list[str]] = {}
    for seed, before, after in run.statuses:
        moves.setdefault((before, after), []).append(seed)
    for (before, after), seeds in moves.items():
        yield f"{seeds_named([int(seed.split()[1]) for seed in seeds])} {before} -> {after}"


def _terms(experiment: ExperimentDifference) -> Iterator[str]:
    """Yield what an expectation asks that it did not ask before."""
    for each in experiment.expectations:
        if each.before is None or each.after is None:
            continue
        if any(change.name in _BOUNDS for change in each.terms):
            yield f"{each.id}: expected {_bounds(each.before)} -> {_bounds(each.after)}"
        for change in each.terms:
            if change.name not in _BOUNDS:
                yield f"{each.id}: {_change(change)}"


def _bounds(expected: ExpectationRecord) -> str:
    return bounds(
        expected.terms.get("lower"), expected.terms.get("upper"), scale_of(expected.metric)
    )


def _change(change: Change) -> str:
    return f"{change.name} {_term(change.before)} -> {_term(change.after)}"


def _term(value: Json) -> str:
    return "nothing" if value is None else str(value)


def _environment(experiment: ExperimentDifference) -> Iterator[str]:
    if experiment.environment:
        yield "ran with " + "; ".join(_change(change) for change in experiment.environment)


def _number_row(run: RunDifference, metric: str, comparison: Comparison) -> Sequence[str]:
    scale = scale_of(metric)
    return (
        run.name,
        metric,
        _sample(comparison.before, scale),
        _sample(comparison.after, scale),
        _difference(comparison, scale),
        _seed_counts(comparison),
        _probability(comparison),
        _outcome_cell(comparison),
    )


def _expectation_row(each: ExpectationDifference) -> Sequence[str]:
    comparison = each.comparison
    return (
        each.id,
        _verdicts(each),
        _measured(each.before),
        _measured(each.after),
        _difference(comparison, scale_of(each.after.metric))
        if comparison and each.after
        else NOTHING,
        _probability(comparison) if comparison else "",
        _outcome_cell(comparison) if comparison else "",
    )


def _verdicts(each: ExpectationDifference) -> str:
    before, after = (side.verdict if side else ABSENT for side in (each.before, each.after))
    return f"{before} -> {after}" if before != after else before


def _measured(expected: ExpectationRecord | None) -> str:
    return (
        measured(expected.mean, expected.deviation, scale_of(expected.metric))
        if expected
        else NOTHING
    )


def _sample(sample: Sample, scale: Scale) -> str:
    return measured(sample.mean, sample.deviation, scale)


def _difference(comparison: Comparison, scale: Scale) -> str:
    """Return the difference with its sign and the half-width of its confidence interval."""
    if comparison.difference is None:
        return NOTHING
    if comparison.outcome is Outcome.SAME:
        return "0"
    text = measured(comparison.difference, comparison.half_width, scale_of_difference(scale))
    return f"+{text}" if comparison.difference > 0 else text


def _seed_counts(comparison: Comparison) -> str:
    before, after = comparison.before.count, comparison.after.count
    if comparison.method is Method.WELCH or before != after:
        return f"{before} and {after}"
    return str(before)


def _probability(comparison: Comparison) -> str:
    if comparison.adjusted is None:
        return ""
    return "<0.001" if comparison.adjusted < 0.0005 else f"{comparison.adjusted:.3f}"


def _outcome_cell(comparison: Comparison) -> str:
    existence = [
        *([f"new for {seeds_named(comparison.gained)}"] if comparison.gained else []),
        *([f"gone for {seeds_named(comparison.lost)}"] if comparison.lost else []),
        *(
            [f"otherwise missing for {seeds_named(comparison.otherwise)}"]
            if comparison.otherwise
            else []
        ),
    ]
    if existence and comparison.outcome in (Outcome.CHANGED, Outcome.ALIKE):
        return ", ".join([comparison.outcome.value, *existence])
    return ", ".join(existence) or comparison.outcome.value


def _footer(difference: Difference, everything: bool) -> Iterator[str]:
    comparisons = difference.comparisons()
    methods = Counter(comparison.method for comparison in comparisons if comparison.method)
    level = percent(1 - difference.confidence)
    if methods:
        yield (
            "Differences are after minus before, with the half-width of their"
            f" {percent(difference.confidence)} confidence interval; means are ± the deviation"
            " between seeds."
        )
        how = [f"{methods[each]} by {words}" for each, words in _METHODS.items() if methods[each]]
        yield (
            f"Tested: {', '.join(how)}. The p-values are corrected for these"
            f" {plural(methods.total(), 'comparison')} (Benjamini and Hochberg): of the numbers"
            f" called changed, at most {level} are expected to be so by chance. Numbers that are"
            " the same are not tested."
        )
    if any(comparison.outcome is Outcome.UNTESTED for comparison in comparisons):
        yield (
            "Where there is one seed, nothing tells a difference from chance: it counts as a"
            " change."
        )
    if any(comparison.outcome is Outcome.ALIKE for comparison in comparisons):
        yield (
            "Where all seeds changed by the very same amount there is no deviation to test by, and"
            " seeds may agree by chance: it counts as a change, and takes no part in the"
            " correction."
        )
    hidden = not everything and any(not comparison.outcome.changes for comparison in comparisons)
    if hidden:
        yield "--all shows what did not change too."
