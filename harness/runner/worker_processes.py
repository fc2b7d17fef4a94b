"""The processes of this machine that share the runs of an invocation with the first one."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.process import BaseProcess

from harness.backend import backend_of, import_backend, prepare_backend
from harness.follow.events import Events
from harness.follow.listener import Listener, Listeners
from harness.follow.tensorboard import TensorBoard
from harness.plan import Plan
from harness.runner.job import Job
from harness.store import staleness
from harness.store.store import StoreError
from harness.system import processor, streams

_PATIENCE_SECONDS = 60.0
"""How long a process may take for its epoch and its checkpoint once it was asked to stop."""


def threads_each(processes: int) -> int | None:
    """Return how many threads each of some processes may use; None where there is one alone."""
    return max(1, processor.share() // processes) if processes > 1 else None


@dataclass(frozen=True)
class BackendShare:
    """The runs of one backend, and how many processes make them, the first one among its own."""

    backend: str
    processes: int
    keys: Sequence[str]


def backend_shares(
    plan: Plan, keys: Sequence[str], default: str, here: str, processes: int
) -> tuple[BackendShare, ...]:
    """Share processes out among the backends of some runs.

    Each backend has a process at least, and none more than runs.

    Args:
        plan: What the runs are.
        keys: The runs.
        default: The backend of runs that name none.
        here: The backend of this process, whose share comes first.
        processes: How many processes there are.
    """
    own: dict[str, list[str]] = {here: []}
    for key in keys:
        own.setdefault(backend_of(plan.runs[key].run.settings.training, default), []).append(key)
    left, shared = processes, []
    for backend, mine in reversed(own.items()):
        part = processes * len(mine) // max(1, len(keys)) if backend != here else left
        shared.append(BackendShare(backend, max(1, min(part, len(mine))), mine))
        left -= shared[-1].processes
    return tuple(reversed(shared))


@contextlib.contextmanager
def worker_processes(
    shares: Sequence[BackendShare], job: Job
) -> Iterator[Callable[[str], str | None]]:
    """Let worker processes make runs meanwhile, and end them at last.

    What those of this process's backend leave undone, this process does: one that dies takes
    nothing along but its present run's last epoch.

    Args:
        shares: Those of all processes, of which this one is the first.
        job: What they are told.

    Yields:
        A function that tells of a backend why no worker process is left that computes with it, None
        while there is one.
    """
    context = multiprocessing.get_context("spawn")
    workers: dict[str, list[BaseProcess]] = {}
    for place, share in enumerate(shares):
        arguments = (share.backend, share.keys, job, os.getpid())
        count = share.processes - (1 if place == 0 else 0)
        workers[share.backend] = [
            context.Process(target=_work, args=arguments, daemon=True) for _ in range(count)
        ]
    everyone = [process for some in workers.values() for process in some]
    for process in everyone:
        process.start()
    try:
        yield lambda backend: _why_none_is_left(backend, workers)
    finally:
        for process in everyone:
            if process.is_alive():
                process.terminate()
        for process in everyone:
            process.join(_PATIENCE_SECONDS)
            process.kill()


def boards(job: Job) -> list[TensorBoard]:
    """Return what writes TensorBoard's logs, where a folder for them is given."""
    return [TensorBoard(job.tensorboard)] if job.tensorboard is not None else []


def _why_none_is_left(backend: str, workers: Mapping[str, Sequence[BaseProcess]]) -> str | None:
    codes = [process.exitcode for process in workers.get(backend, ())]
    if None in codes:
        return None
    return (
        f"no process that computes with {backend} is left; exit codes:"
        f" {', '.join(map(str, codes)) or 'none'}"
    )


def _followers(job: Job) -> Listener:
    """Return who listens in a worker process; the first one tells a person of every run's end."""
    return Listeners(Events(job.log, first=False), *boards(job))


def _work(backend: str, keys: Sequence[str], job: Job, first: int) -> None:
    """Make runs until all are done, a stop is asked for, or the first process has ended.

    `first` is the number of that process, this one's parent.
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
    prepare_backend(job.threads, job.deterministic)
    from harness.runner import local
    from harness.runner.worker_threads import worker_threads

    def stop() -> bool:
        # Without the first process, nobody asks for more. It told its number itself: it may have
        # ended before this process, which imports for seconds, looked for its parent.
        return asked or os.getppid() != first

    # A store that cannot be written is the first process's to tell: it meets the same.
    work = local.Work(job, _followers(job), stop)
    with contextlib.suppress(local.Interrupted, StoreError), worker_threads(work, keys):
        local.execute(work, keys)
