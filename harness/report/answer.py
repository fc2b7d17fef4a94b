"""The answer: the author's sentences, as the verdicts choose them, with the numbers measured."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.experiment import AnswerSentence, Basis, Expectation, Experiment, Json, Statistic
from harness.expression import parse, references
from harness.judging.check import judge, stale_runs
from harness.judging.judgement import Judgement
from harness.report.markdown import bullets, code, escape, unbroken
from harness.report.outcome import verb
from harness.run_result import RunResult, Status
from harness.spec.answer import Measured, pieces
from harness.units import found, scale_of
from harness.words import Mark, Verdict

NO_NUMBER = "(no number)"
"""Stands in the place of a number that does not exist."""

_TRIAL, _INCOMPLETE = "trial", "incomplete"
_NOT_KNOWN = "Not known yet: none of its runs is done."
_MOST_GAPS = 3


class Case(enum.Enum):
    """Which of its texts a sentence shows; one that is `PLAIN` has no other."""

    PASSES = "passes"
    FAILS = "fails"
    OTHERWISE = "otherwise"
    PLAIN = "plain"


@dataclass(frozen=True)
class Sentence:
    """A sentence of the answer as it stands in the report.

    Args:
        text: It with its numbers, in plain text.
        case: Which of the author's texts it is.
        marks: What keeps it from counting as it stands: "stale", "trial", "incomplete".
        numbers: Those in it, as they are shown.
        gaps: By metric expression, why there is no number.
    """

    text: str
    case: Case
    marks: tuple[str, ...]
    numbers: tuple[str, ...]
    gaps: Mapping[str, str]

    @property
    def markdown(self) -> str:
        """Return the sentence after its marks, each number on one line with its unit."""
        text = f"({', '.join(self.marks)}) {self.text}" if self.marks else self.text
        shown = escape(text)
        for each in self.numbers:
            shown = shown.replace(each, unbroken(each))
        return shown


def answer(
    experiment: Experiment, results: Sequence[RunResult], judgements: Sequence[Judgement]
) -> tuple[Sentence, ...]:
    """Return the sentences of an experiment's answer; none where its author wrote none.

    A sentence says that it passes only where every verdict is a pass that it rests on; any that
    fails makes it say so. One that rests on stale runs, is of a trial, or lacks a number bears a
    mark. Where no run is done, there is one sentence, which says so.
    """
    if experiment.answer and not any(result.status is Status.DONE for result in results):
        return (Sentence(_NOT_KNOWN, Case.OTHERWISE, _trial(experiment), (), {}),)
    measured = _Numbers(experiment, results, judgements)
    return tuple(_sentence(each, measured) for each in experiment.answer)


def answer_section(sentences: Sequence[Sentence]) -> str:
    """Return the answer in Markdown, and below it why numbers are not there."""
    if not sentences:
        return ""
    gaps = {metric: why for sentence in sentences for metric, why in sentence.gaps.items()}
    missing = [f"There is no {code(name)}: {escape(why)}." for name, why in gaps.items()]
    if len(missing) > _MOST_GAPS:
        missing[_MOST_GAPS:] = [f"{len(missing) - _MOST_GAPS} more numbers are missing."]
    shown = " ".join(sentence.markdown for sentence in sentences)
    return "\n\n".join(filter(None, [f"**{shown}**", bullets(missing)]))


def answer_json(sentences: Sequence[Sentence]) -> list[dict[str, Json]]:
    """Return the answer as the results of a report hold it."""
    return [
        {"text": each.text, "case": each.case.value, "marks": list(each.marks)}
        for each in sentences
    ]


@dataclass(frozen=True)
class _Numbers:
    """What was measured, for the numbers in sentences."""

    experiment: Experiment
    results: Sequence[RunResult]
    judgements: Sequence[Judgement]

    def of(self, metric: str) -> Judgement:
        """Return what a metric expression came to: as an expectation has it, where one does."""
        for judgement in self.judgements:
            if parse(judgement.expectation.metric) == parse(metric) and judgement.mean is not None:
                return judgement
        any_number = Expectation(
            metric, "", metric, None, None, Statistic.MEAN, 0.95, Basis.HYPOTHESIS, ""
        )
        return judge(any_number, self._seeds(metric), self._by_run, self.experiment.runs)

    def stale(self, metric: str) -> str:
        """Say which of the runs of a metric expression are stale; nothing where none is."""
        runs = [each.run for each in references(parse(metric))]
        return stale_runs(runs, self._seeds(metric), self._by_run)

    @property
    def _by_run(self) -> Mapping[tuple[str, int], RunResult]:
        return {(result.run, result.seed): result for result in self.results}

    def _seeds(self, metric: str) -> tuple[int, ...]:
        """Return the seeds that all runs of a metric expression have."""
        of_runs = [self.experiment.seeds_of(each.run) for each in references(parse(metric))]
        return min(of_runs, key=len)


def _trial(experiment: Experiment) -> tuple[str, ...]:
    return (_TRIAL,) if experiment.trial else ()


def _sentence(sentence: AnswerSentence, numbers: _Numbers) -> Sentence:
    decisive = [
        judgement
        for judgement in numbers.judgements
        if (judgement.expectation.base or judgement.expectation.id) in sentence.rests_on
    ]
    case = _case(sentence, decisive)
    shown, known, gaps = _filled(_text(sentence, case, decisive), numbers)
    if case is Case.OTHERWISE and gaps:
        shown, known = _undecided(decisive), ()
    stale = any(judgement.stale for judgement in decisive) or any(
        numbers.stale(piece.metric)
        for piece in pieces(_text(sentence, case, decisive))
        if isinstance(piece, Measured)
    )
    marks = (
        *((Mark.STALE.value,) if stale else ()),
        *_trial(numbers.experiment),
        *((_INCOMPLETE,) if gaps else ()),
    )
    return Sentence(shown, case, marks, known, gaps)


def _filled(text: str, numbers: _Numbers) -> tuple[str, tuple[str, ...], dict[str, str]]:
    """Return a text with its numbers, these, and why others do not exist."""
    shown, known, gaps = [], [], {}
    for piece in pieces(text):
        if not isinstance(piece, Measured):
            shown.append(piece.text)
            continue
        judgement = numbers.of(piece.metric)
        if judgement.mean is None:
            gaps[piece.metric] = judgement.message or "not every seed has a value"
            shown.append(NO_NUMBER)
            continue
        scale = scale_of(piece.metric)
        known.append(found(judgement.mean, judgement.deviation, judgement.median, scale))
        shown.append(known[-1])
    return "".join(shown), tuple(known), gaps


def _case(sentence: AnswerSentence, decisive: Sequence[Judgement]) -> Case:
    if not sentence.rests_on:
        return Case.PLAIN
    verdicts = [judgement.verdict for judgement in decisive]
    if Verdict.FAIL in verdicts:
        return Case.FAILS
    judged = {each.expectation.base or each.expectation.id for each in decisive}
    if judged >= {*sentence.rests_on} and all(each is Verdict.PASS for each in verdicts):
        return Case.PASSES
    return Case.OTHERWISE


def _text(sentence: AnswerSentence, case: Case, decisive: Sequence[Judgement]) -> str:
    match case:
        case Case.FAILS:
            return sentence.fails
        case Case.OTHERWISE:
            return sentence.otherwise or _undecided(decisive)
        case _:
            return sentence.passes


def _undecided(decisive: Sequence[Judgement]) -> str:
    """Say that something is not decided, and what became of those that would decide it."""
    verdicts = [judgement.verdict for judgement in decisive]
    if len(verdicts) == 1:
        return f"Not decided: what would decide it {verb(verdicts[0], 1)}."
    counts = [f"{count} {verb(each, count)}" for each in Verdict if (count := verdicts.count(each))]
    return f"Not decided: of {len(verdicts)} expectations that decide it, {', '.join(counts)}."
