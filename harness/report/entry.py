"""What the index shows of one report, read from its JSON."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from harness.experiment import Json
from harness.report.claims import Finding, reach_of, read_findings, text
from harness.run_result import Status
from harness.words import Reach, Verdict

_LONGEST = 260
"""Characters of a question in brief."""

_ASIDE = re.compile(r"\s*\([^()]*\)")
_BETWEEN_SENTENCES = re.compile(r"(?<=[.?!])(?<!\bal\.)(?<!\b[A-Z]\.)(?<!\be\.g\.)\s+(?=[A-Z\"'])")
_REVISION = re.compile(r"\(([0-9a-f]{7})[0-9a-f]*( with changes)?\)$")


@dataclass(frozen=True)
class Unfinished:
    """Some runs of one status that have the same reason, as many as `count`, one of them `run`."""

    status: Status
    reason: str
    run: str
    count: int


@dataclass(frozen=True)
class Source:
    """A publication, its address, and the statements of its claims by their labels."""

    citation: str
    url: str | None
    claims: Mapping[str, str]


@dataclass(frozen=True)
class Entry:
    """One report: its experiment, what became of it, when and by which code.

    `seeds` are the fewest and the most that a run has, `done` the finished ones of `trainings`.
    """

    name: str
    title: str
    question: str
    trial: bool
    date: str
    revisions: Sequence[str]
    seeds: tuple[int, int]
    done: int
    trainings: int
    verdicts: Sequence[Verdict]
    stale: int
    reaches: Sequence[Reach]
    confidences: Sequence[float]
    source: Source | None
    findings: Sequence[Finding]
    unfinished: Sequence[Unfinished]


def read_entry(name: str, document: Mapping[str, Json]) -> Entry:
    """Read a report's JSON, of this version or an earlier one of the same format.

    Raises:
        LookupError, TypeError, ValueError, AttributeError, ArithmeticError: it is damaged.
    """
    judgements: Sequence[Mapping[str, Json]] = document["judgements"]
    runs: Mapping[str, Mapping[str, Mapping[str, Json]]] = document["runs"]
    statuses = [Status(of["status"]) for seeds in runs.values() for of in seeds.values()]
    counts = [len(seeds) for seeds in runs.values()]
    asked = len(document["seeds"])
    source = _source(document.get("source"))
    return Entry(
        name=name,
        title=text(document["title"]),
        question=brief(text(document.get("question", ""))),
        trial=bool(document.get("trial")),
        date=text(document["date"])[:10],
        revisions=[_revision(each) for each in document.get("environment", {}).get("harness", {})],
        seeds=(min(counts, default=0), max(counts, default=0)) if any(counts) else (asked, asked),
        done=statuses.count(Status.DONE),
        trainings=sum(counts) if all(counts) else len(runs) * asked,
        verdicts=[Verdict(judgement["verdict"]) for judgement in judgements],
        stale=sum(bool(judgement.get("stale")) for judgement in judgements),
        reaches=[reach_of(judgement) for judgement in judgements],
        confidences=[float(judgement["confidence"]) for judgement in judgements],
        source=source,
        findings=read_findings(document, source.citation if source else None),
        unfinished=list(_unfinished(document, asked)),
    )


def brief(question: str) -> str:
    """Return what is asked, in few words: the first question, and what goes before it if short.

    What stands in brackets is left out.
    """
    sentences = _BETWEEN_SENTENCES.split(" ".join(_ASIDE.sub("", question).split()))
    asked = next((index for index, each in enumerate(sentences) if each.endswith("?")), 0)
    whole = " ".join(sentences[: asked + 1])
    short = whole if len(whole) <= _LONGEST else sentences[asked]
    return short if len(short) <= _LONGEST else f"{short[:_LONGEST].rsplit(' ', 1)[0]} …"


def _revision(recorded: str) -> str:
    """Return "64e9dd6" of "0.1.0 (64e9dd6f5017)", or the version where there is no revision."""
    found = _REVISION.search(recorded)
    return found[1] + (found[2] or "") if found else recorded


def _source(value: Json) -> Source | None:
    if value is None:
        return None
    claims = {label: text(words) for label, words in value.get("claims", {}).items()}
    url = value.get("url")
    return Source(text(value["citation"]), None if url is None else text(url), claims)


def _unfinished(document: Mapping[str, Json], asked: int) -> Iterator[Unfinished]:
    found: dict[tuple[Status, str], list[str]] = {}
    for run, seeds in document["runs"].items():
        for of in seeds.values():
            status = Status(of["status"])
            if status is not Status.DONE:
                found.setdefault((status, text(of["reason"])), []).append(run)
        if not seeds:
            found.setdefault((Status.MISSING, ""), []).extend([run] * asked)
    for (status, reason), runs in found.items():
        yield Unfinished(status, reason, runs[0], len(runs))
