"""The two sides of a comparison: processes that each do a round of their own work when they are
asked.

Frameworks in one process would share threads and memory, so each side has a process of its own, is
warmed up, and then waits while the other computes. A side is a function whose first argument is
`lap`: it calls `lap(amount)` after every piece of work, which tells how long that piece took and
waits until the next one is wanted. The first call only says that the side is warm.
"""

from __future__ import annotations

import multiprocessing
import os
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, TypeVar

Result = TypeVar("Result")
Lap = Callable[[float], None]

_CONTEXT = multiprocessing.get_context("spawn")


class Unavailable(Exception):
    """A side cannot work on this machine; the text says why."""


class SideError(Exception):
    """A side failed; the text is its traceback."""


class Side:
    """A process that does rounds of `work(lap, *arguments)`; ready once it is made."""

    def __init__(self, name: str, work: Callable[..., None], *arguments: Any) -> None:
        self.name = name
        self._connection, theirs = _CONTEXT.Pipe()
        self._process = _CONTEXT.Process(target=_serve, args=(theirs, work, arguments), daemon=True)
        self._process.start()
        theirs.close()
        self._answer()

    def round(self) -> float:
        """Let the side do one piece of work; returns its rate, the amount a second."""
        self._connection.send("go")
        amount, seconds = self._answer()
        return amount / seconds

    def close(self) -> None:
        """End the process."""
        self._connection.close()
        self._process.kill()
        self._process.join()

    def _answer(self) -> Any:
        try:
            kind, value = self._connection.recv()
        except EOFError:
            self._process.join()
            raise SideError(f"{self.name} died with exit code {self._process.exitcode}") from None
        if kind == "unavailable":
            raise Unavailable(value)
        if kind == "error":
            raise SideError(f"{self.name}:\n{value}")
        return value


@contextmanager
def sides(*wanted: tuple[Any, ...]) -> Iterator[list[Side]]:
    """Make several sides, one after the other, each from the arguments of `Side`, and close them
    all in the end.
    """
    made: list[Side] = []
    try:
        for arguments in wanted:
            made.append(Side(*arguments))
        yield made
    finally:
        for side in made:
            side.close()


def fastest(candidates: Sequence[Side]) -> Side:
    """The side that is fastest in a qualifying round; the others are closed."""
    best = max(candidates, key=lambda side: side.round())
    for side in candidates:
        if side is not best:
            side.close()
    return best


def apart(work: Callable[..., Result], *arguments: Any) -> tuple[Result, float]:
    """Call `work` in a process of its own; returns what it returns and the process's peak of
    memory, in MiB.
    """
    ours, theirs = _CONTEXT.Pipe()
    process = _CONTEXT.Process(target=_once, args=(theirs, work, arguments), daemon=True)
    process.start()
    theirs.close()
    try:
        kind, value = ours.recv()
    except EOFError:
        process.join()
        raise SideError(f"{work.__name__} died with exit code {process.exitcode}") from None
    process.join()
    if kind == "error":
        raise SideError(value)
    result: tuple[Result, float] = value
    return result


def _quiet() -> None:
    """Keep what frameworks say while they are loaded from the terminal; what goes wrong is told as
    an exception.
    """
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    with open(os.devnull, "w") as nowhere:  # noqa: PTH123 - a descriptor is wanted
        os.dup2(nowhere.fileno(), 2)


def _serve(connection: Connection, work: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    begun: float | None = None

    def lap(amount: float) -> None:
        nonlocal begun
        now = time.perf_counter()
        connection.send(("lap", None if begun is None else (amount, now - begun)))
        connection.recv()
        begun = time.perf_counter()

    try:
        _quiet()
        work(lap, *arguments)
    except EOFError:  # the other end is closed: no more rounds are wanted
        return
    except Unavailable as reason:
        connection.send(("unavailable", str(reason)))
    except BaseException:
        connection.send(("error", traceback.format_exc()))


def _once(connection: Connection, work: Callable[..., object], arguments: tuple[Any, ...]) -> None:
    try:
        _quiet()
        value = work(*arguments)
        connection.send(("done", (value, _peak_mib())))
    except BaseException:
        connection.send(("error", traceback.format_exc()))


def _peak_mib() -> float:
    """The most memory that this process has held (Linux: VmHWM, which unlike ru_maxrss starts anew
    with a program).
    """
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise SideError("/proc/self/status has no VmHWM: the benchmarks need Linux")
