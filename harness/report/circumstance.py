"""Keep a report as it is where the same was run again: only other numbers bring another date.

What a run measured is substance. When, where, how fast and by which revision it was measured is
circumstance: it stays that of the first report with these numbers, which is read from its JSON.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from harness.experiment import Json
from harness.report.environment import environment, flat
from harness.report.expectation import TERMS
from harness.run_result import RunResult, Status
from harness.system import files
from harness.system.json_value import parse
from harness.system.ownership import Kind, kind_of

_OF_A_RUN = ("seconds", "images_per_second", "code")
"""What is circumstance of one run."""

_OF_ALL_RUNS = ("environment", "environments", "code", "harness")
"""What is circumstance of all runs together."""

_OF_A_VERDICT = ("id", *TERMS, "adjusted_confidence", "look", "verdict", "values", "stale")
"""What an expectation asks and what became of it; how it is worded makes no other date."""


def environments(results: Sequence[RunResult]) -> dict[str, Json]:
    """Return, as the member of a report's JSON, which runs had which environment.

    Nothing where all finished runs had the same, for then `environment` says it all.
    """
    groups = list(_groups(results))
    return {"environments": groups} if len(groups) > 1 else {}


def _groups(results: Sequence[RunResult]) -> Iterator[dict[str, Json]]:
    """Yield each environment with its runs and their seeds, without what all of them share."""
    done = [result for result in results if result.status is Status.DONE]
    shared = _shared(environment(done), len(done))
    found: dict[tuple[tuple[str, str], ...], dict[str, list[int]]] = {}
    for result in done:
        own = {name: value for name, value in flat(result.environment) if name not in shared}
        of = found.setdefault(tuple(sorted(own.items())), {})
        of.setdefault(result.run, []).append(result.seed)
    for own_items, runs in found.items():
        yield {"differs": dict(own_items), "runs": runs}


def _shared(counted: Mapping[str, Mapping[str, int]], runs: int) -> dict[str, str]:
    """Return what every one of so many runs had."""
    return {
        name: next(iter(values))
        for name, values in counted.items()
        if list(values.values()) == [runs]
    }


def as_first(document: Mapping[str, Json], path: Path) -> dict[str, Json] | None:
    """Return a report's JSON with the circumstances of an earlier one that has the same numbers.

    Args:
        document: What would be written now, as it is read from its text.
        path: Where the earlier one lies, if there is any.

    Returns:
        None where there is no earlier one, or one that is damaged, or one with other numbers.
    """
    with contextlib.suppress(OSError, ValueError, LookupError, TypeError, AttributeError):
        content = files.read_bytes(path)
        earlier = parse(content).value if kind_of(content) is Kind.RESULT else None
        if isinstance(earlier, dict) and _runs(earlier) == _runs(document) and _known(earlier):
            return _kept(document, earlier)
    return None


def _kept(document: Mapping[str, Json], earlier: Mapping[str, Json]) -> dict[str, Json]:
    same = _verdicts(document) == _verdicts(earlier)
    taken = (*_OF_ALL_RUNS, "date") if same else _OF_ALL_RUNS
    rest = {name: value for name, value in document.items() if name not in taken}
    runs = {
        run: {
            seed: _without(of, _OF_A_RUN) | _only(earlier["runs"][run][seed], _OF_A_RUN)
            for seed, of in seeds.items()
        }
        for run, seeds in document["runs"].items()
    }
    return rest | _only(earlier, taken) | {"runs": runs}


def _runs(document: Mapping[str, Json]) -> Json:
    """Return what a report's JSON says of its runs, without their circumstances."""
    return {
        run: {seed: _without(of, _OF_A_RUN) for seed, of in seeds.items()}
        for run, seeds in document["runs"].items()
    }


def _verdicts(document: Mapping[str, Json]) -> Json:
    return [_only(judgement, _OF_A_VERDICT) for judgement in document["judgements"]], document.get(
        "trial"
    )


def _without(value: Mapping[str, Json], names: Sequence[str]) -> dict[str, Json]:
    return {name: item for name, item in value.items() if name not in names}


def _only(value: Mapping[str, Json], names: Sequence[str]) -> dict[str, Json]:
    return {name: value[name] for name in names if name in value}


def _known(document: Mapping[str, Json]) -> bool:
    """Tell whether it is known of every finished run what it ran with, and when."""
    done, own = _done(document), _own(document)
    shared = _shared(document["environment"], len(done))
    alike = len(shared) == len(document["environment"])
    datetime.fromisoformat(document["date"])
    return bool(done) and (alike or own.keys() == set(done))


def _done(document: Mapping[str, Json]) -> list[tuple[str, int]]:
    return [
        (run, int(seed))
        for run, seeds in document["runs"].items()
        for seed, of in seeds.items()
        if of["status"] == Status.DONE.value
    ]


def _own(document: Mapping[str, Json]) -> dict[tuple[str, int], Mapping[str, str]]:
    """Return what each run ran with that not all runs share."""
    return {
        (run, seed): group["differs"]
        for group in document.get("environments", [])
        for run, seeds in group["runs"].items()
        for seed in seeds
    }


def results_of(document: Mapping[str, Json], results: Sequence[RunResult]) -> list[RunResult]:
    """Return the results with the circumstances that a report's JSON has, so that both agree."""
    shared = _shared(document["environment"], len(_done(document)))
    own = _own(document)
    return [
        _result(result, document["runs"], {**shared, **own.get((result.run, result.seed), {})})
        for result in results
    ]


def _result(result: RunResult, runs: Mapping[str, Json], ran_with: Mapping[str, str]) -> RunResult:
    of = runs.get(result.run, {}).get(str(result.seed))
    if result.status is not Status.DONE or of is None:
        return result
    return replace(
        result,
        environment=ran_with,
        seconds=float(of["seconds"]),
        images_per_second=float(of["images_per_second"]),
    )
