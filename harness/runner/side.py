"""Processes that work beside this one on the same plan and store."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from harness.plan import Plan
from harness.runner.listener import Listener
from harness.store import Store, StoreError

Follow = Callable[[], Listener]

_PATIENCE_SECONDS = 60.0
"""How long a process may take for its present epoch and its checkpoint once it was asked to stop."""


def threads_each(processes: int) -> int | None:
    """Return how many threads each of some processes may use; None, all that it likes, where it is alone."""
    return max(1, (os.cpu_count() or 1) // processes) if processes > 1 else None


@contextlib.contextmanager
def beside(
    processes: int, plan: Plan, keys: Sequence[str], store: Store, data_dir: Path, follow: Follow, deterministic: bool
) -> Iterator[None]:
    """Let `processes` - 1 others, but none without a run to do, work on the runs of `keys` meanwhile, and end them.

    What they leave undone, this process does: one that dies takes nothing along but its present run's last epoch.
    `follow` makes, in each of them, the listener that hears of its runs; it is pickled.
    """
    context = multiprocessing.get_context("spawn")
    arguments = (plan, list(keys), store.root, data_dir, threads_each(processes), follow, deterministic)
    others = [context.Process(target=_work, args=arguments, daemon=True) for _ in range(min(processes, len(keys)) - 1)]
    for other in others:
        other.start()
    try:
        yield
    finally:
        for other in others:
            if other.is_alive():
                other.terminate()
        for other in others:
            other.join(_PATIENCE_SECONDS)
            other.kill()


def _work(
    plan: Plan,
    keys: Sequence[str],
    root: Path,
    data_dir: Path,
    threads: int | None,
    follow: Follow,
    deterministic: bool,
) -> None:
    asked = False

    def ask(_signal: int, _frame: object) -> None:
        nonlocal asked
        asked = True

    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, ask)
    from harness.runner.backend import import_backend, prepare_backend

    import_backend()
    prepare_backend(threads, deterministic)
    from harness.runner import local

    parent = os.getppid()

    def stop() -> bool:
        return asked or os.getppid() != parent  # without the first process, nobody asked for more

    # A store that cannot be written is the first process's to tell: it meets the same.
    with contextlib.suppress(local.Interrupted, StoreError):
        local.execute(local.Work(plan, Store(root), data_dir, follow(), stop, deterministic), keys)
