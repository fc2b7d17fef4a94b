"""Processes that need not import TensorFlow again, for the tests that start many."""

from __future__ import annotations

import array
import contextlib
import functools
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

import filelock

from tests.support import session

REPOSITORY = Path(__file__).parents[2]


class ForkServer:
    """A process that has imported Keras and TensorFlow; each program runs in a fork of it."""

    def __init__(self, requests: socket.socket) -> None:
        self._requests = requests

    def start(
        self,
        program: Sequence[str],
        folder: Path,
        environment: Mapping[str, str],
        shown: tuple[int | None, int | None] = (None, None),
    ) -> Fork:
        """Run a program, such as ("-m", "harness").

        Args:
            program: what Python's options of that name take, and the arguments.
            folder: where it runs.
            environment: all that it has.
            shown: descriptors for its output and its errors; None: a pipe.
        """
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
            standard = [
                pipe if given is None else given for given, pipe in zip(shown, theirs, strict=False)
            ]
            descriptors = array.array("i", [silence, *standard, theirs[2]])
            self._requests.sendmsg(
                [json.dumps(request).encode()],
                [(socket.SOL_SOCKET, socket.SCM_RIGHTS, descriptors)],
            )
        return Fork(*ours)


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
    """Return that of the test session, which the first who needs it starts.

    It ends when the last process that has asked for it has ended; forks that go on are none of its.
    """
    path = Path(os.environ.get(session.FOLDER) or tempfile.mkdtemp()) / "forks"
    with filelock.FileLock(f"{path}.lock"):
        try:
            return ForkServer(_connected(path))
        except (FileNotFoundError, ConnectionRefusedError):
            path.unlink(missing_ok=True)
            _start(path)
            return ForkServer(_connected(path))


def _start(path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(str(path))
        listener.listen()
        number = listener.fileno()
        command = [sys.executable, "-m", "tests.support.forkserver", str(number)]
        subprocess.Popen(command, cwd=REPOSITORY, pass_fds=[number])


def _connected(path: Path) -> socket.socket:
    requests = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        requests.connect(str(path))
    except OSError:
        requests.close()
        raise
    return requests


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
