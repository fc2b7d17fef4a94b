"""The state of a planned run in the store, found out without TensorFlow."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import replace

from harness.plan import ConcreteRun, Plan
from harness.run_result import RunResult, Status
from harness.store.staleness import difference
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
    return replace(found, stale=why_stale(store, found, run.parent))


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
    """Move the stale ones of some runs out of the way, so that they are made again.

    Runs that are blocked stay. What an earlier invocation set aside and did not make again is
    judged anew: its code may be back.

    Raises:
        StoreError: the store cannot be written.
    """
    bring_back(keys, store)
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
        why_blocked(plan, run, store) is None
        and (not store.done(key) or _is_to_be_made_again(plan, key, store))
        for key, run in plan.runs.items()
    )


def _is_to_be_made_again(plan: Plan, key: str, store: Store) -> bool:
    run = plan.runs[key]
    if run.blocked is not None or not store.done(key):
        return False
    return bool(state_of(plan, key, run.run.name, run.seed, store, history=False).stale)
