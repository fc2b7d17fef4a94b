"""Final metrics of finished runs, kept beside them: their numbers, of which files, by what code.

A file of its own holds each, `measured/KEY/NAME-DIGEST.json`, where the digest is of the metric's
parameters and of the other run that it compares. So a metric with other parameters is another file,
and adding one leaves the run as it was written. What was measured holds for the files that the runs
have now, and no longer once one of them is made again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import rfc8785

from harness.experiment import Json, Metric
from harness.run_result import Code
from harness.store.checksums import CHECKSUMS
from harness.store.errors import REMOVE_IT, unwritable
from harness.store.formats import json_file
from harness.store.layout import Layout
from harness.store.staleness import code
from harness.system.files import read_bytes, replace, sha256
from harness.system.json_value import Value, WrongForm, parse

_DIGITS = 16


@dataclass(frozen=True)
class Subject:
    """Of what a final metric is measured: a run and, of some, the run that it is compared with."""

    metric: Metric
    key: str
    partner: str | None = None


@dataclass(frozen=True)
class FinalMeasurement:
    """What a final metric came to.

    Attributes:
        code: What measured it, the backend among its packages where one took part.
        values: Its numbers, by what its function calls them.
        curves: What was measured along the way, by column, for a figure.
        why_none: Why there is no number, else empty.
    """

    code: Code
    values: Mapping[str, float] = field(default_factory=dict)
    curves: Mapping[str, Sequence[float]] = field(default_factory=dict)
    why_none: str = ""


def save(layout: Layout, subject: Subject, found: FinalMeasurement) -> None:
    """Keep what a metric came to, atomically, for the files that its runs have now.

    Raises:
        StoreError: it cannot be written.
    """
    path = _path(layout, subject)
    record = {
        "metric": subject.metric.name,
        "parameters": dict(subject.metric.parameters),
        "partner": subject.partner,
        "values": dict(found.values),
        "curves": {name: list(column) for name, column in found.curves.items()},
        "why_none": found.why_none,
        "code": found.code.to_json(),
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace(path, json_file({**record, "checksums": _checksums(layout, subject)}))
    except OSError as error:
        raise unwritable(layout.root, error, REMOVE_IT) from error


def load(layout: Layout, subject: Subject) -> FinalMeasurement | None:
    """Return what a metric came to, of the files that its runs have now.

    None where there is nothing of the kind that can be read.
    """
    try:
        record = parse(read_bytes(_path(layout, subject)))
        if record.member("checksums").object() != _checksums(layout, subject):
            return None
        return FinalMeasurement(
            code(record.member("code")),
            {name: each.number() for name, each in record.member("values").members()},
            {name: _column(each) for name, each in record.member("curves").members()},
            record.member("why_none").text(),
        )
    except (OSError, WrongForm):
        return None


def _column(value: Value) -> list[float]:
    return [each.number() for each in value.items()]


def _checksums(layout: Layout, subject: Subject) -> dict[str, str]:
    """Return the digest of each run's list of checksums, and so of all its files; OSError."""
    keys = [key for key in (subject.key, subject.partner) if key is not None]
    return {key: sha256(layout.finished(key) / CHECKSUMS) for key in keys}


def _path(layout: Layout, subject: Subject) -> Path:
    what: Json = {"parameters": dict(subject.metric.parameters), "partner": subject.partner}
    digest = hashlib.sha256(rfc8785.dumps(what)).hexdigest()[:_DIGITS]
    return layout.measured(subject.key) / f"{subject.metric.name}-{digest}.json"
