"""The numbers of the committed reports, judged again."""

from __future__ import annotations

import json
from pathlib import Path

from harness.judging.check import Judgement, check
from harness.run_result import RunResult, Status
from harness.spec.load import load_file


def judged(specification: str, report: str) -> dict[str, Judgement]:
    """Judge the measurements of a committed report by its specification."""
    experiment = load_file(Path(specification))
    runs = json.loads(Path(report).read_text(encoding="utf-8"))["runs"]
    results = [
        RunResult(name, int(seed), run["key"], Status.DONE, measurements=run["measurements"])
        for name, seeds in runs.items()
        for seed, run in seeds.items()
    ]
    return {judgement.expectation.id: judgement for judgement in check(experiment, results)}


def test_a_comparison_of_augmented_runs_says_that_neither_fitted() -> None:
    found = judged("specs/cifar10_small/adversarial_init.json", "reports/cifar10-small.json")
    notes = found["recovers-augmentation-l2"].notes
    assert [note.partition(": training accuracy ")[0] for note in notes] == [
        "adversarial[augmentation+l2] did not fit its training set",
        "random[augmentation+l2] did not fit its training set",
    ]
    assert found["recovers-momentum-l2"].notes == ()
    assert found["adversarial-is-worse"].notes == ()
