"""A specification as pytest collects it: a file whose items are its expectations."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from harness.ci.cases import BASELINE, RUNS, unread
from harness.runner.conclude import refuse_foreign_reports
from harness.spec.load import load
from harness.spec.problems import SpecError
from harness.store.store import StoreError
from harness.system.ownership import OverwriteError
from harness.testing.items import BaselineItem, ExpectationItem
from harness.testing.judged import JudgedSpecification
from harness.testing.settings import settings, shown

_NAMES = pytest.StashKey[dict[str, Path]]()
"""The file of each experiment that was collected, by its name."""


class Specification(pytest.File):
    """A specification; its runs are made when the first of its items is set up."""

    def __init__(self, **rest: Any) -> None:
        super().__init__(**rest)
        self._judged = JudgedSpecification(self.path, settings(self.config))

    def collect(self) -> Iterable[pytest.Item]:
        """Yield the items; a fault of the specification reads as the commands show it."""
        try:
            experiment = self._judged.experiment
            self._claim(experiment.name)
            refuse_foreign_reports(self._judged.settings.reports, [experiment])
        except (SpecError, StoreError, OverwriteError) as error:
            raise self.CollectError(str(error)) from error
        names = [expectation.id for expectation in experiment.expectations]
        for name in [RUNS, *names] if unread(experiment) else names:
            yield ExpectationItem.from_parent(self, name=name, judged=self._judged)
        if not self._judged.settings.assignments:  # a trial has no numbers to keep
            yield BaselineItem.from_parent(self, name=BASELINE, judged=self._judged)

    def _claim(self, name: str) -> None:
        """Refuse a name that another specification of the session has, as reports bear it."""
        names = self.config.stash.setdefault(_NAMES, {})
        other = names.setdefault(name, self.path)
        if other != self.path:
            load([shown(other), shown(self.path)], self._judged.settings.assignments)
