"""Which seeds an experiment has now, and which come next.

Seeds may be added, look after look, until its expectations are decided.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness.experiment import Experiment, RunSpec
from harness.judging.check import Judgement, Verdict, check, detail_needed, runs_needed
from harness.plan import Member, Plan, make_plan, parents_first
from harness.store.snapshot import Snapshot
from harness.store.state import member_state
from harness.store.store import Store


@dataclass(frozen=True)
class Stage:
    """An experiment as far as it is judged, with the judgements.

    `following` is the experiment with the seeds of the next looks too. Where all is decided,
    or the last look was, it is the experiment as it is.
    """

    experiment: Experiment
    following: Experiment
    judgements: tuple[Judgement, ...] = ()

    def beyond(self, asked: Experiment) -> bool:
        """Tell whether the next looks want seeds that an experiment did not have."""
        return any(
            len(self.following.seeds_of(run)) > len(asked.seeds_of(run)) for run in asked.runs
        )


def plan_all(
    experiments: Sequence[Experiment],
    data_dir: Path,
    gpus: int,
    without: str = "this machine has none",
) -> Plan:
    """Plan every run of every seed that the experiments may come to have; see `make_plan`."""
    return make_plan([with_all_seeds(each) for each in experiments], data_dir, gpus, without)


def plan_as_it_stands(
    experiments: Sequence[Experiment], data_dir: Path, gpus: int, store: Store
) -> tuple[tuple[Experiment, ...], Plan]:
    """Return the experiments with the seeds by which they are judged now, and the plan of these."""
    whole = plan_all(experiments, data_dir, gpus)
    now = tuple(stage(each, whole, store).experiment for each in experiments)
    return now, whole.narrowed(now)


def stage(experiment: Experiment, whole: Plan, store: Store) -> Stage:
    """Find how far an experiment has come; `whole` is the plan of all seeds that it may have.

    An expectation is judged at the last look for which all of its runs are there: what is there of
    a later look is left out until it is complete, but for errors, which nobody should miss.
    """
    plan = experiment.seed_plan
    if plan is None:
        return Stage(experiment, experiment)
    full, store = with_all_seeds(experiment), Snapshot.of(store)
    details = detail_needed(full)
    results = [
        member_state(full, whole, Member(full.name, run, seed), store, details[run])
        for run in full.runs
        for seed in full.seeds
    ]
    found = check(full, results)
    now, following = dict.fromkeys(full.runs, plan.first), dict.fromkeys(full.runs, plan.first)
    for judgement in found:
        seeds = judgement.look.seeds if judgement.look else plan.first
        undecided = judgement.verdict is Verdict.INCONCLUSIVE
        later = next((size for size in plan.sizes if undecided and size > seeds), seeds)
        for run in read_by(judgement, full.runs):
            now[run] = max(now[run], seeds)
            following[run] = max(following[run], seeds, later)
    return Stage(_with(full, now), _with(full, following), found)


def with_all_seeds(experiment: Experiment) -> Experiment:
    """Return an experiment with all seeds that it may come to have."""
    plan = experiment.seed_plan
    return (
        experiment
        if plan is None
        else replace(experiment, seeds=tuple(range(plan.most)), counts={})
    )


def _with(experiment: Experiment, counts: dict[str, int]) -> Experiment:
    """Return an experiment whose runs have so many seeds, and what they start from as many."""
    for run in reversed([*parents_first(experiment.runs)]):
        if isinstance(run.initialize_from, str):
            parent = run.initialize_from
            counts[parent] = max(counts[parent], counts[run.name])
    most = max(counts.values())
    fewer = {run: count for run, count in counts.items() if count < most}
    return replace(experiment, seeds=experiment.seeds[:most], counts=fewer)


def read_by(judgement: Judgement, runs: Mapping[str, RunSpec]) -> set[str]:
    """Return the runs that an expectation reads, also to compare others with them."""
    return {*runs_needed(judgement.expectation, runs)}
