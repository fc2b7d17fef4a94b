"""What took part in the runs besides their settings: versions, devices, hosts."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from harness.results import RunResult, Status
from harness.spec.records import Json


def environment(results: Sequence[RunResult]) -> dict[str, dict[str, int]]:
    """Return, by name, each value that occurred and how many of the finished runs had it.

    Nested objects become dotted names; what a run does not record is not counted.
    """
    found: dict[str, Counter[str]] = {}
    for result in results:
        if result.status is Status.DONE:
            for name, value in _flat(result.environment):
                found.setdefault(name, Counter())[value] += 1
    return {name: dict(found[name].most_common()) for name in sorted(found)}


def guarantees(results: Sequence[RunResult]) -> dict[str, int]:
    """Return what another run of the same settings and seed will give, in words, and for how many finished runs."""
    done = [result for result in results if result.status is Status.DONE]
    return dict(Counter(_guarantee(result.environment) for result in done).most_common())


def _guarantee(environment: Mapping[str, Json]) -> str:
    # Runs that do not record it were made with deterministic operations alone.
    if environment.get("deterministic", "yes") != "yes":
        return "not the same bits: operations were allowed that sum in another order each time"
    if environment.get("device") == "CPU":
        return "the same bits, on the same kind of processor with as many threads and the same versions"
    return "the same bits, on the same kind of device with the same versions"


def _flat(value: Mapping[str, Json], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, item in value.items():
        if isinstance(item, Mapping):
            yield from _flat(item, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", item if isinstance(item, str) else json.dumps(item, ensure_ascii=False)
