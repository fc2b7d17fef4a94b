"""Whatever validates runs: a step of generated specifications, of all networks, both ways to train,
both backends.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.training.one_step import check

REPOSITORY = Path(__file__).parents[2]


def test_a_generated_specification_that_validates_runs() -> None:
    assert check(8) > 3


@pytest.mark.long
@pytest.mark.timeout(0)
def test_many_generated_specifications_run() -> None:
    assert check(400) > 200


@pytest.mark.parametrize(
    "examples", [2, pytest.param(200, marks=[pytest.mark.long, pytest.mark.timeout(0)])]
)
def test_generated_specifications_run_with_jax(examples: int) -> None:
    pytest.importorskip("jax")
    command = [sys.executable, "-m", "tests.training.one_step", str(examples)]
    environment = {**os.environ, "KERAS_BACKEND": "jax"}
    done = subprocess.run(
        command, cwd=REPOSITORY, env=environment, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-5000:]
    assert int(done.stdout.splitlines()[-1]) >= 1
