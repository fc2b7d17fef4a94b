"""A process and the child process that works for it: neither outlives the other unnoticed."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from typing import Any


@contextlib.contextmanager
def ended(process: subprocess.Popen[Any]) -> Iterator[None]:
    """Wait for a child process at the end of the block, and leave none behind.

    A stop that is asked of this process within the block or while it waits is passed on, and waited
    for; the second one is not. The child's standard input is a pipe, which is closed afterwards.

    Raises:
        KeyboardInterrupt: a stop was asked for.
    """
    try:
        yield
        process.wait()
    except KeyboardInterrupt:
        process.terminate()
        process.wait()
        raise
    finally:
        process.kill()
        process.wait()
        if process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()


def end_with_the_parent() -> None:
    """Ask this process to stop once its parent has ended: nobody waits for it any more.

    The parent holds the other end of the standard input and writes nothing to it from now on.
    """
    threading.Thread(target=_wait_for_the_end, daemon=True).start()


def _wait_for_the_end() -> None:
    # The descriptor as it is: a thread that waits in `sys.stdin` holds its lock when the process
    # ends.
    standard_input = 0
    while os.read(standard_input, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
