"""The seeds of a specification: those that it lists, or how many there are at first and at most."""

from __future__ import annotations

from collections.abc import Iterator

from harness.experiment import Control, Interval, Json, SeedPlan, Statistic
from harness.spec.document import Pointer


def seed_plan(value: Json) -> SeedPlan | None:
    """Return how seeds are added, or None where they are listed; `value` is valid, its defaults
    filled in or not.
    """
    if not isinstance(value, dict):
        return None
    first, most = int(value["first"]), int(value["most"])
    return SeedPlan(first, most, int(value.get("step") or first))


def seeds(value: Json) -> tuple[int, ...]:
    """Return the seeds that all runs have, be others added later or not."""
    plan = seed_plan(value)
    return tuple(value) if plan is None else tuple(range(plan.first))


def most(value: Json) -> int:
    """Return how many seeds a run may come to have."""
    plan = seed_plan(value)
    return len(value) if plan is None else plan.most


def faults_of(document: Json, damaged: set[Pointer]) -> Iterator[tuple[Pointer, str]]:
    """Yield what does not go together with seeds that are added, and where; no place of `damaged`
    is looked at.
    """
    value = document.get("seeds")
    if not isinstance(value, dict) or ("seeds",) in damaged:
        return
    plan = seed_plan(value)
    if plan is not None and plan.first > plan.most:
        yield ("seeds", "most"), f"these are fewer than the {plan.first} seeds of the first look"
    if document.get("control") == Control.FDR.value:
        message = (
            "'fdr' is not known to hold where seeds are added; write 'holm', or list the seeds"
        )
        yield ("control",), message
    expectations = document.get("expectations", [])
    for index, raw in enumerate(expectations if isinstance(expectations, list) else []):
        place: Pointer = ("expectations", index)
        if place in damaged or raw.get("statistic", Statistic.MEAN.value) != Statistic.MEAN.value:
            continue
        interval = raw.get("interval", Interval.STUDENT.value)
        if interval != Interval.STUDENT.value:
            message = (
                f"{interval!r} keeps no confidence where seeds are added; write 'student', or list"
                " the seeds"
            )
            yield (*place, "interval"), message
