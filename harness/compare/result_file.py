"""Read a report's JSON, of this version or an earlier one, into records."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from harness.compare.records import ExpectationRecord, ExperimentRecord, ReadError, RunRecord
from harness.experiment import Json, parent_of
from harness.report.expectation import TERMS
from harness.report.packed_settings import unpack
from harness.report.result_json import FORMAT
from harness.system.json_value import Value, WrongForm

_OLD_MEAN_TERMS = {"statistic": "mean", "method": "student"}
"""The terms of a mean in files that are older than the choice."""

_NUMBERS = ("lower", "upper", "share", "confidence", "published")
"""The terms that are numbers; the others are words."""

_NOT_FINITE = ("nan", "inf", "-inf")
_SEED = re.compile(r"-?[0-9]{1,20}")


class NotAResult(Exception):
    """The JSON is something else."""


def experiment(document: Json) -> ExperimentRecord:
    """Return the records of a result file's JSON.

    Raises:
        NotAResult: it is not one.
        ReadError: it is one, but damaged, or of another format; the message says where.
    """
    declared = document.get("format") if isinstance(document, dict) else None
    if not isinstance(declared, str) or not declared.startswith(FORMAT.rstrip("0123456789")):
        raise NotAResult
    if declared != FORMAT:
        raise ReadError(f"its format is {declared!r}; this version of the harness reads {FORMAT!r}")
    try:
        return _experiment(Value(document))
    except WrongForm as error:
        raise ReadError(str(error)) from error


def _experiment(document: Value) -> ExperimentRecord:
    runs = {
        name: {_seed(seed, of): _run(run) for seed, run in of.members()}
        for name, of in document.member("runs").members()
    }
    runs = _with_settings(runs, document)
    environment = {
        what: tuple(sorted(value for value, _ in counts.members()))
        for what, counts in document.member_or("environment", {}).members()
    }
    expectations = dict(map(_expected, document.member_or("judgements", []).items()))
    code = {name: each.text() for name, each in document.member_or("code", {}).members()}
    return ExperimentRecord(
        document.member_or("title", "").text(), runs, expectations, environment, code
    )


def _with_settings(
    runs: dict[str, dict[int, RunRecord]], document: Value
) -> dict[str, dict[int, RunRecord]]:
    """Give the runs their settings and their parents' keys, where the file has settings."""
    if not document.has("settings"):
        return runs
    try:
        settings = unpack(document.member("settings").value)
    except ValueError as error:
        raise WrongForm(str(error)) from error
    return {
        name: {seed: _complete(run, seed, settings.get(name), runs) for seed, run in of.items()}
        for name, of in runs.items()
    }


def _complete(
    run: RunRecord, seed: int, settings: Json | None, runs: Mapping[str, Mapping[int, RunRecord]]
) -> RunRecord:
    start = parent_of(settings.get("initialize_from")) if settings is not None else None
    parent = runs.get(start, {}).get(seed) if start is not None else None
    return replace(run, settings=settings, parent=parent.key if parent is not None else None)


def _seed(text: str, holder: Value) -> int:
    if not _SEED.fullmatch(text):
        raise WrongForm(f"at {holder.place} expected a seed, found {text[:40]!r}")
    return int(text)


def _run(value: Value) -> RunRecord:
    measurements = {
        name: _number(each) for name, each in value.member_or("measurements", {}).members()
    }
    return RunRecord(value.member("key").text(), value.member("status").text(), measurements)


def _number(value: Value) -> float | None:
    """Return a number, or None; what JSON has no number for is a string."""
    if isinstance(value.value, str) and value.value in _NOT_FINITE:
        return float(value.value)
    return value.number_or_none()


def _expected(value: Value) -> tuple[str, ExpectationRecord]:
    of = value.member_or("values", {})
    # Only finite values are judged, so none is written as a string.
    values = {_seed(seed, of): each.number_or_none() for seed, each in of.members()}
    return value.member("id").text(), ExpectationRecord(
        title=value.member_or("title", "").text(),
        metric=value.member("metric").text(),
        verdict=value.member("verdict").text(),
        terms=_terms(value),
        values={seed: each for seed, each in values.items() if each is not None},
        mean=_number(value.member_or("mean", None)),
        deviation=_number(value.member_or("deviation", None)),
    )


def _terms(value: Value) -> dict[str, Json]:
    old = (
        _OLD_MEAN_TERMS
        if value.member_or("statistic", None).value == _OLD_MEAN_TERMS["statistic"]
        else {}
    )
    declared = {name: value.member_or(name, old.get(name)) for name in TERMS}
    terms = {
        name: _number(each) if name in _NUMBERS else each.text_or_none()
        for name, each in declared.items()
    }
    return {name: term for name, term in terms.items() if term is not None}
