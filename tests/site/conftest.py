"""Reports to make pages of: a whole one with hostile words, one of a version without histories,
and synthetic ones.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

import harness
from harness.experiment import Experiment, Json
from harness.judging.check import check
from harness.metrics import HISTORY
from harness.report.write import write_index, write_report
from harness.run_result import RunResult
from harness.site.build import make_site
from tests.support.plots import drawn
from tests.support.reported import HOSTILE, experiment, results

__all__ = ["HOSTILE", "experiment", "results"]

REPORTS = Path(harness.__file__).parent.parent / "reports"
OLDER = "rethinking-perceptrons"


@pytest.fixture(scope="session")
def reports(
    experiment: Experiment, results: Sequence[RunResult], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Write the reports of an experiment with hostile words, and copy one that is kept here."""
    folder = tmp_path_factory.mktemp("reports")
    with drawn():
        write_report(experiment, results, check(experiment, results), folder)
    for each in REPORTS.glob(f"{OLDER}.*"):
        shutil.copy(each, folder)
    shutil.copytree(REPORTS / OLDER, folder / OLDER)
    write_index(folder)
    return folder


@pytest.fixture(scope="session")
def site(reports: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the site of these reports."""
    out = tmp_path_factory.mktemp("made") / "site"
    make_site(reports, out)
    return out


def judgement(index: int) -> Json:
    return {
        "id": f"expectation-{index}",
        "title": f"Vanilla SGD ends {index} points lower than it would otherwise",
        "metric": "random[none].test_accuracy - adversarial[none].test_accuracy",
        "lower": 0.01,
        "upper": None,
        "statistic": "mean",
        "confidence": 0.95,
        "basis": "claim",
        "verdict": ("pass", "pass", "pass", "fail", "inconclusive")[index % 5],
        "mean": 0.0123,
        "deviation": 0.003,
        "values": {"0": 0.01, "1": 0.012, "2": 0.015},
    }


def run(seed: int) -> Json:
    return {
        "key": "0" * 64,
        "status": "done",
        "reason": "",
        "measurements": {
            "train_accuracy": 1.0,
            "test_accuracy": 0.9 + 0.01 * seed,
            "train_loss": 0.01,
            "test_loss": 0.3,
            "relative_distance": 0.5,
            "epochs": 400,
        },
        "parameters": 85002,
        "seconds": 12.5,
    }


def histories(cells: Sequence[str], points: int) -> Json:
    draw = np.random.default_rng(0)
    return {
        cell: {
            str(seed): {"epoch": list(range(points)), "step": list(range(0, 8 * points, 8))}
            | {column: draw.random(points).round(6).tolist() for column in HISTORY}
            for seed in range(3)
        }
        for cell in cells
    }


def write_synthetic(folder: Path, count: int, runs: int = 27, points: int = 200) -> None:
    """Write so many reports, each of the text and the plots of one that is kept here."""
    text = (REPORTS / "quickstart-digits.md").read_text(encoding="utf-8")
    cells = [f"random[cell-{index}]" for index in range(runs // 3)]
    drawn = json.dumps(
        {"format": "reproduction-harness histories 1", "runs": histories(cells, points)}
    )
    for number in range(count):
        name = f"synthetic-{number:03}"
        shutil.copytree(REPORTS / "quickstart-digits", folder / name)
        document = {
            "format": "reproduction-harness result 1",
            "name": name,
            "title": f"Synthetic experiment {number}",
            "date": "2026-03-04T05:06:07+00:00",
            "seeds": [0, 1, 2],
            "judgements": [judgement(index) for index in range(12)],
            "runs": {cell: {str(seed): run(seed) for seed in range(3)} for cell in cells},
        }
        (folder / f"{name}.json").write_text(json.dumps(document))
        (folder / f"{name}.md").write_text(text.replace("quickstart-digits/", f"{name}/"))
        (folder / name / "histories.json").write_text(drawn)
