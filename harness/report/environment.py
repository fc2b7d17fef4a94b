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


def _flat(value: Mapping[str, Json], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, item in value.items():
        if isinstance(item, Mapping):
            yield from _flat(item, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", item if isinstance(item, str) else json.dumps(item, ensure_ascii=False)
