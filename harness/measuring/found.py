"""What a final metric comes to: its numbers, or why there are none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from harness.errors import HarnessError


@dataclass(frozen=True)
class Found:
    """The numbers of a metric by name, and what was measured along the way, by column."""

    values: Mapping[str, float]
    curves: Mapping[str, Sequence[float]] = field(default_factory=dict)


class Unmeasurable(HarnessError):
    """There is no such number of this run; the message says why."""
