"""How long the runs that are not finished will take, judged by those that are.

`Pace` and `remaining` are the arithmetic; `Forecast` listens to an invocation and keeps its time
left up to date.
"""

from __future__ import annotations

import contextlib
import hashlib
import statistics
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import rfc8785

from harness.experiment import Json
from harness.follow.listener import Row
from harness.plan import ConcreteRun, Plan
from harness.run_result import RunResult, Status
from harness.store.store import DamagedRun, Store
from harness.words import plural


@dataclass(frozen=True)
class Workload:
    """What a run has in common with others that take about as long.

    `name` says which run of which experiment it is, its seed aside; `work` is a digest of what an
    epoch computes.
    """

    name: str
    work: str


@dataclass(frozen=True)
class FinishedRun:
    """How many seconds a finished run took, and for how many epochs."""

    workload: Workload
    seconds: float
    epochs: float


@dataclass(frozen=True)
class UnfinishedRun:
    """A run that is not finished: its epochs at most, and how far it is.

    `epoch` and `seconds` are both 0 before it begins.
    """

    workload: Workload
    epochs: int
    epoch: float = 0.0
    seconds: float = 0.0


class UnknownSettings(Exception):
    """Settings are not those of a run."""


def workload(experiment: str, run: str, settings: Mapping[str, Json]) -> Workload:
    """Return the workload of a run with these complete settings, the JSON that it was read from.

    Raises:
        UnknownSettings: they are not those of a run.
    """
    try:
        work = [settings["model"], settings["dataset"], settings["training"].get("batch_size")]
        digest = hashlib.sha256(rfc8785.dumps(work)).hexdigest()[:16]
    except (LookupError, AttributeError, rfc8785.CanonicalizationError) as error:
        raise UnknownSettings from error
    return Workload(f"{experiment} / {run}", digest)


class Pace:
    """How long finished runs took, by their workload."""

    def __init__(self, finished: Iterable[FinishedRun] = ()) -> None:
        self._totals: dict[str, list[float]] = defaultdict(list)
        self._epochs: dict[str, list[float]] = defaultdict(list)
        for run in finished:
            self.add(run)

    def add(self, run: FinishedRun) -> None:
        """Take another finished run into account."""
        self._totals[run.workload.name].append(run.seconds)
        if run.epochs:
            self._epochs[run.workload.work].append(run.seconds / run.epochs)

    def seconds(self, workload: Workload, epochs: int) -> float | None:
        """Return about how many seconds a run of at most `epochs` will take.

        The median of the same run's other seeds, or else that of an epoch of the same network on
        the same data, times `epochs`; None where neither is known.
        """
        if workload.name in self._totals:
            return statistics.median(self._totals[workload.name])
        if workload.work in self._epochs:
            return statistics.median(self._epochs[workload.work]) * epochs
        return None


def remaining(unfinished: Iterable[UnfinishedRun], pace: Pace, processes: int) -> tuple[float, int]:
    """Estimate how long some processes will take for the runs that are not finished.

    The time that a run has had is taken off; a run under way of which nothing else is known goes on
    at its own pace. A run that may stop early counts with all of its epochs.

    Returns:
        The seconds, and how many runs they leave out because nothing is known of them.
    """
    total, unknown = 0.0, 0
    for run in unfinished:
        seconds = pace.seconds(run.workload, run.epochs)
        if run.epoch:
            own = run.seconds / run.epoch * run.epochs
            seconds = own if seconds is None else max(seconds, run.seconds)
        if seconds is None:
            unknown += 1
        else:
            total += max(0.0, seconds - run.seconds)
    return total / processes, unknown


def in_words(seconds: float) -> str:
    """Return a time in its largest fitting unit: "12 min"."""
    for size, unit in ((86400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def time_left(seconds: float, unknown: int) -> str:
    """Return what `remaining` estimated in words: "about 12 min left"."""
    runs = f"{plural(unknown, 'run')} of which nothing is known yet"
    if not unknown:
        return f"about {in_words(seconds)} left"
    return f"about {in_words(seconds)} and {runs} left" if seconds else f"{runs} left"


class Forecast:
    """Listens to the runs of a plan, and estimates the time left for those not finished."""

    def __init__(self, plan: Plan, keys: Sequence[str], store: Store, processes: int) -> None:
        self._unfinished = {
            key: unstarted(plan.runs[key])
            for key in keys
            if not store.done(key) and not plan.runs[key].blocked
        }
        self._pace = Pace(finished_runs(store) if self._unfinished else ())
        self._processes = processes

    def started(self, run: ConcreteRun) -> None:
        """Nothing is known of its pace yet."""

    def advanced(self, run: ConcreteRun, rows: Sequence[Row]) -> None:
        """Take a run's progress into account."""
        if rows and run.key in self._unfinished:
            newest = rows[-1]
            self._unfinished[run.key] = replace(
                self._unfinished[run.key], epoch=newest["epoch"], seconds=newest["seconds"]
            )

    def finished(self, run: ConcreteRun, result: RunResult, reused: bool) -> None:
        """Take off what is finished, and learn from how long it took."""
        unfinished = self._unfinished.pop(run.key, None)
        if unfinished is not None and result.status is Status.DONE:
            self._pace.add(_finished_run(unfinished.workload, result))

    def words(self) -> str:
        """Return "about 12 min left", or nothing where every run is finished."""
        if not self._unfinished:
            return ""
        return time_left(*remaining(self._unfinished.values(), self._pace, self._processes))


def unstarted(run: ConcreteRun) -> UnfinishedRun:
    """Return a run that has not begun."""
    return UnfinishedRun(
        workload(run.experiment, run.run.name, run.run.resolved), run.run.settings.training.epochs
    )


def finished_runs(store: Store) -> Iterator[FinishedRun]:
    """Yield how long each finished run of a store took; those that cannot be read are left out."""
    keys = store.keys()
    for key in keys:
        with contextlib.suppress(DamagedRun, UnknownSettings):
            origin, result = store.finished(key, history=False)
            yield _finished_run(workload(origin.experiment, origin.run, origin.settings), result)


def _finished_run(workload: Workload, result: RunResult) -> FinishedRun:
    return FinishedRun(workload, result.seconds, result.measurements.get("epochs") or 0.0)
