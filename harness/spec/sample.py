"""Settings drawn at random: the values of every draw of a sample, as pure functions of its seed.

The draw with index j of what stands at a path is a function of the sample's seed, of the path and
of j alone: its uniform number is row j of `harness.data.randomness`'s stream of that seed, with the
purpose "sample PATH". So further draws change none of the first, what else is drawn does not matter
either, and runs whose samples have the same seed draw the same values at the same path. Ranges are
computed in decimal arithmetic, whose logarithm and exponential are defined to the last digit, so
that no mathematical library decides a value.
"""

from __future__ import annotations

import decimal
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from harness.data.randomness import Stream, uniforms
from harness.experiment import Json
from harness.spec import schema
from harness.spec.document import DEEPEST, Pointer
from harness.spec.patch import nest

_ARITHMETIC = decimal.Context(prec=40, rounding=decimal.ROUND_HALF_EVEN)

_SHORTEST_LABEL = 2
"""Digits of a draw's label; only draws from the hundredth on have more, so no label ever changes.
"""


class SampleError(ValueError):
    """Something that cannot be drawn; `pointer` is below the sample."""

    def __init__(self, pointer: Pointer, message: str) -> None:
        super().__init__(message)
        self.pointer, self.message = pointer, message


@dataclass(frozen=True)
class Choice:
    """What one draw gives at one path.

    Attributes:
        value: The value that is drawn, or the label of the change.
        patch: The change of the run.
        place: Where it stands below what is drawn from.
        path: At which path of the run it acts, () for a labelled change.
    """

    value: Json
    patch: Json
    place: Pointer
    path: Pointer


@dataclass(frozen=True)
class Draw:
    """One draw of a sample: its label, and what it gives at each path."""

    label: str
    choices: Mapping[str, Choice]


def uniform(share: Fraction, *, low: float, high: float, digits: int) -> float:
    """Return `low + share * (high - low)`, rounded to so many digits, within the range."""
    start, end = Fraction(_written(low)), Fraction(_written(high))
    return _rounded(_decimal(start + share * (end - start)), low, high, digits)


def log_uniform(share: Fraction, *, low: float, high: float, digits: int) -> float:
    """Return `low * (high / low) ** share`, rounded to so many digits, within the range."""
    return _rounded(_between(_written(low), _written(high), share), low, high, digits)


def integers(share: Fraction, *, low: int, high: int) -> int:
    """Return `low + floor(share * (high + 1 - low))`."""
    return low + int(share * (high + 1 - low))


def log_integers(share: Fraction, *, low: int, high: int) -> int:
    """Return `floor(low * ((high + 1) / low) ** share)`, at most `high`."""
    return min(int(_between(Decimal(low), Decimal(high + 1), share)), high)


def changes(share: Fraction, *, changes: Mapping[str, Json]) -> str:
    """Return the label of one of the changes."""
    return list(changes)[_index(share, len(changes))]


DISTRIBUTIONS: Mapping[str, Callable[..., Json]] = {
    "uniform": uniform,
    "log_uniform": log_uniform,
    "integers": integers,
    "log_integers": log_integers,
    "changes": changes,
}
"""What is drawn for a uniform number from 0 up to 1, by the name of a distribution."""


def draws(sample: Mapping[str, Json]) -> Iterator[Draw]:
    """Yield the draws of a complete sample, in their order.

    Raises:
        SampleError: something cannot be drawn.
    """
    drawn = {name: _drawable(name, options) for name, options in _present(sample["draw"]).items()}
    columns = {name: _shares(sample, name) for name in drawn}
    for index in range(int(sample["count"])):
        yield Draw(
            f"{index:0{_SHORTEST_LABEL}d}",
            {name: choose(columns[name][index]) for name, choose in drawn.items()},
        )


def _shares(sample: Mapping[str, Json], name: str) -> Sequence[Fraction]:
    """Return the uniform number of every draw at a path, from 0 up to 1."""
    stream = Stream(int(sample["seed"]), f"sample {name}")
    found = uniforms(stream, 0, int(sample["count"]), 1)
    return [Fraction(share) for share in found[:, 0].tolist()]


def _drawable(name: str, options: Json) -> Callable[[Fraction], Choice]:
    """Return what draws at a path, once it is known that it can."""
    path = tuple(name.split("."))
    if len(path) > DEEPEST:
        raise SampleError(
            ("draw", name), f"its path has {len(path):,} names, {DEEPEST} is the most"
        )
    if isinstance(options, list):
        return lambda share: _of_values(path, options, share)
    if "changes" in options:
        labelled = _present(options["changes"])
        return lambda share: _of_changes(labelled, changes(share, changes=labelled))
    parameters = schema.fill_defaults(schema.definition("distribution"), _present(options))
    distribution = DISTRIBUTIONS[parameters.pop("name")]
    if {"low", "high"} <= parameters.keys() and parameters["low"] >= parameters["high"]:
        raise SampleError(
            ("draw", name, "high"),
            f"the range ends at {parameters['high']}, which is not above {parameters['low']}",
        )
    return lambda share: _of_range(path, distribution(share, **parameters))


def _of_values(path: tuple[str, ...], values: Sequence[Json], share: Fraction) -> Choice:
    index = _index(share, len(values))
    return Choice(values[index], nest(path, values[index]), (index,), path)


def _of_changes(labelled: Mapping[str, Json], label: str) -> Choice:
    return Choice(label, labelled[label], ("changes", label), ())


def _of_range(path: tuple[str, ...], value: Json) -> Choice:
    return Choice(value, nest(path, value), (), path)


def _present(members: Mapping[str, Json]) -> dict[str, Json]:
    """Return the members of an object that are not null, which takes those of another away."""
    return {name: value for name, value in members.items() if value is not None}


def _index(share: Fraction, count: int) -> int:
    return int(share * count)


def _written(value: float) -> Decimal:
    """Return a number as it is written."""
    return Decimal(repr(value))


def _decimal(value: Fraction) -> Decimal:
    return _ARITHMETIC.divide(Decimal(value.numerator), Decimal(value.denominator))


def _between(start: Decimal, end: Decimal, share: Fraction) -> Decimal:
    """Return `start * (end / start) ** share`."""
    logarithm = _ARITHMETIC.ln(_ARITHMETIC.divide(end, start))
    grown = _ARITHMETIC.exp(_ARITHMETIC.multiply(_decimal(share), logarithm))
    return _ARITHMETIC.multiply(start, grown)


def _rounded(value: Decimal, low: float, high: float, digits: int) -> float:
    nearest = decimal.Context(prec=digits, rounding=decimal.ROUND_HALF_EVEN).plus(value)
    return float(min(max(nearest, _written(low)), _written(high)))
