"""What a task does on its node: one run, by the code of the local executor, for the driver that
asked for it.
"""

from __future__ import annotations

import contextlib
import functools
import os
import platform
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from harness.backend import backend_of, import_backend, prepare_backend
from harness.data import availability
from harness.follow.listener import Listeners, Row
from harness.plan import ConcreteRun, Plan
from harness.run_result import RunResult
from harness.runner.cluster.needs import ClusterError
from harness.store.store import Store
from harness.system import machine
from harness.training.cache import ProgramCache

News = tuple[str, Sequence[Row] | None]
"""The key of a run and new rows of its history; None where the run begins."""

_LEAST_SECONDS = 1.0
"""Between two messages on the advance of a run."""


@dataclass(frozen=True)
class Terms:
    """On what all tasks of an invocation work.

    `session` is the name of the driver's lock in the store, `folder` where it was started,
    `software` what it runs with.
    """

    plan: Plan
    root: Path
    data_dir: Path
    folder: Path
    session: str
    software: Mapping[str, str]
    threads: int
    deterministic: bool
    default_backend: str


class Ending(NamedTuple):
    """Whether a run has come to its end (not where it was stopped, or others work on it), and
    whether it is finished.

    A finished run may take a while to be seen from another machine: network storage remembers what
    was not there.
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


class Correspondent:
    """Listens to a run and reports to the driver, about once a second at most; a driver that hears
    nothing stops none.

    `put` sends news, and returns what tells when they have arrived.
    """

    def __init__(self, put: Callable[[News], Any]) -> None:
        self._put = put
        self._rows: list[Row] = []
        self._told = time.monotonic()
        self._sent: Any = None

    def started(self, run: ConcreteRun) -> None:
        """Report that a run begins."""
        self._sent = self._put((run.key, None))

    def advanced(self, run: ConcreteRun, rows: Sequence[Row]) -> None:
        """Report new rows, unless some have just been sent."""
        self._rows += rows
        if time.monotonic() - self._told >= _LEAST_SECONDS:
            self.report(run)

    def finished(self, run: ConcreteRun, result: RunResult, reused: bool) -> None:
        """Leave it to the driver, which sees it from the task."""

    def report(self, run: ConcreteRun) -> Any:
        """Report what has not been, and return what tells when all has arrived; None where nothing
        was sent.
        """
        if self._rows:
            self._sent = self._put((run.key, self._rows))
            self._rows, self._told = [], time.monotonic()
        return self._sent


def work_on(key: str, terms: Terms, mailbox: Any, *_parents: object) -> Ending:
    """Bring a run to its end, unless others work on it; `_parents` are the endings that it waited
    for.

    Raises:
        ClusterError: this node is not as the driver's machine is.
        StoreError: the store cannot be written.
    """
    import ray

    with _asked() as stop:
        with contextlib.suppress(OSError):
            os.chdir(
                terms.folder
            )  # for the paths that are relative to it; what is missing is told below
        run, store = terms.plan.runs[key], Store(terms.root)
        see(run, terms)
        _have_backend(
            backend_of(run.run.settings.training, terms.default_backend),
            terms.threads,
            terms.deterministic,
        )
        from harness.runner import local

        correspondent = Correspondent(mailbox.put.remote)
        work = local.Work(
            plan=terms.plan,
            store=store,
            data_dir=terms.data_dir,
            listener=Listeners(correspondent),
            stop=stop,
            deterministic=terms.deterministic,
            default_backend=terms.default_backend,
            programs=_programs(),
        )
        try:
            # Moments are compared by the clock of the store alone.
            return Ending(
                local.ended(work, key, store.lock_file(terms.session).stat().st_mtime),
                store.done(key),
            )
        except local.Interrupted:
            return Ending(ended=False, done=False)
        finally:
            with contextlib.suppress(ray.exceptions.RayError):
                ray.get([sent for sent in [correspondent.report(run)] if sent is not None])


def see(run: ConcreteRun, terms: Terms) -> None:
    """See that this node has the driver's software, and what a run of it reads and writes.

    Raises:
        ClusterError: it does not.
    """
    node = f"the node {platform.node()}"
    here = machine.software()
    different = [
        f"{name} {here.get(name)}, not {version}"
        for name, version in terms.software.items()
        if here.get(name) != version
    ]
    if different:
        raise ClusterError(
            f"{node} has {'; '.join(different)}: install there what this machine has"
        )
    store = Store(terms.root)
    if not store.lock_file(terms.session).exists():
        raise ClusterError(
            f"{node} does not see the store {terms.root} that this machine writes: choose a folder"
            " with --store on storage that all nodes share, under the same path"
        )
    with store.lock(terms.session) as free:
        if free:
            raise ClusterError(
                f"{node} does not see the locks in the store {terms.root}: its storage must pass"
                " locks on between machines (flock), as NFS 4, CephFS and Lustre (mounted with -o"
                " flock) do"
            )
    source = run.run.settings.dataset.source
    missing = availability.why_unavailable(source.name, source.parameters, terms.data_dir)
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
def _have_backend(backend: str, threads: int, deterministic: bool) -> None:
    """Set the backend up once: the processes of Ray make one run after another."""
    import_backend(backend)
    prepare_backend(threads, deterministic)


@contextlib.contextmanager
def _asked() -> Iterator[Callable[[], bool]]:
    """Yield a function that tells whether a stop was asked for: Ray cancels a task by SIGINT."""
    asked = threading.Event()
    previous = signal.signal(signal.SIGINT, lambda *_: asked.set())
    try:
        yield asked.is_set
    finally:
        signal.signal(signal.SIGINT, previous)
