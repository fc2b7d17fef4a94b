"""Those who follow the runs: what they hear, and several as one."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from harness.plan import ConcreteRun
from harness.run_result import RunResult
from harness.system.console import visible

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
    """Some listeners, each of which hears everything, in their order.

    One that raises an error is told of once, and hears no more: no run ends for those who follow
    it.
    """

    def __init__(self, *listeners: Listener) -> None:
        self._listeners = list(listeners)

    def started(self, run: ConcreteRun) -> None:
        """Pass on that a run begins."""
        self._tell(lambda listener: listener.started(run))

    def advanced(self, run: ConcreteRun, rows: Sequence[Row]) -> None:
        """Pass on a run's new measurements."""
        self._tell(lambda listener: listener.advanced(run, rows))

    def finished(self, run: ConcreteRun, result: RunResult, reused: bool) -> None:
        """Pass on how a run ended."""
        self._tell(lambda listener: listener.finished(run, result, reused))

    def _tell(self, news: Callable[[Listener], None]) -> None:
        for listener in list(self._listeners):
            try:
                news(listener)
            except Exception as error:
                self._listeners.remove(listener)
                told = visible(f"{type(error).__name__}: {error}")
                print(
                    f"{type(listener).__name__} follows the runs no more: {told}", file=sys.stderr
                )
