"""The ledger of an experiment: what it was expected to show, written down when that was stated.

There are two copies, so that one shows what was done to the other: `expectations/NAME.json` in the
store, and `NAME.expectations.json` beside the reports, which is committed with them. Statements are
only ever added. A statement holds all of an expectation that decides its verdict; its title and its
source may be reworded.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from harness.errors import HarnessError
from harness.experiment import Expectation, Experiment, Interval, Json, Statistic
from harness.expression import parse

Runs = Mapping[str, tuple[int, ...]]
"""Seeds of runs, by the names of the runs."""


class LedgerError(HarnessError):
    """A file is no ledger, or cannot be read; the message says why."""


@dataclass(frozen=True)
class ExpectationTerms:
    """All of an expectation that decides its verdict; title and source are left out.

    `seeds` are those asked for, or the rule by which they are added; `control` is the experiment's
    over all of its expectations, if it has one.
    """

    expectation: Expectation
    seeds: Json
    control: str | None = None

    def same(self, other: ExpectationTerms) -> bool:
        """Tell whether two say the same; how an expression is spaced does not matter."""
        mine, its = self.expectation, other.expectation
        return (
            (self.seeds, self.control) == (other.seeds, other.control)
            and replace(mine, metric="") == replace(its, metric="")
            and parse(mine.metric) == parse(its.metric)
        )


@dataclass(frozen=True)
class Measured:
    """The state, at some time, of the runs that an expectation reads.

    `begun` are all runs that had been started, `finished` those of them that had come to their end.
    `value` is the mean (the median, where that is the statistic) of the metric over the seeds that
    had one, None where none had.
    """

    begun: Runs = field(default_factory=dict)
    finished: Runs = field(default_factory=dict)
    value: float | None = None


@dataclass(frozen=True)
class Statement:
    """A statement of an expectation at a time, in ISO 8601 and UTC; of its removal without `terms`.

    `measured` is what there was by then.
    """

    at: str
    id: str
    terms: ExpectationTerms | None
    measured: Measured = field(default_factory=Measured)


@dataclass(frozen=True)
class Ledger:
    """All statements of an experiment in the order of time, and all runs ever seen finished.

    What was once measured stays known, whatever becomes of the store and of the reports.
    """

    statements: tuple[Statement, ...] = ()
    finished: Runs = field(default_factory=dict)

    def of(self, name: str) -> list[Statement]:
        """Return the statements of one expectation."""
        return [statement for statement in self.statements if statement.id == name]

    @property
    def names(self) -> list[str]:
        """Return the ids of all expectations that were ever stated."""
        return list(dict.fromkeys(statement.id for statement in self.statements))


def terms_of(experiment: Experiment, expectation: Expectation) -> ExpectationTerms:
    """Return what an experiment states with one of its expectations."""
    asked = experiment.document.get("seeds")
    seeds = asked if isinstance(asked, dict) else list(experiment.seeds)
    mean = expectation.statistic is Statistic.MEAN
    bare = Expectation(
        expectation.id,
        "",
        expectation.metric,
        expectation.lower,
        expectation.upper,
        expectation.statistic,
        expectation.confidence,
        expectation.basis,
        "",
        expectation.published,
        expectation.interval if mean else Interval.STUDENT,
        expectation.share,
        cells=expectation.cells,
        samples=expectation.samples,
    )
    return ExpectationTerms(bare, seeds, experiment.document.get("control"))


def now() -> str:
    """Return the time as statements bear it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def all_seeds(*known: Runs) -> Runs:
    """Return all seeds of all runs in any of the arguments."""
    found: dict[str, set[int]] = {}
    for each in known:
        for run, seeds in each.items():
            found.setdefault(run, set()).update(seeds)
    return {run: tuple(sorted(found[run])) for run in sorted(found)}


def without_repeats(statements: Iterable[Statement]) -> list[Statement]:
    """Return the statements that differ from the one before them."""
    found: list[Statement] = []
    for statement in statements:
        if not found or not _same_terms(found[-1].terms, statement.terms):
            found.append(statement)
    return found


def _same_terms(one: ExpectationTerms | None, other: ExpectationTerms | None) -> bool:
    return one is other if one is None or other is None else one.same(other)


@dataclass(frozen=True)
class MergedLedger:
    """Two copies of a ledger, merged.

    `disputed` are the expectations on which the copies differ, so that one of them was edited; for
    these the copy with the earlier statement counts. `redated` are those for which only the dates
    differ.
    """

    ledger: Ledger
    disputed: tuple[str, ...] = ()
    redated: tuple[str, ...] = ()


def merge(one: Ledger, other: Ledger) -> MergedLedger:
    """Merge two copies of a ledger; for a statement that both have, the earlier date counts.

    A copy may be behind, or begun on another machine: then the longer history counts.
    """
    finished = all_seeds(one.finished, other.finished)
    if one.statements == other.statements:
        return MergedLedger(Ledger(one.statements, finished))
    statements: list[Statement] = []
    disputed, redated = [], []
    for name in dict.fromkeys([*one.names, *other.names]):
        mine, its = one.of(name), other.of(name)
        behind, ahead = sorted((mine, its), key=len)
        if ahead[: len(behind)] == behind:
            statements += ahead
            continue
        first, second = sorted((without_repeats(mine), without_repeats(its)), key=len)
        agree = all(_same_terms(a.terms, b.terms) for a, b in zip(first, second, strict=False))
        if agree and not _contradict(mine, its):
            redated.append(name)
            earliest = [
                min(pair, key=lambda each: each.at) for pair in zip(first, second, strict=False)
            ]
            statements += [*earliest, *second[len(first) :]]
        else:
            disputed.append(name)
            statements += mine if mine[0].at <= its[0].at else its
    # The sort is stable: statements of one moment keep their order within a copy.
    statements.sort(key=lambda each: each.at)
    return MergedLedger(Ledger(tuple(statements), finished), tuple(disputed), tuple(redated))


def _contradict(mine: Sequence[Statement], its: Sequence[Statement]) -> bool:
    """Tell whether the two say different things of one moment."""
    only_mine, only_its = (
        [each for each in a if each not in b] for a, b in ((mine, its), (its, mine))
    )
    return bool({each.at for each in only_mine} & {each.at for each in only_its})
