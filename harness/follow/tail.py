"""What other processes write into the event log of an invocation, passed on while it is written."""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path

from harness.follow.events import Line, read_line, row_of
from harness.follow.listener import Listener
from harness.plan import ConcreteRun, Plan
from harness.run_result import RunResult, Status
from harness.system.json_value import Value, WrongForm

_ENDS = (Status.DONE, Status.ERROR)
"""How a run that a process worked on may have ended."""


class Tail:
    """Reads the lines that are new in a log, and passes on those of other processes.

    What this process writes, its listeners have heard already. A log that cannot be read, and a
    line of another form, are passed over: the store tells of every run's end in any case.
    """

    def __init__(self, log: Path, plan: Plan, listener: Listener) -> None:
        self._log, self._plan, self._listener = log, plan, listener
        self._lock = threading.Lock()
        self._read, self._rest = 0, b""

    def read(self) -> None:
        """Pass on what was written since the last time."""
        with self._lock:
            *lines, self._rest = (self._rest + self._new()).split(b"\n")
            for content in lines:
                with contextlib.suppress(WrongForm):
                    self._tell(read_line(content))

    def _new(self) -> bytes:
        try:
            with self._log.open("rb") as file:
                file.seek(self._read)
                content = file.read()
        except OSError:
            return b""
        self._read += len(content)
        return content

    def _tell(self, line: Line) -> None:
        if not line.event.startswith("run_") or line.value.member("pid").integer() == os.getpid():
            return
        run = self._plan.runs.get(line.value.member("key").text())
        if run is None:
            return
        if line.event == "run_started":
            self._listener.started(run)
        elif line.event == "run_preparing":
            self._listener.preparing(run, line.value.member("what").text())
        elif line.event == "run_advanced":
            self._listener.advanced(run, [row_of(line.value)])
        elif line.event == "run_finished":
            self._listener.finished(run, _result(run, line.value), reused=False)


def _result(run: ConcreteRun, value: Value) -> RunResult:
    """Return what a line says of how a run ended."""
    status = next((each for each in _ENDS if each.value == value.member("status").text()), None)
    if status is None:
        raise value.member("status").wrong(" or ".join(each.value for each in _ENDS))
    return RunResult(
        run.run.name,
        run.seed,
        run.key,
        status,
        value.member("reason").text(),
        measurements={
            name: each.number_or_none() for name, each in value.member("measurements").members()
        },
        seconds=value.member("seconds").number(),
    )
