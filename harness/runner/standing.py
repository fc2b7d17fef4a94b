"""How a planned run stands in the store, told without TensorFlow."""

from __future__ import annotations

from harness.plan import ConcreteRun, Plan
from harness.results import RunResult
from harness.store import Store


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


def standing(plan: Plan, key: str, name: str, seed: int, store: Store, history: bool = True) -> RunResult:
    """Return what is known of a run, under the name that it has in an experiment; see `Store.result`."""
    return store.result(key, name, seed, obstacle(plan, plan.runs[key], store), history)
