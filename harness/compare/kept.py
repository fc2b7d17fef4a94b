"""Read the numbers in a baseline one by one, so that a damaged one is not taken for the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.experiment import Json
from harness.rounding import is_finite_number

Numbers = dict[str, dict[str, list[float | None]]]
"""The value of each seed, by run and metric."""


def kept_numbers(document: Mapping[str, Json]) -> tuple[tuple[int, ...], Numbers]:
    """Return the seeds of a baseline and its numbers, one for each seed or None.

    Raises:
        LookupError: it has no seeds or no runs.
        ValueError: it has something else in their place; the message says which run, metric and
            seed.
    """
    seeds = _seeds(document["seeds"])
    runs = _members(document["runs"], "runs")
    return seeds, {
        run: {
            metric: _values(values, seeds, f"{run}, {metric}")
            for metric, values in _members(metrics, f"the run {run!r}").items()
        }
        for run, metrics in runs.items()
    }


def kept_metrics(document: Mapping[str, Json]) -> frozenset[str]:
    """Return what a baseline says that the harness measured when it was written.

    Raises:
        ValueError: it says something else in its place.
    """
    metrics = document["metrics"]
    if not isinstance(metrics, list) or not all(isinstance(name, str) for name in metrics):
        raise ValueError(f"its metrics must be a list of names, found {_shown(metrics)}")
    return frozenset(metrics)


def _seeds(value: Json) -> tuple[int, ...]:
    seeds = value if isinstance(value, list) else []
    if (
        not seeds
        or len({str(each) for each in seeds}) < len(seeds)
        or any(type(each) is not int for each in seeds)
    ):
        raise ValueError(f"its seeds must be different whole numbers, found {_shown(value)}")
    return tuple(seeds)


def _members(value: Json, what: str) -> Mapping[str, Json]:
    if not isinstance(value, dict):
        raise ValueError(f"{what} must be an object, found {_shown(value)}")
    return value


def _values(values: Json, seeds: Sequence[int], place: str) -> list[float | None]:
    if not isinstance(values, list):
        raise ValueError(f"{place}: expected a number for each seed, found {_shown(values)}")
    if len(values) != len(seeds):
        raise ValueError(
            f"{place}: expected {len(seeds)} numbers, one for each seed, found {len(values)}"
        )
    return [
        _value(value, f"{place}, seed {seed}") for value, seed in zip(values, seeds, strict=True)
    ]


def _value(value: Any, place: str) -> float | None:
    if value is None or is_finite_number(value):
        return value
    raise ValueError(f"{place}: expected a finite number or null, found {_shown(value)}")


def _shown(value: Json) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
