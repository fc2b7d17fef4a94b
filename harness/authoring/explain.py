"""The language explained, property by property, out of its schema."""

from __future__ import annotations

import difflib
import functools
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from harness.errors import UsageFault
from harness.experiment import Json
from harness.metrics import METRICS
from harness.spec.problems import usual
from harness.spec.schema import Schema, compact, definition, every_part
from harness.words import first_sentence

_ANY = "*"
_PLURALS = {
    "object": "objects",
    "array": "lists",
    "string": "strings",
    "integer": "integers",
    "number": "numbers",
}
_NAMES = {"array": "list", "boolean": "true or false"}
_LIMITS = {
    "minimum": "at least {}",
    "exclusiveMinimum": "more than {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "less than {}",
    "minItems": "length at least {}",
    "maxItems": "length at most {}",
    "minProperties": "members at least {}",
    "maxLength": "at most {} characters",
    "pattern": "of the form {}",
}
_MOST_NAMED = 8


@dataclass(frozen=True)
class Child:
    """One line of what stands below a property; `default` is JSON, "required" or ""."""

    name: str
    type: str
    default: str
    sentence: str


@dataclass(frozen=True)
class Entry:
    """All that the schema says of one property.

    `where` says when it may be there, "" where always. `allowed` are the values that it may have,
    each with its meaning or "". `kinds` are the values of `name` (or of another
    property) that bring properties of their own. `setting` is the option that sets it from the
    command line, where that is possible.
    """

    path: str
    title: str
    description: str
    where: str
    type: str
    allowed: tuple[tuple[str, str], ...]
    limits: tuple[str, ...]
    required: bool
    default: str
    example: str
    kinds: tuple[Child, ...]
    children: tuple[Child, ...]
    setting: str


class UnknownPath(UsageFault):
    """No property has this path; the message says which is nearest."""


@dataclass(frozen=True)
class _Node:
    """A place in the schema.

    `path` is its name here, `part` its schema, `place` where `--set` finds it (None: nowhere).
    `where` is the condition on which it is there; a `kind` is that condition itself.
    """

    path: tuple[str, ...]
    part: Schema
    place: tuple[str, ...] | None = ()
    where: str = ""
    kind: bool = False

    @property
    def name(self) -> str:
        return ".".join(self.path)


class _Branch(NamedTuple):
    """What a value of a property brings."""

    decided_by: str
    value: Json
    part: Schema

    @property
    def where(self) -> str:
        value = self.value if isinstance(self.value, str) else compact(self.value)
        return f"{self.decided_by} is {value}"


def explain(path: str) -> Entry:
    """Explain the property at a dotted path; "" is the whole specification.

    A path may be that of a specification, of a run (training.optimizer), of a definition
    (optimizer.sgd) or the end of any of these (momentum_rule). Names of runs and numbers in lists
    may be left out or written `*`.

    Raises:
        UnknownPath: there is none, or several.
    """
    return _entry(_find(path))


def names_below(start: str) -> list[tuple[str, str]]:
    """Return the paths that complete the start of one by a single step, each with its title."""
    parent, dot, _ = start.rpartition(".")
    try:
        nodes = _below(_find(parent))
    except UnknownPath:
        return []
    if not dot:
        nodes = [*nodes, *(node for node in _below(_find("defaults")))]
    found = {
        f"{parent}{dot}{node.path[-1]}": _text(node, "title")
        for node in nodes
        if node.path[-1] != _ANY
    }
    return [(name, title) for name, title in found.items() if name.startswith(start)]


def _find(path: str) -> _Node:
    segments = [segment for segment in re.split(r"[.\[\]]", path) if segment]
    used = _uses().get(segments[0]) if segments else None
    direct = _descend(_root(), segments) or (_descend(used, segments[1:]) if used else None)
    if direct is not None:
        return direct
    ending = [node for node in _index() if list(node.path[-len(segments) :]) == segments]
    if len(ending) == 1:
        return ending[0]
    if ending:
        raise UnknownPath(f"there are {len(ending)} of {path!r}: {_listed(ending)}")
    raise UnknownPath(f"unknown property {path!r}{_guess(segments)}")


def _listed(nodes: Sequence[_Node]) -> str:
    return ", ".join(node.name for node in nodes[:_MOST_NAMED])


def _guess(segments: Sequence[str]) -> str:
    """Return the question whether the nearest path was meant, else what command lists all."""
    of_length = {".".join(node.path[-len(segments) :]): node.name for node in reversed(_index())}
    written = ".".join([*segments[:-1], usual(segments[-1])])
    nearest = difflib.get_close_matches(written, of_length, n=1, cutoff=0.6)
    return (
        f"; did you mean {of_length[nearest[0]]!r}?"
        if nearest
        else "; explain alone lists what there is"
    )


def _descend(node: _Node, segments: Sequence[str]) -> _Node | None:
    for index, segment in enumerate(segments):
        members = {member.path[-1]: member for member in _below(node)}
        if segment in members:
            return _descend(members[segment], segments[index + 1 :])
        if _ANY in members:
            return _descend(members[_ANY], segments[index + 1 :])
        of_kinds = [
            deeper for kind in _kinds(node) for deeper in _below(kind) if deeper.path[-1] == segment
        ]
        if len(of_kinds) == 1:
            return _descend(of_kinds[0], segments[index + 1 :])
        if of_kinds:
            raise UnknownPath(
                f"there are {len(of_kinds)} of {node.name}.{segment}: {_listed(of_kinds)}"
            )
        if not (_is_list(node) and (segment == _ANY or segment.isdigit())):
            return None
    return node


@functools.cache
def _root() -> _Node:
    return _Node((), definition("experiment"))


@functools.cache
def _index() -> tuple[_Node, ...]:
    """Return every place once: a part with several places, such as a run, at the first of them."""
    return tuple(_walk(_root(), set()))


def _walk(node: _Node, met: set[int]) -> Iterator[_Node]:
    for member in _below(node):
        if id(member.part) not in met:
            met.add(id(member.part))
            yield member
            yield from _walk(member, met)


@functools.cache
def _uses() -> dict[str, _Node]:
    """Return where each definition of the schema is used first, by its name."""
    found: dict[str, _Node] = {}
    for node in _index():
        for part in every_part(node.part):
            for holder in (part, part.get("items")):
                if isinstance(holder, Mapping) and "$ref" in holder:
                    found.setdefault(holder["$ref"].rpartition("/")[2], node)
    return found


def _with_items(part: Schema) -> list[Schema]:
    """Return the parts of a schema and of a list's items: lists are looked through."""
    found: list[Schema] = []
    for applied in every_part(part):
        found.append(applied)
        if isinstance(applied.get("items"), Mapping):
            found += _with_items(applied["items"])
    return found


def _branches(part: Schema) -> list[_Branch]:
    """Return what single values of properties bring, each value's once."""
    found: dict[int, _Branch] = {}
    for holder in _with_items(part):
        for name, condition in holder.get("if", {}).get("properties", {}).items():
            found.setdefault(id(holder["then"]), _Branch(name, condition["const"], holder["then"]))
    return list(found.values())


def _kinds(node: _Node) -> list[_Node]:
    """Return the kinds that a place has: one for each value of what decides its properties.

    Most bring a list of properties of their own; those that do not are told all the same.
    """
    place = None if _is_list(node) else node.place
    own = {
        branch.value: branch
        for branch in _branches(node.part)
        if "title" in branch.part and branch.part is not node.part
    }
    in_order = {
        value: own.get(value) or _Branch(decided_by, value, _plain_kind(value, meaning))
        for decided_by in dict.fromkeys(branch.decided_by for branch in own.values())
        for value, meaning in _values(node.part, decided_by)
    }
    return [
        _Node((*node.path, branch.value), branch.part, place, branch.where, kind=True)
        for branch in {**in_order, **own}.values()
    ]


def _values(part: Schema, name: str) -> Iterator[tuple[str, str]]:
    """Yield the values that a property of a part may have, each with its meaning or ""."""
    for applied in _with_items(part):
        if name in applied.get("properties", ()):
            yield from _allowed(applied["properties"][name])


@functools.cache
def _plain_kind(value: str, meaning: str) -> Schema:
    """Return the schema of a kind without properties of its own, the same one for each value."""
    return {"title": value, "description": meaning}


def _below(node: _Node) -> list[_Node]:
    """Return what stands below a place: properties, names that a person chooses, kinds, metrics."""
    kinds = _kinds(node)
    of_kinds = {id(part) for kind in kinds for part in every_part(kind.part)}
    conditions = {id(branch.part): branch.where for branch in _branches(node.part)}
    place = None if _is_list(node) else node.place
    found: dict[str, _Node] = {}
    for applied in _with_items(node.part):
        if id(applied) in of_kinds:
            continue
        where = conditions.get(id(applied), node.where)
        for name, part in applied.get("properties", {}).items():
            found.setdefault(
                name,
                _Node((*node.path, name), part, None if place is None else (*place, name), where),
            )
        named = applied.get("additionalProperties")
        if isinstance(named, Mapping) and "type" not in named:
            found.setdefault(_ANY, _Node((*node.path, _ANY), named, None))
    if node.path == ("expectations", "metric"):
        found |= {name: _Node((*node.path, name), part, None) for name, part in _metrics().items()}
    return [*found.values(), *kinds]


def _is_list(node: _Node) -> bool:
    return any("array" in applied.get("type", ()) for applied in every_part(node.part))


@functools.cache
def _metrics() -> dict[str, Schema]:
    """Return what is measured, as parts of a schema."""
    return {
        name: {
            "title": metric.title.capitalize(),
            "description": f"{metric.definition[:1].upper()}{metric.definition[1:]}.",
            "type": "number",
            "examples": [f"random.{name}"],
            "readOnly": True,
        }
        for name, metric in METRICS.items()
    }


def _entry(node: _Node) -> Entry:
    below = _below(node)
    kinds = [each for each in below if each.kind]
    return Entry(
        path=node.name,
        title=_text(node, "title"),
        description=_text(node, "description"),
        where=node.where,
        type="" if node.kind else _type(node.part),
        allowed=tuple(_allowed(node.part)) if not kinds else (),
        limits=tuple(_limits(node.part)),
        required=_required(node),
        default=_default(node.part) or "",
        example=_example(node),
        kinds=tuple(_child(each) for each in kinds),
        children=tuple(_child(each) for each in below if not each.kind),
        setting=_setting(node),
    )


def _child(node: _Node) -> Child:
    return Child(
        node.path[-1],
        "" if node.kind else _type(node.part),
        "required" if _required(node) else _default(node.part) or "",
        first_sentence(_text(node, "description")),
    )


def _required(node: _Node) -> bool:
    """Tell whether it must be given, as what has no default must, where it may be there at all."""
    chosen = not node.path or node.path[-1] == _ANY or node.kind or node.part.get("readOnly", False)
    return not chosen and _default(node.part) is None


def _text(node: _Node, what: str) -> str:
    found = next((str(part[what]) for part in every_part(node.part) if what in part), "")
    if not found and node.path[-1:] == (_ANY,):
        return "Any name" if what == "title" else "A name of your own."
    return found


def _default(part: Schema) -> str | None:
    return next(
        (compact(applied["default"]) for applied in every_part(part) if "default" in applied), None
    )


def _type(part: Schema) -> str:
    words: dict[str, None] = {}
    for applied in every_part(part):
        types = applied.get("type", ())
        for name in [types] if isinstance(types, str) else types:
            words[_list_of(applied) if name == "array" else _NAMES.get(name, name)] = None
        if "const" in applied:
            words[compact(applied["const"])] = None
    return " or ".join(words)


def _list_of(part: Schema) -> str:
    items = part.get("items")
    if isinstance(items, Mapping):
        return f"list of {_PLURALS.get(_type(items), _type(items))}"
    return f"list of {len(part['prefixItems'])}" if "prefixItems" in part else "list"


def _allowed(part: Schema) -> Iterator[tuple[str, str]]:
    for applied in _with_items(part):
        if "enum" in applied:
            meanings: Sequence[str] = applied.get("enumDescriptions", ())
            yield from (
                (str(value), text)
                for value, text in itertools.zip_longest(applied["enum"], meanings, fillvalue="")
            )
            return


def _limits(part: Schema) -> Iterator[str]:
    for applied in every_part(part):
        yield from (
            words.format(applied[name]) for name, words in _LIMITS.items() if name in applied
        )
        if applied.get("uniqueItems"):
            yield "distinct"


def _example(node: _Node) -> str:
    """Return an example; that of a kind has one of each of its properties."""
    if node.kind:
        decided_by, _, value = node.where.partition(" is ")
        members: dict[str, Any] = {decided_by: value}
        for name, part in node.part.get("properties", {}).items():
            members[name] = _first_example(part)
        return compact(members)
    example = _first_example(node.part)
    return "" if example is None else compact(example)


def _first_example(part: Schema) -> Json:
    return next(
        (applied["examples"][0] for applied in every_part(part) if "examples" in applied), None
    )


def _setting(node: _Node) -> str:
    """Return `--set PATH=VALUE` with the example, "" where the place is in a list or a run."""
    example = _first_example(node.part)
    if (
        not node.place
        or node.kind
        or isinstance(example, dict | None)
        or node.path[0] not in ("defaults", "seeds")
    ):
        return ""
    value = example if isinstance(example, str) else compact(example)
    quoted = f"'{value}'" if re.search(r"[^\w.,:/-]", value) else value
    return f"--set {'.'.join(node.place)}={quoted}"
