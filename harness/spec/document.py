"""JSON text with positions: where in a file the value of a JSON pointer (RFC 6901) stands."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NoReturn

import tree_sitter
import tree_sitter_json

from harness.experiment import Json
from harness.spec.find import MOST_BYTES
from harness.system.files import read_bytes

Pointer = tuple[str | int, ...]
"""A JSON pointer, split into its member names and array indices."""

DEEPEST = 100
"""So many objects and arrays may lie in one another."""

LARGEST_INTEGER = 2**53 - 1
"""Beyond it, and its negative, a double cannot tell integers apart (RFC 8259, section 6)."""

_SCALAR = re.compile(r'"(?:[^"\\]|\\.)*"|[^\s\[\]{},:"]+', re.DOTALL)


class SyntaxProblem(ValueError):
    """The text is not JSON: what is wrong, and at which line and column (both from 1)."""

    def __init__(self, message: str, line: int, column: int) -> None:
        super().__init__(message)
        self.message, self.line, self.column = message, line, column


def format_pointer(pointer: Sequence[str | int]) -> str:
    """Write a pointer as RFC 6901 does; the whole document is the empty string."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in pointer)


@dataclass(frozen=True)
class Document:
    """One JSON file: its path, its text and its value."""

    path: Path
    text: str
    value: Json

    @cached_property
    def _positions(self) -> dict[Pointer, tuple[int, int]]:
        return positions(self.text)

    def position(self, pointer: Pointer) -> tuple[int, int]:
        """Return line and column, from 1, of the value at `pointer`, or of its nearest parent."""
        while pointer and pointer not in self._positions:
            pointer = pointer[:-1]
        return self._positions.get(pointer, (1, 1))

    def holds(self, pointer: Pointer) -> bool:
        """Tell whether the document has a value at `pointer`."""
        return pointer in self._positions

    def says(self, pointer: Pointer, value: Json) -> bool:
        """Tell whether the document has this very value at `pointer`."""
        found = self.value
        for part in pointer:
            there = isinstance(found, dict) and part in found
            if not there and not (
                isinstance(found, list) and isinstance(part, int) and part < len(found)
            ):
                return False
            found = found[part]
        return bool(found == value)


def read(path: Path) -> Document:
    """Read a JSON file strictly.

    It has no repeated member, no NaN or Infinity, no half of a character, and is UTF-8.

    Raises:
        OSError: the file cannot be read, is no regular one, or is larger than a specification.
        SyntaxProblem: it is not such JSON.
    """
    try:
        text = read_bytes(path, MOST_BYTES).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SyntaxProblem(f"not UTF-8: {error.reason} at byte {error.start}", 1, 1) from error
    return parse(path, text)


def parse(path: Path, text: str) -> Document:
    """Parse JSON text; see `read`."""
    try:
        value = json.loads(
            text,
            object_pairs_hook=_distinct,
            parse_constant=_no_constant,
            parse_float=_finite,
            parse_int=_integer,
        )
    except json.JSONDecodeError as error:
        raise SyntaxProblem(f"not JSON: {error.msg}", error.lineno, error.colno) from error
    except RecursionError as error:
        raise SyntaxProblem("nested too deeply", 1, 1) from error
    except _Repeated as error:
        raise SyntaxProblem(str(error), *_repeated_key(text)) from error
    except _Unwelcome as error:
        raise SyntaxProblem(str(error), *_scalar(text, error.sought)) from error
    if _depth(value) > DEEPEST:
        raise SyntaxProblem("nested too deeply", 1, 1)
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise SyntaxProblem("a \\u escape stands for half of a character", 1, 1) from error
    return Document(path, text, value)


class _Unwelcome(Exception):
    """Something that Python's json module lets pass; `sought` is its text in the file."""

    def __init__(self, message: str, sought: str) -> None:
        super().__init__(message)
        self.sought = sought


class _Repeated(Exception):
    """An object has the same member twice."""


def _distinct(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    members = dict(pairs)
    if len(members) < len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise _Repeated(f"the member {name!r} stands twice in one object")
            seen.add(name)
    return members


def _no_constant(text: str) -> NoReturn:
    raise _Unwelcome(f"{text} is not a JSON number", text)


def _finite(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise _Unwelcome(f"the number {text} is too large", text)
    return value


def _integer(text: str) -> int:
    if len(text) > 20 or abs(int(text)) > LARGEST_INTEGER:
        raise _Unwelcome(
            f"the integer {text if len(text) <= 40 else text[:37] + '...'} is too large", text
        )
    return int(text)


def _scalar(text: str, sought: str) -> tuple[int, int]:
    """Return line and column of a number or constant, which is no part of a string."""
    at = next((found.start() for found in _SCALAR.finditer(text) if found[0] == sought), 0)
    return text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)


def _repeated_key(text: str) -> tuple[int, int]:
    """Return line and column of the first key that stands twice in its object."""
    seen: set[Pointer] = set()
    for pointer, key, _ in _nodes(text):
        if pointer in seen and key is not None:
            return _start(text, key)
        seen.add(pointer)
    return 1, 1


def _depth(value: Json) -> int:
    depth, level = 0, [value]
    while level:
        depth += 1
        level = [
            child
            for item in level
            for child in (
                item.values() if isinstance(item, dict) else item if isinstance(item, list) else ()
            )
        ]
    return depth


def _nodes(text: str) -> Iterator[tuple[Pointer, tree_sitter.Node | None, tree_sitter.Node]]:
    """Yield pointer, key and node of every value, in order.

    The key is None where the value is no member of an object.
    """
    source = text.encode()
    parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_json.language()))
    pending: list[tuple[Pointer, tree_sitter.Node | None, tree_sitter.Node]] = [
        ((), None, node)
        for node in parser.parse(source).root_node.named_children
        if node.type != "comment"
    ]
    while pending:
        pointer, own_key, node = pending.pop()
        yield pointer, own_key, node
        children: list[tuple[Pointer, tree_sitter.Node | None, tree_sitter.Node]] = []
        if node.type == "object":
            for pair in node.named_children:
                key, value = pair.child_by_field_name("key"), pair.child_by_field_name("value")
                if key is not None and value is not None:
                    children.append(
                        ((*pointer, json.loads(source[key.start_byte : key.end_byte])), key, value)
                    )
        elif node.type == "array":
            children = [
                ((*pointer, index), None, item) for index, item in enumerate(node.named_children)
            ]
        pending.extend(reversed(children))


def _start(text: str, node: tree_sitter.Node) -> tuple[int, int]:
    at = len(text.encode()[: node.start_byte].decode())
    return text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)


def positions(text: str) -> dict[Pointer, tuple[int, int]]:
    """Return line and column, both from 1, of every value in JSON text."""
    lines = text.encode().split(b"\n")
    found: dict[Pointer, tuple[int, int]] = {}
    # Values come in the order of the text, so that each piece of a line is decoded once.
    line, passed, column = 0, 0, 1
    for pointer, _, node in _nodes(text):
        row, byte_column = node.start_point
        if row != line:
            line, passed, column = row, 0, 1
        column += len(lines[row][passed:byte_column].decode(errors="replace"))
        passed = byte_column
        found[pointer] = (row + 1, column)
    return found
