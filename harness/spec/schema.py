"""The language's one definition, `experiment.schema.json`, put to work: faults and defaults."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import resources
from typing import Any

import jsonschema
from jsonschema.exceptions import ValidationError

from harness.spec.document import Pointer
from harness.spec.problems import unknown
from harness.spec.records import Json

Schema = Mapping[str, Any]

_TYPES = {"object": "an object", "array": "an array", "string": "a string", "integer": "an integer"}
_TYPES |= {"number": "a number", "boolean": "true or false", "null": "null"}


@functools.cache
def load_schema() -> dict[str, Any]:
    """Return the schema as it lies in the package."""
    schema: dict[str, Any] = json.loads(resources.files("harness.spec").joinpath("experiment.schema.json").read_text())
    return schema


def definition(name: str) -> Schema:
    """Return one of the schema's `$defs`; "experiment" is the whole schema."""
    root = load_schema()
    found: Schema = root if name == "experiment" else root["$defs"][name]
    return found


def applicable(schema: Schema, instance: Json) -> Iterator[Schema]:
    """Yield the schema and all that it brings to bear on an instance: `$ref`, `allOf`, `if`/`then`."""
    yield schema
    if "$ref" in schema:
        yield from applicable(definition(schema["$ref"].removeprefix("#/$defs/")), instance)
    for part in schema.get("allOf", ()):
        yield from applicable(part, instance)
    if "if" in schema:
        branch = "then" if _matches(schema["if"], instance) else "else"
        yield from applicable(schema.get(branch, {}), instance)


def _matches(condition: Schema, instance: Json) -> bool:
    """Evaluate an `if` of the two forms that the schema uses: a property's constant, a required property."""
    if not isinstance(instance, dict):
        return True
    constants = condition.get("properties", {}).items()
    return all(name in instance for name in condition.get("required", ())) and all(
        instance[name] == constant["const"] for name, constant in constants if name in instance
    )


def properties(schema: Schema, instance: Json) -> dict[str, Schema]:
    """Return the properties that the schema allows an instance to have, by name."""
    return {
        name: part for applied in applicable(schema, instance) for name, part in applied.get("properties", {}).items()
    }


def fill_defaults(schema: Schema, instance: Json) -> Json:
    """Return a copy of a valid instance in which every absent property has its default, and integers are `int`."""
    parts = list(applicable(schema, instance))
    if isinstance(instance, float) and instance.is_integer() and any(_takes_integers(part) for part in parts):
        return int(instance)  # JSON Schema takes 64.0 for an integer
    if isinstance(instance, list):
        items: Schema = next((part["items"] for part in parts if isinstance(part.get("items"), dict)), {})
        return [fill_defaults(items, item) for item in instance]
    if not isinstance(instance, dict):
        return instance
    filled = dict(instance)
    for name, part in properties(schema, instance).items():
        if name not in filled:
            defaults = [applied["default"] for applied in applicable(part, None) if "default" in applied]
            if not defaults:
                continue
            filled[name] = defaults[0]
        filled[name] = fill_defaults(part, filled[name])
    return filled


def _takes_integers(schema: Schema) -> bool:
    allowed = schema.get("type", ())
    return "integer" in ([allowed] if isinstance(allowed, str) else allowed)


def _closed(validator: Any, allowed: Any, instance: Json, schema: Schema) -> Iterator[ValidationError]:
    """Check `additionalProperties` and `unevaluatedProperties`: one error for each unknown name, at that name."""
    if not validator.is_type(instance, "object"):
        return
    known = properties(schema, instance)
    for name, value in instance.items():
        if name not in known:
            if allowed is False:
                yield ValidationError(unknown("property", name, known), path=[name])
            else:
                yield from validator.descend(value, allowed, path=name)


def _pattern(validator: Any, pattern: str, instance: Json, schema: Schema) -> Iterator[ValidationError]:
    """Check `pattern` as ECMA-262 reads it: Python's `$` would let a newline at the end pass."""
    exact = pattern.removesuffix("$") + (r"\Z" if pattern.endswith("$") else "")
    if validator.is_type(instance, "string") and not re.search(exact, instance):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


@functools.cache
def _validator_class() -> Any:
    checks = {"additionalProperties": _closed, "unevaluatedProperties": _closed, "pattern": _pattern}
    return jsonschema.validators.extend(jsonschema.Draft202012Validator, checks)


@functools.cache
def _validator(name: str) -> Any:
    root = load_schema()
    whole = root if name == "experiment" else {"$ref": f"#/$defs/{name}", "$defs": root["$defs"]}
    return _validator_class()(whole)


def faults(name: str, instance: Json) -> Iterator[tuple[Pointer, str]]:
    """Yield the pointer and the message of everything in `instance` that the definition `name` does not allow."""
    found = (fault for error in _validator(name).iter_errors(instance) for fault in _describe(error))
    yield from dict.fromkeys(found)  # two parts of the schema may say the same


def faults_of_run(combined: Mapping[str, Json]) -> list[tuple[Pointer, str]]:
    """Return the faults of a combined run, as `faults("complete_run", combined)` does.

    A run's sections do not depend on one another in the schema, and the cells of an experiment share most of
    theirs: each is looked at once.
    """
    missing = [((), f"'{name}' is missing") for name in definition("complete_run")["required"] if name not in combined]
    return missing + [fault for name, value in combined.items() for fault in _section_faults(name, compact(value))]


@functools.lru_cache(maxsize=4096)
def _section_faults(name: str, text: str) -> tuple[tuple[Pointer, str], ...]:
    return tuple(fault for fault in faults("complete_run", {name: json.loads(text)}) if fault[0])


def _describe(error: ValidationError) -> Iterator[tuple[Pointer, str]]:
    pointer = tuple(error.absolute_path)
    if "propertyNames" in error.absolute_schema_path:
        pointer = (*pointer, error.instance)
    if error.validator == "anyOf" and error.context:
        yield from _nearest_branch(error, pointer)
    elif error.validator != "enum" or type(error.instance) in map(type, error.validator_value):
        yield pointer, _message(error)  # of another type than the allowed values, its type is told already


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
        types = [e.validator_value for errors in branches.values() for e in errors if e.validator == "type"]
        yield pointer, _wrong_type(types, error.instance)


def _wrong_type(types: Sequence[str | Sequence[str]], instance: Json) -> str:
    names = [name for each in types for name in ([each] if isinstance(each, str) else each)]
    return f"expected {' or '.join(_TYPES[name] for name in names)}, found {show(instance)}"


def _message(error: ValidationError) -> str:
    value, found = error.validator_value, show(error.instance)
    messages: dict[str, Callable[[], str]] = {
        "type": lambda: _wrong_type([value], error.instance),
        "enum": lambda: unknown("value", str(error.instance), map(str, value)) + _otherwise(error),
        "const": lambda: f"expected {show(value)}, found {found}",
        "required": lambda: f"{error.message.split(' is a required')[0]} is missing",
        "pattern": lambda: f"{found} does not have the form {value}",
        "minimum": lambda: f"expected at least {value}, found {found}",
        "maximum": lambda: f"expected at most {value}, found {found}",
        "exclusiveMinimum": lambda: f"expected more than {value}, found {found}",
        "exclusiveMaximum": lambda: f"expected less than {value}, found {found}",
        "minItems": lambda: f"expected at least {value} item{'s' if value != 1 else ''}, found {len(error.instance)}",
        "maxItems": lambda: f"expected at most {value} items, found {len(error.instance)}",
        "items": lambda: f"expected no more items, found {found}",
        "uniqueItems": lambda: f"expected distinct items, found {found}",
        "minLength": lambda: "expected a text, found an empty string",
        "maxLength": lambda: f"expected at most {value} characters, found {len(error.instance)}",
        "minProperties": lambda: "expected at least one member, found none",
        "oneOf": lambda: "expected exactly one of " + ", ".join(repr(part["required"][0]) for part in value),
    }
    describe = messages.get(str(error.validator))
    return describe() if describe else str(error.message)


def _otherwise(error: ValidationError) -> str:
    """Say what to write for a value that is none of those that have a name, where the schema tells it."""
    told = error.schema.get("enumOtherwise", "")
    return f"; {told.replace('FOUND', compact(error.instance))}" if told else ""


def compact(value: Json) -> str:
    """Write a JSON value on one line."""
    return json.dumps(value, ensure_ascii=False)


def show(value: Json) -> str:
    """Write a JSON value on one short line."""
    text = compact(value)
    return text if len(text) <= 60 else text[:57] + "..."
