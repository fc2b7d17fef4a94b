"""How far the invocations of a store are, by its event logs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from harness.experiment import Json
from harness.follow.events import Current, Session, sessions
from harness.follow.time_left import Pace, UnfinishedRun, Workload, finished_runs, remaining
from harness.store.store import Store


@dataclass(frozen=True)
class SessionStatus:
    """How far an invocation is, and about how long it will still take.

    `failed` counts also those runs that were finished and cannot be used any more. `unknown` runs
    are not in `seconds_left`, because nothing like them has been run.
    """

    session: Session
    done: int
    failed: int
    blocked: int
    seconds_left: float
    unknown: int

    @property
    def total(self) -> int:
        """Return how many runs it has."""
        return len(self.session.runs)


def session_statuses(store: Store) -> list[SessionStatus]:
    """Return the invocations that are at work on a store, or the last one where none is."""
    known = sessions(store)
    chosen = [each for each in known if each.alive] or known[-1:]
    own = [run.key for each in chosen for run in each.runs]
    pace = Pace(finished_runs(store, own)) if chosen else Pace()
    return [_status(each, store, pace) for each in chosen]


def _status(session: Session, store: Store, pace: Pace) -> SessionStatus:
    finished = {run.key: store.fault(run.key) for run in session.runs if store.done(run.key)}
    damaged = {key for key, fault in finished.items() if fault is not None}
    ends = Counter(end for key, end in session.finished.items() if key not in damaged)
    seconds, unknown = remaining(_unfinished(session, store), pace, session.processes)
    failed = ends["error"] + len(damaged)
    return SessionStatus(
        session, len(finished) - len(damaged), failed, ends["blocked"], seconds, unknown
    )


def _unfinished(session: Session, store: Store) -> Iterator[UnfinishedRun]:
    current = {each.key: each for each in session.current}
    for run in session.runs:
        if not (store.done(run.key) or run.blocked or run.key in session.finished):
            row = current[run.key].row if run.key in current else None
            so_far = (row["epoch"], row.get("seconds", 0.0)) if row else ()
            workload = Workload(run.label.rpartition(" / ")[0], run.work)
            yield UnfinishedRun(workload, run.epochs, *so_far)


def as_json(found: Sequence[SessionStatus]) -> str:
    """Return statuses as JSON, for programs: a list with an object for every invocation."""
    return json.dumps([_object(each) for each in found], indent=2)


def _object(status: SessionStatus) -> Json:
    session = status.session
    return {
        "name": session.name,
        "host": session.host,
        "pid": session.pid,
        "processes": session.processes,
        "alive": session.alive,
        "ended": session.ended,
        "started": session.started.isoformat(),
        "heard": session.heard.isoformat(),
        "runs": status.total,
        "done": status.done,
        "failed": status.failed,
        "blocked": status.blocked,
        "seconds_left": round(status.seconds_left, 1),
        "runs_not_estimated": status.unknown,
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
