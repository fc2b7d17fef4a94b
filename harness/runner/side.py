"""Processes that work beside this one on the same plan and store."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path

from harness.backend import backend_of, import_backend, prepare_backend
from harness.follow.listener import Listener
from harness.plan import Plan
from harness.store import staleness
from harness.store.store import Store, StoreError
from harness.system import processor, streams

Follow = Callable[[], Listener]

_PATIENCE_SECONDS = 60.0
"""How long a process may take for its present epoch and its checkpoint once it was asked to
stop.
"""


def threads_each(processes: int) -> int | None:
    """Return how many threads each of some processes may use; None, all that it likes, where it is
    alone.
    """
    return max(1, processor.share() // processes) if processes > 1 else None


@dataclass(frozen=True)
class Crew:
    """The processes of one backend, and the runs that they share; this process is one of its own
    backend's.
    """

    backend: str
    processes: int
    keys: Sequence[str]


def crews(
    plan: Plan, keys: Sequence[str], default: str, here: str, processes: int
) -> tuple[Crew, ...]:
    """Share `processes` out among the backends of the runs of `keys`, this process's backend first.

    `default` is the backend of runs that name none. Each backend has a process at least, and none
    more than runs.
    """
    own: dict[str, list[str]] = {here: []}
    for key in keys:
        own.setdefault(backend_of(plan.runs[key].run.settings.training, default), []).append(key)
    left, shared = processes, []
    for backend, mine in reversed(own.items()):
        part = processes * len(mine) // max(1, len(keys)) if backend != here else left
        shared.append(Crew(backend, max(1, min(part, len(mine))), mine))
        left -= shared[-1].processes
    return tuple(reversed(shared))


@dataclass(frozen=True)
class Terms:
    """On what the processes of an invocation work: each sets its backend up in the same way.

    `follow` makes, in each of them, the listener that hears of its runs; it is pickled.
    """

    plan: Plan
    root: Path
    data_dir: Path
    threads: int | None
    follow: Follow
    deterministic: bool
    default_backend: str


@contextlib.contextmanager
def beside(own: Sequence[Crew], terms: Terms) -> Iterator[Callable[[str], str | None]]:
    """Let the others of these processes (all but this one, of the first crew) work meanwhile, and
    end them.

    What others of this process's backend leave undone, this process does: one that dies takes
    nothing along but its present run's last epoch. Of another backend, the function that is yielded
    tells why no process is left to compute with it, or None while one is.
    """
    context = multiprocessing.get_context("spawn")
    others: dict[str, list[BaseProcess]] = {}
    for place, crew in enumerate(own):
        arguments = (crew.backend, crew.keys, terms, os.getpid())
        count = crew.processes - (1 if place == 0 else 0)
        others[crew.backend] = [
            context.Process(target=_work, args=arguments, daemon=True) for _ in range(count)
        ]
    everyone = [process for some in others.values() for process in some]
    for process in everyone:
        process.start()
    try:
        yield lambda backend: _gone(backend, others)
    finally:
        for process in everyone:
            if process.is_alive():
                process.terminate()
        for process in everyone:
            process.join(_PATIENCE_SECONDS)
            process.kill()


def _gone(backend: str, others: Mapping[str, Sequence[BaseProcess]]) -> str | None:
    codes = [process.exitcode for process in others.get(backend, ())]
    if None in codes:
        return None
    return (
        f"no process that computes with {backend} is left; exit codes:"
        f" {', '.join(map(str, codes)) or 'none'}"
    )


def _work(backend: str, keys: Sequence[str], terms: Terms, first: int) -> None:
    """Work until all is done, a stop is asked for, or the `first` process, this one's parent, is
    gone.
    """
    streams.prepare()
    staleness.modules()
    asked = False

    def ask(_signal: int, _frame: object) -> None:
        nonlocal asked
        asked = True

    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, ask)

    import_backend(backend)
    prepare_backend(terms.threads, terms.deterministic)
    from harness.runner import local

    def stop() -> bool:
        # Without the first process, nobody asks for more. It told its number itself: it may have
        # been gone before this process, which imports for seconds, looked for its parent.
        return asked or os.getppid() != first

    work = local.Work(
        plan=terms.plan,
        store=Store(terms.root),
        data_dir=terms.data_dir,
        listener=terms.follow(),
        stop=stop,
        deterministic=terms.deterministic,
        default_backend=terms.default_backend,
    )
    # A store that cannot be written is the first process's to tell: it meets the same.
    with contextlib.suppress(local.Interrupted, StoreError):
        local.execute(work, keys)
