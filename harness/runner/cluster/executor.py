"""Runs made by the nodes of a Ray cluster; this process computes nothing."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from harness import backend
from harness.follow.listener import Listener
from harness.plan import Plan
from harness.runner.cluster.needs import ClusterOptions, check_needs, slots
from harness.runner.executor import Execute, Queue, Resources
from harness.runner.invocation import Invocation
from harness.runner.job import Job
from harness.store.store import Store
from harness.system import machine


@dataclass(frozen=True)
class ClusterExecutor:
    """The nodes of a cluster, each of which makes as many runs as the needs of these allow."""

    options: ClusterOptions = field(default_factory=ClusterOptions)

    def check(self, invocation: Invocation) -> None:
        """See that the backend is there; see `Executor`."""
        backend.chosen()

    def waits_for(self, invocation: Invocation) -> str:
        """Say that the cluster may take a while to answer; see `Executor`."""
        return "joining the Ray cluster"

    @contextlib.contextmanager
    def opened(self, invocation: Invocation) -> Iterator[Resources]:
        """Join the cluster; see `Executor`."""
        from harness.runner.cluster import connection

        default = backend.chosen()
        if invocation.tensorboard is not None:
            backend.import_backend(default)  # TensorFlow writes the logs: without its chatter
        without = (
            "--gpus-per-run 0 gives it none"
            if self.options.gpus == 0
            else "no node of the cluster has one"
        )
        with connection.connected(self.options.address):
            nodes = connection.nodes()
            gpus = 0 if self.options.gpus == 0 else sum(node.gpus > 0 for node in nodes)
            yield Resources(gpus, without, default)

    def job(self, invocation: Invocation, resources: Resources, plan: Plan, queue: Queue) -> Job:
        """See that some node can make each run; see `Executor`."""
        from harness.runner.cluster import connection

        nodes = connection.nodes()
        on_gpu = {each.name for each in invocation.experiments if each.requires.gpu}
        needs = {key: self.options.needs(plan.runs[key].experiment in on_gpu) for key in queue.keys}
        wanted = {needs[key] for key in queue.startable}
        check_needs(nodes, wanted)
        return Job(
            plan=plan,
            store=invocation.store,
            data_dir=invocation.data_dir,
            threads=self.options.cpus,
            deterministic=queue.deterministic,
            default_backend=resources.default_backend,
            slots=max([1, *(slots(nodes, each) for each in wanted)]),
            tensorboard=invocation.tensorboard,
            folder=Path.cwd(),
            software=machine.software(),
            needs=needs,
        )

    @contextlib.contextmanager
    def workers(
        self, job: Job, queue: Queue, followers: Listener, stop: Callable[[], bool]
    ) -> Iterator[Execute]:
        """Begin a task for every run, and end them all at last; see `Executor`."""
        from harness.runner.cluster.driver import Tasks

        everywhere = replace(
            job, store=Store(job.store.root.absolute()), data_dir=job.data_dir.absolute()
        )
        tasks = Tasks(everywhere, queue.keys, followers, stop)
        try:
            yield tasks.execute
        finally:
            tasks.stop()
