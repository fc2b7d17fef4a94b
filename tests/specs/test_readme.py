"""The specification that README begins with: it runs as it stands, and shows what it says."""

from __future__ import annotations

import json
import re
from pathlib import Path

from harness.experiment import Basis
from harness.spec.load import load_file
from tests.support.processes import run_harness

README = Path(__file__).parents[2] / "README.md"


def first_specification(folder: Path) -> Path:
    """Write README's first specification to a file."""
    found = re.search(r"```json\n(\{\n.*?\n\})\n```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    path = folder / "mine.json"
    path.write_text(found[1], encoding="utf-8")
    return path


def test_readmes_first_specification_compares_runs_that_fit(tmp_path: Path) -> None:
    path = first_specification(tmp_path)
    (expectation,) = load_file(path).expectations
    assert expectation.basis is Basis.HYPOTHESIS
    ran = run_harness("run", path.name, folder=tmp_path)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "did not fit" not in ran.stdout
    document = json.loads(
        (tmp_path / "reports" / "momentum-on-digits.json").read_text(encoding="utf-8")
    )
    fitted = [
        run["measurements"]["train_accuracy"]
        for seeds in document["runs"].values()
        for run in seeds.values()
    ]
    assert fitted == [1.0] * 6
    (judgement,) = document["judgements"]
    assert (judgement["verdict"], "notes" in judgement) == ("pass", False)


def test_with_its_budget_cut_the_same_comparison_says_that_one_side_did_not_fit(
    tmp_path: Path,
) -> None:
    path = first_specification(tmp_path)
    ran = run_harness("run", path.name, "--set", "defaults.training.epochs=100", folder=tmp_path)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    said = " ".join(ran.stdout.split())
    assert (
        "plain, seeds 0, 1, 2: it did not reach the 100% training accuracy to stop at in 100 epochs"
        in said
    )
    assert "it passes whatever that is" in said
    assert "plain did not fit its training set: training accuracy" in said
