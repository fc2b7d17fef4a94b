"""Measured numbers against those that are kept, by way of pytest-regressions."""

from __future__ import annotations

import importlib.util
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from harness.report import baseline
from harness.report.drift import drift_table, other_environment
from harness.spec.records import Experiment


def regressions_are_here(config: pytest.Config) -> bool:
    """Tell whether pytest-regressions is installed, and switched on."""
    there = importlib.util.find_spec("pytest_regressions") is not None
    return there and config.getoption("force_regen", None) is not None


def compare_with_kept(config: pytest.Config, kept: Path, now: baseline.Baseline, experiment: Experiment) -> str:
    """Say what drifted from the numbers that a file keeps, or return nothing; --force-regen then keeps the new ones."""
    from pytest_regressions.common import perform_regression_check

    said: list[str] = []

    def check(_obtained: Path, expected: Path) -> None:
        text = _drift(expected, now, experiment)
        if text:
            said.append(text)
            raise AssertionError

    # All that it reads of a request; the kept numbers are none of the files that --regen-all writes in silence.
    options = SimpleNamespace(getoption=lambda name: name == "force_regen" and config.getoption(name))
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
    return "\n".join(filter(None, said))


def _keep(now: baseline.Baseline, path: Path) -> None:
    baseline.demand_whole(now)
    baseline.write(now, path)


def _drift(path: Path, now: baseline.Baseline, experiment: Experiment) -> str:
    """Say what drifted from the numbers that a file keeps; nothing where nothing did."""
    kept = baseline.read(path)
    if kept is None:
        return f"there is no baseline {path}"
    compared = baseline.compare(kept, now, experiment.tolerances)
    drifted = [each for each in compared if each.drifted]
    if not drifted:
        return ""
    return "\n".join(
        [
            f"{len(drifted)} of {len(compared)} numbers drifted from {path}",
            drift_table(drifted),
            *other_environment(kept, now),
            f"if that is meant, keep the new ones: python -m harness baseline update {experiment.path}",
        ]
    )
