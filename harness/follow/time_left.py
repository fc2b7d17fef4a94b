"""How long the runs that are not finished will take, judged by those that are.

`Pace` and `remaining` are the arithmetic; `Forecast` listens to an invocation and keeps its time
left up to date.
"""

from __future__ import annotations

import contextlib
import hashlib
import statistics
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import rfc8785

from harness.experiment import Json
from harness.follow.listener import Row
from harness.plan import ConcreteRun, Plan
from harness.run_result import Detail, RunResult, Status
from harness.store.store import DamagedRun, Store
from harness.words import plural

_LATEST = 5
"""How many of the latest runs tell how long reading data and compiling takes."""


_CONSIDERED = 500
"""How many of the latest runs of a store are looked at, whatever they are runs of."""


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
    """How many seconds a finished run trained and measured, and for how many epochs.

    `beside` is how long it took beside that, to read its data and to compile; None where nobody
    looked.
    """

    workload: Workload
    seconds: float
    epochs: float
    beside: float | None = None


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
        training = settings["training"]
        work = [settings["model"], settings["dataset"], training.get("batch_size")]
        if training.get("sharpness_aware"):  # which takes the gradient twice
            work.append("sharpness_aware")
        digest = hashlib.sha256(rfc8785.dumps(work)).hexdigest()[:16]
    except (LookupError, AttributeError, rfc8785.CanonicalizationError) as error:
        raise UnknownSettings from error
    return Workload(f"{experiment} / {run}", digest)


class _Median:
    """The median of numbers that are added one after another; it is asked for many times each."""

    def __init__(self) -> None:
        self._numbers: list[float] = []
        self._found: float | None = None

    def add(self, number: float) -> None:
        self._numbers.append(number)
        self._found = None

    @property
    def value(self) -> float:
        if self._found is None:
            self._found = statistics.median(self._numbers)
        return self._found


class Pace:
    """How long finished runs took, by their workload."""

    def __init__(self, finished: Iterable[FinishedRun] = ()) -> None:
        self._totals: dict[str, _Median] = defaultdict(_Median)
        self._epochs: dict[str, _Median] = defaultdict(_Median)
        self._beside: deque[float] = deque(maxlen=_LATEST)
        for run in finished:
            self.add(run)

    def add(self, run: FinishedRun) -> None:
        """Take another finished run into account."""
        self._totals[run.workload.name].add(run.seconds)
        if run.epochs:
            self._epochs[run.workload.work].add(run.seconds / run.epochs)
        if run.beside is not None:
            self._beside.append(run.beside)

    @property
    def beside(self) -> float:
        """Return about how long a run reads data and compiles; 0 where nobody looked.

        That is the median of the latest runs, which more and more share compiled programs.
        """
        return statistics.median(self._beside) if self._beside else 0.0

    def seconds(self, workload: Workload, epochs: int) -> float | None:
        """Return about how many seconds a run of at most `epochs` will train and measure.

        The median of the same run's other seeds, or else that of an epoch of the same network on
        the same data, times `epochs`; None where neither is known.
        """
        if workload.name in self._totals:
            return self._totals[workload.name].value
        if workload.work in self._epochs:
            return self._epochs[workload.work].value * epochs
        return None


def remaining(unfinished: Iterable[UnfinishedRun], pace: Pace, processes: int) -> tuple[float, int]:
    """Estimate how long some processes will take for the runs that are not finished.

    The time that a run has had is taken off; a run under way of which nothing else is known goes on
    at its own pace. A run that may stop early counts with all of its epochs. One that has not begun
    to train also reads its data and compiles.

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
            total += max(0.0, seconds - run.seconds) + (0.0 if run.epoch else pace.beside)
    return total / processes, unknown


def in_words(seconds: float) -> str:
    """Return a time in its largest fitting unit: "12 min"."""
    for size, unit in ((86400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


@dataclass(frozen=True)
class TimeLeft:
    """What `remaining` estimated: seconds, and how many runs they leave out."""

    seconds: float = 0.0
    unknown: int = 0

    @property
    def short(self) -> str:
        """Return it in a few words: "about 12 min left", "at least 12 min left"."""
        if self.unknown and not self.seconds:
            return "time left not known yet"
        return f"{'at least' if self.unknown else 'about'} {in_words(self.seconds)} left"

    @property
    def left_out(self) -> str:
        """Say how many runs the seconds leave out, because none like them has been made."""
        return (
            f"{plural(self.unknown, 'run')} not timed yet" if self.unknown and self.seconds else ""
        )


def time_left(seconds: float, unknown: int) -> str:
    """Return what `remaining` estimated in words: "at least 12 min left (3 runs not timed yet)"."""
    left = TimeLeft(seconds, unknown)
    return f"{left.short} ({left.left_out})" if left.left_out else left.short


class Forecast:
    """Listens to the runs of a plan, and estimates the time left for those not finished.

    Several threads may tell it; `clock` gives seconds.
    """

    def __init__(
        self,
        plan: Plan,
        keys: Sequence[str],
        store: Store,
        processes: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._lock, self._clock = threading.Lock(), clock
        self._begun: dict[str, float] = {}
        self._unfinished = {
            key: unstarted(plan.runs[key])
            for key in keys
            if not store.done(key) and not plan.runs[key].blocked
        }
        self._pace = Pace(finished_runs(store, keys) if self._unfinished else ())
        self._processes = processes

    def started(self, run: ConcreteRun) -> None:
        """Remember when a run began."""
        with self._lock:
            self._begun[run.key] = self._clock()

    def preparing(self, run: ConcreteRun, what: str) -> None:
        """How long this takes is known when the run has ended."""

    def advanced(self, run: ConcreteRun, rows: Sequence[Row]) -> None:
        """Take a run's progress into account."""
        with self._lock:
            if rows and run.key in self._unfinished:
                newest = rows[-1]
                self._unfinished[run.key] = replace(
                    self._unfinished[run.key], epoch=newest["epoch"], seconds=newest["seconds"]
                )

    def finished(self, run: ConcreteRun, result: RunResult, reused: bool) -> None:
        """Take off what is finished, and learn from how long it took."""
        with self._lock:
            unfinished = self._unfinished.pop(run.key, None)
            if unfinished is not None and result.status is Status.DONE:
                made = _finished_run(unfinished.workload, result)
                self._pace.add(replace(made, beside=self._beside(run.key, result.seconds)))

    def left(self) -> TimeLeft | None:
        """Return the time left, None where every run is finished."""
        with self._lock:
            if not self._unfinished:
                return None
            found = remaining(self._unfinished.values(), self._pace, self._processes)
            return TimeLeft(*found)

    def _beside(self, key: str, trained: float) -> float | None:
        """Return how long a run took beside training; None of one that only went on here."""
        took = self._clock() - self._begun[key] if key in self._begun else 0.0
        return took - trained if took > trained else None


def unstarted(run: ConcreteRun) -> UnfinishedRun:
    """Return a run that has not begun."""
    return UnfinishedRun(workload(run.experiment, run.run.name, run.run.resolved), run.epochs)


def finished_runs(store: Store, own: Iterable[str]) -> Iterator[FinishedRun]:
    """Yield how long finished runs took: some of one's own, and the latest of the store.

    Of a store with many runs, the others are not read. Those that cannot be read are left out.
    """
    keys = dict.fromkeys((*filter(store.done, own), *store.latest(_CONSIDERED)))
    for key in keys:
        with contextlib.suppress(DamagedRun, UnknownSettings):
            origin, result = store.finished(key, Detail.NUMBERS)
            yield _finished_run(workload(origin.experiment, origin.run, origin.settings), result)


def _finished_run(workload: Workload, result: RunResult) -> FinishedRun:
    return FinishedRun(workload, result.seconds, result.measurements.get("epochs") or 0.0)
