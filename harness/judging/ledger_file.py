"""The file of a ledger: where its two copies lie, and its JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import TypeVar

from harness.experiment import Basis, Expectation, Interval, Json, Statistic
from harness.expression import ExpressionError, parse
from harness.judging.ledger import ExpectationTerms, Ledger, LedgerError, Measured, Runs, Statement
from harness.system import files
from harness.system.json_value import Value, WrongForm
from harness.system.json_value import parse as parse_json
from harness.system.ownership import Kind, kind_of

FORMAT = "reproduction-harness expectations 1"

_LARGEST = 1 << 26
"""In bytes; no ledger is larger."""


def path_in_store(root: Path, name: str) -> Path:
    """Return where a store keeps an experiment's ledger."""
    return root / "expectations" / f"{name}.json"


def path_beside_reports(folder: Path, name: str) -> Path:
    """Return where a folder of reports has an experiment's ledger."""
    return folder / f"{name}.expectations.json"


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
    """Write a copy of a ledger, unless it is there already.

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
    """Return a ledger as JSON, one statement a line, so that a diff shows what was added."""
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


def terms_json(terms: ExpectationTerms) -> dict[str, Json]:
    """Return terms as JSON, named as in a report's results; what is not set is left out."""
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
        "cells": list(expectation.cells) or None,
        "samples": dict(expectation.samples) or None,
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


def _terms(name: str, value: Value) -> ExpectationTerms:
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
        cells=tuple(label.text() for label in value.member_or("cells", []).items()),
        samples=_samples(value.member_or("samples", {})),
    )
    return ExpectationTerms(expectation, seeds, value.member_or("control", None).text_or_none())


def _samples(value: Value) -> dict[str, Json]:
    """Return the samples of settings, as specifications write them, by run."""
    return {run: sample.value for run, sample in value.members()}


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
