"""Result files as reports write them, small."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.experiment import Json
from tests.support.reported import experiment, results

__all__ = ["experiment", "judgement", "result", "results", "write"]


def result(
    runs: Mapping[str, Sequence[float | None]],
    judgements: Sequence[Json] = (),
    name: str = "a",
    key: str = "k",
) -> Json:
    """A result file's JSON: the test accuracy of each run's seeds."""
    return {
        "format": "reproduction-harness result 1",
        "name": name,
        "title": f"Experiment {name}",
        "seeds": [0, 1, 2],
        "judgements": list(judgements),
        "runs": {
            run: {
                str(seed): {
                    "key": f"{key}-{run}-{seed}",
                    "status": "done",
                    "reason": "",
                    "measurements": {"test_accuracy": value},
                }
                for seed, value in enumerate(values)
            }
            for run, values in runs.items()
        },
        "environment": {"keras": {"3.15": 3}},
    }


def judgement(verdict: str, *values: float, **terms: Json) -> Json:
    """An expectation of the run `one`, judged."""
    return {
        "id": "e",
        "title": "It tests well",
        "metric": "one.test_accuracy",
        "lower": 0.9,
        "upper": None,
        "statistic": "mean",
        "confidence": 0.95,
        "basis": "hypothesis",
        "source": "s",
        "verdict": verdict,
        "mean": sum(values) / len(values) if values else None,
        "deviation": 0.01 if values else None,
        "values": {str(seed): value for seed, value in enumerate(values)},
        "interval": [None, None],
        "message": "",
        **terms,
    }


def write(folder: Path, *documents: Json) -> Path:
    """Write result files into a folder, as reports are."""
    folder.mkdir(parents=True, exist_ok=True)
    for document in documents:
        (folder / f"{document['name']}.json").write_text(json.dumps(document))
    return folder
