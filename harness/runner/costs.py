"""What deciding the open expectations of an experiment is likely to cost, where seeds are added."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from harness.check import Judgement, Verdict
from harness.plan import Member, Plan
from harness.runner.estimate import Pace, Took, in_words, remaining
from harness.runner.forecast import left
from harness.runner.looks import Stage, read_by
from harness.sequential import LIKELY, outlook
from harness.spec.records import Experiment, SeedPlan, Statistic
from harness.store import Store


def next_looks(reached: Stage, whole: Plan, store: Store, took: Iterable[Took]) -> Iterator[str]:
    """Yield a sentence on each undecided expectation, and one on what the decisions may cost together.

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
            f"{len(unseen)} of {len(reached.judgements)} expectations; until then it is not known what deciding "
            f"costs: at most {plan.most} seeds a run"
        )
    sizes: dict[str, int] = {}
    for judgement in begun:
        size = _likely(judgement, plan)
        for run in read_by(judgement):
            sizes[run] = max(sizes.get(run, 0), size or plan.most)
        yield f"{judgement.expectation.id}: {_words(judgement, plan, size)}"
    if sizes:
        yield f"{experiment.name}: {_cost(experiment, sizes, whole, store, took)}"


def _likely(judgement: Judgement, plan: SeedPlan) -> int | None:
    """Return by how many seeds an expectation is likely decided; None: it is not, or nobody knows."""
    values = list(judgement.values.values())
    if judgement.expectation.statistic is not Statistic.MEAN or len(values) < 2:
        return None
    return outlook(judgement.expectation, plan, values).likely


def _words(judgement: Judgement, plan: SeedPlan, size: int | None) -> str:
    look = judgement.look
    assert look is not None
    following = plan.sizes[look.number]
    told = f"undecided at {look.words}; the next look adds {following - look.seeds}"
    if judgement.expectation.statistic is not Statistic.MEAN:
        return f"{told}; how many a {judgement.expectation.statistic.value} needs is not known"
    if size is None:
        return f"{told}; as measured, {plan.most} seeds decide it in fewer than {LIKELY:.0%} of cases"
    return f"{told}; as measured, {size} seeds decide it in {LIKELY:.0%} of cases or more"


def _cost(experiment: Experiment, sizes: dict[str, int], whole: Plan, store: Store, took: Iterable[Took]) -> str:
    keys: dict[str, None] = {}
    for run, size in sizes.items():
        name: object = run
        while isinstance(name, str):
            keys |= dict.fromkeys(_of(experiment, name, range(size), whole))
            name = experiment.runs[name].initialize_from
    new = [whole.runs[key] for key in keys if not store.done(key)]
    seconds, unknown = remaining([left(each) for each in new], Pace(took), 1)
    time = f", about {in_words(seconds)} one after another" if new and not unknown else ""
    return f"deciding these is likely to cost {len(new)} more runs{time}"


def _of(experiment: Experiment, run: str, seeds: Sequence[int], whole: Plan) -> list[str]:
    return [whole.members[Member(experiment.name, run, seed)] for seed in seeds]
