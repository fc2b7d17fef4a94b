"""The runs of a specification in a session of pytest: made once, and judged."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from harness.ci.cases import Case, Conclusion, places, suites
from harness.data import catalog
from harness.experiment import Experiment
from harness.plan import Plan
from harness.run_result import Status
from harness.runner.child_process import run_in_child_process, startable
from harness.runner.conclude import judge_stored, write_down
from harness.runner.looks import plan_all, stage
from harness.runner.measure import missing
from harness.runner.stating import Ledgers
from harness.spec.problems import Place
from harness.store.store import Store, StoreError
from harness.system import machine
from harness.testing.settings import Settings


class JudgedSpecification:
    """What became of a specification in a session; everything is worked out when it is needed."""

    def __init__(self, path: Path, settings: Settings) -> None:
        self.path = path
        self.settings = settings

    @functools.cached_property
    def experiment(self) -> Experiment:
        """Return the experiment.

        Raises:
            SpecError: with every fault.
        """
        return self.settings.load(self.path)

    @functools.cached_property
    def places(self) -> Mapping[str, Place]:
        """Return where the items stand, by their names."""
        return places(self.experiment)

    @functools.cached_property
    def trouble(self) -> str:
        """Make the runs that are not done, once, and return what went wrong, or nothing."""
        store = Store(self.settings.store)
        following = stage(self.experiment, self._plan, store).following
        plan = self._plan.narrowed([following])
        if not self.settings.run or not (
            startable(plan, store) or missing([following], plan, store)
        ):
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
        absent = [result for result in self.conclusion.results if result.status is Status.MISSING]
        labels = ", ".join(f"{result.run} seed {result.seed}" for result in absent)
        return (
            f"the process that was to make {labels} ended with exit code {code}" if absent else ""
        )

    @functools.cached_property
    def conclusion(self) -> Conclusion:
        """Return what the stored runs come to."""
        store = Store(self.settings.store)
        now = stage(self.experiment, self._plan, store).experiment
        return judge_stored(now, self._plan.narrowed([now]), store, False, self._ledgers)

    @functools.cached_property
    def cases(self) -> dict[str, Case]:
        """Return the cases by the names of their items."""
        (suite,) = suites([self.conclusion])
        return {case.id: case for case in suite.cases}

    @property
    def report(self) -> Path:
        """Return where the report will be when the session ends."""
        return self.settings.reports / f"{self.experiment.name}.md"

    @functools.cached_property
    def _plan(self) -> Plan:
        return plan_all([self.experiment], catalog.data_dir(), machine.gpus())

    @property
    def _ledgers(self) -> Ledgers | None:
        return ledgers(self.settings)


def ledgers(settings: Settings, write: bool = False) -> Ledgers | None:
    """Return the ledgers that tell when expectations were stated, None for a trial.

    They lie where the kept numbers are, with the reports that are committed; the reports of a
    session may go elsewhere.
    """
    with_reports = settings.reports == settings.baselines
    return None if settings.assignments else Ledgers(settings.baselines, write, with_reports)
