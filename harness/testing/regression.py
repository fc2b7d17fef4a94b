"""Measured numbers against those that are kept, by way of pytest-regressions."""

from __future__ import annotations

import importlib.util
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from harness.ci.cases import case_of_regression
from harness.ci.message import message
from harness.compare import baseline, baseline_file
from harness.compare.regression import compare_baselines
from harness.experiment import Experiment
from harness.judging.check import Verdict
from harness.spec.problems import Place


def regressions_are_here(config: pytest.Config) -> bool:
    """Tell whether pytest-regressions is installed, and switched on."""
    there = importlib.util.find_spec("pytest_regressions") is not None
    return there and config.getoption("force_regen", None) is not None


def compare_with_kept(
    config: pytest.Config, kept: Path, now: baseline.Baseline, experiment: Experiment
) -> tuple[Verdict, str]:
    """Compare through pytest-regressions, whose --force-regen then keeps the new numbers.

    Args:
        config: Of the session.
        kept: The file of the kept numbers.
        now: The measured ones.
        experiment: Of which they are.

    Returns:
        The verdict, and what explains it, "" for a pass.
    """
    from pytest_regressions.common import perform_regression_check

    said: list[str] = []
    verdicts: list[Verdict] = []

    def check(_obtained: Path, expected: Path) -> None:
        verdict, text = _drift(expected, now, experiment)
        if text:
            said.append(text)
            verdicts.append(verdict)
            raise AssertionError

    # All that is read of a request. --regen-all is not passed on: it would write without showing.
    options = SimpleNamespace(
        getoption=lambda name: name == "force_regen" and config.getoption(name)
    )
    request = SimpleNamespace(config=options, node=SimpleNamespace(cls=None, name=experiment.name))
    with tempfile.TemporaryDirectory() as folder:
        try:
            perform_regression_check(
                datadir=cast("Any", Path(folder)),
                original_datadir=kept.parent,
                request=cast("Any", request),
                check_fn=check,
                dump_fn=lambda path: _keep(now, path),
                extension=".json",
                fullpath=kept,
                obtained_filename=Path(folder) / "obtained.json",
            )
        except (AssertionError, baseline.BaselineError, pytest.fail.Exception) as error:
            said.append(str(error))
    text = "\n".join(filter(None, said))
    return (verdicts[0] if verdicts else Verdict.FAIL if text else Verdict.PASS), text


def _keep(now: baseline.Baseline, path: Path) -> None:
    baseline.demand_whole(now)
    baseline_file.write(now, path)


def _drift(path: Path, now: baseline.Baseline, experiment: Experiment) -> tuple[Verdict, str]:
    """Return the verdict on the numbers that a file keeps, and a message, "" for a pass."""
    kept = baseline_file.read(path)
    if kept is None:
        return Verdict.BLOCKED, f"there is no baseline {path}"
    found = compare_baselines(kept, now, experiment, path)
    if found.verdict is Verdict.PASS:
        return found.verdict, ""
    case = case_of_regression(found, Place(experiment.path, 1))
    return found.verdict, message(case, None)
