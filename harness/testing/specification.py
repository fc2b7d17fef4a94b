"""A specification as pytest collects it: its runs are made once, its report is written at the
end.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from harness.ci.cases import BASELINE, RUNS, Case, Conclusion, places, suites, unread
from harness.ci.outputs import NOTHING
from harness.data import catalog
from harness.experiment import Experiment
from harness.plan import Plan
from harness.run_result import Status
from harness.runner.child_process import run_in_child_process, startable
from harness.runner.conclude import (
    judge_stored,
    prepare_folders,
    refuse_foreign_reports,
    report,
    write_down,
)
from harness.runner.looks import plan_all, plan_as_it_stands, stage
from harness.runner.stating import Ledgers
from harness.spec.load import load, load_file
from harness.spec.problems import Place, SpecError
from harness.store.store import Store, StoreError
from harness.system import machine
from harness.system.ownership import OverwriteError
from harness.testing.items import BaselineItem, ExpectationItem
from harness.testing.settings import Settings, settings, shown

_NAMES = pytest.StashKey[dict[str, Path]]()


class Specification(pytest.File):
    """A specification: its expectations are the items, and its runs are made when the first of them
    is set up.
    """

    def collect(self) -> Iterable[pytest.Item]:
        """Yield the items; a fault of the specification is told as the commands tell it."""
        try:
            experiment = self.experiment
            self._claim(experiment.name)
            refuse_foreign_reports(self.settings.reports, [experiment])
        except (SpecError, StoreError, OverwriteError) as error:
            raise self.CollectError(str(error)) from error
        names = [expectation.id for expectation in experiment.expectations]
        for name in [RUNS, *names] if unread(experiment) else names:
            yield ExpectationItem.from_parent(self, name=name)
        if not self.settings.assignments:  # a trial has no numbers to keep
            yield BaselineItem.from_parent(self, name=BASELINE)

    @property
    def settings(self) -> Settings:
        """Return the settings of the session."""
        return settings(self.config)

    @functools.cached_property
    def experiment(self) -> Experiment:
        """Return the experiment.

        Raises:
            SpecError: with every fault.
        """
        return load_file(shown(self.path), self.settings.assignments)

    @functools.cached_property
    def places(self) -> Mapping[str, Place]:
        """Return where the items stand, by their names."""
        return places(self.experiment)

    def _claim(self, name: str) -> None:
        """See that no other specification of the session has the name, by which the reports are
        called.
        """
        names = self.config.stash.setdefault(_NAMES, {})
        other = names.setdefault(name, self.path)
        if other != self.path:
            load([shown(other), shown(self.path)], self.settings.assignments)

    @functools.cached_property
    def trouble(self) -> str:
        """Make the runs that are not done, once, and return what went wrong, or nothing."""
        store = Store(self.settings.store)
        following = stage(self.experiment, self._plan, store).following
        if not self.settings.run or not startable(self._plan.narrowed([following]), store):
            return ""
        try:
            store.prepare()
            if self._ledgers is not None:
                write_down(self.experiment, self._plan, store, replace(self._ledgers, write=True))
        except StoreError as error:
            return str(error)
        code = run_in_child_process(
            self.experiment, store, catalog.data_dir(), self.settings.processes
        )
        missing = [result for result in self.conclusion.results if result.status is Status.MISSING]
        labels = ", ".join(f"{result.run} seed {result.seed}" for result in missing)
        return (
            f"the process that was to make {labels} ended with exit code {code}" if missing else ""
        )

    @functools.cached_property
    def conclusion(self) -> Conclusion:
        """Return what the stored runs come to."""
        store = Store(self.settings.store)
        now = stage(self.experiment, self._plan, store).experiment
        return judge_stored(now, self._plan.narrowed([now]), store, False, self._ledgers)

    @property
    def _ledgers(self) -> Ledgers | None:
        return _ledgers(self.settings)

    @functools.cached_property
    def _plan(self) -> Plan:
        return plan_all([self.experiment], catalog.data_dir(), machine.gpus())

    @functools.cached_property
    def cases(self) -> dict[str, Case]:
        """Return the cases by the names of their items."""
        (suite,) = suites([self.conclusion])
        return {case.id: case for case in suite.cases}

    @property
    def report(self) -> Path:
        """Return where the report will be when the session ends."""
        return self.settings.reports / f"{self.experiment.name}.md"


def _ledgers(settings: Settings, write: bool = False) -> Ledgers | None:
    """Return where it stands when expectations were stated; for a trial nowhere.

    That is where the kept numbers are, with the reports that are committed; those of a session may
    go elsewhere.
    """
    beside = settings.reports == settings.baselines
    return None if settings.assignments else Ledgers(settings.baselines, write, beside)


def write_reports(settings: Settings, paths: Sequence[Path]) -> str:
    """Write the reports of some specifications from what is stored, and say where they are."""
    try:
        experiments = [load_file(shown(path), settings.assignments) for path in paths]
        prepare_folders(experiments, settings.reports, NOTHING)
        store, ledgers = Store(settings.store), _ledgers(settings, write=True)
        now, plan = plan_as_it_stands(experiments, catalog.data_dir(), machine.gpus(), store)
        for experiment in now:
            report(
                judge_stored(experiment, plan, store, history=True, ledgers=ledgers),
                settings.reports,
            )
    except (SpecError, StoreError, OverwriteError) as error:
        return f"the reports were not written: {error}"
    return f"reports: {settings.reports}"
