"""The file of a baseline, whose numbers are read one by one: a damaged one is no number."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.compare.baseline import Baseline, BaselineError
from harness.experiment import Json
from harness.metrics import METRICS
from harness.report.packed_settings import pack, unpack
from harness.rounding import is_finite_number
from harness.system import files
from harness.system.ownership import Kind, OverwriteError, refuse

FORMAT = "reproduction-harness baseline 2"

_READ = (FORMAT, "reproduction-harness baseline 1")
"""The formats that are read; the first held no settings."""

_LARGEST = 1 << 28
"""In bytes; no baseline is larger."""

_ADVICE = "keep them in another folder, or move it away"

_FIRST_METRICS = frozenset(
    (
        "boundary_length",
        "distance",
        "epochs",
        "epochs_to_fit",
        "initial_test_accuracy",
        "initial_train_accuracy",
        "initial_weight_norm",
        "relative_distance",
        "steps",
        "steps_to_fit",
        "test_accuracy",
        "test_loss",
        "train_accuracy",
        "train_loss",
        "weight_norm",
    )
)
"""What was measured when the files did not list it yet."""


def text(baseline: Baseline) -> str:
    """Return the text of the file: a line a metric, so that a diff reads well."""
    head = {
        "format": FORMAT,
        "name": baseline.name,
        "specification": baseline.specification,
        "environment": dict(baseline.environment),
        "code": dict(baseline.code),
        "metrics": [name for name in METRICS if name in baseline.metrics],
        "seeds": list(baseline.seeds),
    }
    shared = pack(baseline.settings)
    lines = [
        f" {json.dumps(key)}: {json.dumps(value, ensure_ascii=False)},"
        for key, value in head.items()
    ]
    settings = [
        f"  {json.dumps(run, ensure_ascii=False)}: {json.dumps(of, ensure_ascii=False)}"
        for run, of in shared["runs"].items()
    ]
    lines += [
        ' "settings": {',
        f'  "common": {json.dumps(shared["common"], ensure_ascii=False)},',
        '  "runs": {',
        ",\n".join(f" {each}" for each in settings),
        "  }",
        " },",
    ]
    runs = [
        f"  {json.dumps(run, ensure_ascii=False)}: {{\n"
        + ",\n".join(
            f"   {json.dumps(name)}: {json.dumps(list(values))}" for name, values in metrics.items()
        )
        + "\n  }"
        for run, metrics in baseline.values.items()
    ]
    return "\n".join(["{", *lines, ' "runs": {', ",\n".join(runs), " }", "}", ""])


def read(path: Path) -> Baseline | None:
    """Return the baseline that a file holds, or None where there is no such file.

    Raises:
        BaselineError: it cannot be read, or is no baseline.
    """
    try:
        found: Json = json.loads(files.read_bytes(path, _LARGEST))
        if not isinstance(found, dict) or "format" not in found:
            raise ValueError("it is no baseline of this harness")
        if found["format"] not in _READ:
            raise ValueError(f"its format is {found['format']!r}, not {FORMAT!r}")
        seeds, values = kept_numbers(found)
        metrics = kept_metrics(found) if "metrics" in found else _FIRST_METRICS
        settings = unpack(found["settings"]) if "settings" in found else {}
        return Baseline(
            found["name"],
            found["specification"],
            seeds,
            found["environment"],
            values,
            metrics,
            settings,
            _digests(found.get("code", {})),
        )
    except FileNotFoundError:
        return None
    except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
        raise BaselineError(f"the baseline {path} cannot be read: {error}") from error


def _digests(value: Json) -> Mapping[str, str]:
    if not isinstance(value, dict) or not all(isinstance(each, str) for each in value.values()):
        raise ValueError("its code must be an object of digests")
    return value


def write(baseline: Baseline, path: Path) -> None:
    """Write a baseline, whole, over none but an earlier one.

    Raises:
        BaselineError: it cannot be written, or what is there is no baseline; that is there still.
    """
    try:
        refuse(path, Kind.BASELINE, f"the kept numbers of {baseline.name}", _ADVICE)
        path.parent.mkdir(parents=True, exist_ok=True)
        files.sweep(path.parent)
        files.replace(path, lambda temporary: _written(temporary, text(baseline)))
    except OverwriteError as error:
        raise BaselineError(str(error)) from error
    except OSError as error:
        raise BaselineError(f"the baseline {path} cannot be written: {error.strerror}") from error


def _written(path: Path, content: str) -> None:
    path.write_text(content, encoding="utf-8")


Numbers = dict[str, dict[str, list[float | None]]]
"""The value of each seed, by run and metric."""


def kept_numbers(document: Mapping[str, Json]) -> tuple[tuple[int, ...], Numbers]:
    """Return the seeds of a baseline and its numbers, one for each seed or None.

    Raises:
        LookupError: it has no seeds or no runs.
        ValueError: it has something else in their place; the message says which run, metric and
            seed.
    """
    seeds = _read_seeds(document["seeds"])
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


def _read_seeds(value: Json) -> tuple[int, ...]:
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
