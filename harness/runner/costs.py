"""What deciding the open expectations of an experiment is likely to cost, where seeds are added."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from harness.experiment import Expectation, Experiment, Json, SeedPlan, Statistic
from harness.expression import Expression, Reference, evaluate, parse, references
from harness.follow.time_left import (
    FinishedRun,
    Pace,
    finished_runs,
    in_words,
    remaining,
    unstarted,
)
from harness.judging.check import Judgement, Verdict
from harness.judging.outlook import LIKELY, outlook
from harness.plan import Member, Plan
from harness.run_result import Detail
from harness.runner.looks import Stage, read_by
from harness.store.run_files import Origin
from harness.store.store import Store


def all_next_looks(stages: Sequence[Stage], whole: Plan, store: Store) -> list[str]:
    """Return what `next_looks` says of each experiment whose seeds are added look after look."""
    open_ = [each for each in stages if each.experiment.seed_plan]
    took = list(finished_runs(store, whole.runs)) if open_ else []
    return [sentence for each in open_ for sentence in next_looks(each, whole, store, took)]


def next_looks(
    reached: Stage, whole: Plan, store: Store, took: Iterable[FinishedRun]
) -> Iterator[str]:
    """Yield a sentence on each undecided expectation, and one on what all decisions may cost.

    Args:
        reached: How far the experiment has come.
        whole: The plan of all seeds that it may have.
        store: Where its runs are.
        took: What finished runs took, by which time is estimated.
    """
    experiment, plan = reached.experiment, reached.experiment.seed_plan
    if plan is None:
        return
    undecided = [each for each in reached.judgements if each.verdict is Verdict.INCONCLUSIVE]
    begun = [each for each in undecided if each.look and each.look.seeds < plan.most]
    unseen = [each for each in reached.judgements if each.verdict is Verdict.BLOCKED]
    if unseen:
        yield (
            f"{experiment.name}: the first look, with {plan.first} seeds, is still to come for "
            f"{len(unseen)} of {len(reached.judgements)} expectations; deciding them costs at most "
            f"{plan.most} seeds a run"
        )
        for judgement in unseen:
            yield (
                f"{judgement.expectation.id}:"
                f" {_from_alike(judgement.expectation, experiment, store)}"
            )
    sizes: dict[str, int] = {}
    for judgement in begun:
        size = _likely(judgement, plan)
        for run in read_by(judgement, experiment.runs):
            sizes[run] = max(sizes.get(run, 0), size or plan.most)
        yield f"{judgement.expectation.id}: {_words(judgement, plan, size)}"
    if sizes:
        yield f"{experiment.name}: {_cost(experiment, sizes, whole, store, took)}"


def _from_alike(expectation: Expectation, experiment: Experiment, store: Store) -> str:
    """Say by how many seeds an expectation is likely decided.

    That is told as if its values scattered as in another experiment.
    """
    found = _alike(expectation, experiment, store)
    plan = experiment.seed_plan
    if found is None or plan is None or expectation.statistic is not Statistic.MEAN:
        return "how many seeds decide it is not known before"
    size = outlook(expectation, plan, found.values, own=False).likely
    measured = f"as measured in {found.experiment} ({len(found.values)} seeds)"
    if size is None:
        return f"{measured}, {plan.most} seeds decide it in fewer than {LIKELY:.0%} of cases"
    return f"{measured}, {size} seeds decide it in {LIKELY:.0%} of cases or more"


@dataclass(frozen=True)
class _Alike:
    """What another experiment measured of an expectation's metric."""

    experiment: str
    values: list[float]


def _alike(expectation: Expectation, experiment: Experiment, store: Store) -> _Alike | None:
    """Find the experiment in the store with the most seeds of the runs that an expectation needs.

    Its runs have the same names, networks and data.
    """
    expression = parse(expectation.metric)
    needed = references(expression)
    names = {reference.run for reference in needed}
    runs: dict[str, dict[tuple[str, int], str]] = {}
    parts = [f" / {name} / " for name in names]
    of_names = store.origins(lambda label: any(part in label for part in parts))
    for key, origin in of_names.items():
        if (
            origin.run in names
            and origin.experiment != experiment.name
            and _same_kind(origin, experiment)
        ):
            runs.setdefault(origin.experiment, {})[origin.run, origin.seed] = key
    found = []
    for name, keys in runs.items():
        seeds = sorted({seed for _, seed in keys})
        whole = [seed for seed in seeds if all((run, seed) in keys for run in names)]
        values = (
            _value(expression, needed, {run: keys[run, seed] for run in names}, seed, store)
            for seed in whole
        )
        found.append(_Alike(name, [value for value in values if value is not None]))
    best = max(found, key=lambda each: len(each.values), default=None)
    return best if best is not None and len(best.values) > 1 else None


def _same_kind(origin: Origin, experiment: Experiment) -> bool:
    """Tell whether a finished run has the data set and network of an experiment's of its name."""
    own = experiment.runs[origin.run].resolved if origin.run in experiment.runs else {}
    return all(
        _name(origin.settings, part) == _name(own, part) is not None
        for part in ("dataset", "model")
    )


def _name(settings: Mapping[str, Json], part: str) -> Json:
    section = settings.get(part)
    return section.get("name") if isinstance(section, dict) else None


def _value(
    expression: Expression,
    needed: Sequence[Reference],
    keys: Mapping[str, str],
    seed: int,
    store: Store,
) -> float | None:
    measured: dict[Reference, float] = {}
    for reference in needed:
        found = store.result(keys[reference.run], reference.run, seed, detail=Detail.NUMBERS)
        value = found.measurements.get(reference.metric)
        if value is None:
            return None
        measured[reference] = value
    number = evaluate(expression, measured).number
    return number if math.isfinite(number) else None


def _likely(judgement: Judgement, plan: SeedPlan) -> int | None:
    """Return by how many seeds an expectation is likely decided.

    None stands for "it is not", and for "nobody knows".
    """
    values = list(judgement.values.values())
    if judgement.expectation.statistic is not Statistic.MEAN or len(values) < 2:
        return None
    return outlook(judgement.expectation, plan, values).likely


def _words(judgement: Judgement, plan: SeedPlan, size: int | None) -> str:
    look = judgement.look
    assert look is not None
    following = plan.sizes[look.number]
    start = f"undecided at {look.words}; the next look adds {following - look.seeds}"
    if judgement.expectation.statistic is not Statistic.MEAN:
        return f"{start}; how many a {judgement.expectation.statistic.value} needs is not known"
    if size is None:
        return (
            f"{start}; as measured, {plan.most} seeds decide it in fewer than {LIKELY:.0%} of cases"
        )
    return f"{start}; as measured, {size} seeds decide it in {LIKELY:.0%} of cases or more"


def _cost(
    experiment: Experiment,
    sizes: dict[str, int],
    whole: Plan,
    store: Store,
    took: Iterable[FinishedRun],
) -> str:
    keys: dict[str, None] = {}
    counted: dict[str, int] = {}
    for run, size in sizes.items():
        name: object = run
        while isinstance(name, str) and counted.get(name, 0) < size:
            counted[name] = size
            keys |= dict.fromkeys(_of(experiment, name, range(size), whole))
            name = experiment.runs[name].initialize_from
    new = [whole.runs[key] for key in keys if not store.done(key)]
    seconds, unknown = remaining([unstarted(each) for each in new], Pace(took), 1)
    time = f", about {in_words(seconds)} one after another" if new and not unknown else ""
    return f"deciding these is likely to cost {len(new)} more runs{time}"


def _of(experiment: Experiment, run: str, seeds: Sequence[int], whole: Plan) -> list[str]:
    return [whole.members[Member(experiment.name, run, seed)] for seed in seeds]
