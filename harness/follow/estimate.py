"""How long the runs that are left will take, judged by those that are done."""

from __future__ import annotations

import hashlib
import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import rfc8785

from harness.experiment import Json
from harness.words import plural


@dataclass(frozen=True)
class Kind:
    """What a run has in common with others that take about as long.

    `name` says which run of which experiment it is, its seed aside; `work` is a digest of what an
    epoch computes.
    """

    name: str
    work: str


@dataclass(frozen=True)
class Took:
    """What a finished run took: seconds, and the epochs it had."""

    kind: Kind
    seconds: float
    epochs: float


def kind(experiment: str, run: str, settings: Mapping[str, Json]) -> Kind:
    """Return the kind of a run with these complete settings, the JSON that it was read from.

    Raises:
        UnknownSettings: they are not those of a run.
    """
    try:
        work = [settings["model"], settings["dataset"], settings["training"].get("batch_size")]
        return Kind(f"{experiment} / {run}", hashlib.sha256(rfc8785.dumps(work)).hexdigest()[:16])
    except (LookupError, AttributeError, rfc8785.CanonicalizationError) as error:
        raise UnknownSettings from error


class UnknownSettings(Exception):
    """Settings are not those of a run."""


class Pace:
    """What runs took so far, by their kind."""

    def __init__(self, done: Iterable[Took] = ()) -> None:
        self._totals: dict[str, list[float]] = defaultdict(list)
        self._epochs: dict[str, list[float]] = defaultdict(list)
        for took in done:
            self.add(took)

    def add(self, took: Took) -> None:
        """Take another finished run into account."""
        self._totals[took.kind.name].append(took.seconds)
        if took.epochs:
            self._epochs[took.kind.work].append(took.seconds / took.epochs)

    def seconds(self, kind: Kind, epochs: int) -> float | None:
        """Return about how long a run of at most `epochs` will take, or None where nothing like it
        is known.

        The median of the same run's other seeds, or else that of an epoch of the same network on
        the same data, times `epochs`.
        """
        if kind.name in self._totals:
            return statistics.median(self._totals[kind.name])
        if kind.work in self._epochs:
            return statistics.median(self._epochs[kind.work]) * epochs
        return None


@dataclass(frozen=True)
class Left:
    """A run that is not finished: its kind, its epochs at most, and how far it is (both 0 before it
    begins).
    """

    kind: Kind
    epochs: int
    epoch: float = 0.0
    seconds: float = 0.0


def remaining(left: Iterable[Left], pace: Pace, processes: int) -> tuple[float, int]:
    """Return about how many seconds some processes will take for what is left, and how many runs
    that leaves out.

    What a run has done is taken off; a run under way of which nothing else is known goes on at its
    own pace. A run that may stop early counts with all of its epochs. Left out are runs of which
    nothing is known.
    """
    total, unknown = 0.0, 0
    for run in left:
        seconds = pace.seconds(run.kind, run.epochs)
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
    """Return what `remaining` gave in words: "about 12 min left"."""
    runs = f"{plural(unknown, 'run')} of which nothing is known yet"
    if not unknown:
        return f"about {in_words(seconds)} left"
    return f"about {in_words(seconds)} and {runs} left" if seconds else f"{runs} left"
