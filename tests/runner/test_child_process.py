"""Runs made in a child process, however its parent was started."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SPEC = {
    "name": "tiny",
    "title": "Tiny",
    "defaults": {
        "dataset": {"name": "digits", "train_examples": 64, "test_examples": 64},
        "model": {"name": "perceptron", "hidden": [8]},
        "training": {"batch_size": 32, "epochs": 1},
    },
    "runs": {"one": {}},
    "expectations": [
        {
            "id": "e",
            "metric": "one.epochs",
            "at_least": 1,
            "statistic": "every",
            "basis": "hypothesis",
            "source": "s",
        }
    ],
}

SCRIPT = """
import pytest, sys
print("begun")
sys.exit(pytest.main(["-q", "-k", "not baseline", "-p", "no:cacheprovider", "tiny.json"]))
"""


@pytest.mark.parametrize("by", ["file", "standard input"])
def test_a_script_without_a_guard_trains_and_is_not_run_again(tmp_path: Path, by: str) -> None:
    (tmp_path / "tiny.json").write_text(json.dumps(SPEC))
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    command = [sys.executable, str(script)] if by == "file" else [sys.executable, "-"]
    text = None if by == "file" else SCRIPT
    done = subprocess.run(
        command, check=False, cwd=tmp_path, input=text, capture_output=True, text=True, timeout=250
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed, 1 deselected" in done.stdout
    assert done.stdout.count("begun") == 1
