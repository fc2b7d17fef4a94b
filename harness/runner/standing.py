"""How a planned run stands in the store, told without TensorFlow."""

from __future__ import annotations

from harness.plan import ConcreteRun, Plan
from harness.results import RunResult
from harness.store import Store


def obstacle(plan: Plan, run: ConcreteRun, store: Store) -> str | None:
    """Say why a run cannot be started now, or return None."""
    if run.blocked is not None or run.parent is None or store.done(run.parent):
        return run.blocked
    error = store.error(run.parent)
    if error is not None:
        return f"it starts from {run.run.initialize_from}, which failed: {error}"
    above = obstacle(plan, plan.runs[run.parent], store)
    return f"it starts from {run.run.initialize_from}, which is blocked: {above}" if above else None


def standing(plan: Plan, key: str, name: str, seed: int, store: Store) -> RunResult:
    """Return what is known of a run, under the name that it has in an experiment."""
    return store.result(key, name, seed, obstacle(plan, plan.runs[key], store))
