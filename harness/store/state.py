"""The state of a planned run in the store, found out without TensorFlow."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from harness.experiment import Experiment, Metric
from harness.final_metrics import LINE, names, row_of
from harness.own.permission import why_not_called
from harness.plan import ConcreteRun, Member, Plan, inherited
from harness.run_result import Detail, RunResult, Status
from harness.store.checksums import weights_file
from harness.store.measured import FinalMeasurement, Subject
from harness.store.snapshot import Snapshot
from harness.store.staleness import difference, measuring_difference
from harness.store.store import DamagedRun, Store


def why_blocked(plan: Plan, run: ConcreteRun, store: Store) -> str | None:
    """Say why a run cannot be started now, or return None."""
    if run.blocked is not None:
        return run.blocked
    if run.parent is None or store.done(run.parent):
        return _why_too_short(run, store)
    first = _stopping(plan, run, store)
    if first is None:
        return None
    error, blocked = store.error(first.key), first.blocked or _why_too_short(first, store)
    if error is None and blocked is None:  # it is tried again meanwhile
        return None
    why = f"failed: {error}" if error is not None else f"is blocked: {blocked}"
    return inherited(run.run, plan.runs[run.parent], first, why)


def _why_too_short(run: ConcreteRun, store: Store) -> str | None:
    """Say that the finished run which a run starts from ended before the epoch that it names."""
    epoch = run.run.start_epoch
    if epoch is None or run.parent is None or not store.done(run.parent):
        return None
    parent = store.result(run.parent, str(run.run.initialize_from), run.seed, detail=Detail.NUMBERS)
    trained = parent.measurements.get("epochs")
    if trained is None or trained >= epoch:
        return None
    return f"it starts from {run.run.start}, which ended after epoch {trained:g}"


def _stopping(plan: Plan, run: ConcreteRun, store: Store) -> ConcreteRun | None:
    """Return the nearest of the runs above a run that failed or is blocked, None where none is.

    What is above a finished run does not count.
    """
    known, line = store.memory(why_blocked, plan), list[str]()
    while run.key not in known:
        line.append(run.key)
        if run.parent is None or store.done(run.parent):
            known[run.key] = ""
        elif _stops(plan.runs[run.parent], store):
            known[run.key] = run.parent
        else:
            run = plan.runs[run.parent]
    first = known[run.key]
    known.update(dict.fromkeys(line, first))
    return plan.runs[first] if first else None


def _stops(run: ConcreteRun, store: Store) -> bool:
    """Tell whether a run failed or is blocked by itself."""
    return (
        store.error(run.key) is not None
        or run.blocked is not None
        or _why_too_short(run, store) is not None
    )


def state_of(
    plan: Plan, key: str, name: str, seed: int, store: Store, detail: Detail = Detail.HISTORY
) -> RunResult:
    """Return what is known of a run of a plan, and of a finished one whether it is stale.

    Args:
        plan: With the run and those that it starts from.
        key: Of the run.
        name: The name that it has in an experiment.
        seed: The seed that it has there.
        store: Where it is, or will be.
        detail: How much is read of a finished one.
    """
    run = plan.runs[key]
    found = store.result(key, name, seed, why_blocked(plan, run, store), detail)
    if found.status is not Status.DONE:
        return found
    stale = why_stale(store, found, run.parent)
    again = _unkept(run, found) or ("" if stale else _weightless(plan, found, store))
    return replace(found, stale=stale, again=again)


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
    waiting = _waiting(plan, result, store)
    return f"its weights are not kept, and {waiting} starts from them" if waiting else ""


def _lacking(plan: Plan, result: RunResult, store: Store) -> list[str]:
    """Return the runs that start from weights which a finished run has no more."""
    trained = result.measurements.get("epochs") or 0
    children = [(key, plan.runs[key].run.start_epoch) for key in plan.children(result.key)]
    reached = [(key, epoch) for key, epoch in children if epoch is None or epoch <= trained]
    if not any(epoch for _, epoch in reached):
        return [] if result.weights is not None else [key for key, _ in reached]
    there = store.weights_sizes(result.key)
    return [key for key, epoch in reached if weights_file(epoch) not in there]


def _waiting(plan: Plan, result: RunResult, store: Store) -> str:
    """Return the name of a run that is to be made and lacks the weights of a run, "" for none.

    One whose own weights are lacking is to be made where another waits for it. Chains may be long:
    there is no recursion.
    """
    known, stack = store.memory(plan), [result]
    while stack:
        lacking = _lacking(plan, stack[-1], store)
        states = {child: _surely(plan, child, store) for child in lacking}
        open_ = [child for child, state in states.items() if state is None and child not in known]
        if open_:
            stack += [_found(plan, child, store) for child in open_]
            continue
        waits = (
            plan.runs[child].run.name
            for child, state in states.items()
            if state or (state is None and known[child])
        )
        known[stack.pop().key] = next(waits, "")
    return known[result.key]


def _found(plan: Plan, key: str, store: Store) -> RunResult:
    run = plan.runs[key]
    return store.result(key, run.run.name, run.seed, detail=Detail.NUMBERS)


def _surely(plan: Plan, key: str, store: Store) -> bool | None:
    """Tell whether a run is to be made; None where that depends on who waits for its weights."""
    run = plan.runs[key]
    if run.blocked is not None or not store.done(key):
        return run.blocked is None
    found = _found(plan, key, store)
    if found.status is not Status.DONE:
        return False
    if why_stale(store, found, run.parent) or _unkept(run, found):
        return True
    return None if _lacking(plan, found, store) else False


def waits(plan: Plan, key: str, store: Store) -> bool:
    """Tell whether a run can be made here and is to be: it is not done, or to be made again."""
    run = plan.runs[key]
    return run.blocked is None and (not store.done(key) or _is_to_be_made_again(plan, key, store))


def member_state(
    experiment: Experiment,
    plan: Plan,
    member: Member,
    store: Store,
    detail: Detail = Detail.HISTORY,
) -> RunResult:
    """Return what is known of a run at its place in an experiment, its final metrics among it.

    Args:
        experiment: What has the place, and lists the final metrics.
        plan: With its runs.
        member: The place.
        store: Where the run is, or will be.
        detail: How much is read of a finished one.
    """
    found = state_of(plan, plan.members[member], member.run, member.seed, store, detail)
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
    if source == "predictions" and not result.predicted:
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
    known, causes = store.memory(why_stale), store.memory(_inherited)
    line = _line(store, result, parent)
    for child, of in reversed(line):
        if child.key in known:
            continue
        known[child.key] = _changed(store, child)
        if not known[child.key] and of is not None:
            above = of.result.key
            found = _inherited(store, child, of, causes.get(above, known[above]))
            if found:
                # Further down it is told as here: a chain may be long.
                causes[child.key] = causes.get(above, found)
            known[child.key] = found
    return known[result.key]


@dataclass(frozen=True)
class _Ancestor:
    """A finished run that others start from, and the name that it was made under."""

    name: str
    result: RunResult


def _line(
    store: Store, result: RunResult, parent: str | None
) -> list[tuple[RunResult, _Ancestor | None]]:
    """Return a run and those above it of which it is not known whether they are stale.

    Each is with the run that it starts from, None where that is not there or cannot be read.
    """
    known, line = store.memory(why_stale), list[tuple[RunResult, _Ancestor | None]]()
    while True:
        above, following = None, None
        if parent is not None and store.done(parent):
            with contextlib.suppress(DamagedRun):
                origin, found = store.finished(parent, Detail.NUMBERS)
                above, following = _Ancestor(origin.run, found), origin.parent
        line.append((result, above))
        if above is None or result.key in known:
            return line
        result, parent = above.result, following


def _changed(store: Store, result: RunResult) -> str:
    """Say how the code that made a run, and that repeated it, differs from the present one."""
    changed = difference(result.code)
    replay = store.replay(result.key) if changed else None
    return changed if replay is None or difference(replay.code) else ""


def _inherited(store: Store, result: RunResult, parent: _Ancestor, stale: str) -> str:
    """Say why a run is stale on account of the one that it starts from, "" where it is not.

    `stale` says why that one is, "" where it is not.
    """
    if stale:
        return f"{parent.name}, from which it starts, is stale: {stale}"
    with contextlib.suppress(DamagedRun):
        if result.start not in (None, *store.weights_digests(parent.result.key)):
            return f"{parent.name}, from which it starts, was made again and has other weights"
    return ""


def set_stale_aside(plan: Plan, keys: Sequence[str], store: Store) -> None:
    """Move those of some runs out of the way that are stale, or to be made again.

    Runs that are blocked stay. What an earlier invocation set aside and did not make again is
    judged anew: its code may be back.

    Raises:
        StoreError: the store cannot be written.
    """
    bring_back(keys, store)
    wanted, seen = set(keys), Snapshot(store.root)
    # A run that is not among these waits for nobody's weights.
    plan = replace(plan, runs={key: run for key, run in plan.runs.items() if key in wanted})
    stale = [key for key in keys if _is_to_be_made_again(plan, key, seen)]
    # Children first: they are stale because their parent is there and stale, and would stay where
    # this process dies between the two.
    for key in reversed(stale):
        with store.lock(key) as held:
            if held and store.done(key) and _is_as_seen(key, store, seen):
                store.set_aside(key)


def _is_as_seen(key: str, store: Store, seen: Snapshot) -> bool:
    """Tell whether a finished run is the one that was looked at: others may have made it again."""
    with contextlib.suppress(DamagedRun):
        now, then = (each.finished(key, Detail.NUMBERS) for each in (store, seen))
        return now == then
    return False


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
    store = Snapshot.of(store)
    return any(
        why_blocked(plan, run, store) is None and waits(plan, key, store)
        for key, run in plan.runs.items()
    )


def _is_to_be_made_again(plan: Plan, key: str, store: Store) -> bool:
    run = plan.runs[key]
    if run.blocked is not None or not store.done(key):
        return False
    found = state_of(plan, key, run.run.name, run.seed, store, Detail.NUMBERS)
    return bool(found.stale or found.again)
