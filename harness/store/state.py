"""The state of a planned run in the store, found out without TensorFlow."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import replace

from harness.experiment import Experiment, Metric
from harness.final_metrics import LINE, names, row_of
from harness.own.permission import why_not_called
from harness.plan import ConcreteRun, Member, Plan
from harness.run_result import RunResult, Status
from harness.store.measured import FinalMeasurement, Subject
from harness.store.staleness import difference, measuring_difference
from harness.store.store import DamagedRun, Store


def why_blocked(plan: Plan, run: ConcreteRun, store: Store) -> str | None:
    """Say why a run cannot be started now, or return None."""
    ancestors: list[str] = []
    while run.blocked is None and run.parent is not None and not store.done(run.parent):
        ancestors.append(f"it starts from {run.run.initialize_from}, which")
        error = store.error(run.parent)
        if error is not None:
            return f"{' is blocked: '.join(ancestors)} failed: {error}"
        run = plan.runs[run.parent]
    return " is blocked: ".join([*ancestors, run.blocked]) if run.blocked is not None else None


def state_of(
    plan: Plan, key: str, name: str, seed: int, store: Store, history: bool = True
) -> RunResult:
    """Return what is known of a run of a plan, and of a finished one whether it is stale.

    Args:
        plan: With the run and those that it starts from.
        key: Of the run.
        name: The name that it has in an experiment.
        seed: The seed that it has there.
        store: Where it is, or will be.
        history: Whether its history is read.
    """
    run = plan.runs[key]
    found = store.result(key, name, seed, why_blocked(plan, run, store), history)
    if found.status is not Status.DONE:
        return found
    again = _unkept(run, found) or _weightless(plan, found, store)
    return replace(found, stale=why_stale(store, found, run.parent), again=again)


def _unkept(run: ConcreteRun, result: RunResult) -> str:
    """Say which weights that are to be kept a finished run did not keep, "" where it has all."""
    trained = result.measurements.get("epochs") or 0
    missing = [
        epoch for epoch in run.keep_weights if epoch <= trained and epoch not in result.kept_weights
    ]
    if not missing:
        return ""
    more = f" and {len(missing) - 1} more" if missing[1:] else ""
    return f"the weights after epoch {missing[0]}{more} were not kept"


def _weightless(plan: Plan, result: RunResult, store: Store) -> str:
    """Say which run waits for the weights that a finished run has no more, "" where none does."""
    if result.weights is not None:
        return ""
    waiting = (plan.runs[key] for key in plan.children(result.key) if waits(plan, key, store))
    first = next(waiting, None)
    return f"its weights are not kept, and {first.run.name} starts from them" if first else ""


def waits(plan: Plan, key: str, store: Store) -> bool:
    """Tell whether a run can be made here and is to be: it is not done, or to be made again."""
    run = plan.runs[key]
    return run.blocked is None and (not store.done(key) or _is_to_be_made_again(plan, key, store))


def member_state(
    experiment: Experiment, plan: Plan, member: Member, store: Store, history: bool = True
) -> RunResult:
    """Return what is known of a run at its place in an experiment, its final metrics among it.

    Args:
        experiment: What has the place, and lists the final metrics.
        plan: With its runs.
        member: The place.
        store: Where the run is, or will be.
        history: Whether its history is read.
    """
    found = state_of(plan, plan.members[member], member.run, member.seed, store, history)
    for metric in experiment.runs[member.run].metrics:
        found = _with_metric(found, metric, experiment, plan, store)
    return found


def subject_of(metric: Metric, member: Member, plan: Plan) -> Subject | None:
    """Return of what a final metric of a place is measured.

    None where the run that it is compared with has no such seed.
    """
    key = plan.members[member]
    if metric.partner is None:
        return Subject(metric, key)
    partner = plan.members.get(Member(member.experiment, metric.partner, member.seed))
    return None if partner is None else Subject(metric, key, partner)


def present_measurement(subject: Subject, store: Store) -> FinalMeasurement | None:
    """Return what the present code came to for a final metric, None where it is to be measured."""
    found = store.measurement(subject)
    if found is None or measuring_difference(found.code, subject.metric):
        return None
    return found


def why_unmeasurable(result: RunResult, metric: Metric) -> str:
    """Say why a final metric cannot be measured of a finished run, "" where it can."""
    again = f"make the run again (python -m harness runs remove {result.key})"
    source = row_of(metric).source
    if source == "weights" and result.weights is None:
        return f"its weights are not in the store: put the file back, or {again}"
    if source == "predictions" and result.tested is None:
        return f"it kept no predictions of the test images: {again}"
    return ""


def _with_metric(
    result: RunResult, metric: Metric, experiment: Experiment, plan: Plan, store: Store
) -> RunResult:
    """Return a result with the numbers of a final metric, or why it has none."""
    if result.status is not Status.DONE:
        return result
    own = names(metric)
    subject = subject_of(metric, Member(experiment.name, result.run, result.seed), plan)
    found = None if subject is None else present_measurement(subject, store)
    if found is None or found.why_none:
        why = found.why_none if found else _why_missing(result, subject, experiment, store)
        return replace(result, unmeasured={**result.unmeasured, **dict.fromkeys(own.values(), why)})
    values = {own[name]: value for name, value in found.values.items() if name in own}
    curves = {metric.label: found.curves} if metric.name == LINE else {}
    return replace(
        result,
        measurements={**result.measurements, **values},
        curves={**result.curves, **curves},
    )


def _why_missing(
    result: RunResult, subject: Subject | None, experiment: Experiment, store: Store
) -> str:
    if subject is None or (subject.partner is not None and not store.done(subject.partner)):
        return "the run with which it is compared is not done"
    before = store.measurement(subject)
    changed = "" if before is None else measuring_difference(before.code, subject.metric)
    why = f"measured by other code ({changed})" if changed else "not measured yet"
    forbidden = why_not_called([subject.metric], experiment.allow_python)
    then = forbidden or f"python -m harness measure {experiment.path.as_posix()}"
    return why_unmeasurable(result, subject.metric) or f"{why}: {then}"


def why_stale(store: Store, result: RunResult, parent: str | None) -> str:
    """Say why a finished run may not be what the present code would make, "" where it is.

    It was made by other code and no repetition by this one agreed with it, or the run that it
    starts from was, or that one has other weights now. A parent that is not there, or is damaged,
    says nothing against a run.
    """
    changed = difference(result.code)
    replay = store.replay(result.key) if changed else None
    if changed and (replay is None or difference(replay.code)):
        return changed
    if parent is None or not store.done(parent):
        return ""
    with contextlib.suppress(DamagedRun):
        origin, started_from = store.finished(parent, history=False)
        stale = why_stale(store, started_from, origin.parent)
        if stale:
            return f"{origin.run}, from which it starts, is stale: {stale}"
        if result.start not in (None, store.weights_digest(parent)):
            return f"{origin.run}, from which it starts, was made again and has other weights"
    return ""


def set_stale_aside(plan: Plan, keys: Sequence[str], store: Store) -> None:
    """Move those of some runs out of the way that are stale, or to be made again.

    Runs that are blocked stay. What an earlier invocation set aside and did not make again is
    judged anew: its code may be back.

    Raises:
        StoreError: the store cannot be written.
    """
    bring_back(keys, store)
    wanted = set(keys)
    # A run that is not among these waits for nobody's weights.
    plan = replace(plan, runs={key: run for key, run in plan.runs.items() if key in wanted})
    stale = [key for key in keys if _is_to_be_made_again(plan, key, store)]
    # Children first: they are stale because their parent is there and stale.
    for key in reversed(stale):
        with store.lock(key) as held:
            if held and _is_to_be_made_again(plan, key, store):
                store.set_aside(key)


def bring_back(keys: Sequence[str], store: Store) -> None:
    """Put those of some runs back that were set aside and are not being made again.

    Raises:
        StoreError: the store cannot be written.
    """
    for key in keys:
        if store.is_set_aside(key):
            with store.lock(key) as held:
                if held:
                    store.bring_back(key)


def startable(plan: Plan, store: Store) -> bool:
    """Tell whether there is a run that is not done, or stale, and could be started now."""
    return any(
        why_blocked(plan, run, store) is None and waits(plan, key, store)
        for key, run in plan.runs.items()
    )


def _is_to_be_made_again(plan: Plan, key: str, store: Store) -> bool:
    run = plan.runs[key]
    if run.blocked is not None or not store.done(key):
        return False
    found = state_of(plan, key, run.run.name, run.seed, store, history=False)
    return bool(found.stale or found.again)
