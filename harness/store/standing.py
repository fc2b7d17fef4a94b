"""How a planned run stands in the store, told without TensorFlow."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import replace

from harness.plan import ConcreteRun, Plan
from harness.run_result import RunResult, Status
from harness.store.staleness import difference
from harness.store.store import DamagedRun, Store


def obstacle(plan: Plan, run: ConcreteRun, store: Store) -> str | None:
    """Say why a run cannot be started now, or return None."""
    above: list[str] = []
    while run.blocked is None and run.parent is not None and not store.done(run.parent):
        above.append(f"it starts from {run.run.initialize_from}, which")
        error = store.error(run.parent)
        if error is not None:
            return f"{' is blocked: '.join(above)} failed: {error}"
        run = plan.runs[run.parent]
    return " is blocked: ".join([*above, run.blocked]) if run.blocked is not None else None


def standing(
    plan: Plan, key: str, name: str, seed: int, store: Store, history: bool = True
) -> RunResult:
    """Return what is known of a run, under the name that it has in an experiment; see
    `Store.result`.

    A finished run that does not tell what the code that is here would come to says why.
    """
    run = plan.runs[key]
    found = store.result(key, name, seed, obstacle(plan, run, store), history)
    return (
        replace(found, stale=why_stale(store, found, run.parent))
        if found.status is Status.DONE
        else found
    )


def why_stale(store: Store, result: RunResult, parent: str | None) -> str:
    """Say why a finished run does not tell what the code that is here would come to, or return
    nothing where it does.

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
        origin, above = store.finished(parent, history=False)
        stale = why_stale(store, above, origin.parent)
        if stale:
            return f"{origin.run}, from which it starts, is stale: {stale}"
        if result.start not in (None, store.weights_digest(parent)):
            return f"{origin.run}, from which it starts, was made again and has other weights"
    return ""


def set_stale_aside(plan: Plan, keys: Sequence[str], store: Store) -> None:
    """Take the stale ones of some runs out of the way, so that they are made again, where they can
    be.

    What an earlier invocation set aside and did not make again is looked at anew: its code may be
    back.

    Raises:
        StoreError: the store cannot be written.
    """
    bring_back(keys, store)
    stale = [key for key in keys if _is_to_be_made_again(plan, key, store)]
    for key in reversed(
        stale
    ):  # children first: they are stale because their parent is there and stale
        with store.lock(key) as held:
            if held and _is_to_be_made_again(plan, key, store):
                store.set_aside(key)


def bring_back(keys: Sequence[str], store: Store) -> None:
    """Put those of some runs back that were set aside and are not being made again.

    Raises:
        StoreError: the store cannot be written.
    """
    for key in keys:
        if store.is_aside(key):
            with store.lock(key) as held:
                if held:
                    store.bring_back(key)


def startable(plan: Plan, store: Store) -> bool:
    """Tell whether there is a run that is not done, or stale, and could be started now."""
    return any(
        obstacle(plan, run, store) is None
        and (not store.done(key) or _is_to_be_made_again(plan, key, store))
        for key, run in plan.runs.items()
    )


def _is_to_be_made_again(plan: Plan, key: str, store: Store) -> bool:
    run = plan.runs[key]
    if run.blocked is not None or not store.done(key):
        return False
    return bool(standing(plan, key, run.run.name, run.seed, store, history=False).stale)
