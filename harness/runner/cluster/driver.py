"""What the driver does: it follows a task for every run that is not done to its end.

A task depends on that of the run it starts from, so that it takes no slot of the cluster before.
It tells when it has come to its end. Where it has not (its node failed, its process died, others
work on the run), the run gets a new one, which goes on from the last checkpoint.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Sequence
from typing import Any

from harness.backend import VARIABLE, backend_of
from harness.follow.listener import Listener
from harness.plan import ConcreteRun
from harness.runner.cluster import connection, worker
from harness.runner.cluster.needs import ClusterError, Needs, slots
from harness.runner.job import Job
from harness.store.snapshot import Snapshot
from harness.store.state import state_of
from harness.store.store import StoreError

_WAIT_SECONDS = 0.2
"""How long the driver waits for a task to end, before it looks for news again."""

_ELSEWHERE_SECONDS = 2.0
"""Between two looks at a run that others work on."""

_PATIENCE_SECONDS = 60.0
"""How long runs may take for their epoch and their checkpoint once they were asked to stop."""

_ROOM_SECONDS = 300.0
"""How long the runs wait for a node that could take them, when the last such node has failed."""

_LOOK_SECONDS = 5.0
"""Between two looks at the nodes."""

_HEAD_SECONDS = 20.0
"""How long the head may be silent, as while it is started again; the runs go on meanwhile."""

_SEEN_SECONDS = 180.0
"""How long a run that is finished may take to be seen from here.

An NFS client remembers for a minute what was not there.
"""

_DEATHS = 3
"""How often a run's process may die without getting further, its node alive."""


class Deaths:
    """How often the process of each run died at the same epoch, its node alive."""

    def __init__(self) -> None:
        self._counts: dict[str, tuple[int | None, int]] = {}

    def count(self, key: str, epoch: int | None) -> int:
        """Count another death at this epoch, and return how many there were in a row."""
        before, times = self._counts.get(key, (epoch, 0))
        self._counts[key] = (epoch, times + 1 if before == epoch else 1)
        return self._counts[key][1]


class Tasks:
    """The runs of a plan on a cluster.

    Args:
        job: What every worker is told; its paths are absolute.
        keys: The runs to bring to their end, parents first.
        followers: Hears of all runs.
        stop: Tells whether a stop was asked for.
    """

    def __init__(
        self, job: Job, keys: Sequence[str], followers: Listener, stop: Callable[[], bool]
    ) -> None:
        import ray

        self._plan, self._store = job.plan, job.store
        # What has ended stays as it is until all have.
        self._seen = Snapshot(job.store.root)
        self._job, self._needs = job, job.needs
        self._followers, self._stop = followers, stop
        self._done = {key for key in keys if self._store.done(key)}
        self._ended: set[str] = set()
        self._kept = frozenset(self._done)
        self._left = list(keys)
        self._tasks: dict[Any, str] = {}
        self._deaths = Deaths()
        self._elsewhere: dict[str, float] = {}
        self._made: dict[str, float] = {}
        self._room = self._looked = self._answered = time.monotonic()
        self._shared_job = ray.put(job)
        here = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(
            ray.get_runtime_context().get_node_id(), soft=False
        )
        self._mailbox = (
            ray.remote(worker.Mailbox)
            .options(num_cpus=0, max_restarts=-1, scheduling_strategy=here)
            .remote()
        )
        self._take_out_ended()

    def execute(self, keys: Sequence[str]) -> None:
        """Wait until some runs, parents first, have come to an end; all others go on meanwhile.

        Raises:
            KeyboardInterrupt: a stop was asked for.
            ClusterError: a node is not as it must be, or none is left.
            StoreError: the store cannot be written.
        """
        left = list(keys)
        while True:
            for key in [key for key in left if key in self._ended]:
                left.remove(key)
            if not left:
                return
            if self._stop():
                raise KeyboardInterrupt
            self._step()

    def stop(self) -> None:
        """Have every task end: those at work save a checkpoint, the others never begin."""
        import ray

        for task in self._tasks:
            ray.cancel(task, force=False)
        if self._tasks:
            ray.wait(list(self._tasks), num_returns=len(self._tasks), timeout=_PATIENCE_SECONDS)
        self._tasks.clear()

    def _step(self) -> None:
        import ray

        self._begin()
        ready: list[Any] = []
        if self._tasks:
            ready, _ = ray.wait(
                list(self._tasks), num_returns=len(self._tasks), timeout=_WAIT_SECONDS
            )
        else:
            time.sleep(_WAIT_SECONDS)
        self._hear()  # what a task said before it ended is there
        for task in ready:
            self._collect(task, self._tasks.pop(task))
        self._take_out_ended()
        self._check_cluster()

    def _begin(self) -> None:
        """Give every run that has no task one, where it can be made now or after another task."""
        tasks = {key: task for task, key in self._tasks.items()}
        for key in self._left:
            run = self._plan.runs[key]
            after = tasks.get(run.parent) if run.parent is not None else None
            startable = run.parent is None or run.parent in self._done or after is not None
            if key not in tasks and key not in self._made and startable and self._free(key):
                tasks[key] = self._submit(run, [] if after is None else [after])
                self._tasks[tasks[key]] = key

    def _free(self, key: str) -> bool:
        """Tell whether nobody else works on a run; of most it is seen by their tasks alone."""
        if key not in self._elsewhere:
            return True
        if time.monotonic() - self._elsewhere[key] < _ELSEWHERE_SECONDS:
            return False
        self._elsewhere[key] = time.monotonic()
        with self._store.lock(key) as free:
            return free

    def _submit(self, run: ConcreteRun, after: Sequence[Any]) -> Any:
        import ray

        needs = self._needs[run.key]
        options = {
            "name": run.label,
            "num_cpus": needs.cpus,
            "num_gpus": needs.gpus,
            "max_retries": 0,  # a new task is made for it, see `_collect`
            "runtime_env": {"env_vars": self._variables(run, needs)},
        }
        return (
            ray.remote(worker.work_on)
            .options(**options)
            .remote(run.key, self._shared_job, self._mailbox, *after)
        )

    def _variables(self, run: ConcreteRun, needs: Needs) -> dict[str, str]:
        """Return the environment of a run's process.

        Ray does not use a process for runs with other variables.
        """
        archives = {name: os.environ[name] for name in ["HARNESS_ARCHIVES"] if name in os.environ}
        unseen = (
            {} if needs.gpus else {"CUDA_VISIBLE_DEVICES": ""}
        )  # Ray hides nothing from tasks that need none
        return {
            VARIABLE: backend_of(run.run.settings.training, self._job.default_backend),
            **archives,
            **unseen,
        }

    def _hear(self) -> None:
        import ray

        left = set(self._left)
        with contextlib.suppress(ray.exceptions.RayActorError):
            for key, news in ray.get(self._mailbox.take.remote()):
                if key not in left:
                    continue
                run = self._plan.runs[key]
                if news is None:
                    self._followers.started(run)
                elif isinstance(news, str):
                    self._followers.preparing(run, news)
                else:
                    self._followers.advanced(run, news)

    def _collect(self, task: Any, key: str) -> None:
        """Take what a task told, which has ended."""
        import ray

        try:
            ending = worker.Ending(*ray.get(task))
        except ray.exceptions.RayTaskError as error:
            # Where it is an error of Ray's, the task that this one waited for was lost.
            if not isinstance(error.cause, ray.exceptions.RayError):
                raise fault_of(error) from None
        except ray.exceptions.NodeDiedError:
            pass
        except ray.exceptions.RayError as error:
            self._died(key, error)
        else:
            self._elsewhere.pop(key, None)
            if ending.done:
                self._made[key] = time.monotonic()
            elif ending.ended:
                self._ended.add(key)
            else:
                self._elsewhere[key] = time.monotonic()

    def _died(self, key: str, error: Exception) -> None:
        deaths = self._deaths.count(key, self._store.progress(key))
        if deaths >= _DEATHS:
            reason = str(error).strip().partition("\n")[0]
            with self._store.lock(key) as free:
                if free:
                    self._store.save_error(
                        key, f"its process died {deaths} times at the same epoch: {reason}"
                    )
                    self._ended.add(key)

    def _take_out_ended(self) -> None:
        """Take out the runs that have come to an end, and those that cannot begin any more."""
        for key, moment in list(self._made.items()):
            if self._store.done(key):
                self._done.add(key)
                del self._made[key]
            elif time.monotonic() - moment > _SEEN_SECONDS:
                raise ClusterError(
                    f"{self._plan.runs[key].label} was finished on a node, but this machine does"
                    f" not see it in the store {self._store.root}: the store must lie on storage"
                    " that all nodes share"
                )
        for key in self._left:
            run = self._plan.runs[key]
            stuck = run.parent in self._ended and run.parent not in self._done
            if key in self._done or run.blocked is not None or stuck:
                self._ended.add(key)
        ended = [key for key in self._left if key in self._ended]
        self._left = [key for key in self._left if key not in self._ended]
        for key in ended:
            self._report(key)

    def _report(self, key: str) -> None:
        run = self._plan.runs[key]
        result = state_of(self._plan, key, run.run.name, run.seed, self._seen)
        self._followers.finished(run, result, key in self._kept)

    def _check_cluster(self) -> None:
        """See that the head is there, and a node that could take some run that has not ended."""
        now = time.monotonic()
        if now - self._looked < _LOOK_SECONDS:
            return
        self._looked = now
        if not connection.head_answers():
            if now - self._answered > _HEAD_SECONDS:
                raise ClusterError(
                    "the head of the Ray cluster does not answer any more: start the cluster again;"
                    " the same command goes on where this one stopped"
                )
            return
        self._answered = now
        nodes, wanted = connection.nodes(), {self._needs[key] for key in self._tasks.values()}
        if not wanted or any(slots(nodes, needs) for needs in wanted):
            self._room = now
        elif now - self._room > _ROOM_SECONDS:
            raise ClusterError(
                f"no node is left that has {' or '.join(map(str, wanted))}: add one with "
                "ray start --address=HOST:PORT; the same command goes on where this one stopped"
            )


def fault_of(error: Any) -> Exception:
    """Return what a person is told of the error in which a task ended."""
    cause = error.cause
    if isinstance(cause, ClusterError | StoreError):
        return cause
    last = str(error).strip().splitlines()[-1]
    return ClusterError(
        f"a node cannot run what this machine asks for: {last}; install there what this machine has"
    )
