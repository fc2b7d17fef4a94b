"""How a planned run stands in the store, told without TensorFlow."""

from __future__ import annotations

from harness.plan import ConcreteRun, Plan
from harness.results import RunResult
from harness.store import Store


def obstacle(plan: Plan, run: ConcreteRun, store: Store) -> str | None:
    """Say why a run cannot be started now, or return None."""
    if run.blocked is None and run.parent is not None and store.error(run.parent) is not None:
        parent = plan.runs[run.parent]
        return f"it starts from {parent.run.name}, which failed: {store.error(run.parent)}"
    return run.blocked


def standing(plan: Plan, key: str, name: str, seed: int, store: Store) -> RunResult:
    """Return what is known of a run, under the name that it has in an experiment."""
    return store.result(key, name, seed, obstacle(plan, plan.runs[key], store))
