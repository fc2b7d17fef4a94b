"""Say when the expectations were stated: before their results, or with results at hand."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from harness.experiment import Json, Statistic
from harness.expression import parse
from harness.judging.ledger import ExpectationTerms, Measured, Runs
from harness.judging.ledger_file import measured_json, terms_json
from harness.judging.timing import StatedExpectation, Statements, Timing
from harness.report.expectation import expected
from harness.report.markdown import bullets, code, escape
from harness.units import number, scale_of
from harness.words import BASES, plural, seeds_named

_MOST = 4
"""The most runs of an expectation that are named."""


def when_stated(statements: Statements | None) -> str:
    """Return in Markdown when the expectations were stated; nothing for none, or for a trial."""
    if statements is None:
        return ""
    early = [each for each in statements.each.values() if each.timing is Timing.BEFORE]
    dated = [each for each in early if each.at]
    parts = [
        _stated_in_time(dated, len(statements.each)) if dated else "",
        _not_written_yet(len(early) - len(dated), len(statements.each)),
        bullets(
            [
                f"{', '.join(map(code, names))}: {escape(words)}"
                for names, words in _late_sentences(statements)
            ]
        ),
        bullets([escape(each) for each in (*statements.faults, *statements.notes)]),
    ]
    return "\n\n".join(filter(None, parts))


def warnings(statements: Statements | None) -> list[str]:
    """Return a line for every expectation stated late, and for each fault of the ledger."""
    if statements is None:
        return []
    lines = [f"{', '.join(names)}: {words}" for names, words in _late_sentences(statements)]
    return [*lines, *statements.faults, *statements.notes]


def stated_json(stated: StatedExpectation) -> dict[str, Json]:
    """Return when an expectation was stated, as the results of a report hold it."""
    found: dict[str, Json] = {"when": stated.timing.value, "date": stated.at or None}
    if stated.before is not None:
        found["before"] = terms_json(stated.before)
    measured = measured_json(stated.measured)
    return found | ({"measured": measured} if measured else {})


def timing_sentence(stated: StatedExpectation) -> str:
    """Return one sentence on when an expectation was stated.

    It says what the expectation was before, and what had been measured by then.
    """
    if stated.timing is Timing.BEFORE:
        return _in_time(stated)
    if stated.timing is Timing.DISPUTED:
        return "the two copies of what was stated tell differently of it, so one of them was edited"
    day, there = _day(stated.at), _measured_by_then(stated)
    if stated.timing is Timing.ADDED:
        return f"added on {day}, after its results: {there}"
    if stated.timing is Timing.UNRECORDED:
        return f"not recorded when it was stated; it was first written down on {day}, and {there}"
    often = f", the last of {stated.changes} changes" if stated.changes > 1 else ""
    how = (
        f"changed on {day}{often}: {_changes_of_terms(stated)}"
        if stated.terms
        else f"removed on {day}: {_terms_in_words(stated.before)}"
    )
    return f"{how}; {there}"


def _in_time(stated: StatedExpectation) -> str:
    if not stated.at:
        return "not written down yet, for none of its runs has started"
    return f"stated on {_day(stated.at)}, before any of its runs had started"


def _stated_in_time(early: Sequence[StatedExpectation], total: int) -> str:
    days = sorted({_day(each.at) for each in early})
    when = f"on {days[0]}" if len(days) == 1 else f"from {days[0]} to {days[-1]}"
    if len(early) < total:
        verb, runs = ("was", "its") if len(early) == 1 else ("were", "their")
        some = f"{len(early)} of {plural(total, 'expectation')} {verb} stated {when}"
        return f"{some}, before any of {runs} runs had started."
    if total == 1:
        return f"The one expectation was stated {when}, before any of its runs had started."
    return f"All {total} expectations were stated {when}, before any of their runs had started."


def _not_written_yet(count: int, total: int) -> str:
    if not count:
        return ""
    some = "The expectations" if count == total else plural(count, "new expectation")
    return f"{some} will be written down when the first of the runs starts."


def _late_sentences(statements: Statements) -> Iterator[tuple[list[str], str]]:
    """Yield the sentences on late expectations, each with the ids that it is about.

    Of those that a ledger met with their results at hand, as of experiments that are older than
    ledgers, one sentence tells; what had been measured by then stands in their details.
    """
    same: dict[str, list[str]] = {}
    for each in statements.late:
        words = (
            f"not recorded when stated; first written down on {_day(each.at)}, with results at hand"
            if each.timing is Timing.UNRECORDED and each.measured.finished
            else timing_sentence(each)
        )
        same.setdefault(words, []).append(each.id)
    for words, names in same.items():
        yield names, words


def _day(moment: str) -> str:
    return moment[:10]


def _measured_by_then(stated: StatedExpectation) -> str:
    """Return what there was of the runs by then, and what had been measured."""
    measured, terms = stated.measured, stated.terms or stated.before
    if not measured.begun:
        return "none of its runs is known to have started by then"
    if not measured.finished:
        return f"{_runs(measured.begun)} had started by then"
    value = (
        f", with {_value(measured, terms)}"
        if terms is not None and measured.value is not None
        else ""
    )
    return f"{_runs(measured.finished)} had finished by then{value}"


def _value(measured: Measured, terms: ExpectationTerms) -> str:
    middle = "median" if terms.expectation.statistic is Statistic.MEDIAN else "mean"
    return f"a {middle} of {number(measured.value, scale_of(terms.expectation.metric))}"


def _runs(runs: Runs) -> str:
    """Return "random and adversarial, seeds 0, 1, 2,", or only the counts where there are many."""
    if len(runs) > _MOST or len(set(runs.values())) > 1:
        return (
            f"{plural(sum(map(len, runs.values())), 'seed')} of {plural(len(runs), 'run')} that it"
            " reads"
        )
    return f"{' and '.join(runs)}, {seeds_named(next(iter(runs.values())))},"


def _changes_of_terms(stated: StatedExpectation) -> str:
    """Return in what an expectation was different before."""
    before, terms = stated.before, stated.terms
    assert before is not None and terms is not None
    then, now = before.expectation, terms.expectation
    parts = []
    if parse(then.metric) != parse(now.metric):
        parts.append(f"the metric was {then.metric}")
    bounds = expected(then)
    if bounds != expected(now):
        parts.append(f"it asked for {bounds}")
    elif (then.lower, then.upper) != (now.lower, now.upper):
        parts.append(f"the bounds were {then.lower} and {then.upper}")
    if then.basis is not now.basis:
        parts.append(f"it rested on: {BASES[then.basis]}")
    if then.published != now.published:
        parts.append(f"the published number was {then.published}")
    if then.samples != now.samples:
        parts.append(f"the settings were drawn by {json.dumps(then.samples, sort_keys=True)}")
    if before.seeds != terms.seeds:
        parts.append(f"the seeds asked for were {_seeds(before.seeds)}")
    if before.control != terms.control:
        parts.append(f"the control over all expectations was {before.control or 'none'}")
    return "before, " + ", ".join(parts or ["it had other terms"])


def _terms_in_words(terms: ExpectationTerms | None) -> str:
    if terms is None:
        return "it is not known what it was"
    return f"it was {terms.expectation.metric}, {expected(terms.expectation)}"


def _seeds(seeds: Json) -> str:
    return ", ".join(map(str, seeds)) if isinstance(seeds, list) else json.dumps(seeds)
