"""How the runs of experiments stand, and about how long what is to do will take."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.experiment import Experiment
from harness.follow.time_left import Pace, finished_runs, remaining, unstarted
from harness.plan import ConcreteRun, Member, Plan
from harness.run_result import Detail, RunResult, Status
from harness.runner.records import Record
from harness.store.state import member_state
from harness.store.store import Store


@dataclass(frozen=True)
class Standing:
    """How the runs of an experiment stand.

    `results` are of every seed, by the name of the run. `waiting` are the runs that can be made
    here and are to be: those that are not done, and the stale ones. `seconds_left` is what they
    take one after another, by what runs like them took; `unknown` of them are not in it, because
    nothing like them has been run.
    """

    experiment: Experiment
    results: dict[str, list[RunResult]]
    waiting: tuple[ConcreteRun, ...]
    seconds_left: float
    unknown: int

    @property
    def all_results(self) -> list[RunResult]:
        """Return how every run of every seed stands."""
        return [each for of_run in self.results.values() for each in of_run]

    @property
    def counts(self) -> Counter[Status]:
        """Return how many runs have each status; stale ones are done."""
        return Counter(each.status for each in self.all_results)

    @property
    def stale(self) -> int:
        """Return how many of the done runs are stale."""
        return sum(bool(each.stale) for each in self.all_results)

    def left(self, what: str) -> int | None:
        """Return how many "steps" or "images" are left at most, None where that is not known."""
        costs = [getattr(run, what) for run in self.waiting]
        return None if None in costs else sum(costs)

    def record(self) -> Record:
        """Return this as a flat record."""
        return {
            "experiment": self.experiment.name,
            "title": self.experiment.title,
            "specification": self.experiment.path.as_posix(),
            "runs": len(self.all_results),
            **{status.value: self.counts[status] for status in Status},
            "stale": self.stale,
            "steps_left": self.left("steps"),
            "images_left": self.left("images"),
            "seconds_left": round(self.seconds_left, 1),
            "runs_not_estimated": self.unknown,
        }


def standings(
    experiments: Sequence[Experiment], plan: Plan, store: Store
) -> tuple[list[Standing], Pace]:
    """Look up every run of some experiments.

    Returns:
        How each experiment stands, and how long finished runs took.
    """
    found = {each.name: _results(each, plan, store) for each in experiments}
    waiting = {name: _waiting(results, plan, store) for name, results in found.items()}
    pace = Pace(finished_runs(store, plan.runs) if any(waiting.values()) else ())
    return [
        Standing(
            each,
            found[each.name],
            waiting[each.name],
            *remaining(map(unstarted, waiting[each.name]), pace, 1),
        )
        for each in experiments
    ], pace


def _results(experiment: Experiment, plan: Plan, store: Store) -> dict[str, list[RunResult]]:
    return {
        name: [
            member_state(
                experiment, plan, Member(experiment.name, name, seed), store, Detail.NUMBERS
            )
            for seed in experiment.seeds_of(name)
        ]
        for name in experiment.runs
    }


def _waiting(
    results: dict[str, list[RunResult]], plan: Plan, store: Store
) -> tuple[ConcreteRun, ...]:
    """Return the runs that can be made here and are to be, each once."""
    keys: Iterable[str] = dict.fromkeys(
        each.key
        for of_run in results.values()
        for each in of_run
        if each.stale or each.again or not store.done(each.key)
    )
    return tuple(plan.runs[key] for key in keys if plan.runs[key].blocked is None)
