"""One invocation, start to end: run, check, report, and the exit code."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rich.console import Console

from harness import backend
from harness.ci.cases import Conclusion
from harness.ci.outputs import NOTHING, Outputs
from harness.experiment import Experiment
from harness.follow.events import Events, session
from harness.follow.listener import Listener, Listeners
from harness.follow.progress import Display
from harness.follow.tensorboard import TensorBoard
from harness.follow.time_left import Forecast
from harness.plan import Member, Plan
from harness.report.terminal import show_remarks
from harness.runner.cluster.needs import Asked, check_needs, places
from harness.runner.conclude import conclude, end, prepare_folders, write_down
from harness.runner.interrupt import stoppable
from harness.runner.looks import plan_all, stage
from harness.runner.side import Terms, beside, crews, threads_each
from harness.runner.stating import Ledgers
from harness.store import staleness
from harness.store.state import bring_back, set_stale_aside
from harness.store.store import Store
from harness.system import machine
from harness.system.console import say
from harness.training.cache import ProgramCache


def run_experiments(
    experiments: Sequence[Experiment],
    selected: Callable[[Plan, Member], bool],
    store: Store,
    data_dir: Path,
    reports: Path | None,
    allow: Sequence[str],
    processes: int = 1,
    tensorboard: Path | None = None,
    outputs: Outputs = NOTHING,
    sharing: int = 1,
    devices: int | None = 1,
    keep_stale: bool = False,
    ledgers: Ledgers | None = None,
) -> int:
    """Run what is not done or stale, experiment by experiment, each with its report as soon as it
    is through.

    Where `processes` is more than one, the others work through the runs of all experiments
    meanwhile; runs of a backend that this process does not have are made by others too. All of them
    write to one event log in the store and, where it is given, to the folder for TensorBoard.
    `sharing` is how many invocations share the threads of the machine, `devices` how many may share
    a batch of this process, None for all. `keep_stale` leaves runs that other code made as they
    are. `ledgers` are where it is written down what is expected before a run starts, None where
    these are trials.

    Returns:
        The exit code.

    Raises:
        StoreError: the store, the reports or the outputs cannot be written.
        OverwriteError: they would replace what the harness did not write.
        BackendError: the backend or the devices that were asked for are not there.
        KeyboardInterrupt: a stop was asked for.
    """
    default = backend.chosen()
    here = backend.backend_here(default, _backends(experiments, default))
    backend.check_devices(devices, here)
    store.prepare()
    prepare_folders(experiments, reports, outputs)
    machine.revision()
    staleness.modules()
    backend.import_backend(here)
    from harness.runner import local

    plan = plan_all(experiments, data_dir, backend.gpus())
    todo = _todo(plan, selected, store, keep_stale)
    asked = processes
    processes = max(
        asked, sum(crew.processes for crew in crews(plan, todo.startable, default, here, asked))
    )
    threads = threads_each(processes * sharing)
    backend.prepare_backend(threads, todo.deterministic)
    batch_devices = backend.devices_of(devices)
    programs = ProgramCache()

    @contextlib.contextmanager
    def at_work(
        now: _Todo, log: Path, followers: Listener, stop: Callable[[], bool]
    ) -> Iterator[Execute]:
        own = crews(plan, now.startable, default, here, asked)
        follow = partial(_followers, log, tensorboard)
        terms = Terms(plan, store.root, data_dir, threads, follow, todo.deterministic, default)
        with beside(own, terms) as gone:

            def execute(display: Listener, keys: Sequence[str]) -> None:
                listener = Listeners(followers, display)
                work = local.Work(
                    plan,
                    store,
                    data_dir,
                    listener,
                    stop,
                    todo.deterministic,
                    default,
                    gone,
                    batch_devices,
                    programs,
                )
                try:
                    local.execute(work, keys)
                except local.Interrupted:
                    raise KeyboardInterrupt from None

            yield execute

    return _through(
        experiments, todo, store, reports, allow, tensorboard, outputs, processes, at_work, ledgers
    )


def run_on_cluster(
    experiments: Sequence[Experiment],
    selected: Callable[[Plan, Member], bool],
    store: Store,
    data_dir: Path,
    reports: Path | None,
    allow: Sequence[str],
    asked: Asked,
    tensorboard: Path | None = None,
    outputs: Outputs = NOTHING,
    keep_stale: bool = False,
    ledgers: Ledgers | None = None,
) -> int:
    """Run what is not done on a Ray cluster, and all else as `run_experiments` does; this process
    computes nothing.

    Returns:
        The exit code.

    Raises:
        StoreError: the store, the reports or the outputs cannot be written.
        OverwriteError: they would replace what the harness did not write.
        BackendError: the backend that was asked for is not there.
        ClusterError: there is no such cluster, or it has no node that can make a run.
        KeyboardInterrupt: a stop was asked for.
    """
    from harness.runner.cluster import connection, driver, worker

    default = backend.chosen()
    store.prepare()
    prepare_folders(experiments, reports, outputs)
    software = machine.software()
    if tensorboard is not None:
        backend.import_backend(default)  # TensorFlow writes the logs: without its chatter
    with connection.connected(asked.address):
        nodes = connection.nodes()
        without = (
            "--gpus-per-run 0 gives it none"
            if asked.gpus == 0
            else "no node of the cluster has one"
        )
        gpus = 0 if asked.gpus == 0 else sum(node.gpus > 0 for node in nodes)
        plan = plan_all(experiments, data_dir, gpus, without)
        todo = _todo(plan, selected, store, keep_stale)
        on_gpu = {experiment.name: experiment.requires.gpu for experiment in experiments}
        needs = {key: asked.needs(on_gpu[plan.runs[key].experiment]) for key in todo.keys}
        wanted = {needs[key] for key in todo.startable}
        check_needs(nodes, wanted)
        processes = max([1, *(places(nodes, each) for each in wanted)])

        @contextlib.contextmanager
        def at_work(
            now: _Todo, log: Path, followers: Listener, stop: Callable[[], bool]
        ) -> Iterator[Execute]:
            terms = worker.Terms(
                plan=plan,
                root=store.root.absolute(),
                data_dir=data_dir.absolute(),
                folder=Path.cwd(),
                session=log.name,
                software=software,
                threads=asked.cpus,
                deterministic=todo.deterministic,
                default_backend=default,
            )
            with driver.at_work(driver.Tasks(terms, needs, now.keys, followers, stop)) as tasks:
                yield tasks.execute

        return _through(
            experiments,
            todo,
            store,
            reports,
            allow,
            tensorboard,
            outputs,
            processes,
            at_work,
            ledgers,
        )


Execute = Callable[[Listener, Sequence[str]], None]
"""Brings runs, parents first, to their end, and tells a listener of them; the followers of all runs
hear more.
"""


@dataclass(frozen=True)
class _Todo:
    """The runs of an invocation, parents first, which of them can be started, and whether any is
    deterministic.
    """

    plan: Plan
    keys: Sequence[str]
    startable: Sequence[str]
    deterministic: bool


AtWork = Callable[[_Todo, Path, Listener, Callable[[], bool]], AbstractContextManager[Execute]]
"""Has runs made: given those to do, the event log, who follows all runs, and who says stop."""


def _todo(
    plan: Plan, selected: Callable[[Plan, Member], bool], store: Store, keep_stale: bool
) -> _Todo:
    chosen = _with_parents(
        plan, [key for member, key in plan.members.items() if selected(plan, member)]
    )
    keys = [key for key in plan.runs if key in chosen]
    if keep_stale:
        bring_back(keys, store)
    else:
        set_stale_aside(plan, keys, store)
    return _of(plan, keys, store)


def _of(plan: Plan, keys: Sequence[str], store: Store) -> _Todo:
    waiting = [key for key in keys if not store.done(key)]
    deterministic = any(plan.runs[key].run.settings.training.deterministic for key in waiting)
    return _Todo(
        plan, keys, [key for key in waiting if plan.runs[key].blocked is None], deterministic
    )


def _through(
    experiments: Sequence[Experiment],
    todo: _Todo,
    store: Store,
    reports: Path | None,
    allow: Sequence[str],
    tensorboard: Path | None,
    outputs: Outputs,
    processes: int,
    at_work: AtWork,
    ledgers: Ledgers | None,
) -> int:
    """Go through the experiments, each with its report as soon as its runs have ended, and return
    the exit code.

    Where seeds are added, all experiments that are undecided go through their next looks together.
    `todo` has every run that may come to be needed; none is tried twice.
    """
    console, whole = Console(), todo.plan
    show_remarks(console, whole)
    if ledgers is not None:
        for experiment in experiments:
            if not set(todo.startable).isdisjoint(_keys(todo, experiment)):
                for line in write_down(experiment, whole, store, ledgers):
                    say(console, f"warning: {line}")
    left = {each.name: stage(each, whole, store).following for each in experiments}
    conclusions: dict[str, Conclusion] = {}
    tried: set[str] = set()
    while left:
        wanted = whole.narrowed(list(left.values())).runs
        now = _of(whole, [key for key in todo.keys if key in wanted and key not in tried], store)
        tried.update(now.keys)
        forecast = Forecast(whole, now.keys, store, processes)
        with session(store, whole, now.keys, processes) as (events, log), stoppable() as stop:
            followers = Listeners(forecast, events, *_boards(tensorboard))
            with at_work(now, log, followers, stop) as execute:
                for name, experiment in list(left.items()):
                    keys = _keys(now, experiment)
                    with Display(console, len(keys), forecast.words) as display:
                        execute(Listeners(display), keys)
                    reached = stage(experiment, whole, store)
                    if reached.beyond(experiment):
                        left[name] = reached.following
                        continue
                    del left[name]
                    plan = whole.narrowed([reached.experiment])
                    conclusions[name] = conclude(
                        reached.experiment, plan, store, reports, console, ledgers
                    )
    return end([conclusions[each.name] for each in experiments], allow, outputs)


def _backends(experiments: Sequence[Experiment], default: str) -> set[str]:
    """Return the backends that the runs want, of those that are installed."""
    settings = [
        run.settings.training for experiment in experiments for run in experiment.runs.values()
    ]
    return {
        backend.backend_of(each, default)
        for each in settings
        if machine.why_no_backend(each.backend) is None
    }


def _followers(log: Path, tensorboard: Path | None) -> Listener:
    """Return who listens in a process beside the first, which itself tells a person of every run
    that ends.
    """
    return Listeners(Events(log, first=False), *_boards(tensorboard))


def _boards(folder: Path | None) -> list[TensorBoard]:
    return [TensorBoard(folder)] if folder is not None else []


def _keys(todo: _Todo, experiment: Experiment) -> list[str]:
    """Return those of an experiment's runs that are to be done, each once, parents first."""
    own = {key for member, key in todo.plan.members.items() if member.experiment == experiment.name}
    return [key for key in todo.keys if key in own]


def _with_parents(plan: Plan, keys: Sequence[str]) -> set[str]:
    found: set[str] = set()
    for key in keys:
        following: str | None = key
        while following is not None and following not in found:
            found.add(following)
            following = plan.runs[following].parent
    return found
