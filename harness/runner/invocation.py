"""What one command is asked to do with some experiments."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.ci.outputs import NOTHING, Outputs
from harness.experiment import Experiment
from harness.runner.stating import Ledgers
from harness.spec.problems import nearest
from harness.store.store import Store
from harness.words import listed

_MOST_NAMED = 20
"""So many runs are named where none fits."""


@dataclass(frozen=True)
class Invocation:
    """The experiments, where their results and data lie, and what is written of them.

    Attributes:
        experiments: What is run, or judged.
        store: Where finished and unfinished runs lie.
        data_dir: Where prepared data sets lie.
        only: Of which runs, by a pattern of their names, the results are wanted; a name without
            brackets means all its cells, None all runs.
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
    """Tell whether a run's name fits a pattern, in which brackets are those of a cell.

    A pattern that fits what is before the brackets means all cells: `random` means `random[none]`
    and `random[l2]`.
    """
    names = run, run.partition("[")[0]
    return any(fnmatch.fnmatchcase(name, pattern.replace("[", "[[]")) for name in names)


def no_match(pattern: str, runs: Iterable[str]) -> str:
    """Say that no run's name fits a pattern, which is nearest, and which runs there are.

    Of a run that the pattern names all cells are listed; of others `random[...]` stands for them.
    """
    names = list(runs)
    bases = dict.fromkeys(name.partition("[")[0] for name in names)
    near = nearest(pattern, [*bases, *names])
    guess = f"; did you mean {near!r}?" if near else ""
    named = pattern.partition("[")[0]
    shown = (
        [name for name in names if name.startswith(f"{named}[")]
        if named in bases
        else [base if base in names else f"{base}[...]" for base in bases]
    )
    there = listed(shown or list(bases), _MOST_NAMED)
    return f"no run is named like {pattern!r}{guess} (there are: {there})"
