"""Metric expressions: a tiny arithmetic over run metrics, parsed, never evaluated as code."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from lark import Lark, Token, Transformer, UnexpectedInput, UnexpectedToken
from lark.exceptions import VisitError

from harness.rounding import as_written, half_unit

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


@dataclass(frozen=True)
class Value:
    """What an expression comes to, and how far from it, by rounding alone, what it stands for may be.

    `number` is NaN where there is no such number, and infinite where it is too large.
    """

    number: float
    rounding: Fraction = Fraction(0)


def evaluate(expression: Expression, values: Mapping[Reference, float]) -> Value:
    """Compute an expression from the finite values of its references.

    The arithmetic is exact, so nothing overflows or is rounded on the way. What is not exact are the numbers: each
    stands for any that is nearest to it, up to half a unit in its last place away, as 0.09 is not stored as it is
    written. `rounding` bounds what that comes to in the expression, by interval arithmetic. A division by zero, or
    by what is zero but for rounding, gives NaN.
    """
    try:
        low, exact, high = _enclosed(expression, values)
    except ZeroDivisionError:
        return Value(math.nan)
    try:
        number = float(exact)
    except OverflowError:
        return Value(math.inf if exact > 0 else -math.inf)
    return Value(number, max(high - Fraction(number), Fraction(number) - low))


_Enclosed = tuple[Fraction, Fraction, Fraction]
"""The smallest number that may be meant, the one that is stored, and the largest that may be meant."""


def _enclosed(expression: Expression, values: Mapping[Reference, float]) -> _Enclosed:
    if not isinstance(expression, Operation):
        number = expression.value if isinstance(expression, Number) else values[expression]
        apart = as_written(number) if isinstance(expression, Number) else half_unit(number)
        exact = Fraction(number)
        return exact - apart, exact, exact + apart
    return _ENCLOSING[expression.symbol](_enclosed(expression.left, values), _enclosed(expression.right, values))


def _add(left: _Enclosed, right: _Enclosed) -> _Enclosed:
    return left[0] + right[0], left[1] + right[1], left[2] + right[2]


def _subtract(left: _Enclosed, right: _Enclosed) -> _Enclosed:
    return left[0] - right[2], left[1] - right[1], left[2] - right[0]


def _multiply(left: _Enclosed, right: _Enclosed) -> _Enclosed:
    ends = [a * b for a in (left[0], left[2]) for b in (right[0], right[2])]
    return min(ends), left[1] * right[1], max(ends)


def _divide(left: _Enclosed, right: _Enclosed) -> _Enclosed:
    low, exact, high = right
    if low <= 0 <= high:
        raise ZeroDivisionError
    return _multiply(left, (1 / high, 1 / exact, 1 / low))


_ENCLOSING: dict[str, Callable[[_Enclosed, _Enclosed], _Enclosed]] = {
    "+": _add,
    "-": _subtract,
    "*": _multiply,
    "/": _divide,
}


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
