"""The recipe of a final metric: an invented one is accepted in a specification, and measured."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support import recipes, specifications

MEASURE = """
import sys
import numpy as np
from pathlib import Path
from harness.final_metrics import measurement_of
from harness.measuring.on_predictions import brier_score
from harness.spec.load import load_file
from harness.store.predictions import Predictions

load_file(Path("recipe.json"))
logits = np.log(np.array([[0.5, 0.5], [0.8, 0.2]])).astype(np.float16)
labels = np.array([0, 1], np.uint16)
found = brier_score(Predictions(labels, labels, logits, "t"))
print(found.values["brier_score"], measurement_of("brier_score").title)
assert not {"keras", "tensorflow"} & set(sys.modules)
"""


def test_a_final_metric_of_the_recipe_is_accepted_and_measured(tmp_path: Path) -> None:
    touched = recipes.follow("A final metric", tmp_path)
    assert len(touched) == 3
    expectation = {
        "id": "e",
        "metric": "one.brier_score",
        "at_most": 2,
        "basis": "hypothesis",
        "source": "it is never above 2",
    }
    runs = {"one": {"metrics": [{"name": "brier_score"}]}}
    document = specifications.small(runs=runs, expectations=[expectation])
    (tmp_path / "recipe.json").write_text(json.dumps(document), encoding="utf-8")
    score, _, title = recipes.python(tmp_path, "-c", MEASURE).strip().partition(" ")
    # (0.5^2 + 0.5^2 + 0.8^2 + 0.8^2) / 2; the logits are rounded to float16.
    assert float(score) == pytest.approx((0.5 + 1.28) / 2, rel=1e-3)
    assert title == "Brier score"
