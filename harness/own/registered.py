"""Names that installed packages register for parts of their own.

A package declares an entry point in the group of a kind, such as `harness.models`, and lays the
JSON Schema of its parameters beside the module, in the file `NAME.schema.json`. Both are read
without importing the package.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import get_args

from harness.experiment import PARTNER, SOURCE, Json
from harness.final_metrics import Source
from harness.own.calls import CallFault, find, misfits
from harness.own.kinds import COMPARISON, METRIC, Kind
from harness.system.files import read_bytes

SUFFIX = ".schema.json"
MOST_BYTES = 1 << 20

_MEMBERS = {"title": str, "description": str, "properties": dict}
"""What a fragment must have, and of which type."""

_EXPLAINED = ("title", "description", "examples")
"""What every parameter in a fragment must have, so that `explain` can tell of it."""


class Unusable(ValueError):
    """What a package registers cannot be used; the message says why."""


@dataclass(frozen=True)
class Registered:
    """A name that a package registers.

    Attributes:
        name: What specifications call the part.
        call: The function, as "module:function".
        fragment: The schema of its parameters: "title", "description", "properties" and "required".
    """

    name: str
    call: str
    fragment: Mapping[str, Json]


@dataclass(frozen=True)
class Registry:
    """The names of a kind that packages register, and why others cannot be used."""

    parts: Mapping[str, Registered]
    unusable: tuple[str, ...]


@functools.cache
def registered(kind: Kind) -> Registry:
    """Return what the installed packages register of a kind, as it was when first asked for."""
    parts: dict[str, Registered] = {}
    unusable: list[str] = []
    for entry in sorted(metadata.entry_points(group=kind.group)):
        try:
            parts.setdefault(entry.name, _registered(entry, kind))
        except Unusable as error:
            unusable.append(f"the {kind.words} {entry.name!r} ({entry.value}): {error}")
    return Registry(parts, tuple(unusable))


def _registered(entry: metadata.EntryPoint, kind: Kind) -> Registered:
    try:
        called = find(entry.value, None)
    except CallFault as error:
        raise Unusable(str(error)) from error
    fragment = _fragment(called.path.with_name(f"{entry.name}{SUFFIX}"))
    names = [name for name in fragment["properties"] if name not in kind.settings]
    for form in _forms(kind, fragment):
        for fault in misfits(called, form, names):
            raise Unusable(str(fault))
    return Registered(entry.name, entry.value, fragment)


def _forms(kind: Kind, fragment: Mapping[str, Json]) -> Iterator[Kind]:
    """Yield the ways in which a function of a kind is called: a metric is given one run or two.

    Raises:
        Unusable: a metric is given something that there is not.
    """
    if kind == METRIC and SOURCE in fragment["properties"]:
        _check_source(fragment["properties"][SOURCE])
    compares = kind == METRIC and PARTNER in fragment["properties"]
    if compares:
        yield COMPARISON
    if not compares or PARTNER not in fragment.get("required", ()):
        yield kind


def _check_source(described: Mapping[str, Json]) -> None:
    allowed = described.get("enum", ())
    if not allowed or not set(allowed) <= set(get_args(Source)):
        words = " and ".join(map(repr, get_args(Source)))
        raise Unusable(f"{SOURCE!r} needs an enum of {words}, or of one of them")


def _fragment(path: Path) -> Mapping[str, Json]:
    try:
        found = json.loads(read_bytes(path, MOST_BYTES))
    except OSError as error:
        raise Unusable(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise Unusable(f"{path} is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise Unusable(f"{path}: expected an object")
    _check(found, path)
    return found


def _check(fragment: Mapping[str, Json], path: Path) -> None:
    import jsonschema  # here, as few commands need it, and completion has to be quick

    for member, of_type in _MEMBERS.items():
        if not isinstance(fragment.get(member), of_type):
            raise Unusable(f"{path}: {member!r} is missing, or of another type")
    try:
        jsonschema.Draft202012Validator.check_schema(fragment)
    except jsonschema.SchemaError as error:
        raise Unusable(f"{path} is no JSON Schema: {error.message}") from error
    for name, part in fragment["properties"].items():
        missing = [each for each in _EXPLAINED if each not in part]
        if missing:
            raise Unusable(f"{path}: the parameter {name!r} has no {missing[0]}")
        if "default" not in part and name not in fragment.get("required", ()):
            raise Unusable(f"{path}: {name!r} has no default, and is none of those required")
