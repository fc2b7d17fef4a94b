"""Why a planned run is not one of those that are kept: what changed since it was last run."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from harness.plan import ConcreteRun, Plan
from harness.spec import schema
from harness.spec.records import Json

Record = Mapping[str, Any]

NOT_ITS_SETTINGS = "its data changed, or the harness computes it in another way now"

_MOST = 3
_ABSENT = object()


def why_new(plan: Plan, run: ConcreteRun, records: Sequence[Record]) -> str | None:
    """Say what differs between a run and the kept one that it replaces, or None where it was never run.

    `records` are the `run.json` of the kept runs. Of those of the same experiment, run and seed, the one
    that differs in the fewest settings is compared.
    """
    place = {"experiment": run.experiment, "run": run.run.name, "seed": run.seed}
    own = [record for record in records if place.items() <= record.items()]
    found = [differences(record["settings"], run.run.resolved) for record in own]
    if not found:
        return None
    fewest = min(found, key=len)
    if not fewest and run.parent is not None and run.parent not in {record["parent"] for record in own}:
        return f"{run.run.initialize_from} changed, from which it starts"
    return told(fewest) if fewest else NOT_ITS_SETTINGS


def told(changed: Sequence[str]) -> str:
    """Say in one sentence which settings changed, where some did."""
    rest = len(changed) - _MOST
    return " and ".join(changed[:_MOST]) + (f" and {rest} more" if rest > 0 else "") + " changed"


def differences(then: Json, now: Json) -> list[str]:
    """Return the settings that differ between two runs' `settings`, each by its path with both of its values.

    What was not yet in the language when a run was made has its default; what decides nothing is left out.
    """
    complete = schema.definition("complete_run")
    old, new = (dict(_leaves(_acting(schema.fill_defaults(complete, each)))) for each in (then, now))
    return [
        f"{path} ({_shown(old.get(path, _ABSENT))} -> {_shown(new.get(path, _ABSENT))})"
        for path in dict.fromkeys([*old, *new])
        if old.get(path, _ABSENT) != new.get(path, _ABSENT)
    ]


def _acting(settings: Json) -> Json:
    """The settings without those that decide nothing, as they stand."""
    on = settings["regularizers"]
    strengths = {name: value for name, value in settings["strengths"].items() if name in on}
    acting = {**settings, "strengths": strengths, "regularizers": sorted(on)}
    if settings["initialize_from"] is not None:
        del acting["initialization"]
    return acting


def _leaves(value: Json, path: str = "") -> Iterator[tuple[str, Json]]:
    if isinstance(value, Mapping) and value:
        for name, item in value.items():
            yield from _leaves(item, f"{path}.{name}" if path else name)
    else:
        yield path, value


def _shown(value: object) -> str:
    return "nothing" if value is _ABSENT else json.dumps(value)
