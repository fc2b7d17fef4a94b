"""Name the code that made the runs of an experiment, as far as they recorded it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.run_result import RunResult, Status


def modules(results: Sequence[RunResult]) -> dict[str, str]:
    """Return the digest of each module that made the finished runs; all digests where they differ.

    A run records them as `code`, or its environment does; one that has neither adds nothing.
    """
    found: dict[str, set[str]] = {}
    for result in results:
        if result.status is Status.DONE:
            recorded = getattr(
                getattr(result, "code", None), "modules", None
            ) or result.environment.get("code")
            for name, digest in recorded.items() if isinstance(recorded, Mapping) else ():
                found.setdefault(name, set()).add(str(digest))
    return {name: ", ".join(sorted(found[name])) for name in sorted(found)}
