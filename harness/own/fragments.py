"""The schema of specifications with the names that other packages register."""

from __future__ import annotations

import copy
from collections.abc import Iterator

from harness.experiment import Json
from harness.own.kinds import KINDS
from harness.own.registered import Registered, registered


def extended(schema: dict[str, Json]) -> dict[str, Json]:
    """Return a copy of the schema that allows the names which packages register."""
    found = copy.deepcopy(schema)
    for kind in KINDS:
        definition = found["$defs"][kind.definition]
        for part in registered(kind).parts.values():
            if part.name not in definition["properties"]["name"]["enum"]:
                _add(definition, part)
    return found


def _add(definition: Json, part: Registered) -> None:
    name, fragment = definition["properties"]["name"], part.fragment
    name["enum"].append(part.name)
    name["enumDescriptions"].append(fragment["description"])
    brought = {each: fragment[each] for each in ("title", "description", "properties")}
    is_named = {"properties": {"name": {"const": part.name}}}
    definition["allOf"].append({"if": is_named, "then": brought})
    if fragment.get("required"):
        required = {"required": list(fragment["required"])}
        definition["allOf"].append({"if": {**is_named, "required": ["name"]}, "then": required})


def unusable(schema: dict[str, Json]) -> Iterator[str]:
    """Yield why names that packages register cannot be used; `schema` is without them."""
    for kind in KINDS:
        names = schema["$defs"][kind.definition]["properties"]["name"]["enum"]
        found = registered(kind)
        yield from (f"{why} (it is left out)" for why in found.unusable)
        for part in found.parts.values():
            if part.name in names:
                yield (
                    f"the {kind.words} {part.name!r} of {part.call} is left out: the harness"
                    " has one of this name"
                )
