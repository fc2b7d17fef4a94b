"""The language's one definition, `experiment.schema.json`, put to work: faults and defaults."""

from __future__ import annotations

import functools
import json
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

import jsonschema
from jsonschema.exceptions import ValidationError

from harness.experiment import Json
from harness.own.fragments import extended, unusable
from harness.spec.document import LARGEST_INTEGER, Pointer
from harness.spec.problems import MOST_FAULTS, nearest, unknown, usual
from harness.words import plural

Schema = Mapping[str, Any]

LARGEST_FLOAT = 3.4e38
"""A larger number is infinite in float32."""

_TYPES = {"object": "an object", "array": "an array", "string": "a string", "integer": "an integer"}
_TYPES |= {"number": "a number", "boolean": "true or false", "null": "null"}


@functools.cache
def load_schema() -> dict[str, Any]:
    """Return the schema as it lies in the package, with the names that other packages register."""
    return extended(_shipped())


@functools.cache
def left_out() -> tuple[str, ...]:
    """Say of each name that a package registers in vain why it cannot be used."""
    return tuple(unusable(_shipped()))


def _shipped() -> dict[str, Any]:
    schema: dict[str, Any] = json.loads(
        resources.files("harness.spec").joinpath("experiment.schema.json").read_text()
    )
    return schema


def definition(name: str) -> Schema:
    """Return one of the schema's `$defs`; "experiment" is the whole schema."""
    root = load_schema()
    found: Schema = root if name == "experiment" else root["$defs"][name]
    return found


def applicable(schema: Schema, instance: Json) -> Iterator[Schema]:
    """Yield the schema and all that it brings to bear on an instance.

    Those are its `$ref`, `allOf`, `anyOf` and `if`/`then`.
    """
    yield schema
    if "$ref" in schema:
        yield from applicable(definition(schema["$ref"].removeprefix("#/$defs/")), instance)
    for part in schema.get("allOf", ()):
        yield from applicable(part, instance)
    for part in schema.get("anyOf", ()):
        if _is_of_type(part, instance):
            yield from applicable(part, instance)
    if "if" in schema:
        branch = "then" if _matches(schema["if"], instance) else "else"
        yield from applicable(schema.get(branch, {}), instance)


def every_part(schema: Schema) -> Iterator[Schema]:
    """Yield the schema and all that it may bring to bear, whatever the instance.

    Those are its `$ref`, `allOf`, `anyOf` and both sides of an `if`.
    """
    yield schema
    if "$ref" in schema:
        yield from every_part(definition(schema["$ref"].removeprefix("#/$defs/")))
    for inner in (
        *schema.get("allOf", ()),
        *schema.get("anyOf", ()),
        schema.get("then"),
        schema.get("else"),
    ):
        if inner is not None:
            yield from every_part(inner)


def paths(schema: Schema) -> Iterator[str]:
    """Yield the dotted path of every property below a schema, whatever the instance, each once."""
    yield from dict.fromkeys(_paths(schema, ()))


def _paths(schema: Schema, at: tuple[str, ...]) -> Iterator[str]:
    for applied in every_part(schema):
        for name, inner in applied.get("properties", {}).items():
            yield ".".join((*at, name))
            yield from _paths(inner, (*at, name))


def _below(known: Mapping[str, Schema], name: str) -> str | None:
    """Return the path of the property of this name that lies nearest below those known here."""
    ending = f".{usual(name)}"
    below = (f"{each}.{path}" for each, part in known.items() for path in paths(part))
    return min(
        (path for path in below if path.endswith(ending)),
        key=lambda path: path.count("."),
        default=None,
    )


def _matches(condition: Schema, instance: Json) -> bool:
    """Evaluate an `if` of the two forms that the schema uses.

    Those are a property's constant and a required property.
    """
    if not isinstance(instance, dict):
        return True
    constants = condition.get("properties", {}).items()
    return all(name in instance for name in condition.get("required", ())) and all(
        instance[name] == constant["const"] for name, constant in constants if name in instance
    )


def _is_of_type(schema: Schema, instance: Json) -> bool:
    """Tell whether a branch of a choice is that of an instance: by its type, or by its constant."""
    if "const" in schema:
        return bool(schema["const"] == instance)
    parts = [part for part in applicable(schema, instance) if "type" in part]
    return all(any(_TYPE_CHECKER.is_type(instance, name) for name in types(part)) for part in parts)


def types(schema: Schema) -> Sequence[str]:
    """Return the types that a schema allows, none where it says nothing of them."""
    allowed: str | Sequence[str] = schema.get("type", ())
    return [allowed] if isinstance(allowed, str) else allowed


def properties(schema: Schema, instance: Json) -> dict[str, Schema]:
    """Return the properties that the schema allows an instance to have, by name."""
    return {
        name: part
        for applied in applicable(schema, instance)
        for name, part in applied.get("properties", {}).items()
    }


def fill_defaults(schema: Schema, instance: Json) -> Json:
    """Return a copy of a valid instance in which every absent property has its default.

    In it integers are `int`, also those that are written as 64.0.
    """
    parts = list(applicable(schema, instance))
    if (
        isinstance(instance, float)
        and instance.is_integer()
        and any(_takes_integers(part) for part in parts)
    ):
        return int(instance)  # JSON Schema takes 64.0 for an integer
    if isinstance(instance, list):
        items: Schema = next(
            (part["items"] for part in parts if isinstance(part.get("items"), dict)), {}
        )
        return [fill_defaults(items, item) for item in instance]
    if not isinstance(instance, dict):
        return instance
    filled = dict(instance)
    for name, part in properties(schema, instance).items():
        if name not in filled:
            defaults = [
                applied["default"] for applied in applicable(part, None) if "default" in applied
            ]
            if not defaults:
                continue
            filled[name] = defaults[0]
        filled[name] = fill_defaults(part, filled[name])
    return filled


def _takes_integers(schema: Schema) -> bool:
    return "integer" in types(schema)


Change = Callable[[Pointer, Sequence[Schema], Json], Json]
"""Gives what takes the place of a value without parts, by its pointer and its schemas."""


def mapped(schema: Schema, instance: Json, change: Change, at: Pointer = ()) -> Json:
    """Return a copy of a valid instance in which every value without parts was changed."""
    if isinstance(instance, dict):
        parts = properties(schema, instance)
        return {
            name: mapped(parts[name], value, change, (*at, name)) if name in parts else value
            for name, value in instance.items()
        }
    applied = list(applicable(schema, instance))
    if isinstance(instance, list):
        items: Schema = next(
            (part["items"] for part in applied if isinstance(part.get("items"), dict)), {}
        )
        return [mapped(items, item, change, (*at, index)) for index, item in enumerate(instance)]
    return change(at, applied, instance)


def is_path(schemas: Sequence[Schema]) -> bool:
    """Tell whether a value of these schemas is the path of a file or folder."""
    return any(schema.get("format") == "path" for schema in schemas)


def is_number(schemas: Sequence[Schema]) -> bool:
    """Tell whether a value of these schemas may have a fraction: 1 means 1.0 there."""
    return any("number" in types(schema) for schema in schemas)


def _closed(
    validator: Any, allowed: Any, instance: Json, schema: Schema
) -> Iterator[ValidationError]:
    """Check `additionalProperties` and `unevaluatedProperties`.

    There is one error for each unknown name, at that name. Which names are known may rest on a
    value, such as the optimizer's: where this is unknown itself, that is the fault, and no other.
    """
    if not validator.is_type(instance, "object") or _too_many(instance, schema):
        return
    known = properties(schema, instance)
    if _undecided(schema, instance, known):
        return
    for name, value in instance.items():
        if name not in known:
            if allowed is False:
                yield ValidationError(_not_allowed(schema, name, known), path=[name])
            else:
                yield from validator.descend(value, allowed, path=name)


def _not_allowed(schema: Schema, name: str, known: Mapping[str, Schema]) -> str:
    """Say that there is no property of this name, or none beside another that is given."""
    for part in every_part(schema):
        for other, constant in part.get("if", {}).get("properties", {}).items():
            if constant["const"] is None and name in part["then"].get("properties", {}):
                return (
                    f"{name!r} and {other!r} exclude each other: take one away (null takes away"
                    " what is inherited)"
                )
    return unknown("property", name, known, functools.partial(_below, known, name))


def _undecided(schema: Schema, instance: Json, known: Mapping[str, Schema]) -> bool:
    """Tell whether a value that decides which properties there are is none of those allowed."""
    deciding = {
        name
        for applied in applicable(schema, instance)
        for name in applied.get("if", {}).get("properties", {})
    }
    return any(
        instance[name] not in known[name].get("enum", [instance[name]])
        for name in deciding & instance.keys() & known.keys()
    )


def _pattern(
    validator: Any, pattern: str, instance: Json, schema: Schema
) -> Iterator[ValidationError]:
    """Check `pattern` as ECMA-262 reads it: Python's `$` would let a newline at the end pass."""
    exact = pattern.removesuffix("$") + (r"\Z" if pattern.endswith("$") else "")
    if validator.is_type(instance, "string") and not re.search(exact, instance):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


def _too_many(instance: Json, schema: Schema) -> bool:
    """Tell whether there are more parts than allowed.

    That is a fault of its own, and makes it useless to look at each.
    """
    most: float = min(schema.get("maxItems", math.inf), schema.get("maxProperties", math.inf))
    return len(instance) > most


def _items(validator: Any, items: Any, instance: Json, schema: Schema) -> Iterator[ValidationError]:
    if validator.is_type(instance, "array") and not _too_many(instance, schema):
        yield from _STANDARD["items"](validator, items, instance, schema)


def _property_names(
    validator: Any, names: Any, instance: Json, schema: Schema
) -> Iterator[ValidationError]:
    if validator.is_type(instance, "object") and not _too_many(instance, schema):
        yield from _STANDARD["propertyNames"](validator, names, instance, schema)


def _distinct(
    validator: Any, distinct: bool, instance: Json, schema: Schema
) -> Iterator[ValidationError]:
    """Check `uniqueItems` in linear time, whatever the items are."""
    if distinct and validator.is_type(instance, "array") and not _too_many(instance, schema):
        texts = {json.dumps(_canonical(item), sort_keys=True) for item in instance}
        if len(texts) < len(instance):
            yield ValidationError(f"{show(instance)} has non-unique elements")


def _canonical(value: Json) -> Json:
    """Return a value in which numbers that are equal are written in the same way."""
    if isinstance(value, dict):
        return {name: _canonical(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_canonical(part) for part in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _is_integer(_checker: Any, instance: object) -> bool:
    """Tell whether a value is an integer that every program reads as the same one.

    64.0 is, and 1e22 is not.
    """
    if isinstance(instance, bool) or not isinstance(instance, int | float):
        return False
    return abs(instance) <= LARGEST_INTEGER and float(instance).is_integer()


_STANDARD = jsonschema.Draft202012Validator.VALIDATORS
_TYPE_CHECKER = jsonschema.Draft202012Validator.TYPE_CHECKER.redefine("integer", _is_integer)


@functools.cache
def _validator_class() -> Any:
    checks: dict[str, Any] = {
        "additionalProperties": _closed,
        "unevaluatedProperties": _closed,
        "pattern": _pattern,
    }
    checks |= {"items": _items, "propertyNames": _property_names, "uniqueItems": _distinct}
    return jsonschema.validators.extend(
        jsonschema.Draft202012Validator, checks, type_checker=_TYPE_CHECKER
    )


@functools.cache
def _validator(name: str) -> Any:
    root = load_schema()
    whole = root if name == "experiment" else {"$ref": f"#/$defs/{name}", "$defs": root["$defs"]}
    return _validator_class()(whole)


def faults(name: str, instance: Json) -> Iterator[tuple[Pointer, str]]:
    """Yield pointer and message of everything in an instance that a definition does not allow.

    Of very many faults it yields the first.
    """
    found: set[tuple[Pointer, str]] = set()
    for fault in (
        fault for error in _validator(name).iter_errors(instance) for fault in _describe(error)
    ):
        if fault not in found:  # two parts of the schema may say the same
            yield fault
        found.add(fault)
        if len(found) >= MOST_FAULTS:
            return


@dataclass(frozen=True)
class Section:
    """One section of a run, such as its training: its faults or, where it has none, its values.

    `complete` has all defaults, written as a person wrote it. In `typed` a number that may have a
    fraction is a float, so that 1 is 1.0. `paths` are the places of paths in it.
    """

    faults: tuple[tuple[Pointer, str], ...]
    complete: Json = None
    typed: Json = None
    paths: tuple[Pointer, ...] = ()


_ABSENT = "absent"


class Sections:
    """The sections of the runs of one specification.

    They do not depend on one another in the schema, and the cells of a matrix share most of theirs:
    each is looked at once.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], Section] = {}

    def faults(self, combined: Mapping[str, Json]) -> list[tuple[Pointer, str]]:
        """Return the faults of a combined run, as `faults("complete_run", combined)` does."""
        required = definition("complete_run")["required"]
        missing = [((), f"'{name}' is missing") for name in required if name not in combined]
        return missing + [
            fault for name in combined for fault in self._section(combined, name).faults
        ]

    def of(self, combined: Mapping[str, Json]) -> dict[str, Section]:
        """Return all sections of a combined run that has no fault, by name.

        Those that it writes come first.
        """
        names = dict.fromkeys([*combined, *properties(definition("run"), combined)])
        return {name: self._section(combined, name) for name in names}

    def _section(self, combined: Mapping[str, Json], name: str) -> Section:
        key = (name, compact(combined[name]) if name in combined else _ABSENT)
        if key not in self._known:
            self._known[key] = _section({name: combined[name]} if name in combined else {}, name)
        return self._known[key]


def _section(alone: Mapping[str, Json], name: str) -> Section:
    found = tuple(fault for fault in faults("complete_run", alone) if fault[0]) if alone else ()
    if found:
        return Section(found)
    paths: list[Pointer] = []
    beyond: list[tuple[Pointer, str]] = []

    def typed(pointer: Pointer, schemas: Sequence[Schema], value: Json) -> Json:
        if isinstance(value, str) and is_path(schemas):
            paths.append(pointer)
        if isinstance(value, bool) or not isinstance(value, int | float) or not is_number(schemas):
            return value
        if abs(value) > LARGEST_FLOAT:
            beyond.append(
                (
                    pointer,
                    f"{show(value)} is too large: runs compute in float32, up to {LARGEST_FLOAT:g}",
                )
            )
        return float(value)

    part = properties(definition("run"), alone)[name]
    complete = (
        fill_defaults(part, alone[name]) if alone else fill_defaults(definition("run"), {})[name]
    )
    values = mapped(part, complete, typed, (name,))
    return Section(tuple(beyond), complete, values, tuple(paths))


def _describe(error: ValidationError) -> Iterator[tuple[Pointer, str]]:
    pointer = tuple(error.absolute_path)
    if "propertyNames" in error.absolute_schema_path:
        pointer = (*pointer, error.instance)
    if error.validator == "anyOf" and error.context:
        yield from _nearest_branch(error, pointer)
    elif error.validator != "enum" or type(error.instance) in map(type, error.validator_value):
        yield (
            pointer,
            _message(error),
        )  # of another type than the allowed values, its type is told already


def _nearest_branch(error: ValidationError, pointer: Pointer) -> Iterator[tuple[Pointer, str]]:
    """Describe a failed choice: by the branch whose type fits, or by the types that are allowed."""
    branches: dict[Any, list[ValidationError]] = {}
    for inner in error.context:
        branches.setdefault(inner.schema_path[0], []).append(inner)
    fitting = [
        errors
        for errors in branches.values()
        if not any(e.validator == "type" and e.instance is error.instance for e in errors)
    ]
    if fitting:
        for inner in fitting[0]:
            yield from _describe(inner)
    else:
        types = [
            e.validator_value
            for errors in branches.values()
            for e in errors
            if e.validator == "type"
        ]
        yield pointer, _wrong_type(types, error.instance)


def _wrong_type(types: Sequence[str | Sequence[str]], instance: Json) -> str:
    names = [name for each in types for name in ([each] if isinstance(each, str) else each)]
    expected = " or ".join(_TYPES[name] for name in names)
    if isinstance(instance, float) and instance.is_integer() and "integer" in names:
        expected += f" of at most {LARGEST_INTEGER}"
    return f"expected {expected}, found {show(instance)}"


def _probably(schema: Schema, instance: Json) -> str:
    """Return how a value may be written that stands without the braces or brackets it needs."""
    names = properties(schema, {}).get("name", {}).get("enum", ())
    if isinstance(instance, str) and names:
        meant = instance if instance in names else nearest(instance, names) or names[0]
        return f"; did you mean {show({'name': meant})}?"
    items = schema.get("items")
    is_item = isinstance(items, dict) and items.get("type") and _is_of_type(items, instance)
    return f"; did you mean {show([instance])}?" if is_item else ""


def _message(error: ValidationError) -> str:
    value, found = error.validator_value, show(error.instance)
    messages: dict[str, Callable[[], str]] = {
        "type": lambda: (
            _wrong_type([value], error.instance) + _probably(error.schema, error.instance)
        ),
        "enum": lambda: unknown("value", str(error.instance), map(str, value)) + _otherwise(error),
        "const": lambda: f"expected {show(value)}, found {found}",
        "required": lambda: f"{error.message.split(' is a required')[0]} is missing",
        "pattern": lambda: f"{found} does not have the form {value}" + _in_words(error.schema),
        "minimum": lambda: f"expected at least {value}, found {found}",
        "maximum": lambda: f"expected at most {value}, found {found}",
        "exclusiveMinimum": lambda: f"expected more than {value}, found {found}",
        "exclusiveMaximum": lambda: f"expected less than {value}, found {found}",
        "minItems": lambda: (
            f"expected at least {plural(value, 'item')}, found {len(error.instance)}"
        ),
        "maxItems": lambda: f"expected at most {value:,} items, found {len(error.instance):,}",
        "maxProperties": lambda: (
            f"expected at most {value:,} members, found {len(error.instance):,}"
        ),
        "items": lambda: f"expected no more items, found {found}",
        "uniqueItems": lambda: f"expected distinct items, found {found}",
        "minLength": lambda: "expected a text, found an empty string",
        "maxLength": lambda: f"expected at most {value} characters, found {len(error.instance)}",
        "minProperties": lambda: "expected at least one member, found none",
        "oneOf": lambda: (
            "expected exactly one of " + ", ".join(repr(part["required"][0]) for part in value)
        ),
    }
    describe = messages.get(str(error.validator))
    return describe() if describe else str(error.message)


def _in_words(schema: Schema) -> str:
    """Say what a pattern means, where the schema tells it."""
    means = schema.get("patternMeans", "")
    return f" ({means})" if means else ""


def _otherwise(error: ValidationError) -> str:
    """Say what to write for a value that has no name, where the schema tells it."""
    advice = error.schema.get("enumOtherwise", "")
    return f"; {advice.replace('FOUND', compact(error.instance))}" if advice else ""


def compact(value: Json) -> str:
    """Write a JSON value on one line."""
    return json.dumps(value, ensure_ascii=False)


def show(value: Json) -> str:
    """Write the beginning of a JSON value, or all of a short one, on one line.

    Of a large value no more is read than is written.
    """
    text = ""
    for piece in json.JSONEncoder(ensure_ascii=False).iterencode(
        value[:61] if isinstance(value, str) else value
    ):
        text += piece
        if len(text) > 60:
            return text[:57] + "..."
    return text
