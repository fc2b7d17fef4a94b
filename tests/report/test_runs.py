import json
from pathlib import Path

import pytest

from harness.experiment import Json
from harness.report.runs import settings_table
from harness.spec.load import load
from harness.spec.patch import merge_patch
from tests.support import specifications

BASE: Json = specifications.small(
    defaults={"dataset": {"name": "digits"}, "model": {"name": "perceptron", "hidden": [3, 2]}}
)


@pytest.mark.parametrize(
    ("change", "cells"),
    [
        (
            {},
            [
                "`one`",
                "digits",
                "perceptron (hidden 3-2, bias)",
                "random, fan_in_uniform",
                "none",
                "0.1",
                "128",
                "100",
            ],
        ),
        (
            {
                "dataset": {"train_examples": 9, "center_crop": 7, "normalize": "per_image"},
                "model": {"bias": False},
                "regularizers": ["dropout", "momentum"],
                "training": {"schedule": {"name": "exponential"}},
            },
            [
                "`one`",
                "digits (9 training examples, centre 7x7, each standardized)",
                "perceptron (hidden 3-2, no bias)",
                "random, fan_in_uniform",
                "momentum 0.9, dropout 0.5",
                "0.1, exponential (factor 0.95)",
                "128",
                "100",
            ],
        ),
    ],
)
def test_what_was_run_is_told(change: Json, cells: list[str], tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps(merge_patch(BASE, {"defaults": change})))
    (experiment,) = load([tmp_path / "a.json"])
    row = settings_table(experiment).splitlines()[2]
    assert [cell.strip() for cell in row.strip("|").split("|")] == cells
