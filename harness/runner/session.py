"""One invocation, start to end: run, check, report, and the exit code."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from rich.console import Console

from harness.ci.cases import Conclusion
from harness.errors import HarnessError
from harness.experiment import Experiment
from harness.follow.events import session
from harness.follow.listener import Listeners
from harness.follow.progress import Display, shown_on
from harness.follow.tail import Tail
from harness.follow.time_left import Forecast
from harness.plan import Plan
from harness.report.terminal import show_remarks
from harness.runner.conclude import conclude, crashed, end, prepare_folders, write_down
from harness.runner.executor import Execute, Executor, Queue
from harness.runner.interrupt import stoppable
from harness.runner.invocation import Invocation
from harness.runner.job import Job
from harness.runner.looks import plan_all, stage
from harness.runner.measure import Measuring, missing
from harness.runner.worker_processes import boards
from harness.store.state import bring_back, set_stale_aside
from harness.system.console import say
from harness.words import plural


def run_experiments(invocation: Invocation, executor: Executor) -> int:
    """Run what is not done or stale, experiment by experiment, and judge it.

    Each experiment has its report as soon as its runs have ended. All processes that make runs
    write to one event log in the store.

    Returns:
        The exit code.

    Raises:
        StoreError: the store, the reports or the outputs cannot be written.
        OverwriteError: they would replace what the harness did not write.
        BackendError: the backend or the devices that were asked for are not there.
        ClusterError: there is no such cluster, or it has no node that can make a run.
        InternalError: something that nobody foresaw happened to one of the experiments.
        KeyboardInterrupt: a stop was asked for.
    """
    executor.check(invocation)
    invocation.store.prepare()
    prepare_folders(invocation.experiments, invocation.reports, invocation.outputs)
    with shown_on(Console()) as display:
        conclusions = _concluded(invocation, executor, display)
    return end(invocation, conclusions)


def _concluded(invocation: Invocation, executor: Executor, display: Display) -> list[Conclusion]:
    """Have the runs made, and return what each experiment comes to."""
    display.waits(executor.waits_for(invocation))
    with executor.opened(invocation) as resources:
        display.waits("planning the runs")
        plan = plan_all(
            invocation.experiments, invocation.data_dir, resources.gpus, resources.without
        )
        display.waits("looking at what the store has")
        queue = _queue(plan, invocation)
        job = executor.job(invocation, resources, plan, queue)
        show_remarks(display.console, plan)
        _write_down(invocation, plan, queue, display.console)
        return _Session(invocation, executor, job, queue, display).conclusions()


class _Session:
    """The looks at an invocation's experiments, until all are decided or no seed is left to add."""

    def __init__(
        self, invocation: Invocation, executor: Executor, job: Job, queue: Queue, display: Display
    ) -> None:
        self._invocation, self._executor, self._job, self._queue = invocation, executor, job, queue
        self._display = display
        self._conclusions: dict[str, Conclusion] = {}

    def conclusions(self) -> list[Conclusion]:
        """Go through the experiments, each with its report as soon as its runs have ended.

        Where seeds are added, all experiments that are undecided go through their next looks
        together. No run is tried twice.
        """
        plan, store = self._job.plan, self._job.store
        experiments = self._invocation.experiments
        left = {each.name: stage(each, plan, store).following for each in experiments}
        tried: set[str] = set()
        while left:
            wanted = plan.narrowed(list(left.values())).runs
            keys = [key for key in self._queue.keys if key in wanted and key not in tried]
            tried.update(keys)
            left = self._look(list(left.values()), Queue.of(plan, keys, store))
        return [self._conclusions[each.name] for each in experiments]

    def _look(self, experiments: Sequence[Experiment], queue: Queue) -> dict[str, Experiment]:
        """Have the runs of a queue made, and return the experiments that want more seeds."""
        plan, store, slots = self._job.plan, self._job.store, self._job.slots
        forecast = Forecast(plan, queue.keys, store, slots)
        kept = [key for key in queue.keys if store.done(key)]
        self._display.expect([plan.runs[key] for key in queue.keys], kept, forecast.left)
        with session(store, plan, queue.keys, slots) as (events, log), stoppable() as stop:
            job = replace(self._job, log=log)
            watching = (forecast, self._display)
            followers = Listeners(events, *boards(job), *watching)
            with (
                self._display.following(Tail(log, plan, Listeners(*watching))),
                self._executor.workers(job, queue, followers, stop) as execute,
            ):
                return {
                    each.name: following
                    for each in experiments
                    if (following := self._through(each, queue, execute, stop)) is not None
                }

    def _through(
        self, experiment: Experiment, queue: Queue, execute: Execute, stop: Callable[[], bool]
    ) -> Experiment | None:
        """Have an experiment's runs made, and conclude it, or return it with more seeds."""
        self._display.waits("")
        execute(_keys(self._job.plan, queue.keys, experiment))
        self._measure(experiment, stop)
        self._display.waits(f"judging {experiment.name}")
        try:
            reached = stage(experiment, self._job.plan, self._job.store)
        except HarnessError:
            raise
        except Exception as error:  # whatever the judging stumbles over: other experiments go on
            self._conclusions[experiment.name] = crashed(self._invocation, experiment, error)
            return None
        if reached.beyond(experiment):
            return reached.following
        plan = self._job.plan.narrowed([reached.experiment])
        self._conclusions[experiment.name] = conclude(
            self._invocation, reached.experiment, plan, self._display.console
        )
        return None

    def _measure(self, experiment: Experiment, stop: Callable[[], bool]) -> None:
        """Measure what is missing of the final metrics of an experiment's finished runs."""
        job = self._job
        wanted = missing([experiment], job.plan, job.store)
        if wanted:
            self._display.waits(f"measuring the finished runs of {experiment.name}")

            def tell(text: str) -> None:
                say(self._display.console, text)

            measuring = Measuring(job.plan, job.store, job.data_dir, tell, numbers=False)
            measuring.measure(wanted, stop)
            tell(f"{experiment.name}: {plural(len(wanted), 'final metric')} measured")


def _queue(plan: Plan, invocation: Invocation) -> Queue:
    """Return the runs that are wanted and those that they start from, stale ones set aside."""
    chosen = _with_parents(
        plan, [key for member, key in plan.members.items() if invocation.selects(member.run)]
    )
    keys = [key for key in plan.runs if key in chosen]
    if invocation.keep_stale:
        bring_back(keys, invocation.store)
    else:
        set_stale_aside(plan, keys, invocation.store)
    return Queue.of(plan, keys, invocation.store)


def _write_down(invocation: Invocation, plan: Plan, queue: Queue, console: Console) -> None:
    """Write down what is expected of runs that will start, and say what is wrong with that."""
    if invocation.ledgers is None:
        return
    for experiment in invocation.experiments:
        if _keys(plan, queue.startable, experiment):
            for line in write_down(experiment, plan, invocation.store, invocation.ledgers):
                say(console, f"warning: {line}")


def _keys(plan: Plan, keys: Sequence[str], experiment: Experiment) -> list[str]:
    """Return those of some runs that are an experiment's, each once, in their order."""
    own = {key for member, key in plan.members.items() if member.experiment == experiment.name}
    return [key for key in keys if key in own]


def _with_parents(plan: Plan, keys: Sequence[str]) -> set[str]:
    found: set[str] = set()
    for key in keys:
        following: str | None = key
        while following is not None and following not in found:
            found.add(following)
            following = plan.runs[following].parent
    return found
