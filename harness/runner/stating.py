"""Writes down what an experiment expects before its first run, and looks up when it was stated."""

from __future__ import annotations

import contextlib
import json
import math
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness.compare.records import DONE, ReadError
from harness.compare.result_file import NotAResult
from harness.compare.result_file import experiment as reported
from harness.experiment import Expectation, Experiment, Statistic
from harness.expression import runs_read
from harness.judging import ledger, ledger_file
from harness.judging.check import Judgement, judge
from harness.judging.ledger import (
    Ledger,
    LedgerError,
    Measured,
    MergedLedger,
    Runs,
    Statement,
    merge,
    terms_of,
)
from harness.judging.timing import Statements, statements
from harness.report.folder import results_path
from harness.run_result import RunResult, Status
from harness.store.store import Store, StoreError
from harness.system import files

_LARGEST = 1 << 28
_PATIENCE_SECONDS = 60.0
_WAIT_SECONDS = 0.05

Place = tuple[str, int]
"""A run's name, and a seed."""


@dataclass(frozen=True)
class Ledgers:
    """Where the ledgers that are committed lie, and whether what is new may be written down.

    A trial has none: it is another experiment than the one whose expectations were stated. What is
    written down is always written in the store.

    Attributes:
        folder: Where a copy lies beside each report.
        write: Whether what is new is written down.
        with_reports: Whether reports are written to that folder as well, and so the copies.
    """

    folder: Path
    write: bool = False
    with_reports: bool = True


def look_up(
    experiment: Experiment,
    store: Store,
    results: Sequence[RunResult],
    ledgers: Ledgers,
    starting: bool = False,
) -> Statements:
    """Tell when the expectations were stated, after what is new is written down, where it may be.

    Nothing is written down for an experiment of which no run was ever begun, except where one is
    `starting`.

    Raises:
        StoreError: it cannot be written down, and a run is starting.
    """
    found = _Look(experiment, store, results, ledgers).found()
    written = False
    try:
        if ledgers.write and found.new and (starting or found.begun):
            with _locked(store, experiment.name):
                found = _Look(experiment, store, results, ledgers).found()
                for path in found.writable:
                    ledger_file.write(path, experiment.name, found.ledger)
            written = bool(found.writable)
    except (LedgerError, OSError, StoreError) as error:
        why = f"what {experiment.name} expects cannot be written down: {error}"
        if starting:
            raise error if isinstance(error, StoreError) else StoreError(why) from error
        found = replace(found, faults=(*found.faults, why))
    names = [expectation.id for expectation in experiment.expectations]
    history = found.ledger.statements if written else found.undated
    return statements(history, names, found.joined.disputed, found.faults, found.notes)


@dataclass(frozen=True)
class _Found:
    """What the copies tell together, and the ledger that they should come to.

    `writable` are the copies that may be written.
    """

    joined: MergedLedger
    ledger: Ledger
    writable: tuple[Path, ...]
    faults: tuple[str, ...]
    notes: tuple[str, ...]
    begun: bool
    new: bool

    @property
    def undated(self) -> tuple[Statement, ...]:
        """Return the statements.

        What nothing was measured of yet has no date until it is written down.
        """
        old = self.joined.ledger.statements
        new = self.ledger.statements[len(old) :]
        return (*old, *(each if each.measured.begun else replace(each, at="") for each in new))


@dataclass(frozen=True)
class _Look:
    """A look at both copies of an experiment's ledger, and at what is known of its runs."""

    experiment: Experiment
    store: Store
    results: Sequence[RunResult]
    ledgers: Ledgers

    @property
    def done(self) -> dict[Place, RunResult]:
        """Return the results of the runs that are done."""
        return {(each.run, each.seed): each for each in self.results if each.status is Status.DONE}

    def found(self) -> _Found:
        """Return what the copies tell, with what they do not tell yet."""
        name, faults, notes = self.experiment.name, list[str](), list[str]()
        in_store = ledger_file.path_in_store(self.store.root, name)
        beside = ledger_file.path_beside_reports(self.ledgers.folder, name)
        copies: dict[Path, Ledger | None] = {}
        for path in (in_store, beside):
            try:
                copies[path] = ledger_file.read(path)
            except LedgerError as error:
                faults.append(
                    f"{path}, where it stands what {name} was expected to show, cannot be used:"
                    f" {error}"
                )
        there = [copy for copy in copies.values() if copy is not None]
        both = merge(*there) if len(there) > 1 else MergedLedger(there[0] if there else Ledger())
        if both.disputed:
            ids = ", ".join(both.disputed)
            faults.append(
                f"{in_store} and {beside} tell differently of {ids}: keep the right one, remove the"
                " other"
            )
        if both.redated:
            notes.append(
                f"{in_store} and {beside} give different dates for {', '.join(both.redated)}: the"
                " earlier counts"
            )
        notes += self._missing(in_store, beside, copies)
        seen = self._seen(both.ledger.finished)
        pending = tuple(self._pending(both.ledger, seen))
        whole = Ledger(
            (*both.ledger.statements, *pending),
            ledger.all_seeds(both.ledger.finished, seen.finished),
        )
        folders = {
            in_store: True,
            beside: self.ledgers.with_reports and self.ledgers.folder.is_dir(),
        }
        # Of copies that tell differently, both stay until a person has looked at them.
        writable = [path for path in copies if folders[path] and not both.disputed]
        new = any(copies[path] != whole for path in writable)
        return _Found(
            both, whole, tuple(writable), tuple(faults), tuple(notes), bool(seen.begun), new
        )

    def _missing(
        self, in_store: Path, beside: Path, copies: Mapping[Path, Ledger | None]
    ) -> Iterator[str]:
        if (
            in_store in copies
            and copies[in_store] is None
            and copies.get(beside) is not None
            and self.done
        ):
            yield (
                f"{in_store} is missing, though the store holds runs of the experiment: what"
                f" {beside} says counts"
            )
        report = results_path(self.ledgers.folder, self.experiment.name)
        known = self.ledgers.with_reports and copies.get(in_store) is not None
        if known and beside in copies and copies[beside] is None and report.exists():
            yield f"{beside} is missing beside its report: what {in_store} says counts"

    def _seen(self, ever: Runs) -> _Seen:
        """Return what is known of the runs from the store, the report and the ledger."""
        path = results_path(self.ledgers.folder, self.experiment.name)
        results = _reported(path) | self.done
        begun = [
            (result.run, result.seed)
            for result in self.results
            if result.status is not Status.DONE
            and (
                self.store.progress(result.key) is not None
                or self.store.error(result.key) is not None
            )
        ]
        finished = ledger.all_seeds(ever, _by_run(results))
        return _Seen(ledger.all_seeds(finished, _by_run(begun)), finished, results)

    def _pending(self, written: Ledger, seen: _Seen) -> Iterator[Statement]:
        """Yield what is not written down: expectations that are new, changed or removed."""
        # Never earlier than what is there, whatever the clock says: the order of statements is by
        # their times.
        when = max([ledger.now(), *(statement.at for statement in written.statements)])
        now = {each.id: terms_of(self.experiment, each) for each in self.experiment.expectations}
        last = {statement.id: statement.terms for statement in written.statements}
        for name, terms in now.items():
            then = last.get(name)
            if then is None or not then.same(terms):
                yield Statement(when, name, terms, seen.of(terms.expectation))
        for name, then in last.items():
            if then is not None and name not in now:
                yield Statement(when, name, None, seen.of(then.expectation))


@dataclass(frozen=True)
class _Seen:
    """Which runs were begun and finished by now, and the results that can still be read."""

    begun: Runs
    finished: Runs
    results: Mapping[Place, RunResult]

    def of(self, expectation: Expectation) -> Measured:
        """Return what there is of the runs that an expectation reads."""
        read = runs_read(expectation.metric, expectation.cells)
        begun, finished = (
            {run: seeds for run, seeds in of.items() if run in read}
            for of in (self.begun, self.finished)
        )
        seeds = sorted({seed for run, seed in self.results if run in read})
        judged = judge(expectation, seeds, self.results)
        values = list(judged.values.values()) or _means(judged)
        middle = statistics.median if expectation.statistic is Statistic.MEDIAN else statistics.mean
        value = float(middle(values)) if values else math.nan
        return Measured(begun, finished, value if math.isfinite(value) else None)


def _means(judged: Judgement) -> list[float]:
    """Return the mean of each setting that has one; none where there are no settings."""
    return [each.mean for each in judged.settings.values() if each.mean is not None]


def _reported(path: Path) -> dict[Place, RunResult]:
    """Return the finished runs that a report's results list, none where there are no results."""
    try:
        found = reported(json.loads(files.read_bytes(path, _LARGEST)))
    except (OSError, ValueError, RecursionError, NotAResult, ReadError):
        return {}
    return {
        (name, seed): RunResult(name, seed, run.key, Status.DONE, measurements=run.measurements)
        for name, seeds in found.runs.items()
        for seed, run in seeds.items()
        if run.status == DONE
    }


def _by_run(places: Iterator[Place] | Sequence[Place] | Mapping[Place, RunResult]) -> Runs:
    return ledger.all_seeds(*({run: (seed,)} for run, seed in places))


@contextlib.contextmanager
def _locked(store: Store, name: str) -> Iterator[None]:
    """Keep other processes from writing the ledger, after waiting for one that is at it.

    Raises:
        StoreError: there can be no lock, or one holds it for much longer.
    """
    store.lock_file(name).parent.mkdir(
        parents=True, exist_ok=True
    )  # a report may come before any run
    patience = time.monotonic() + _PATIENCE_SECONDS
    while True:
        with store.lock(f"expectations-{name}") as held:
            if held:
                yield
                return
        if time.monotonic() > patience:
            file = store.lock_file(f"expectations-{name}")
            raise StoreError(
                f"another process has held the lock {file} for long: end that process, then try"
                " again"
            )
        time.sleep(_WAIT_SECONDS)
