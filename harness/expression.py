"""Metric expressions: a tiny arithmetic over run metrics, parsed, never evaluated as code."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from lark import Lark, Token, Transformer, UnexpectedInput, UnexpectedToken
from lark.exceptions import VisitError

from harness.rounding import as_written, half_unit

_EACH_CELL = "[*]"
"""Stands in the place of a label, and so for every cell of a run's matrix."""

_EACH_DRAW = "[*,"
"""Begins the label of a cell in every draw of a sample."""

_WILDCARD = re.compile(r"\b([a-z][a-z0-9_]*)\[\*\]")
"""A run with the wildcard; its name is the group."""

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
    """A metric of a run: `adversarial[l2].test_accuracy`.

    `run` is the name of a run, or of one of its cells; with a wildcard, `adversarial[*]`, it means
    every cell.
    """

    run: str
    metric: str

    @property
    def base(self) -> str:
        """Return the run's name without a cell's label: "adversarial"."""
        return self.run.partition("[")[0]

    @property
    def means_each_cell(self) -> bool:
        """Tell whether it has the wildcard."""
        return self.run.endswith(_EACH_CELL)

    def __str__(self) -> str:
        return f"{self.run}.{self.metric}"


def in_cell(text: str, label: str) -> str:
    """Return a run's name or an expression with a cell's label in the place of every wildcard.

    Where more than the wildcard stands in the brackets, it is that of a draw: `escape[*,l2]`.
    """
    return text.replace(_EACH_CELL, f"[{label}]").replace(_EACH_DRAW, f"[{label},")


def in_counterparts(text: str, label_of: Callable[[str], str]) -> str:
    """Return a text with the label that each run has in the place of its wildcard."""
    return _WILDCARD.sub(lambda found: f"{found[1]}[{label_of(found[1])}]", text)


def in_cells(metric: str, labels: Sequence[str]) -> tuple[str, ...]:
    """Return an expression with each of some labels for its wildcards; itself for none."""
    return tuple(in_cell(metric, label) for label in labels) or (metric,)


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
            case Operation(
                "-", Number(0.0), negated
            ):  # many signs in a row nest no deeper than one
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
        raise ExpressionError(
            f"cannot read the expression {text!r}: it is nested too deeply"
        ) from error
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


def runs_read(metric: str, labels: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the runs that a metric expression reads, in order; with labels, those of each cell."""
    return tuple(
        dict.fromkeys(
            reference.run
            for each in in_cells(metric, labels)
            for reference in references(parse(each))
        )
    )


@dataclass(frozen=True)
class Value:
    """What an expression comes to.

    `number` is NaN where there is no such number, and infinite where it is too large. `rounding`
    is how far from it, by rounding alone, what it stands for may be.
    """

    number: float
    rounding: Fraction = Fraction(0)


def evaluate(expression: Expression, values: Mapping[Reference, float]) -> Value:
    """Compute an expression from the finite values of its references.

    The arithmetic is exact, so nothing overflows or is rounded on the way. What is not exact are
    the numbers: each stands for any that is nearest to it, up to half a unit in its last place
    away, as 0.09 is not stored as it is written. `rounding` bounds what that comes to in the
    expression, by interval arithmetic. A division by zero, or by what is zero but for rounding,
    gives NaN.
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
"""The smallest number that may be meant, the one that is stored, the largest that may be meant."""


def _enclosed(expression: Expression, values: Mapping[Reference, float]) -> _Enclosed:
    if not isinstance(expression, Operation):
        number = expression.value if isinstance(expression, Number) else values[expression]
        error = as_written(number) if isinstance(expression, Number) else half_unit(number)
        exact = Fraction(number)
        return exact - error, exact, exact + error
    return _ENCLOSING[expression.symbol](
        _enclosed(expression.left, values), _enclosed(expression.right, values)
    )


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


@dataclass(frozen=True)
class Range:
    """All that an expression may come to: from `low` to `high`, either of which may be infinite.

    `rounding` is how far, by rounding alone, the finite ones may be from what they stand for.
    """

    low: float
    high: float
    rounding: Fraction = Fraction(0)


def evaluate_ranges(
    expression: Expression, ranges: Mapping[Reference, tuple[float, float]]
) -> Range:
    """Enclose an expression whose references are known by their ranges alone.

    Each lies somewhere from a finite number to one that may be infinite. By interval arithmetic:
    where every reference stands in the expression once, the ends are reached or approached; where
    one stands there twice, the range may be wider than need be, and never narrower. What may divide
    by zero may be anything.
    """
    inner = _ranged(expression, ranges, rounded=False)
    outer = _ranged(expression, ranges, rounded=True)
    low, high = (_as_float(end) for end in inner)
    errors = [
        abs(Fraction(end) - Fraction(bound))
        for end, bound in zip((low, high), outer, strict=True)
        if math.isfinite(end) and not (isinstance(bound, float) and math.isinf(bound))
    ]
    return Range(low, high, max(errors, default=Fraction(0)))


_End = Fraction | float
"""An end of a range: a fraction, or infinity."""

_Ends = tuple[_End, _End]

_ANYTHING: _Ends = (-math.inf, math.inf)


def _ranged(
    expression: Expression, ranges: Mapping[Reference, tuple[float, float]], rounded: bool
) -> _Ends:
    if isinstance(expression, Operation):
        left, right = (
            _ranged(each, ranges, rounded) for each in (expression.left, expression.right)
        )
        return _RANGING[expression.symbol](left, right)
    if isinstance(expression, Number):
        error = as_written(expression.value) if rounded else 0
        return Fraction(expression.value) - error, Fraction(expression.value) + error
    low, high = ranges[expression]
    return _end(low, -1, rounded), _end(high, 1, rounded)


def _end(value: float, side: int, rounded: bool) -> _End:
    if math.isinf(value):
        return value
    return Fraction(value) + side * half_unit(value) if rounded else Fraction(value)


def _is_infinite(end: _End) -> bool:
    return isinstance(end, float)


def _as_float(end: _End) -> float:
    try:
        return float(end)
    except OverflowError:
        return math.inf if end > 0 else -math.inf


def _plus(first: _End, second: _End) -> _End:
    return first if _is_infinite(first) else second if _is_infinite(second) else first + second


def _times(first: _End, second: _End) -> _End:
    if first == 0 or second == 0:
        return Fraction(0)  # of zero and of what grows without end
    if _is_infinite(first) or _is_infinite(second):
        return math.inf if (first > 0) == (second > 0) else -math.inf
    return first * second


def _range_sum(left: _Ends, right: _Ends) -> _Ends:
    return _plus(left[0], right[0]), _plus(left[1], right[1])


def _range_difference(left: _Ends, right: _Ends) -> _Ends:
    return _plus(left[0], -right[1]), _plus(left[1], -right[0])


def _range_product(left: _Ends, right: _Ends) -> _Ends:
    ends = [_times(a, b) for a in left for b in right]
    return min(ends), max(ends)


def _range_quotient(left: _Ends, right: _Ends) -> _Ends:
    low, high = right
    if low <= 0 <= high:
        return _ANYTHING
    inverse = [Fraction(0) if _is_infinite(end) else 1 / end for end in (high, low)]
    return _range_product(left, (inverse[0], inverse[1]))


_RANGING: dict[str, Callable[[_Ends, _Ends], _Ends]] = {
    "+": _range_sum,
    "-": _range_difference,
    "*": _range_product,
    "/": _range_quotient,
}


Coefficients = Mapping[Reference | None, float]
"""The factor of each reference in a sum; that of None is the constant."""


def linear(expression: Expression, constants: Mapping[Reference, float]) -> Coefficients | None:
    """Return an expression as a sum over the references that are no constants, or None.

    It is None where the expression is no such sum. `a / 2 - c.steps * b`, where c.steps is the
    constant 3, is `{None: 0, a: 0.5, b: -3}`. A division by zero gives NaN.
    """
    if isinstance(expression, Number):
        return {None: expression.value}
    if isinstance(expression, Reference):
        return (
            {None: constants[expression]}
            if expression in constants
            else {None: 0.0, expression: 1.0}
        )
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
