"""An orderly end on Ctrl-C or SIGTERM: the first asks, the second insists."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)

_PATIENCE_SECONDS = 1.0
"""How long the second signal waits for Python, before it ends the process without it."""


@contextlib.contextmanager
def stoppable() -> Iterator[Callable[[], bool]]:
    """Yield a function that tells whether a stop was asked for.

    A second signal raises KeyboardInterrupt.
    """
    asked = False

    def handle(_signal: int, _frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True

    with _answering():
        previous = {each: signal.signal(each, handle) for each in _SIGNALS}
        try:
            yield lambda: asked
        finally:
            for each, handler in previous.items():
                signal.signal(each, handler)


@contextlib.contextmanager
def _answering() -> Iterator[None]:
    """Answer signals from a thread.

    Python's own handlers wait for a call of TensorFlow, an epoch perhaps, to return. To end the
    process at any moment is safe, because the store writes everything whole or not at all.
    """
    heard, sent = socket.socketpair()
    sent.setblocking(False)

    def answer() -> None:
        if not heard.recv(1):
            return
        print(
            "stopping after the present epoch; ask again to stop at once",
            file=sys.stderr,
            flush=True,
        )
        if not heard.recv(1):
            return
        heard.settimeout(_PATIENCE_SECONDS)
        try:
            while heard.recv(1):
                pass
        except TimeoutError:
            if sys.stdout.isatty():
                os.write(1, b"\r\x1b[?25h\x1b[J")  # the cursor, which the progress hides
            os.write(
                2, b"interrupted: the same command goes on from the last state that was saved\n"
            )
            os._exit(130)

    thread = threading.Thread(target=answer, name="signals", daemon=True)
    thread.start()
    previous = signal.set_wakeup_fd(sent.fileno(), warn_on_full_buffer=False)
    try:
        yield
    finally:
        signal.set_wakeup_fd(previous)
        sent.close()
        thread.join()
        heard.close()
