"""Metric expressions: a tiny arithmetic over run metrics, parsed, never evaluated as code."""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lark import Lark, Token, Transformer, UnexpectedInput, UnexpectedToken
from lark.exceptions import VisitError

WILDCARD = "*"

_GRAMMAR = r"""
?start: sum
?sum: product
    | sum "+" product   -> add
    | sum "-" product   -> subtract
?product: signed
    | product "*" signed -> multiply
    | product "/" signed -> divide
?signed: "-" signed     -> negate
    | atom
?atom: NUMBER           -> number
    | RUN "." METRIC    -> reference
    | "(" sum ")"
NUMBER: /\d+(\.\d+)?([eE][+-]?\d+)?/
RUN: /[a-z][a-z0-9_]*(\[[^\[\]\s]+\])?(?=\.)/
METRIC: /[a-z][a-z0-9_]*/
%ignore /\s+/
"""

_OPERATIONS: dict[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}


class ExpressionError(ValueError):
    """The text is not a metric expression; the message says at which character."""


@dataclass(frozen=True)
class Reference:
    """A metric of a run: `adversarial[l2].test_accuracy`."""

    run: str
    metric: str

    def __str__(self) -> str:
        return f"{self.run}.{self.metric}"


@dataclass(frozen=True)
class Number:
    """A constant."""

    value: float


@dataclass(frozen=True)
class Operation:
    """One of + - * / applied to two expressions."""

    symbol: str
    left: Expression
    right: Expression


Expression = Reference | Number | Operation


class _Build(Transformer[Token, Expression]):
    def number(self, items: list[Any]) -> Expression:
        return Number(float(items[0]))

    def reference(self, items: list[Any]) -> Expression:
        return Reference(str(items[0]), str(items[1]))

    def negate(self, items: list[Any]) -> Expression:
        match items[0]:
            case Operation("-", Number(0.0), negated):  # many signs in a row nest no deeper than one
                return negated
        return Operation("-", Number(0.0), items[0])

    def add(self, items: list[Any]) -> Expression:
        return Operation("+", *items)

    def subtract(self, items: list[Any]) -> Expression:
        return Operation("-", *items)

    def multiply(self, items: list[Any]) -> Expression:
        return Operation("*", *items)

    def divide(self, items: list[Any]) -> Expression:
        return Operation("/", *items)


@functools.cache
def _parser() -> Lark:
    return Lark(_GRAMMAR, parser="lalr", transformer=_Build())


@functools.cache
def parse(text: str) -> Expression:
    """Parse a metric expression.

    Raises:
        ExpressionError: the text is not one.
    """
    try:
        tree: Any = _parser().parse(text)
    except UnexpectedInput as error:
        ended = isinstance(error, UnexpectedToken) and error.token.type == "$END"
        column = len(text) + 1 if ended else (error.pos_in_stream or 0) + 1
        rest = text[column - 1 : column + 15]
        found = f"found {rest!r}" if rest else "it ends too early"
        raise ExpressionError(
            f"cannot read the expression {text!r} at character {column}: {found}; "
            "an expression is + - * / and parentheses over numbers and run.metric"
        ) from error
    except (VisitError, RecursionError) as error:
        raise ExpressionError(f"cannot read the expression {text!r}: it is nested too deeply") from error
    expression: Expression = tree
    return expression


def _walk(expression: Expression) -> Iterator[Expression]:
    yield expression
    if isinstance(expression, Operation):
        yield from _walk(expression.left)
        yield from _walk(expression.right)


def references(expression: Expression) -> tuple[Reference, ...]:
    """Return the run metrics that an expression uses, each once, in order of appearance."""
    return tuple(dict.fromkeys(node for node in _walk(expression) if isinstance(node, Reference)))


def evaluate(expression: Expression, values: Mapping[Reference, float]) -> float:
    """Compute an expression from the values of its references; a division by zero gives NaN."""
    if isinstance(expression, Number):
        return expression.value
    if isinstance(expression, Reference):
        return values[expression]
    left, right = evaluate(expression.left, values), evaluate(expression.right, values)
    if expression.symbol == "/" and right == 0:
        return math.nan
    return _OPERATIONS[expression.symbol](left, right)


Coefficients = Mapping[Reference | None, float]
"""The factor of each reference in a sum; that of None is the constant."""


def linear(expression: Expression, constants: Mapping[Reference, float]) -> Coefficients | None:
    """Return an expression as a sum over the references that are no constants, or None where it is none.

    `a / 2 - c.steps * b`, where c.steps is the constant 3, is `{None: 0, a: 0.5, b: -3}`.
    A division by zero gives NaN.
    """
    if isinstance(expression, Number):
        return {None: expression.value}
    if isinstance(expression, Reference):
        return {None: constants[expression]} if expression in constants else {None: 0.0, expression: 1.0}
    left, right = linear(expression.left, constants), linear(expression.right, constants)
    if left is None or right is None:
        return None
    if expression.symbol in "+-":
        return _sum(left, right, 1.0 if expression.symbol == "+" else -1.0)
    if expression.symbol == "*" and len(left) == 1:
        left, right = right, left
    if len(right) > 1:
        return None
    divisor = right[None] or math.nan
    return _sum({}, left, right[None] if expression.symbol == "*" else 1 / divisor)


def _sum(left: Coefficients, right: Coefficients, factor: float) -> Coefficients:
    return {key: left.get(key, 0.0) + factor * right.get(key, 0.0) for key in {**left, **right}}
