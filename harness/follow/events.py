"""The event log: what happens while runs go on, as JSON lines in the store.

Every invocation of `run` is a session with a file `events/NAME.jsonl` of its own, to which all of
its processes add their lines; other programs can read them as they come. Every line is an object
with `time` (UTC, ISO 8601), `event` and `pid`:

- `session_started`: `host`, `processes`, and `runs`, an object each: `key`, `run` (its label),
  `epochs` at most, `work` (the same where an epoch computes the same, see
  `harness.follow.time_left`), whether it was `done` or `blocked`;
- `run_started`: `key`, `run`, `epochs`;
- `run_preparing`: `key` and `what` it does before it trains: "reading the data of cifar10";
- `run_advanced`, about once a second at most: `key` and the newest row of the history;
- `run_finished`: `key`, `run`, `status` (done or error), `reason`, `seconds`, `measurements`;
- `run_kept`: `key`, `run`; the run was finished before;
- `run_blocked`: `key`, `run`, `reason`;
- `session_ended`: `reason`, "done", "interrupted" or what went wrong. It is missing where the
  process was killed.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import platform
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from harness.experiment import Json
from harness.follow.listener import Row
from harness.follow.time_left import unstarted
from harness.plan import ConcreteRun, Plan
from harness.run_result import RunResult, Status
from harness.store.store import Store, StoreError
from harness.system.files import read_bytes
from harness.system.json_value import Value, WrongForm, parse

LEAST_SECONDS = 1.0
"""The time between two lines on the advance of a run, at least."""


def file_name() -> str:
    """Return the name of this process's log: the moment, the host, the process."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}-{platform.node()}-{os.getpid()}.jsonl"


class Events:
    """A listener that writes a log; a log that cannot be written stops no training.

    Only the `first` of the processes that share a log writes of runs that none of them ran.
    """

    def __init__(self, path: Path, first: bool) -> None:
        self._path = path
        self._first = first
        self._own: set[str] = set()
        self._written: dict[str, float] = {}

    def started(self, run: ConcreteRun) -> None:
        """Write that a run begins."""
        self._own.add(run.key)
        self._written.pop(run.key, None)
        self._write("run_started", key=run.key, run=run.label, epochs=run.epochs)

    def preparing(self, run: ConcreteRun, what: str) -> None:
        """Write what a run does before it trains."""
        self._write("run_preparing", key=run.key, what=what)

    def advanced(self, run: ConcreteRun, rows: Sequence[Row]) -> None:
        """Write the newest measurements of a run, unless some have just been written."""
        now = time.monotonic()
        if rows and now - self._written.get(run.key, -math.inf) >= LEAST_SECONDS:
            self._written[run.key] = now
            self._write("run_advanced", key=run.key, **rows[-1])

    def finished(self, run: ConcreteRun, result: RunResult, reused: bool) -> None:
        """Write how a run ended."""
        if run.key in self._own:
            self._own.remove(run.key)  # several threads may tell of it
            self._write_end(run, result, result.seconds, result.measurements)
        elif self._first and reused and result.status is Status.DONE:
            self._write("run_kept", key=run.key, run=run.label)
        elif self._first and reused:  # it was finished, and its files are not what was written then
            self._write_end(run, result, seconds=0.0, measurements={})
        elif self._first and result.status is Status.BLOCKED:
            self._write("run_blocked", key=run.key, run=run.label, reason=result.reason)

    def _write_end(
        self,
        run: ConcreteRun,
        result: RunResult,
        seconds: float,
        measurements: Mapping[str, float | None],
    ) -> None:
        self._write(
            "run_finished",
            key=run.key,
            run=run.label,
            status=result.status.value,
            reason=result.reason,
            seconds=seconds,
            measurements=dict(measurements),
        )

    def begin(self, plan: Plan, keys: Sequence[str], store: Store, processes: int) -> None:
        """Write what is going to be run."""
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
        runs = [
            {
                "key": key,
                "run": plan.runs[key].label,
                "epochs": plan.runs[key].epochs,
                "work": unstarted(plan.runs[key]).workload.work,
                "done": store.done(key),
                "blocked": plan.runs[key].blocked is not None,
            }
            for key in keys
        ]
        self._write("session_started", host=platform.node(), processes=processes, runs=runs)

    def end(self, reason: str) -> None:
        """Write that all is over, and why."""
        self._write("session_ended", reason=reason)

    def _write(self, event: str, **members: Json) -> None:
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        # One write of a file opened for appending: lines of several processes do not mix.
        with contextlib.suppress(OSError, TypeError, ValueError):
            line = json.dumps({"time": now, "event": event, "pid": os.getpid(), **members}) + "\n"
            descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
            try:
                os.write(descriptor, line.encode())
            finally:
                os.close(descriptor)


@dataclass(frozen=True)
class Current:
    """A run that is at work.

    `epochs` are those at most, `row` is the newest of its history (None before the first), `heard`
    the moment of its last line.
    """

    key: str
    label: str
    epochs: int
    row: Row | None
    heard: datetime


@dataclass(frozen=True)
class PlannedRun:
    """A run that an invocation set out to make; `work` is as in `Workload`."""

    key: str
    label: str
    epochs: int
    work: str
    blocked: bool


@dataclass(frozen=True)
class Session:
    """What the log of an invocation says.

    `alive` is whether its process lives, `heard` the moment of the last line, and `ended` the
    reason in the last line, None where it has none.
    """

    name: str
    host: str
    pid: int
    processes: int
    started: datetime
    heard: datetime
    alive: bool
    ended: str | None
    runs: Sequence[PlannedRun]
    finished: Mapping[str, str] = field(default_factory=dict)
    current: Sequence[Current] = ()


@contextlib.contextmanager
def session(
    store: Store, plan: Plan, keys: Sequence[str], processes: int
) -> Iterator[tuple[Events, Path]]:
    """Keep the log of an invocation, and yield it with its path.

    While it lasts, `sessions` knows it to be alive.
    """
    name = file_name()
    path = store.events / name
    events = Events(path, first=True)
    with store.lock(name):
        events.begin(plan, keys, store, processes)
        try:
            yield events, path
        except BaseException as error:
            events.end(
                "interrupted"
                if isinstance(error, KeyboardInterrupt)
                else f"{type(error).__name__}: {error}"
            )
            raise
        events.end("done")


def sessions(store: Store) -> list[Session]:
    """Read the logs of the invocations at work on a store, or the last one where none is.

    A log that cannot be read is none of them (see `unreadable`). The latest is the last.
    """
    return [each for each in _logs(store) if isinstance(each, Session)]


def unreadable(store: Store) -> list[str]:
    """Say of each of these logs that cannot be read why, and what to do.

    An empty one has not begun yet.
    """
    return [each for each in _logs(store) if isinstance(each, str)]


def _logs(store: Store) -> Iterator[Session | str]:
    """Yield what each log of an invocation at work says, or why it cannot be read.

    Where none is at work, the logs are read from the latest on until one says something: there may
    be thousands.
    """
    paths = sorted(store.events.glob("*.jsonl"))
    living = [path for path in paths if _at_work(path, store)]
    for path in living or reversed(paths):
        found = _log(path, store)
        if found is not None:
            yield found
        if isinstance(found, Session) and not living:
            return


def _at_work(path: Path, store: Store) -> bool:
    """Tell whether a log may be that of an invocation at work."""
    try:
        return store.lock_file(path.name).exists() and _alive(store, path.name)
    except (OSError, StoreError):
        return True  # reading it tells what is wrong


def _log(path: Path, store: Store) -> Session | str | None:
    """Return what a log says, or why it cannot be read; None where it has not begun yet."""
    try:
        lines = list(_lines(read_bytes(path)))
        return _session(path, lines, store) if lines else None
    except (OSError, WrongForm, StoreError) as error:
        why = getattr(error, "strerror", None) or error
        return f"the event log {path} cannot be read: {why}; nothing needs it: remove it"


def _lines(content: bytes) -> Iterator[Line]:
    """Yield the lines; a broken one is left out, as a process that is killed may leave half a line.

    Raises:
        WrongForm: the first line is broken.
    """
    for number, text in enumerate(content.splitlines()):
        try:
            line = read_line(text)
        except WrongForm:
            if number == 0:
                raise
            continue
        yield line


@dataclass(frozen=True)
class Line:
    """A line of a log: its moment, its event, and the whole object."""

    moment: datetime
    event: str
    value: Value


def read_line(content: bytes) -> Line:
    """Read a line of a log.

    Raises:
        WrongForm: it is broken, or of another form.
    """
    value = parse(content)
    text = value.member("time").text()
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise WrongForm(f"at time expected a moment: {error}") from error
    if moment.tzinfo is None:
        raise value.member("time").wrong("a moment with its time zone")
    return Line(moment, value.member("event").text(), value)


def _session(path: Path, lines: Sequence[Line], store: Store) -> Session:
    first, heard = lines[0], lines[0].moment
    current, finished, ended = dict[str, Current](), dict[str, str](), None
    for line in lines[1:]:
        with contextlib.suppress(WrongForm):  # a line of another form is left out
            if line.event == "session_ended":
                ended = line.value.member("reason").text()
            elif line.event.startswith("run_"):
                _apply(line, current, finished)
            heard = line.moment
    return Session(
        name=path.stem,
        host=first.value.member("host").text(),
        pid=first.value.member("pid").integer(),
        processes=_positive(first.value.member("processes")),
        started=first.moment,
        heard=heard,
        alive=ended is None and _alive(store, path.name),
        ended=ended,
        runs=tuple(map(_planned, first.value.member("runs").items())),
        finished=finished,
        current=tuple(current.values()),
    )


def _apply(line: Line, current: dict[str, Current], finished: dict[str, str]) -> None:
    """Take what a line says of a run into what is known of all."""
    key = line.value.member("key").text()
    if line.event == "run_started":
        label, epochs = line.value.member("run").text(), _positive(line.value.member("epochs"))
        current[key] = Current(key, label, epochs, None, line.moment)
    elif line.event == "run_advanced" and key in current:
        current[key] = replace(current[key], row=row_of(line.value), heard=line.moment)
    elif line.event in ("run_finished", "run_kept", "run_blocked"):
        finished[key] = line.value.member_or("status", line.event.removeprefix("run_")).text()
        current.pop(key, None)


def _planned(value: Value) -> PlannedRun:
    return PlannedRun(
        key=value.member("key").text(),
        label=value.member("run").text(),
        epochs=_positive(value.member("epochs")),
        work=value.member("work").text(),
        blocked=value.member("blocked").flag(),
    )


def row_of(value: Value) -> dict[str, float]:
    """Return the measurements of a line that are numbers; the epoch is one of them.

    Raises:
        WrongForm: there is no epoch.
    """
    value.member("epoch").number()
    found = {}
    for name, each in value.members():
        with contextlib.suppress(WrongForm):
            found[name] = each.number()
    return {name: number for name, number in found.items() if name != "pid"}


def _positive(value: Value) -> int:
    if value.integer() < 1:
        raise value.wrong("a positive integer")
    return value.integer()


def _alive(store: Store, name: str) -> bool:
    with store.lock(name) as free:
        return not free
