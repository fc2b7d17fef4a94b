"""Serve `tests.support.processes`: start programs as forks of a process with its imports done.

One server serves all processes of a test session.

A fork begins where Keras, TensorFlow and the harness are imported, which takes a fresh process five
seconds of computing. Nothing has been computed before a fork, so TensorFlow has no threads yet.
"""

from __future__ import annotations

import array
import contextlib
import json
import os
import runpy
import select
import signal
import socket
import sys
import types
from pathlib import Path
from typing import Any

ROOM = 1 << 20
"""Bytes that a request may have."""

PATIENCE_SECONDS = 1.0
"""How long the server waits for somebody when nobody is left."""


def serve(listener: socket.socket) -> dict[str, Any] | None:
    """Fork once a request, until nobody is left to ask; return the request in each fork."""
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    statuses: dict[int, int] = {}
    clients: dict[int, socket.socket] = {}
    while _somebody_is_left(listener, clients):
        ready = select.select([listener.fileno(), woken, *clients], [], [])[0]
        if woken in ready:
            os.read(woken, 4096)
            _report_ended(statuses)
        if listener.fileno() in ready:
            _accept(listener, clients)
        for number in clients.keys() & set(ready):
            request, descriptors = _receive(clients[number])
            if request is None:
                clients.pop(number).close()
                continue
            *standard, status = descriptors
            process = os.fork()
            if process == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                _begin(request, standard)
                for descriptor in (*standard, status, *statuses.values(), woken, wake):
                    os.close(descriptor)
                for each in (listener, *clients.values()):
                    each.close()
                return request
            for descriptor in standard:
                os.close(descriptor)
            statuses[process] = status
            os.write(status, f"{process}\n".encode())
    return None


def _somebody_is_left(listener: socket.socket, clients: dict[int, socket.socket]) -> bool:
    """Tell whether anyone may still ask; where not, later ones no longer find the socket."""
    if not clients and not select.select([listener], [], [], PATIENCE_SECONDS)[0]:
        Path(listener.getsockname()).unlink(missing_ok=True)
        if not select.select([listener], [], [], 0)[0]:
            return False
    return True


def _accept(listener: socket.socket, clients: dict[int, socket.socket]) -> None:
    client, _ = listener.accept()
    clients[client.fileno()] = client


def _receive(requests: socket.socket) -> tuple[dict[str, Any] | None, list[int]]:
    size = array.array("i").itemsize
    text, passed, _, _ = requests.recvmsg(ROOM, socket.CMSG_SPACE(4 * size))
    descriptors = array.array("i")
    for _, _, data in passed:
        descriptors.frombytes(data[: len(data) - len(data) % size])
    return json.loads(text) if text else None, list(descriptors)


def _report_ended(statuses: dict[int, int]) -> None:
    with contextlib.suppress(ChildProcessError):
        while True:
            process, status = os.waitpid(-1, os.WNOHANG)
            if process == 0:
                return
            if process in statuses:
                with contextlib.suppress(BrokenPipeError):
                    os.write(statuses[process], f"{status}\n".encode())
                os.close(statuses.pop(process))


def _begin(request: dict[str, Any], standard: list[int]) -> None:
    """Take over the folder, the environment and the streams that a fresh process would have."""
    for number, descriptor in enumerate(standard):
        os.dup2(descriptor, number)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    encoding = os.environ.get("PYTHONIOENCODING")
    for name, number in (("stdout", 1), ("stderr", 2)):
        errors = "backslashreplace" if name == "stderr" else None
        stream = open(number, "w", encoding=encoding, errors=errors, closefd=False)  # noqa: SIM115
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def execute(kind: str, program: str, *arguments: str) -> None:
    """Execute a module (`-m`) or a text (`-c`) as Python's options of that name do."""
    sys.argv = [kind, *arguments]
    if kind == "-m":
        runpy.run_module(program, run_name="__main__", alter_sys=True)
    else:
        main = types.ModuleType("__main__")
        sys.modules["__main__"] = main
        exec(compile(program, "<string>", "exec"), main.__dict__)


if __name__ == "__main__":
    # What TensorFlow logs is settled when it is imported: the harness decides, as for a person.
    os.environ.pop("TF_CPP_MIN_LOG_LEVEL", None)

    from harness.backend import import_backend

    import_backend()
    import sklearn.datasets  # noqa: F401
    import tensorflow_datasets  # noqa: F401

    import harness.cli
    import harness.compile
    import harness.runner.local_executor
    import harness.runner.session  # noqa: F401
    from tests.support import plots

    if asked := serve(socket.socket(fileno=int(sys.argv[1]))):
        with contextlib.nullcontext() if plots.DRAWN in os.environ else plots.blank():
            execute(*asked["program"])
