"""The verdicts: a table that is read at a glance, and each expectation in detail below it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from harness.experiment import Experiment
from harness.judging.judgement import Judgement
from harness.judging.timing import Statements
from harness.report.certainty import limits_words, notes, remarks
from harness.report.expectation import (
    anchors,
    expected,
    expected_briefly,
    measured_words,
    origin,
    titles,
)
from harness.report.markdown import (
    anchor,
    anchor_link,
    bullets,
    code,
    details,
    escape,
    table,
    unbroken,
)
from harness.report.outcome import chance, reaches
from harness.report.published import difference
from harness.report.statements import timing_sentence
from harness.units import bound, measured, scale_of, scale_of_difference
from harness.words import BASES, SYMBOLS, Verdict, agreeing, marked, plural


def verdict_table(experiment: Experiment, judgements: Sequence[Judgement]) -> list[str]:
    """Return the table of four columns, and what has to be said of some of its verdicts."""
    to = anchors(judgement.expectation.id for judgement in judgements)
    called = titles([judgement.expectation for judgement in judgements])
    rows = [
        _row(judgement, _linked(judgement, called, to), len(experiment.seeds))
        for judgement in judgements
    ]
    headers = ["verdict", "what is expected", "expected", "measured"]
    parts = [table(headers, rows), bullets(_messages(judgements)), _stale(judgements), _NOTE]
    return list(filter(None, parts))


_SPACE = unbroken(" ")

_NOTE = (
    "Expected and measured are means over seeds where no other word stands; measured is the mean ±"
    " sample deviation. Each line leads to its details: expression, confidence limits, on what it"
    " rests, and when it was stated."
)


def verdict_details(
    experiment: Experiment, judgements: Sequence[Judgement], statements: Statements | None
) -> list[str]:
    """Return each expectation in detail, with its anchor, and what the limits mean."""
    to = anchors(judgement.expectation.id for judgement in judgements)
    items = [
        _details(judgement, to[judgement.expectation.id], len(experiment.seeds), statements)
        for judgement in judgements
    ]
    confidences = [judgement.expectation.confidence for judgement in judgements]
    verdicts = [judgement.verdict for judgement in judgements]
    by_chance = chance(verdicts, reaches(judgements), confidences)
    compared = any(judgement.expectation.published is not None for judgement in judgements)
    explained = [notes(judgements), by_chance, _NOTE_ON_DIFFERENCE if compared else ""]
    return [bullets(items), " ".join(filter(None, explained))]


_NOTE_ON_DIFFERENCE = (
    "Measured minus published is of the median where that is what counts; ± the distance to the"
    " one-sided Student-t limits of the mean at the expectation's confidence."
)


def _linked(judgement: Judgement, called: Mapping[str, str], to: Mapping[str, str]) -> str:
    """Return what an expectation is called, as a link to its details."""
    own = judgement.expectation.id
    return anchor_link(called[own] or own, to[own])


def _row(judgement: Judgement, link: str, seeds: int) -> list[str]:
    expectation, shown = judgement.expectation, measured_words(judgement)
    seeds = judgement.look.seeds if judgement.look else seeds
    fewer = "" if judgement.seeds == seeds else f" ({judgement.seeds} of {plural(seeds, 'seed')})"
    return [
        marked(judgement.verdict, judgement.stale),
        link,
        escape(expected_briefly(expectation)),
        f"{shown.replace(' ± ', f'{_SPACE}±{_SPACE}')}{fewer}",
    ]


def _messages(judgements: Sequence[Judgement]) -> list[str]:
    """Return what explains the verdicts: messages and notes."""
    messages = [
        _message(judgement) for judgement in judgements if judgement.verdict is not Verdict.PASS
    ]
    messages += [
        f"Note on {', '.join(map(code, ids))}: {escape(note)}."
        for note, ids in remarks(judgements).items()
    ]
    return messages


def _stale(judgements: Sequence[Judgement]) -> str:
    """Return why verdicts are stale; folded away, since the table marks each of them."""
    reasons = [
        f"{code(judgement.expectation.id)}: {escape(judgement.stale)}"
        for judgement in judgements
        if judgement.stale
    ]
    summary = f"Why {plural(len(reasons), 'verdict')} {agreeing(len(reasons), 'is', 'are')} stale"
    return details(summary, bullets(reasons)) if reasons else ""


def _message(judgement: Judgement) -> str:
    verdict = judgement.verdict
    return (
        f"{SYMBOLS[verdict]} {code(judgement.expectation.id)} {verdict.value}:"
        f" {escape(judgement.message)}"
    )


def _details(judgement: Judgement, at: str, seeds: int, statements: Statements | None) -> str:
    """Return one expectation as an item of a list, and what is known of it as items below."""
    expectation = judgement.expectation
    title = f"**{escape(expectation.title)}** " if expectation.title else ""
    head = f"{anchor(at)}{SYMBOLS[judgement.verdict]} {title}({code(expectation.id)})"
    stated = statements.each.get(expectation.id) if statements is not None else None
    below = [
        f"{code(expectation.metric)}: {escape(expected(expectation))}",
        *_measured(judgement, seeds),
        *_published(judgement),
        f"{BASES[expectation.basis].capitalize()}: {escape(origin(expectation))}",
        *([escape(_sentence(timing_sentence(stated)))] if stated is not None else []),
        *(f"Note: {escape(note)}." for note in judgement.notes),
    ]
    return "\n".join([head, *(f"  - {each}" for each in below)])


def _sentence(words: str) -> str:
    """Return words with a capital and a full stop."""
    return f"{words[:1].upper()}{words[1:]}."


def _measured(judgement: Judgement, seeds: int) -> Iterator[str]:
    if not judgement.values and not judgement.settings:
        return
    scale, count = scale_of(judgement.expectation.metric), judgement.seeds
    seeds = judgement.look.seeds if judgement.look else seeds
    over = f"over {plural(count, 'seed')}" if count == seeds else f"{count} of {seeds} seeds"
    over = f"{over} in each" if judgement.settings else over
    limits = limits_words(judgement, scale)
    yield f"Measured {unbroken(measured_words(judgement))} {over}" + (
        f"; {limits}" if limits else ""
    )


def _published(judgement: Judgement) -> Iterator[str]:
    """Yield the published number, and what was measured minus it, each with its unit."""
    published = judgement.expectation.published
    if published is None:
        return
    scale = scale_of(judgement.expectation.metric)
    apart = measured(*difference(judgement), scale_of_difference(scale))
    yield (
        f"Published {unbroken(bound(published, scale))}; measured minus published {unbroken(apart)}"
    )
