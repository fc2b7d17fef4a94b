"""One invocation, start to end: run, check, report, and the exit code."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from rich.console import Console

from harness import machine
from harness.ci.cases import Conclusion
from harness.ci.outputs import NOTHING, Outputs
from harness.plan import Member, Plan, make_plan
from harness.runner.backend import import_backend, prepare_backend
from harness.runner.conclude import conclude, end, prepare_folders
from harness.runner.events import Events, session
from harness.runner.forecast import Forecast
from harness.runner.interrupt import stoppable
from harness.runner.listener import Listener, Several
from harness.runner.progress import Display
from harness.runner.side import beside, threads_each
from harness.runner.tensorboard import TensorBoard
from harness.spec.records import Experiment
from harness.store import Store


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
) -> int:
    """Run what is not done, experiment by experiment, each with its report as soon as it is through.

    Where `processes` is more than one, the others work through the runs of all experiments meanwhile. All of them
    write to one event log in the store and, where it is given, to the folder for TensorBoard.

    Returns:
        The exit code.

    Raises:
        StoreError: the store, the reports or the outputs cannot be written.
        KeyboardInterrupt: a stop was asked for.
    """
    store.prepare()
    prepare_folders(reports, outputs)
    machine.revision()
    import_backend()
    from harness.runner import local

    plan = make_plan(experiments, data_dir, local.gpus())
    chosen = _with_parents(plan, [key for member, key in plan.members.items() if selected(plan, member)])
    console = Console()
    conclusions: list[Conclusion] = []
    all_keys = [key for key in plan.runs if key in chosen]
    waiting = [key for key in all_keys if not store.done(key)]
    deterministic = any(plan.runs[key].run.settings.training.deterministic for key in waiting)
    prepare_backend(threads_each(processes), deterministic)
    forecast = Forecast(plan, all_keys, store, processes)
    with (
        session(store, plan, all_keys, processes) as (events, log),
        stoppable() as stop,
        beside(processes, plan, waiting, store, data_dir, partial(_followers, log, tensorboard), deterministic),
    ):
        for experiment in experiments:
            keys = [key for key in _keys(plan, experiment) if key in chosen]
            with Display(console, len(keys), forecast.words) as display:
                listener = Several(forecast, display, events, *_boards(tensorboard))
                try:
                    local.execute(local.Work(plan, store, data_dir, listener, stop, deterministic), keys)
                except local.Interrupted:
                    raise KeyboardInterrupt from None
            conclusions.append(conclude(experiment, plan, store, reports, console))
    return end(conclusions, allow, outputs)


def _followers(log: Path, tensorboard: Path | None) -> Listener:
    """Return who listens in a process beside the first, which itself tells a person of every run that ends."""
    return Several(Events(log, first=False), *_boards(tensorboard))


def _boards(folder: Path | None) -> list[TensorBoard]:
    return [TensorBoard(folder)] if folder is not None else []


def _keys(plan: Plan, experiment: Experiment) -> list[str]:
    """Return an experiment's runs, each once, parents first."""
    own = {key for member, key in plan.members.items() if member.experiment == experiment.name}
    return [key for key in plan.runs if key in own]


def _with_parents(plan: Plan, keys: Sequence[str]) -> set[str]:
    found: set[str] = set()
    for key in keys:
        following: str | None = key
        while following is not None and following not in found:
            found.add(following)
            following = plan.runs[following].parent
    return found
