"""How long the runs of an invocation will still take, kept up to date while they go on."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import replace

from harness.follow.estimate import (
    Kind,
    Left,
    Pace,
    Took,
    UnknownSettings,
    kind,
    remaining,
    time_left,
)
from harness.follow.listener import Row
from harness.plan import ConcreteRun, Plan
from harness.run_result import RunResult, Status
from harness.store.store import DamagedRun, Store


class Forecast:
    """Listens to the runs of a plan, and tells how long those that are not finished will take
    `processes` processes.
    """

    def __init__(self, plan: Plan, keys: Sequence[str], store: Store, processes: int) -> None:
        self._left = {
            key: left(plan.runs[key])
            for key in keys
            if not store.done(key) and not plan.runs[key].blocked
        }
        self._pace = Pace(finished_runs(store) if self._left else ())
        self._processes = processes

    def started(self, run: ConcreteRun) -> None:
        """Nothing is known of its pace yet."""

    def advanced(self, run: ConcreteRun, rows: Sequence[Row]) -> None:
        """Take a run's progress into account."""
        if rows and run.key in self._left:
            now = replace(self._left[run.key], epoch=rows[-1]["epoch"], seconds=rows[-1]["seconds"])
            self._left[run.key] = now

    def finished(self, run: ConcreteRun, result: RunResult, reused: bool) -> None:
        """Take off what is finished, and learn from what it took."""
        waiting = self._left.pop(run.key, None)
        if waiting is not None and result.status is Status.DONE:
            self._pace.add(_took(waiting.kind, result))

    def words(self) -> str:
        """Return "about 12 min left", or nothing where nothing is left."""
        return (
            time_left(*remaining(self._left.values(), self._pace, self._processes))
            if self._left
            else ""
        )


def left(run: ConcreteRun) -> Left:
    """Return a run that has not begun."""
    return Left(
        kind(run.experiment, run.run.name, run.run.resolved), run.run.settings.training.epochs
    )


def finished_runs(store: Store) -> Iterator[Took]:
    """Yield what each finished run of a store took; those that cannot be read are left out."""
    kept = store.keys()
    for key in kept:
        with contextlib.suppress(DamagedRun, UnknownSettings):
            origin, result = store.finished(key, history=False)
            yield _took(kind(origin.experiment, origin.run, origin.settings), result)


def _took(like: Kind, result: RunResult) -> Took:
    return Took(like, result.seconds, result.measurements.get("epochs") or 0.0)
