"""Python's source code, read without running it: what a module imports, and what identifies it.

A module's digest is that of its syntax tree, without comments, docstrings and places, so that
formatting and rewording change nothing.
"""

from __future__ import annotations

import ast
import hashlib

_DIGITS = 16
"""Hexadecimal digits that are kept of a module's digest."""


def imported(tree: ast.AST) -> list[str]:
    """Return the names that a module imports, within functions too, but not for types alone.

    A name that is relative to the module's package begins with as many dots as are written.
    """
    found: list[str] = []
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            found += (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            found += _imported_from(node)
        elif isinstance(
            node, ast.stmt | ast.Module | ast.excepthandler | ast.match_case
        ) and not _for_types(node):
            waiting += ast.iter_child_nodes(node)
    return found


def _imported_from(node: ast.ImportFrom) -> list[str]:
    start, module = "." * node.level, node.module or ""
    before = f"{start}{module}." if module else start
    whole = [f"{start}{module}"] if module else []
    return [*whole, *(f"{before}{each.name}" for each in node.names)]


def _for_types(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.If)
        and isinstance(node.test, ast.Name)
        and node.test.id == "TYPE_CHECKING"
    )


def digest(tree: ast.Module) -> str:
    """Return the digest of a module's syntax tree without comments, docstrings and places."""
    words: list[str] = []
    _write(tree, words)
    return hashlib.sha256("".join(words).encode()).hexdigest()[:_DIGITS]


def _write(node: object, words: list[str]) -> None:
    """Add a tree as text; what is empty is left out, as versions of Python differ in it."""
    if isinstance(node, ast.AST):
        words += (type(node).__name__, "(")
        for name in node._fields:
            value = getattr(node, name, None)
            if value is not None and value != []:
                words += (name, "=")
                _write(value, words)
        words += ")"
    elif isinstance(node, list):
        words += "["
        for each in node:
            if not _is_text_alone(each):
                _write(each, words)
        words += "]"
    else:
        words += (repr(node), " ")


def _is_text_alone(node: object) -> bool:
    """Tell whether a statement is a string alone: a docstring, or the text below a constant."""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )
