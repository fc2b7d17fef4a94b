"""Annotations and a summary of a session for a forge, the same as those of the commands."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path

from harness.ci.annotations import annotate
from harness.ci.cases import BASELINE, Suite, suites
from harness.ci.outputs import Outputs, write_suites
from harness.compare.regression import compare_with_kept
from harness.data import catalog
from harness.judging.check import Verdict
from harness.plan import make_plan
from harness.runner.conclude import judge_stored
from harness.spec.problems import SpecError
from harness.store.store import Store, StoreError
from harness.system import machine
from harness.system.ownership import OverwriteError
from harness.testing.settings import Settings


def write_for_forge(settings: Settings, seen: Mapping[Path, Collection[str]]) -> tuple[str, str]:
    """Append the summary of the items that ran, by specification and name, where it is wanted.

    Returns:
        The annotations, a line each, and why something could not be written; each is empty where
        there is none.
    """
    allowed = [Verdict(name) for name in settings.allow]
    found, trouble = [], ""
    try:
        found = [_suite(settings, path, names) for path, names in seen.items()]
        if settings.summary is not None:
            write_suites(Outputs(summary=settings.summary), found, allowed, 0)
    except (SpecError, StoreError, OverwriteError) as error:
        trouble = f"the summary was not written: {error}"
    return (annotate(found, allowed, os.environ) if settings.annotate else ""), trouble


def _suite(settings: Settings, path: Path, names: Collection[str]) -> Suite:
    """Return the cases of the items that ran, that of kept numbers where there are any."""
    experiment = settings.load(path)
    plan = make_plan([experiment], catalog.data_dir(), machine.gpus())
    conclusion = judge_stored(experiment, plan, Store(settings.store), history=False)
    conclusion = replace(conclusion, report=settings.reports / f"{experiment.name}.md")
    if BASELINE in names:
        regression = compare_with_kept(experiment, conclusion.results, settings.baselines)
        if regression.path.exists():
            conclusion = replace(conclusion, regression=regression)
    (suite,) = suites([conclusion])
    return replace(suite, cases=tuple(case for case in suite.cases if case.id in names))
