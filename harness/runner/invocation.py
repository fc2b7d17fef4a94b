"""What one command is asked to do with some experiments."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.ci.outputs import NOTHING, Outputs
from harness.experiment import Experiment
from harness.runner.stating import Ledgers
from harness.store.store import Store


@dataclass(frozen=True)
class Invocation:
    """The experiments, where their results and data lie, and what is written of them.

    Attributes:
        experiments: What is run, or judged.
        store: Where finished and unfinished runs lie.
        data_dir: Where prepared data sets lie.
        only: Of which runs, by a pattern of their names, the results are wanted; None for all.
        keep_stale: Whether runs that other code made are left as they are.
        reports: The folder for reports, None where none are written.
        tensorboard: The folder for TensorBoard's logs, None where none are written.
        outputs: What continuous integration gets.
        ledgers: Where it is written down what is expected, None where these are trials.
        allow: Which verdicts and marks do not change the exit code.
        strict: Whether it is a fail where an expectation was not stated before its results.
    """

    experiments: Sequence[Experiment]
    store: Store
    data_dir: Path
    only: str | None = None
    keep_stale: bool = False
    reports: Path | None = None
    tensorboard: Path | None = None
    outputs: Outputs = NOTHING
    ledgers: Ledgers | None = None
    allow: Sequence[str] = ()
    strict: bool = False

    def selects(self, run: str) -> bool:
        """Tell whether the results of the runs of this name are wanted."""
        return self.only is None or matches(self.only, run)


def matches(pattern: str, run: str) -> bool:
    """Tell whether a run's name fits a pattern, in which brackets are those of a cell."""
    return fnmatch.fnmatchcase(run, pattern.replace("[", "[[]"))
