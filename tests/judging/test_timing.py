"""Before or after its results: what the statements of an expectation tell of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.judging.ledger import Measured, Statement
from harness.judging.timing import Timing, statements
from tests.judging.test_ledger import stated


def removed(day: int, **begun: tuple[int, ...]) -> Statement:
    return replace(stated(day, 0.5, "e", **begun), terms=None)


class TestStatements:
    @pytest.mark.parametrize(
        ("history", "timing", "day", "before"),
        [
            ([stated(1)], Timing.BEFORE, 1, None),
            ([stated(1), stated(2, 0.6)], Timing.BEFORE, 2, None),
            ([stated(1), stated(2, 0.6, one=(0,))], Timing.CHANGED, 2, 0.5),
            # It was 0.5 again in the end, as it had been before the results.
            (
                [stated(1), stated(2, 0.6, one=(0,)), stated(3, 0.5, one=(0,))],
                Timing.BEFORE,
                1,
                None,
            ),
            # Of two that were stated in time the one with the nicer result is no free choice.
            ([stated(1), stated(2, 0.6), stated(3, 0.5, one=(0,))], Timing.CHANGED, 3, 0.6),
            (
                [stated(1), stated(2, 0.6, one=(0,)), stated(3, 0.7, one=(0,))],
                Timing.CHANGED,
                3,
                0.5,
            ),
            # A new store knows nothing of the results that there were.
            ([stated(1), stated(2, 0.6, one=(0,)), stated(3, 0.7)], Timing.CHANGED, 3, 0.5),
            ([stated(1, one=(0,))], Timing.UNRECORDED, 1, None),
            ([stated(1, name="other"), stated(2, one=(0,))], Timing.ADDED, 2, None),
            ([stated(1, name="other"), stated(2)], Timing.BEFORE, 2, None),
            ([stated(1, one=(0,)), stated(2, 0.6, one=(0,))], Timing.CHANGED, 2, 0.5),
            ([stated(1), removed(2, one=(0,)), stated(3, one=(0,))], Timing.BEFORE, 1, None),
            ([stated(1), removed(2, one=(0,)), stated(3, 0.6, one=(0,))], Timing.CHANGED, 3, 0.5),
        ],
    )
    def test_an_expectation_was_stated(
        self, history: list[Statement], timing: Timing, day: int, before: float | None
    ) -> None:
        found = statements(history, ["e"])
        told = found.each["e"]
        lower = told.before.expectation.lower if told.before is not None else None
        assert (told.timing, told.at[8:10], lower) == (timing, f"{day:02}", before)
        assert found.in_time is (timing is Timing.BEFORE)

    def test_changes_are_counted(self) -> None:
        history = [
            stated(1),
            stated(2, 0.6, one=(0,)),
            stated(3, 0.6, one=(0, 1)),
            stated(4, 0.7, one=(0, 1)),
        ]
        told = statements(history, ["e"]).each["e"]
        assert (told.changes, told.measured) == (2, Measured({"one": (0, 1)}, {"one": (0, 1)}))

    def test_one_that_was_removed_after_its_results_is_told(self) -> None:
        history = [stated(1), stated(1, name="other"), removed(2, one=(0,))]
        found = statements(history, ["other"])
        (told,) = found.removed
        assert told.before == history[0].terms
        assert (told.id, told.timing, told.at[8:10]) == ("e", Timing.REMOVED, "02")
        assert not found.in_time

    def test_one_that_was_removed_before_its_results_is_nothing_to_tell(self) -> None:
        assert statements([stated(1), removed(2)], []).in_time

    def test_one_of_which_the_copies_tell_differently_was_not_stated_in_time(self) -> None:
        found = statements([stated(1)], ["e"], disputed=["e"])
        assert (found.each["e"].timing, found.in_time) == (Timing.DISPUTED, False)

    def test_a_ledger_with_a_fault_shows_nothing(self) -> None:
        assert not statements([stated(1)], ["e"], faults=["it is damaged"]).in_time
        assert statements([stated(1)], ["e"], notes=["it was missing"]).in_time
