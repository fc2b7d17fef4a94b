"""The seeds of a specification: those that it lists, or how many there are at first and at most."""

from __future__ import annotations

from harness.experiment import Control, Interval, Json, SeedPlan, Statistic
from harness.spec.faults import Faults


def seed_plan(value: Json) -> SeedPlan | None:
    """Return how seeds are added, or None where they are listed.

    `value` is valid, its defaults filled in or not.
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


def check_seeds(document: Json, faults: Faults) -> None:
    """Add a fault for all that does not go together with seeds that are added."""
    value = document.get("seeds")
    if not isinstance(value, dict) or faults.damaged(("seeds",)):
        return
    plan = seed_plan(value)
    if plan is not None and plan.first > plan.most:
        message = f"these are fewer than the {plan.first} seeds of the first look"
        faults.add(message, ("seeds", "most"))
    if document.get("control") == Control.FDR.value:
        faults.add(
            "'fdr' is not known to hold where seeds are added; write 'holm', or list the seeds",
            ("control",),
        )
    for place, raw in faults.items(document, "expectations"):
        if raw.get("statistic") == Statistic.SETTINGS.value:
            faults.add(
                "'settings' speaks of the settings at the seeds at hand, which added seeds would"
                " change: list the seeds",
                (*place, "statistic"),
            )
        interval = raw.get("interval", Interval.STUDENT.value)
        of_mean = raw.get("statistic", Statistic.MEAN.value) == Statistic.MEAN.value
        if of_mean and interval != Interval.STUDENT.value:
            faults.add(
                f"{interval!r} keeps no confidence where seeds are added; write 'student', or list"
                " the seeds",
                (*place, "interval"),
            )
