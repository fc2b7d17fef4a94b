"""Runs made on this machine: by this process, and by others where that was asked for."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from harness import backend
from harness.experiment import Experiment
from harness.follow.listener import Listener
from harness.plan import Plan
from harness.runner.executor import Execute, Queue, Resources
from harness.runner.invocation import Invocation
from harness.runner.job import Job
from harness.runner.worker_processes import (
    BackendShare,
    backend_shares,
    threads_each,
    worker_processes,
)
from harness.store import staleness
from harness.system import machine


@dataclass(frozen=True)
class LocalExecutor:
    """Processes of this machine; runs of a backend that this process does not have get others.

    Attributes:
        processes: How many runs go on side by side, each in a process; None for one process, in
            which small runs go on side by side.
        devices: How many devices share a batch of this process, None for all.
        sharing: How many invocations share the threads of the machine.
    """

    processes: int | None = None
    devices: int | None = 1
    sharing: int = 1

    def check(self, invocation: Invocation) -> None:
        """See that the backends and the devices can be had; see `Executor`."""
        _, here = _backends(invocation.experiments)
        backend.check_devices(self.devices, here)

    def waits_for(self, invocation: Invocation) -> str:
        """Name what is imported; see `Executor`."""
        _, here = _backends(invocation.experiments)
        return "importing JAX and TensorFlow" if here == "jax" else "importing TensorFlow"

    @contextlib.contextmanager
    def opened(self, invocation: Invocation) -> Iterator[Resources]:
        """Import this process's backend; see `Executor`."""
        default, here = _backends(invocation.experiments)
        machine.revision()
        staleness.modules()
        backend.import_backend(here)
        yield Resources(backend.gpus(), "this machine has none", default)

    def job(self, invocation: Invocation, resources: Resources, plan: Plan, queue: Queue) -> Job:
        """Share the machine out, and prepare this process's backend; see `Executor`."""
        from harness.runner import worker_threads

        job = Job(
            plan=plan,
            store=invocation.store,
            data_dir=invocation.data_dir,
            deterministic=queue.deterministic,
            default_backend=resources.default_backend,
            tensorboard=invocation.tensorboard,
        )
        shares = self._shares(job, queue)
        processes = max(self.processes or 1, sum(share.processes for share in shares))
        threads = threads_each(processes * self.sharing)
        backend.prepare_backend(threads, queue.deterministic)
        devices = backend.devices_of(self.devices)
        alone = self.processes is not None or resources.gpus or devices > 1
        at_once = 1 if alone else worker_threads.most(processes * self.sharing)
        job = replace(job, threads=threads, side_by_side=at_once, devices=devices)
        small = worker_threads.small_ones(job, shares[0].keys)
        return replace(job, slots=processes - 1 + max(1, min(at_once, len(small))))

    @contextlib.contextmanager
    def workers(
        self, job: Job, queue: Queue, followers: Listener, stop: Callable[[], bool]
    ) -> Iterator[Execute]:
        """Start the worker processes; this process makes runs while it waits; see `Executor`."""
        from harness.runner import local
        from harness.runner.worker_threads import worker_threads
        from harness.training.cache import ProgramCache

        programs = ProgramCache()
        alone = replace(job, devices=1)  # a batch is shared by this process alone
        shares = self._shares(job, queue)
        with contextlib.ExitStack() as beside:
            none_left = beside.enter_context(worker_processes(shares, alone))
            work = local.Work(job, followers, stop, none_left, programs)
            beside.enter_context(worker_threads(work, shares[0].keys))

            def execute(keys: Sequence[str]) -> None:
                try:
                    local.execute(work, keys)
                except local.Interrupted:
                    raise KeyboardInterrupt from None

            yield execute

    def _shares(self, job: Job, queue: Queue) -> tuple[BackendShare, ...]:
        here = backend.backend_here(job.default_backend, ())
        return backend_shares(
            job.plan, queue.startable, job.default_backend, here, self.processes or 1
        )


def _backends(experiments: Sequence[Experiment]) -> tuple[str, str]:
    """Return the backend of runs that name none, and that of this process.

    Raises:
        BackendError: the environment names one that is unknown or not installed.
    """
    default = backend.chosen()
    settings = [
        run.settings.training for experiment in experiments for run in experiment.runs.values()
    ]
    wanted = {
        backend.backend_of(each, default)
        for each in settings
        if machine.why_no_backend(each.backend) is None
    }
    return default, backend.backend_here(default, wanted)
