"""What has runs made: the one way through an invocation asks it for no more than this.

`LocalExecutor` has processes of this machine make them, `ClusterExecutor` the nodes of a Ray
cluster.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from harness.follow.listener import Listener
from harness.plan import Plan
from harness.runner.invocation import Invocation
from harness.runner.job import Job
from harness.store.store import Store

Execute = Callable[[Sequence[str]], None]
"""Brings runs, parents first, to their end.

It raises KeyboardInterrupt where a stop was asked for.
"""


@dataclass(frozen=True)
class Resources:
    """What an executor has for runs.

    Attributes:
        gpus: How many GPUs, or nodes with some.
        without: Why there are none, where there are none.
        default_backend: The backend of runs that name none.
    """

    gpus: int
    without: str
    default_backend: str


@dataclass(frozen=True)
class Queue:
    """The runs that an invocation is to make, by key, parents first.

    Attributes:
        keys: All of them, those that are done or blocked too.
        startable: Those that are neither.
        deterministic: Whether any that is not done asks for deterministic operations.
    """

    keys: Sequence[str]
    startable: Sequence[str]
    deterministic: bool

    @classmethod
    def of(cls, plan: Plan, keys: Sequence[str], store: Store) -> Queue:
        """Return the queue of some runs of a plan, as they stand in the store."""
        waiting = [key for key in keys if not store.done(key)]
        deterministic = any(plan.runs[key].run.settings.training.deterministic for key in waiting)
        startable = [key for key in waiting if plan.runs[key].blocked is None]
        return cls(keys, startable, deterministic)


class Executor(Protocol):
    """Has the runs of an invocation made; its methods are called in the order in which they stand.

    What it needs it finds out in them, so that what is not there is told before anything is
    trained.
    """

    def check(self, invocation: Invocation) -> None:
        """See that what was asked for can be had, before anything is written.

        Raises:
            BackendError: the backend or the devices that were asked for are not there.
        """

    def waits_for(self, invocation: Invocation) -> str:
        """Say what takes its time in `opened`: "importing TensorFlow"."""

    def opened(self, invocation: Invocation) -> AbstractContextManager[Resources]:
        """Get ready, and yield what there is for runs; at the end, let it go.

        Raises:
            BackendError: the backend cannot be used.
            ClusterError: there is no such cluster.
        """

    def job(self, invocation: Invocation, resources: Resources, plan: Plan, queue: Queue) -> Job:
        """Return what the processes are told that make the runs of a plan.

        Raises:
            BackendError: there are fewer devices than were asked for.
            ClusterError: no node of the cluster can make some run.
        """

    def workers(
        self, job: Job, queue: Queue, followers: Listener, stop: Callable[[], bool]
    ) -> AbstractContextManager[Execute]:
        """Have the runs of a queue made while the context lasts, and yield what waits for some.

        Args:
            job: What `job` gave, with the event log of the present look.
            queue: The runs to make.
            followers: Hears of all runs.
            stop: Tells whether a stop was asked for.
        """
