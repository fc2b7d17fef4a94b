"""Collect what took part in the runs besides their settings: versions, devices, code."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from harness.experiment import Json
from harness.run_result import RunResult, Status
from harness.system.machine import DECIDING


def environment(results: Sequence[RunResult]) -> dict[str, dict[str, int]]:
    """Return, by name, each value that occurred and how many of the finished runs had it.

    Nested objects become dotted names; what a run does not record is not counted.
    """
    found: dict[str, Counter[str]] = {}
    for result in results:
        if result.status is Status.DONE:
            for name, value in flat(result.environment):
                found.setdefault(name, Counter())[value] += 1
    return {name: dict(found[name].most_common()) for name in sorted(found)}


def differing(results: Sequence[RunResult]) -> dict[str, dict[str, list[str]]]:
    """Return in what the finished runs differ that can change the bits: by value, which runs.

    What a run does not record is a value of its own, "not recorded". Runs of several backends
    differ in these; what each backend has of its own is compared among its own runs. The engine,
    which settings choose too, is compared among the seeds of a run.
    """
    done = [result for result in results if result.status is Status.DONE]
    recorded = [(result, {"devices": "1"} | dict(flat(result.environment))) for result in done]
    found = {}
    for name in DECIDING:
        labels: dict[str, list[str]] = {}
        of_peers: dict[tuple[str, ...], set[str]] = {}
        for result, values in recorded:
            value = values.get(name, _NOT_RECORDED)
            labels.setdefault(value, []).append(_label(result))
            backend = () if name == "backend" else (values.get("backend", ""),)
            run = (result.run,) if name == "engine" else ()
            of_peers.setdefault((*backend, *run), set()).add(value)
        if any(len(each) > 1 for each in of_peers.values()):
            found[name] = labels
    return found


_NOT_RECORDED = "not recorded"


def _label(result: RunResult) -> str:
    return f"{result.run} seed {result.seed}"


def guarantees(results: Sequence[RunResult]) -> dict[str, int]:
    """Return what another run of the same settings and seed will give, and for how many runs.

    Only finished runs count.
    """
    done = [result for result in results if result.status is Status.DONE]
    return dict(Counter(_guarantee(result.environment) for result in done).most_common())


def _guarantee(environment: Mapping[str, Json]) -> str:
    # Runs that do not record it were made with deterministic operations alone.
    if environment.get("deterministic", "yes") != "yes":
        return "not the same bits: operations were allowed that sum in another order each time"
    alike = "kind of device with the same versions and flags"
    if environment.get("device") == "CPU":
        alike = (
            "kind of processor with the same instructions, CPUs, threads, oneDNN, versions and"
            " flags"
        )
    return f"the same bits on the same {alike}" + (
        "" if "flags" in environment else " (not all of this was recorded)"
    )


def flat(value: Mapping[str, Json], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield what an environment records, by dotted name and as text."""
    for key, item in value.items():
        if isinstance(item, Mapping):
            yield from flat(item, f"{prefix}{key}.")
        else:
            yield (
                f"{prefix}{key}",
                item if isinstance(item, str) else json.dumps(item, ensure_ascii=False),
            )


def code_digests(results: Sequence[RunResult]) -> dict[str, str]:
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
