"""One experiment with every verdict, whose expectations stand in the file that it extends."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from harness.ci.cases import Conclusion, Suite, suites
from harness.judging.check import check
from harness.run_result import RunResult, Status
from harness.spec.load import load_file

BASE: dict[str, Any] = {
    "title": "Every <verdict> & more | there is",
    "seeds": [0, 1, 2],
    "defaults": {"dataset": {"name": "digits"}, "model": {"name": "perceptron"}},
    "runs": {
        name: {"training": {"epochs": index + 1}}
        for index, name in enumerate(["good", "wild", "gone", "spare"])
    },
    "expectations": [
        {
            "id": "passes",
            "metric": "good.test_accuracy",
            "at_least": 0.5,
            "basis": "claim",
            "source": "s",
        },
        {
            "id": "fails",
            "title": "100%, said: *they*,\nand more",
            "metric": "good.test_accuracy",
            "at_least": 0.99,
            "statistic": "every",
            "basis": "paper",
            "published": 1.0,
            "source": "table 1",
        },
        {
            "id": "unsure",
            "metric": "good.test_accuracy",
            "at_most": 0.9,
            "basis": "measured",
            "source": "s",
        },
        {
            "id": "blocked",
            "metric": "good.epochs - gone.epochs",
            "at_most": 9,
            "basis": "claim",
            "source": "s",
        },
        {"id": "broken", "metric": "wild.test_loss", "at_most": 9, "basis": "claim", "source": "s"},
    ],
    "source": {"citation": "C"},
}

Make = Callable[..., Conclusion]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Conclude an experiment; `changes` replace the results of some runs."""
    monkeypatch.chdir(tmp_path)
    folder = Path("specs")
    folder.mkdir()
    (folder / "_base.json").write_text(json.dumps(BASE, indent=1))
    (folder / "all.json").write_text('{"name": "all",\n "extends": "_base.json"}')
    experiment = load_file(folder / "all.json")

    def results() -> Sequence[RunResult]:
        found = []
        for seed, accuracy in enumerate((0.88, 0.9, 0.92)):
            measured = {"test_accuracy": accuracy, "epochs": 1.0}
            found += [
                RunResult(
                    "good", seed, f"good{seed}", Status.DONE, measurements=measured, seconds=1.5
                ),
                RunResult("wild", seed, f"wild{seed}", Status.ERROR, "NaN\x07 at step 3"),
                RunResult(
                    "gone", seed, f"gone{seed}", Status.BLOCKED, "no data: get it with `harness`"
                ),
                RunResult(
                    "spare", seed, f"spare{seed}", Status.DONE, measurements=measured, seconds=0.25
                ),
            ]
        return found

    def conclude(report: Path | None = Path("reports/all.md"), **changes: Status) -> Conclusion:
        found = [
            RunResult(each.run, each.seed, each.key, changes[each.run], "changed")
            if each.run in changes
            else each
            for each in results()
        ]
        return Conclusion(experiment, found, check(experiment, found), report)

    return conclude


@pytest.fixture
def every(make: Make) -> tuple[Suite, ...]:
    return suites([make()])
