"""What a task does on its node: it makes one run for the driver, by the code of `local`."""

from __future__ import annotations

import contextlib
import functools
import os
import platform
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from harness.backend import backend_of, import_backend, prepare_backend
from harness.data import availability
from harness.follow.listener import Listeners, Row
from harness.plan import ConcreteRun
from harness.run_result import RunResult
from harness.runner.cluster.needs import ClusterError
from harness.runner.job import Job
from harness.system import machine
from harness.training.cache import ProgramCache

News = tuple[str, Sequence[Row] | str | None]
"""The key of a run and new rows of its history; None where the run begins, and text on what it does
before it trains."""

_LEAST_SECONDS = 1.0
"""Between two messages on the advance of a run."""


class Ending(NamedTuple):
    """Whether a run has come to its end, and whether it is finished.

    It has not where it was stopped, or where others work on it. A finished run may take a while to
    be seen from another machine: network storage remembers what was not there.
    """

    ended: bool
    done: bool


class Mailbox:
    """Where workers leave news for the driver: an actor."""

    def __init__(self) -> None:
        self._news: list[News] = []

    def put(self, news: News) -> None:
        """Keep news."""
        self._news.append(news)

    def take(self) -> list[News]:
        """Return the news since the last time, in their order."""
        taken, self._news = self._news, []
        return taken


class MailboxListener:
    """Listens to a run and reports to the driver, about once a second at most.

    A driver that hears nothing stops no run. `put` sends news, and returns what tells when they
    have arrived.
    """

    def __init__(self, put: Callable[[News], Any]) -> None:
        self._put = put
        self._rows: list[Row] = []
        self._reported = time.monotonic()
        self._sent: Any = None

    def started(self, run: ConcreteRun) -> None:
        """Report that a run begins."""
        self._sent = self._put((run.key, None))

    def preparing(self, run: ConcreteRun, what: str) -> None:
        """Report what a run does before it trains."""
        self._sent = self._put((run.key, what))

    def advanced(self, run: ConcreteRun, rows: Sequence[Row]) -> None:
        """Report new rows, unless some have just been sent."""
        self._rows += rows
        if time.monotonic() - self._reported >= _LEAST_SECONDS:
            self.report(run)

    def finished(self, run: ConcreteRun, result: RunResult, reused: bool) -> None:
        """Leave it to the driver, which sees it from the task."""

    def report(self, run: ConcreteRun) -> Any:
        """Report what has not been.

        Returns:
            What tells when all has arrived, None where nothing was sent.
        """
        if self._rows:
            self._sent = self._put((run.key, self._rows))
            self._rows, self._reported = [], time.monotonic()
        return self._sent


def work_on(key: str, job: Job, mailbox: Any, *_parents: object) -> Ending:
    """Bring a run to its end, unless others work on it.

    Args:
        key: The run.
        job: What the driver tells all workers.
        mailbox: The actor that takes news for the driver.
        _parents: The endings that Ray has waited for.

    Raises:
        ClusterError: this node is not as the driver's machine is.
        StoreError: the store cannot be written.
    """
    import ray

    with _stop_requests() as stop:
        # For the paths that are relative to it; what is missing is told below.
        with contextlib.suppress(OSError):
            os.chdir(job.folder)
        run, store = job.plan.runs[key], job.store
        check_node(run, job)
        backend = backend_of(run.run.settings.training, job.default_backend)
        _have_backend(backend, job.threads, job.deterministic)
        from harness.runner import local

        listener = MailboxListener(mailbox.put.remote)
        work = local.Work(job, Listeners(listener), stop, programs=_programs())
        try:
            # Moments are compared by the clock of the store alone.
            begin = store.lock_file(job.log.name).stat().st_mtime
            return Ending(local.ended(work, key, begin), store.done(key))
        except local.Interrupted:
            return Ending(ended=False, done=False)
        finally:
            with contextlib.suppress(ray.exceptions.RayError):
                ray.get([sent for sent in [listener.report(run)] if sent is not None])


def check_node(run: ConcreteRun, job: Job) -> None:
    """See that this node has the driver's software, and what a run of it reads and writes.

    Raises:
        ClusterError: it does not.
    """
    node = f"the node {platform.node()}"
    here = machine.software()
    different = [
        f"{name} {here.get(name)}, not {version}"
        for name, version in job.software.items()
        if here.get(name) != version
    ]
    if different:
        raise ClusterError(
            f"{node} has {'; '.join(different)}: install there what this machine has"
        )
    store, lock = job.store, job.log.name
    if not store.lock_file(lock).exists():
        raise ClusterError(
            f"{node} does not see the store {store.root} that this machine writes: choose a folder"
            " with --store on storage that all nodes share, under the same path"
        )
    with store.lock(lock) as free:
        if free:
            raise ClusterError(
                f"{node} does not see the locks in the store {store.root}: its storage must pass"
                " locks on between machines (flock), as NFS 4, CephFS and Lustre (mounted with -o"
                " flock) do"
            )
    source = run.run.settings.dataset.source
    missing = availability.why_unavailable(source.name, source.parameters, job.data_dir)
    if missing is not None:
        raise ClusterError(
            f"{node} does not see the data that this machine does: {missing}; data must lie on"
            " storage that all nodes share, under the same path (TFDS_DATA_DIR)"
        )


@functools.cache
def _programs() -> ProgramCache:
    """Keep compiled programs: the processes of Ray make one run after another."""
    return ProgramCache()


@functools.cache
def _have_backend(backend: str, threads: int | None, deterministic: bool) -> None:
    """Set the backend up once: the processes of Ray make one run after another."""
    import_backend(backend)
    prepare_backend(threads, deterministic)


@contextlib.contextmanager
def _stop_requests() -> Iterator[Callable[[], bool]]:
    """Yield a function that tells whether a stop was asked for: Ray cancels a task by SIGINT."""
    asked = threading.Event()
    previous = signal.signal(signal.SIGINT, lambda *_: asked.set())
    try:
        yield asked.is_set
    finally:
        signal.signal(signal.SIGINT, previous)
