"""What follows the runs: the calls that a listener gets, and a list of listeners as one."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from harness.plan import ConcreteRun
from harness.run_result import RunResult
from harness.system.console import visible

Row = Mapping[str, float]


class Listener(Protocol):
    """Is called whenever something happens to a run."""

    def started(self, run: ConcreteRun) -> None:
        """Be called when a run begins, or goes on from its checkpoint."""

    def preparing(self, run: ConcreteRun, what: str) -> None:
        """Be called with what a run does before it trains: "reading the data of cifar10"."""

    def advanced(self, run: ConcreteRun, rows: Sequence[Row]) -> None:
        """Be called with a run's new measurements, rows of its history."""

    def finished(self, run: ConcreteRun, result: RunResult, reused: bool) -> None:
        """Be called when a run ended, or was kept from before (`reused`)."""


class Listeners:
    """A list of listeners as one: each is called with everything, in their order.

    One that raises an error is reported once, and called no more: no run ends because of what
    follows it. Several threads may call.
    """

    def __init__(self, *listeners: Listener) -> None:
        self._listeners = list(listeners)

    def started(self, run: ConcreteRun) -> None:
        """Pass on that a run begins."""
        self._notify(lambda listener: listener.started(run))

    def preparing(self, run: ConcreteRun, what: str) -> None:
        """Pass on what a run does before it trains."""
        self._notify(lambda listener: listener.preparing(run, what))

    def advanced(self, run: ConcreteRun, rows: Sequence[Row]) -> None:
        """Pass on a run's new measurements."""
        self._notify(lambda listener: listener.advanced(run, rows))

    def finished(self, run: ConcreteRun, result: RunResult, reused: bool) -> None:
        """Pass on how a run ended."""
        self._notify(lambda listener: listener.finished(run, result, reused))

    def _notify(self, call: Callable[[Listener], None]) -> None:
        for listener in list(self._listeners):
            try:
                call(listener)
            except Exception as error:
                if listener not in self._listeners:  # another thread has told of it
                    continue
                self._listeners.remove(listener)
                why = visible(f"{type(error).__name__}: {error}")
                print(f"{type(listener).__name__} follows the runs no more: {why}", file=sys.stderr)
