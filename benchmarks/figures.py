"""What a benchmark measured, against what, and whether that is enough: plain records, and their
statistics.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Spread:
    """The median of some numbers and, as `low` and `high`, their quartiles."""

    median: float
    low: float
    high: float


@dataclass(frozen=True)
class Target:
    """A bound, itself included, on a row's figure or on the median of its ratios."""

    of: Literal["figure", "ratio"]
    at_least: float | None = None
    at_most: float | None = None


@dataclass(frozen=True)
class Row:
    """A line of the table.

    `name` is unique among all benchmarks; `against` says what the ratio is to, with its figure.
    """

    name: str
    what: str
    figure: float
    unit: str
    against: str = ""
    ratio: Spread | None = None
    target: Target | None = None

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None where there is none."""
        if self.target is None:
            return None
        value = self.figure
        if self.target.of == "ratio":
            if self.ratio is None:
                raise ValueError(f"{self.name} has a target for its ratio and no ratio")
            value = self.ratio.median
        lower = -math.inf if self.target.at_least is None else self.target.at_least
        upper = math.inf if self.target.at_most is None else self.target.at_most
        return lower <= value <= upper


def spread(values: Sequence[float]) -> Spread:
    """The median and the quartiles (by linear interpolation) of at least one number."""
    if len(values) == 1:
        return Spread(values[0], values[0], values[0])
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return Spread(median, low, high)


def paired(ours: Sequence[float], theirs: Sequence[float]) -> Spread:
    """The spread of the ratios ours / theirs, of each pair of rounds: slow drifts of the machine
    cancel.
    """
    return spread([our / their for our, their in zip(ours, theirs, strict=True)])


def exponent(once: float, four_times: float, sixteen_times: float) -> float:
    """The p of cost = fixed + c * size^p, from the costs at the sizes 1, 4 and 16.

    The fixed cost, such as the start of a process, cancels: (16^p - 4^p) / (4^p - 1) = 4^p. 0 where
    the cost does not grow from one size to the next.
    """
    first, second = four_times - once, sixteen_times - four_times
    return math.log(second / first, 4) if first > 0 and second > 0 else 0.0


def to_json(row: Row) -> dict[str, Any]:
    """The row as JSON, with whether its target is met."""
    return asdict(row) | {"met": row.met}


def from_json(value: Mapping[str, Any]) -> Row:
    """The row that `to_json` wrote."""
    fields = {name: each for name, each in value.items() if name != "met"}
    ratio, target = fields["ratio"], fields["target"]
    return Row(
        **fields | {"ratio": ratio and Spread(**ratio), "target": target and Target(**target)}
    )
