"""Small runs that go on side by side in one process, each in a thread.

The operations of a small network are too small to be shared among cores, and one run leaves all but
one of them idle. Each thread makes whole runs, one after another, as a process does: by the same
programs, with the same number of threads an operation. So what a run gives, bit by bit, does not
depend on what goes on beside it. To train the weights of several runs stacked in one program would
gain less: on a CPU a step of that program takes as long as the steps of its runs together.
"""

from __future__ import annotations

import contextlib
import math
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from harness import budget
from harness.data.facts import facts_of
from harness.experiment import Settings
from harness.follow.listener import Listener, Row
from harness.models.registry import architecture, kernel_weights
from harness.models.shapes import Shapes
from harness.own.records import own_parts
from harness.plan import ConcreteRun, Plan
from harness.run_result import RunResult
from harness.runner import local
from harness.runner.job import Job
from harness.store import staleness
from harness.store.store import StoreError
from harness.system import processor
from harness.training.compiled import LARGEST_DATA

MOST = 8
"""So many runs go on side by side at most, each with its data and its random decisions in memory.
"""

LARGEST_STEP = 2**24
"""Multiplications of a step's forward pass up to which a network is small.

Such a step takes well under a millisecond.
"""

STEP_OVERHEAD = 2**17
"""Multiplications that take about as long as all else of a small network's step."""


def most(sharing: int) -> int:
    """Return how many small runs of one process go on at once, of so many that share the CPUs."""
    return min(MOST, max(1, processor.share() // sharing))


def small_ones(job: Job, keys: Sequence[str]) -> dict[str, int]:
    """Return those of some runs whose networks and data are small, with what a step multiplies.

    None is looked at where runs go on one at a time.
    """
    if job.side_by_side < 2:
        return {}
    steps = {key: small_step(job.plan.runs[key].run.settings, job.data_dir) for key in keys}
    return {key: step for key, step in steps.items() if step is not None}


def small_step(settings: Settings, data_dir: Path) -> int | None:
    """Count the multiplications of a step's forward pass where a run is small, else return None.

    A small run gains by going on beside others, and may. It has dense layers alone, with few
    weights for the examples of a step, and few data. What a person's own functions do beside one
    another is not known: a run with such parts stays alone.
    """
    known = facts_of(settings.dataset, data_dir)
    if known is None or known.shape is None or own_parts(settings):
        return None
    weights = kernel_weights(settings.model, Shapes(known.shape, known.classes))
    if weights is None or architecture(settings.model.name).smallest is not None:
        return None
    step = weights * budget.examples_a_step(settings.training)
    examples = (known.train_examples or math.inf) + (known.test_examples or math.inf)
    few = examples * math.prod(known.shape) * 4 <= LARGEST_DATA
    return step if few and step <= LARGEST_STEP else None


def longest_first(plan: Plan, small: dict[str, int]) -> list[str]:
    """Order small runs by what it costs until the last of those that start from them has ended.

    Whoever begins with the longest leaves none for the end, when the others have nothing to do. A
    run stays before those that start from it, as it is in `small`, which has what a step of each
    multiplies.
    """
    chains: dict[str, int] = {}
    for key, step in reversed(small.items()):
        after = [chains[child] for child in plan.children(key) if child in chains]
        own = (plan.runs[key].steps or 0) * (step + STEP_OVERHEAD)
        chains[key] = own + max(after, default=0)
    return sorted(small, key=lambda key: -chains[key])


@contextlib.contextmanager
def worker_threads(work: local.Work, keys: Sequence[str]) -> Iterator[None]:
    """Let threads make the small ones of some runs meanwhile, beside what this thread makes.

    There is one thread fewer than small runs may go on at once, and each begins with the longest
    runs that are left. At the end they stop: a run at work keeps its checkpoint. What they leave
    undone, this thread does.

    Raises:
        Exception: something that nobody foresaw ended a thread.
    """
    wanted = longest_first(work.plan, small_ones(work.job, keys))
    count = min(work.job.side_by_side, len(wanted)) - 1
    if count < 1:
        yield
        return
    staleness.modules()  # now, since Python is not parsed by several threads at once
    over = threading.Event()

    def stop() -> bool:
        return over.is_set() or work.stop()

    def make() -> None:
        # A store that cannot be written is the first thread's to tell: it meets the same.
        with contextlib.suppress(local.Interrupted, StoreError):
            local.execute(replace(work, listener=_OwnRuns(work.listener), stop=stop), wanted)

    with ThreadPoolExecutor(count, thread_name_prefix="runs") as threads:
        started = [threads.submit(make) for _ in range(count)]
        try:
            yield
        finally:
            over.set()
    for each in started:
        each.result()


class _OwnRuns:
    """A listener that passes on what it hears of the runs that a thread makes itself.

    Of all others the first thread tells.
    """

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._own: set[str] = set()

    def started(self, run: ConcreteRun) -> None:
        """Pass on that a run begins."""
        self._own.add(run.key)
        self._listener.started(run)

    def preparing(self, run: ConcreteRun, what: str) -> None:
        """Pass on what a run does before it trains."""
        self._listener.preparing(run, what)

    def advanced(self, run: ConcreteRun, rows: Sequence[Row]) -> None:
        """Pass on a run's new measurements."""
        self._listener.advanced(run, rows)

    def finished(self, run: ConcreteRun, result: RunResult, reused: bool) -> None:
        """Pass on how a run ended that was made here."""
        if run.key in self._own:
            self._listener.finished(run, result, reused)
