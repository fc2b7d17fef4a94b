"""A report's JSON, of this version or an earlier one, as records."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from harness.compare.records import Expected, Experiment, ReadError, Run
from harness.report.result_json import FORMAT
from harness.spec.records import Json

_Kind = TypeVar("_Kind")

_TERMS = ("metric", "lower", "upper", "statistic", "method", "share", "confidence", "published", "basis")
"""What an expectation asks."""

_THEN = {"statistic": "mean", "method": "student"}
"""What a mean was asked with before there was a choice."""

_WORDS: dict[type, str] = {dict: "an object", list: "an array", str: "a string"}
_NOT_FINITE = ("nan", "inf", "-inf")


class NotAResult(Exception):
    """The JSON is something else."""


def experiment(document: Json) -> Experiment:
    """Return the records of a result file's JSON.

    Raises:
        NotAResult: it is not one.
        ReadError: it is one, but damaged, or of another format; the message says where.
    """
    told = document.get("format") if isinstance(document, dict) else None
    if not isinstance(told, str) or not told.startswith(FORMAT.rstrip("0123456789")):
        raise NotAResult
    if told != FORMAT:
        raise ReadError(f"its format is {told!r}; this version of the harness reads {FORMAT!r}")
    runs = {
        name: {_seed(seed, f"runs.{name}"): _run(run, f"runs.{name}.{seed}") for seed, run in _items(seeds, name)}
        for name, seeds in _items(_member(document, "runs", dict), "runs")
    }
    judgements = _member(document, "judgements", list, [])
    expectations = dict(_expected(each, f"judgements.{index}") for index, each in enumerate(judgements))
    environment = {
        str(what): tuple(sorted(map(str, counts)))
        for what, counts in _member(document, "environment", dict, {}).items()
    }
    return Experiment(_member(document, "title", str, ""), runs, expectations, environment)


def _items(value: Json, place: str) -> Any:
    return _of_kind(value, dict, place).items()


def _member(holder: Json, name: str, kind: type[_Kind], default: _Kind | None = None, place: str = "") -> _Kind:
    """Return a member of an object; one that earlier versions did not write has a default."""
    holder = _of_kind(holder, dict, place)
    where = f"{place}.{name}" if place else name
    if name not in holder:
        if default is None:
            raise ReadError(f"{where} is missing")
        return default
    return _of_kind(holder[name], kind, where)


def _of_kind(value: Json, kind: type[_Kind], place: str) -> _Kind:
    if not isinstance(value, kind):
        raise ReadError(f"at {place or 'the top'} expected {_WORDS[kind]}, found {str(value)[:40]!r}")
    return value


def _seed(text: str, place: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise ReadError(f"at {place} expected a seed, found {text[:40]!r}") from error


def _run(value: Json, place: str) -> Run:
    measurements = {
        name: _number(number, f"{place}.measurements.{name}")
        for name, number in _member(value, "measurements", dict, {}, place).items()
    }
    return Run(_member(value, "key", str, place=place), _member(value, "status", str, place=place), measurements)


def _number(value: Json, place: str) -> float | None:
    """Return a number, or None; what JSON has no number for is a string."""
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
        return value
    if value in _NOT_FINITE:
        return float(value)
    raise ReadError(f"at {place} expected a number, found {str(value)[:40]!r}")


def _expected(value: Json, place: str) -> tuple[str, Expected]:
    numbers = _member(value, "values", dict, {}, place)
    values = {_seed(seed, f"{place}.values"): _number(each, f"{place}.values.{seed}") for seed, each in numbers.items()}
    metric = _member(value, "metric", str, place=place)
    return _member(value, "id", str, place=place), Expected(
        title=_member(value, "title", str, "", place),
        metric=metric,
        verdict=_member(value, "verdict", str, place=place),
        terms=_terms(value),
        values={seed: each for seed, each in values.items() if each is not None},
        mean=_number(value.get("mean"), f"{place}.mean"),
        deviation=_number(value.get("deviation"), f"{place}.deviation"),
    )


def _terms(value: Mapping[str, Json]) -> dict[str, Json]:
    told = {**_THEN, **value} if value.get("statistic") == _THEN["statistic"] else value
    return {name: told[name] for name in _TERMS if told.get(name) is not None}
