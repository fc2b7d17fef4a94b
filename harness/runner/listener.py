"""Those who follow the runs: what they hear, and several as one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from harness.plan import ConcreteRun
from harness.results import RunResult

Row = Mapping[str, float]


class Listener(Protocol):
    """Follows the runs."""

    def started(self, run: ConcreteRun) -> None:
        """Hear that a run begins, or goes on from its checkpoint."""

    def advanced(self, run: ConcreteRun, rows: Sequence[Row]) -> None:
        """Hear a run's new measurements, rows of its history."""

    def finished(self, run: ConcreteRun, result: RunResult, reused: bool) -> None:
        """Hear how a run ended, or that it was kept from before."""


class Several:
    """Some listeners, each of which hears everything, in their order."""

    def __init__(self, *listeners: Listener) -> None:
        self._listeners = listeners

    def started(self, run: ConcreteRun) -> None:
        """Pass on that a run begins."""
        for listener in self._listeners:
            listener.started(run)

    def advanced(self, run: ConcreteRun, rows: Sequence[Row]) -> None:
        """Pass on a run's new measurements."""
        for listener in self._listeners:
            listener.advanced(run, rows)

    def finished(self, run: ConcreteRun, result: RunResult, reused: bool) -> None:
        """Pass on how a run ended."""
        for listener in self._listeners:
            listener.finished(run, result, reused)
