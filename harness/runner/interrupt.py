"""An orderly end on Ctrl-C or SIGTERM: the first asks, the second insists."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Iterator
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextlib.contextmanager
def stoppable() -> Iterator[Callable[[], bool]]:
    """Yield a function that tells whether a stop was asked for; a second signal raises KeyboardInterrupt."""
    asked = False

    def handle(_signal: int, _frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True

    previous = {each: signal.signal(each, handle) for each in _SIGNALS}
    try:
        yield lambda: asked
    finally:
        for each, handler in previous.items():
            signal.signal(each, handler)
