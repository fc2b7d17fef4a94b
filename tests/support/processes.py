"""Processes that need not import TensorFlow again, for the tests that start many."""

from __future__ import annotations

import array
import atexit
import contextlib
import functools
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

REPOSITORY = Path(__file__).parents[2]


class ForkServer:
    """A process that has imported Keras and TensorFlow; each program runs in a fork of it."""

    def __init__(self) -> None:
        self._requests, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        number = theirs.fileno()
        command = [sys.executable, "-m", "tests.support.forkserver", str(number)]
        self._process = subprocess.Popen(command, cwd=REPOSITORY, pass_fds=[number])
        theirs.close()

    def start(self, program: Sequence[str], folder: Path, environment: Mapping[str, str]) -> Fork:
        """Run a program, such as ("-m", "harness"), with pipes for its output and its errors."""
        request = {
            "program": list(program),
            "folder": str(folder),
            "environment": dict(environment),
        }
        with contextlib.ExitStack() as passed:
            ours, theirs = zip(*(os.pipe() for _ in range(3)), strict=True)
            silence = os.open(os.devnull, os.O_RDONLY)
            for descriptor in (silence, *theirs):
                passed.callback(os.close, descriptor)
            descriptors = array.array("i", [silence, *theirs])
            self._requests.sendmsg(
                [json.dumps(request).encode()],
                [(socket.SOL_SOCKET, socket.SCM_RIGHTS, descriptors)],
            )
        return Fork(*ours)

    def close(self) -> None:
        """End the server; forks that go on are none of its."""
        self._requests.close()
        self._process.wait(60)


def run_harness(
    *arguments: str, folder: Path | None = None, program: str = "harness", **changes: str
) -> subprocess.CompletedProcess[str]:
    """Run a command in a fork, to its end.

    Args:
        arguments: those of the command.
        folder: where it runs; the present one by default.
        program: the module that is executed.
        changes: to the environment of this process.
    """
    process = fork_server().start(
        ["-m", program, *arguments], folder or Path.cwd(), {**os.environ, **changes}
    )
    output, errors = process.communicate(timeout=250)
    return subprocess.CompletedProcess(arguments, process.wait(), output, errors)


@functools.cache
def fork_server() -> ForkServer:
    """Return the one of this process, which is started when it is needed first."""
    server = ForkServer()
    atexit.register(server.close)
    return server


class Fork:
    """A program in a fork, with the methods of `subprocess.Popen` that tests need.

    Args:
        output: the descriptor that its standard output is read from.
        errors: the same of its standard error.
        status: the one from which its number and then its exit status are read, as lines.
    """

    def __init__(self, output: int, errors: int, status: int) -> None:
        self.stdout: IO[str] = open(output, encoding="utf-8")  # noqa: SIM115
        self.stderr: IO[str] = open(errors, encoding="utf-8")  # noqa: SIM115
        self._status = open(status, encoding="utf-8")  # noqa: SIM115
        self.pid = int(self._status.readline())
        self.returncode: int | None = None
        self._texts: dict[str, str] = {}
        self._readers: list[threading.Thread] = []

    def poll(self) -> int | None:
        """Return its exit code, None while it runs; a signal that ended it counts below zero."""
        return self._look(0.0)

    def wait(self, timeout: float | None = None) -> int:
        """Wait until it has ended, and return its exit code.

        Raises:
            subprocess.TimeoutExpired: it has not after so many seconds.
        """
        if (code := self._look(timeout)) is None:
            raise subprocess.TimeoutExpired(str(self.pid), timeout or 0.0)
        return code

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """Read all that it writes, and wait until it has ended.

        Raises:
            subprocess.TimeoutExpired: it has not after so many seconds; it can be asked again.
        """
        end = None if timeout is None else time.monotonic() + timeout
        if not self._readers:
            for name in ("stdout", "stderr"):
                self._readers.append(threading.Thread(target=self._read, args=[name], daemon=True))
                self._readers[-1].start()
        for reader in self._readers:
            reader.join(None if end is None else max(0.0, end - time.monotonic()))
            if reader.is_alive():
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0.0)
        self.wait(None if end is None else max(0.0, end - time.monotonic()))
        return self._texts["stdout"], self._texts["stderr"]

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill it."""
        self.send_signal(signal.SIGKILL)

    def _look(self, timeout: float | None) -> int | None:
        if self.returncode is None and select.select([self._status], [], [], timeout)[0]:
            self.returncode = os.waitstatus_to_exitcode(int(self._status.readline()))
            self._status.close()
        return self.returncode

    def _read(self, name: str) -> None:
        with getattr(self, name) as stream:
            self._texts[name] = stream.read()
