"""The reports that are written when a session of pytest ends."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from harness.ci.outputs import NOTHING
from harness.data import catalog
from harness.runner.conclude import judge_stored, prepare_folders, report
from harness.runner.looks import plan_as_it_stands
from harness.spec.problems import SpecError
from harness.store.store import Store, StoreError
from harness.system import machine
from harness.system.ownership import OverwriteError
from harness.testing.judged import ledgers
from harness.testing.settings import Settings


def write_reports(settings: Settings, paths: Sequence[Path]) -> str:
    """Write the reports of some specifications from what is stored, and say where they are."""
    try:
        experiments = [settings.load(path) for path in paths]
        prepare_folders(experiments, settings.reports, NOTHING)
        store = Store(settings.store)
        now, plan = plan_as_it_stands(experiments, catalog.data_dir(), machine.gpus(), store)
        for experiment in now:
            conclusion = judge_stored(
                experiment, plan, store, history=True, ledgers=ledgers(settings, write=True)
            )
            report(conclusion, settings.reports)
    except (SpecError, StoreError, OverwriteError) as error:
        return f"the reports were not written: {error}"
    return f"reports: {settings.reports}"
