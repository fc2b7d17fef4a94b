"""What goes on in a store, told from its event logs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from harness.experiment import Json
from harness.follow.estimate import Kind, Left, Pace, remaining
from harness.follow.events import Current, Session, sessions
from harness.follow.forecast import finished_runs
from harness.store.store import Store


@dataclass(frozen=True)
class Standing:
    """An invocation, and how far it is: runs in all, done, failed and blocked, and about how long
    it will take.

    Failed are also those that were finished and cannot be used any more.

    `unknown` runs are not in `seconds_left`, because nothing like them has been run.
    """

    session: Session
    done: int
    failed: int
    blocked: int
    seconds_left: float
    unknown: int

    @property
    def total(self) -> int:
        """How many runs it has."""
        return len(self.session.runs)


def standings(store: Store) -> list[Standing]:
    """Return the invocations that are at work on a store, or the last one where none is."""
    known = sessions(store)
    chosen = [each for each in known if each.alive] or known[-1:]
    pace = Pace(finished_runs(store)) if chosen else Pace()
    return [_standing(each, store, pace) for each in chosen]


def _standing(session: Session, store: Store, pace: Pace) -> Standing:
    finished = {run.key: store.fault(run.key) for run in session.runs if store.done(run.key)}
    damaged = {key for key, fault in finished.items() if fault is not None}
    ends = Counter(end for key, end in session.finished.items() if key not in damaged)
    seconds, unknown = remaining(_left(session, store), pace, session.processes)
    failed = ends["error"] + len(damaged)
    return Standing(
        session, len(finished) - len(damaged), failed, ends["blocked"], seconds, unknown
    )


def _left(session: Session, store: Store) -> Iterator[Left]:
    current = {each.key: each for each in session.current}
    for run in session.runs:
        if not (store.done(run.key) or run.blocked or run.key in session.finished):
            row = current[run.key].row if run.key in current else None
            so_far = (row["epoch"], row.get("seconds", 0.0)) if row else ()
            yield Left(Kind(run.label.rpartition(" / ")[0], run.work), run.epochs, *so_far)


def as_json(found: Sequence[Standing]) -> str:
    """Return standings as JSON, for programs: a list with an object for every invocation."""
    return json.dumps([_object(each) for each in found], indent=2)


def _object(standing: Standing) -> Json:
    session = standing.session
    return {
        "name": session.name,
        "host": session.host,
        "pid": session.pid,
        "processes": session.processes,
        "alive": session.alive,
        "ended": session.ended,
        "started": session.started.isoformat(),
        "heard": session.heard.isoformat(),
        "runs": standing.total,
        "done": standing.done,
        "failed": standing.failed,
        "blocked": standing.blocked,
        "seconds_left": round(standing.seconds_left, 1),
        "runs_not_estimated": standing.unknown,
        "current": [_current(each) for each in session.current] if session.alive else [],
    }


def _current(current: Current) -> Json:
    return {
        "key": current.key,
        "run": current.label,
        "epochs": current.epochs,
        "heard": current.heard.isoformat(),
        "row": dict(current.row or {}),
    }


def age(moment: datetime) -> float:
    """Return how many seconds ago a moment was."""
    return (datetime.now(UTC) - moment).total_seconds()
