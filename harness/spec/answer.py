"""The answer of a specification: sentences with metric expressions, chosen by verdicts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from harness.experiment import AnswerSentence, Json, RunSpec
from harness.expression import ExpressionError, parse, references
from harness.spec import schema
from harness.spec.document import Pointer
from harness.spec.faults import Faults
from harness.spec.grid import Grid
from harness.spec.metrics import unmeasured
from harness.spec.problems import unknown

_PIECE = re.compile(r"\{\{|\}\}|\{[^{}]*\}|[{}]|[^{}]+")
_YES_OR_NO = re.compile(r"(yes|no)\b", re.IGNORECASE)
_TEXTS = ("passes", "fails", "otherwise")


@dataclass(frozen=True)
class Words:
    """Words of a sentence, as they stand there."""

    text: str


@dataclass(frozen=True)
class Measured:
    """A metric expression in a sentence; `at` is the character where it begins, from 1."""

    metric: str
    at: int


def pieces(text: str) -> Iterator[Words | Measured]:
    """Yield the words and the metric expressions of a sentence, in order.

    Raises:
        ValueError: a brace is alone; the message says at which character.
    """
    for match in _PIECE.finditer(text):
        piece = match[0]
        if piece in ("{{", "}}"):
            yield Words(piece[0])
        elif len(piece) > 1 and piece.startswith("{"):
            yield Measured(piece[1:-1].strip(), match.start() + 2)
        elif piece in "{}":
            raise ValueError(
                f"the brace {piece!r} at character {match.start() + 1} has no other: a metric"
                " expression stands between { and }, and a brace that is meant is written twice"
            )
        else:
            yield Words(piece)


def read_answer(
    document: Json, grid: Grid, runs: Mapping[str, RunSpec], faults: Faults
) -> tuple[AnswerSentence, ...]:
    """Return the sentences of a document's answer; what is wrong with them is added.

    `runs` are those of the document in which nothing is wrong.
    """
    raw = document.get("answer")
    if raw is None or faults.damaged(("answer",)):
        return ()
    ids = _ids(document)
    found: list[AnswerSentence] = []
    for place, sentence in _sentences(raw):
        faults.add_all(_wrong(sentence, _Known(grid, runs), ids), place)
        found.append(_sentence(sentence, ids))
    return tuple(found)


def _sentences(raw: Json) -> Iterator[tuple[Pointer, Json]]:
    """Yield the place and the value of each sentence."""
    if isinstance(raw, list):
        yield from ((("answer", index), each) for index, each in enumerate(raw))
    else:
        yield ("answer",), raw


def _ids(document: Json) -> list[str]:
    """Return the ids of the expectations, as far as they can be read."""
    listed = document.get("expectations", [])
    return [
        raw["id"]
        for raw in (listed if isinstance(listed, list) else [])
        if isinstance(raw, dict) and isinstance(raw.get("id"), str)
    ]


def _sentence(raw: Json, ids: Sequence[str]) -> AnswerSentence:
    if isinstance(raw, str):
        return AnswerSentence(raw)
    filled: Mapping[str, Json] = schema.fill_defaults(schema.definition("answer_sentence"), raw)
    rests_on = ids if filled["rests_on"] is None else filled["rests_on"]
    passes, fails, otherwise = (filled[name] for name in _TEXTS)
    return AnswerSentence(passes, fails, otherwise, tuple(rests_on))


@dataclass(frozen=True)
class _Known:
    """The runs of a document, and those in which nothing is wrong."""

    grid: Grid
    runs: Mapping[str, RunSpec]


def _wrong(raw: Json, known: _Known, ids: Sequence[str]) -> Iterator[tuple[Pointer, str]]:
    if isinstance(raw, str):
        if _YES_OR_NO.match(raw.strip()):
            yield (
                (),
                "a text alone stands there whatever came out, so it may not begin with yes or no:"
                ' write {"passes": ..., "fails": ...}, which verdicts choose from',
            )
        yield from (((), message) for message in _wrong_text(raw, known))
        return
    for index, each in enumerate(raw.get("rests_on") or []):
        if each not in ids:
            yield ("rests_on", index), unknown("expectation", each, ids)
    if not ids:
        yield (
            (),
            "there are no expectations, so no verdict chooses the sentence: write a text alone",
        )
    for name in _TEXTS:
        if isinstance(raw.get(name), str):
            yield from (((name,), message) for message in _wrong_text(raw[name], known))


def _wrong_text(text: str, known: _Known) -> Iterator[str]:
    grid = known.grid
    try:
        measured = [each for each in pieces(text) if isinstance(each, Measured)]
    except ValueError as error:
        yield str(error)
        return
    for each in measured:
        try:
            used = references(parse(each.metric))
        except ExpressionError as error:
            yield f"in the braces at character {each.at}: {error}"
            continue
        if not used:
            yield f"the expression {each.metric!r} at character {each.at} names no run"
        for reference in used:
            if reference.base in grid.unsettled:
                pass  # which cells there are is not known
            elif reference.means_each_cell:
                yield (
                    f"{reference} at character {each.at} is a number for each cell, and a sentence"
                    " takes one: name the cell"
                )
            elif not grid.may_have(reference.run):
                yield f"{grid.unknown(reference.run)} at character {each.at}"
            for message in unmeasured(reference, known.runs):
                yield f"{message} at character {each.at}"
