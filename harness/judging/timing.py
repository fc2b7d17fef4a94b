"""Tell from the ledger whether each expectation was stated before its results."""

from __future__ import annotations

import enum
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from harness.judging.ledger import ExpectationTerms, Measured, Statement, without_repeats


class Timing(enum.Enum):
    """When an expectation was stated; only `BEFORE` says that nobody could know its results."""

    BEFORE = "before"
    ADDED = "added"
    CHANGED = "changed"
    REMOVED = "removed"
    UNRECORDED = "unrecorded"
    DISPUTED = "disputed"


@dataclass(frozen=True)
class StatedExpectation:
    """When an expectation was stated as it is now, or removed.

    `at` is empty where that is not written down yet. `before` are the terms that it had before,
    where they were others: those of before its results, if it had any then. `measured` is what
    there was when it was stated as it is now, and `changes` how often it was changed.
    """

    id: str
    timing: Timing
    at: str
    terms: ExpectationTerms | None = None
    before: ExpectationTerms | None = None
    measured: Measured = field(default_factory=Measured)
    changes: int = 0


@dataclass(frozen=True)
class Statements:
    """When each expectation of an experiment was stated, by id, and which were removed later.

    `removed` were removed after their results, `faults` are what is wrong with the ledger itself,
    `notes` what else a person should know of it.
    """

    each: Mapping[str, StatedExpectation] = field(default_factory=dict)
    removed: tuple[StatedExpectation, ...] = ()
    faults: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def late(self) -> tuple[StatedExpectation, ...]:
        """Return those for which nothing shows that they were stated before their results."""
        late = [stated for stated in self.each.values() if stated.timing is not Timing.BEFORE]
        return (*late, *self.removed)

    @property
    def in_time(self) -> bool:
        """Tell whether every expectation was stated before its results, and the ledger is whole."""
        return not self.late and not self.faults


def statements(
    history: Sequence[Statement],
    names: Sequence[str],
    disputed: Collection[str] = (),
    faults: Sequence[str] = (),
    notes: Sequence[str] = (),
) -> Statements:
    """Tell when each expectation was stated.

    Args:
        history: All statements, in the order of time; the last one of each of `names` is what it
            says now.
        names: The ids of the expectations that there are now.
        disputed: Those on which the copies of the ledger differ.
        faults: What is wrong with the ledger.
        notes: What else a person should know of it.
    """
    begin = history[0].at if history else ""
    of: dict[str, list[Statement]] = {}
    for statement in history:
        of.setdefault(statement.id, []).append(statement)
    removed = [
        _removed(each) for name, each in of.items() if name not in names and each[-1].measured.begun
    ]
    each = {name: _stated(of[name], begin, name in disputed) for name in names}
    return Statements(each, tuple(removed), tuple(faults), tuple(notes))


def _removed(history: Sequence[Statement]) -> StatedExpectation:
    last = history[-1]
    before = next((each.terms for each in reversed(history) if each.terms is not None), None)
    return StatedExpectation(last.id, Timing.REMOVED, last.at, None, before, last.measured)


def _stated(history: Sequence[Statement], begin: str, disputed: bool) -> StatedExpectation:
    """Tell when one expectation was stated; `begin` is when the ledger was begun.

    Once a run that it reads had been begun, whatever is stated is stated with results at hand.
    """
    said = without_repeats(each for each in history if each.terms is not None)
    first, last = said[0], said[-1]
    early = next((index for index, each in enumerate(said) if each.measured.begun), len(said))
    basis = said[early - 1] if early else first
    assert last.terms is not None and basis.terms is not None
    changes = len(said) - 1
    if disputed:
        return StatedExpectation(
            last.id, Timing.DISPUTED, last.at, last.terms, None, last.measured, changes
        )
    if not last.terms.same(basis.terms):
        return StatedExpectation(
            last.id, Timing.CHANGED, last.at, last.terms, basis.terms, last.measured, changes
        )
    if early:
        return StatedExpectation(
            last.id, Timing.BEFORE, basis.at, last.terms, None, basis.measured, changes
        )
    timing = Timing.ADDED if first.at > begin else Timing.UNRECORDED
    return StatedExpectation(last.id, timing, first.at, last.terms, None, first.measured, changes)
