"""The ledger of an experiment: what it was expected to show, written down when that was stated.

There are two copies, so that one tells of what was done to the other: `expectations/NAME.json` in
the store, and `NAME.expectations.json` beside the reports, which is committed with them. A
statement is only ever added. What makes up an expectation is all that decides its verdict; its
title and its source may be reworded.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import TypeVar

from harness.errors import HarnessError
from harness.experiment import Basis, Expectation, Experiment, Interval, Json, Statistic
from harness.expression import ExpressionError, parse
from harness.system import files
from harness.system.ownership import Kind, kind_of
from harness.system.typed import Value, WrongForm
from harness.system.typed import parse as parse_json

FORMAT = "reproduction-harness expectations 1"

_LARGEST = 1 << 26
"""In bytes; no ledger is larger."""

Runs = Mapping[str, tuple[int, ...]]
"""Seeds of runs, by the names of the runs."""


class LedgerError(HarnessError):
    """A file is no ledger, or cannot be read; the message says why."""


@dataclass(frozen=True)
class Terms:
    """All of an expectation that decides its verdict: the words that its author says of it are left
    out.

    `seeds` are those asked for, or the rule by which they are added; `control` is the experiment's
    over all of its expectations, if it has one.
    """

    expectation: Expectation
    seeds: Json
    control: str | None = None

    def same(self, other: Terms) -> bool:
        """Tell whether two say the same; how an expression is spaced is no difference."""
        mine, its = self.expectation, other.expectation
        return (
            (self.seeds, self.control) == (other.seeds, other.control)
            and replace(mine, metric="") == replace(its, metric="")
            and parse(mine.metric) == parse(its.metric)
        )


@dataclass(frozen=True)
class Measured:
    """What there was at some time of the runs that an expectation reads.

    `begun` are all that had been started, `finished` those of them that had come to their end, and
    `value` is the mean (the median, where that is the statistic) of the metric over the seeds that
    had one, None where none had.
    """

    begun: Runs = field(default_factory=dict)
    finished: Runs = field(default_factory=dict)
    value: float | None = None


@dataclass(frozen=True)
class Statement:
    """That an expectation was stated (or, where there are no `terms`, removed) at a time, in ISO
    8601 and UTC.

    `measured` is what there was by then.
    """

    at: str
    id: str
    terms: Terms | None
    measured: Measured = field(default_factory=Measured)


@dataclass(frozen=True)
class Ledger:
    """All statements of an experiment, in the order of time, and which runs it has ever seen
    finished.

    What was once measured stays known, whatever becomes of the store and of the reports.
    """

    statements: tuple[Statement, ...] = ()
    finished: Runs = field(default_factory=dict)

    def of(self, name: str) -> list[Statement]:
        """Return the statements of one expectation."""
        return [statement for statement in self.statements if statement.id == name]

    @property
    def names(self) -> list[str]:
        """Return the ids of all expectations that were ever stated."""
        return list(dict.fromkeys(statement.id for statement in self.statements))


def path_in_store(root: Path, name: str) -> Path:
    """Return where a store keeps an experiment's ledger."""
    return root / "expectations" / f"{name}.json"


def path_beside_reports(folder: Path, name: str) -> Path:
    """Return where a folder of reports has an experiment's ledger."""
    return folder / f"{name}.expectations.json"


def terms_of(experiment: Experiment, expectation: Expectation) -> Terms:
    """Return what an experiment states with one of its expectations."""
    asked = experiment.document.get("seeds")
    seeds = asked if isinstance(asked, dict) else list(experiment.seeds)
    mean = expectation.statistic is Statistic.MEAN
    bare = Expectation(
        expectation.id,
        "",
        expectation.metric,
        expectation.lower,
        expectation.upper,
        expectation.statistic,
        expectation.confidence,
        expectation.basis,
        "",
        expectation.published,
        expectation.interval if mean else Interval.STUDENT,
        expectation.share,
    )
    return Terms(bare, seeds, experiment.document.get("control"))


def now() -> str:
    """Return the time as statements bear it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def together(*known: Runs) -> Runs:
    """Return all seeds of all runs."""
    found: dict[str, set[int]] = {}
    for each in known:
        for run, seeds in each.items():
            found.setdefault(run, set()).update(seeds)
    return {run: tuple(sorted(found[run])) for run in sorted(found)}


def groups(statements: Iterable[Statement]) -> list[Statement]:
    """Return the statements that say something else than the one before them."""
    found: list[Statement] = []
    for statement in statements:
        if not found or not _alike(found[-1].terms, statement.terms):
            found.append(statement)
    return found


def _alike(one: Terms | None, other: Terms | None) -> bool:
    return one is other if one is None or other is None else one.same(other)


@dataclass(frozen=True)
class Joined:
    """What two copies tell together.

    `disputed` are the expectations of which they tell differently, so that one of them was edited;
    of these the copy with the earlier statement counts. `redated` are those of which they only give
    different dates.
    """

    ledger: Ledger
    disputed: tuple[str, ...] = ()
    redated: tuple[str, ...] = ()


def joined(one: Ledger, other: Ledger) -> Joined:
    """Return what two copies of a ledger tell together: where both tell of a statement, the earlier
    date counts.

    A copy may be behind, or begun on another machine: then the longer history counts.
    """
    finished = together(one.finished, other.finished)
    if one.statements == other.statements:
        return Joined(Ledger(one.statements, finished))
    statements: list[Statement] = []
    disputed, redated = [], []
    for name in dict.fromkeys([*one.names, *other.names]):
        mine, its = one.of(name), other.of(name)
        behind, ahead = sorted((mine, its), key=len)
        if ahead[: len(behind)] == behind:
            statements += ahead
            continue
        first, second = sorted((groups(mine), groups(its)), key=len)
        agree = all(_alike(a.terms, b.terms) for a, b in zip(first, second, strict=False))
        if agree and not _edited(mine, its):
            redated.append(name)
            earliest = [
                min(pair, key=lambda each: each.at) for pair in zip(first, second, strict=False)
            ]
            statements += [*earliest, *second[len(first) :]]
        else:
            disputed.append(name)
            statements += mine if mine[0].at <= its[0].at else its
    statements.sort(
        key=lambda each: each.at
    )  # stable: what one copy tells of one moment keeps its order
    return Joined(Ledger(tuple(statements), finished), tuple(disputed), tuple(redated))


def _edited(mine: Sequence[Statement], its: Sequence[Statement]) -> bool:
    """Tell whether the two say different things of one moment."""
    only_mine, only_its = (
        [each for each in a if each not in b] for a, b in ((mine, its), (its, mine))
    )
    return bool({each.at for each in only_mine} & {each.at for each in only_its})


def read(path: Path) -> Ledger | None:
    """Read a copy of a ledger; None where there is none, or an empty file.

    Raises:
        LedgerError: it cannot be read, or is something else.
    """
    try:
        content = files.read_bytes(path, _LARGEST)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise LedgerError(error.strerror or str(error)) from error
    if not content:
        return None
    if kind_of(content) is not Kind.EXPECTATIONS:
        raise LedgerError("it is damaged, or was not written by this harness")
    try:
        document = parse_json(content)
        if document.member("format").text() != FORMAT:
            raise document.member("format").wrong(repr(FORMAT))
        statements = tuple(map(_statement, document.member("statements").items()))
        return Ledger(statements, _runs(document.member_or("finished", {})))
    except WrongForm as error:
        raise LedgerError(str(error)) from error


def write(path: Path, name: str, ledger: Ledger) -> None:
    """Write a copy of a ledger, where it does not say so already.

    Raises:
        LedgerError: what is there is no ledger; it stays.
        OSError: it cannot be written.
    """
    if read(path) == ledger:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    content = text(name, ledger).encode()
    files.replace(path, lambda temporary: _written(temporary, content))


def _written(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def text(name: str, ledger: Ledger) -> str:
    """Return a ledger as JSON, a line a statement, so that version control shows what was added."""
    rows = ",\n".join(f"  {_dump(_to_json(each))}" for each in ledger.statements)
    return (
        f'{{"format": {_dump(FORMAT)},\n "name": {_dump(name)},\n'
        f' "finished": {_dump(_seeds(ledger.finished))},\n "statements": [\n{rows}\n ]}}\n'
    )


def _dump(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _seeds(runs: Runs) -> dict[str, list[int]]:
    return {run: list(seeds) for run, seeds in runs.items()}


def _to_json(statement: Statement) -> dict[str, Json]:
    terms, measured = statement.terms, measured_json(statement.measured)
    return {
        "at": statement.at,
        "id": statement.id,
        "terms": None if terms is None else terms_json(terms),
        **({"measured": measured} if measured else {}),
    }


def measured_json(measured: Measured) -> dict[str, Json]:
    """Return what had been measured as JSON; nothing where nothing had been begun."""
    if not measured.begun:
        return {}
    return {
        "begun": _seeds(measured.begun),
        "finished": _seeds(measured.finished),
        **({"value": measured.value} if measured.value is not None else {}),
    }


def terms_json(terms: Terms) -> dict[str, Json]:
    """Return terms as JSON, named as in the results of a report; what is not set is left out."""
    expectation = terms.expectation
    found = {
        "metric": expectation.metric,
        "lower": expectation.lower,
        "upper": expectation.upper,
        "statistic": expectation.statistic.value,
        "method": expectation.interval.value if expectation.statistic is Statistic.MEAN else None,
        "share": expectation.share,
        "confidence": expectation.confidence,
        "basis": expectation.basis.value,
        "published": expectation.published,
        "seeds": terms.seeds,
        "control": terms.control,
    }
    return {name: value for name, value in found.items() if value is not None}


def _statement(value: Value) -> Statement:
    terms = value.member("terms")
    name = value.member("id").text()
    return Statement(
        _time(value.member("at")),
        name,
        None if terms.value is None else _terms(name, terms),
        _measured(value.member_or("measured", {})),
    )


def _time(value: Value) -> str:
    try:
        moment = datetime.fromisoformat(value.text())
    except ValueError:
        raise value.wrong("a date and time in ISO 8601") from None
    if moment.tzinfo is None:
        raise value.wrong("a date and time with its distance from UTC")
    return moment.astimezone(UTC).isoformat(timespec="seconds")


def _terms(name: str, value: Value) -> Terms:
    metric = value.member("metric")
    try:
        parse(metric.text())
    except ExpressionError:
        raise metric.wrong("a metric expression") from None
    seeds = value.member("seeds").value
    if not isinstance(seeds, list | dict):
        raise value.member("seeds").wrong("an array or an object")
    expectation = Expectation(
        name,
        "",
        metric.text(),
        value.member_or("lower", None).number_or_none(),
        value.member_or("upper", None).number_or_none(),
        _word(Statistic, value.member("statistic")),
        value.member("confidence").number(),
        _word(Basis, value.member("basis")),
        "",
        value.member_or("published", None).number_or_none(),
        _word(Interval, value.member_or("method", Interval.STUDENT.value)),
        value.member_or("share", None).number_or_none(),
    )
    return Terms(expectation, seeds, value.member_or("control", None).text_or_none())


_Word = TypeVar("_Word", bound=Enum)


def _word(kind: Callable[[str], _Word], value: Value) -> _Word:
    try:
        return kind(value.text())
    except ValueError:
        raise value.wrong("a word of this version of the harness") from None


def _measured(value: Value) -> Measured:
    begun, finished = (_runs(value.member_or(name, {})) for name in ("begun", "finished"))
    return Measured(begun, finished, value.member_or("value", None).number_or_none())


def _runs(value: Value) -> Runs:
    return {run: tuple(seed.integer() for seed in seeds.items()) for run, seeds in value.members()}
