"""Those who follow the runs, one of whom cannot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pytest

from harness.follow.listener import Listeners, Row
from harness.plan import ConcreteRun
from harness.run_result import RunResult, Status

if TYPE_CHECKING:
    from tests.support.person import Person

DONE = RunResult("random", 0, "key", Status.DONE)


class Follower:
    """Remembers what it hears; what it must not hear is an error."""

    def __init__(self, fails_at: str = "") -> None:
        self.heard: list[str] = []
        self._fails_at = fails_at

    def started(self, run: ConcreteRun) -> None:
        self._hear("started")

    def preparing(self, run: ConcreteRun, what: str) -> None:
        self._hear("preparing")

    def advanced(self, run: ConcreteRun, rows: Sequence[Row]) -> None:
        self._hear("advanced")

    def finished(self, run: ConcreteRun, result: RunResult, reused: bool) -> None:
        self._hear("finished")

    def _hear(self, news: str) -> None:
        self.heard.append(news)
        if news == self._fails_at:
            raise UnicodeEncodeError("latin-1", "\x1b✓", 0, 1, "the sign is not there")


class TestListeners:
    """What one hears, all hear."""

    @pytest.mark.parametrize("fails_at", ["started", "preparing", "advanced", "finished"])
    def test_one_that_raises_is_told_of_once_and_left_out(
        self, fails_at: str, person: Person, capsys: pytest.CaptureFixture[str]
    ) -> None:
        run = next(iter(person.plan(person.spec()).runs.values()))
        failing, other = Follower(fails_at), Follower()
        listeners = Listeners(failing, other)
        for _ in range(2):
            listeners.started(run)
            listeners.preparing(run, "compiling")
            listeners.advanced(run, [])
            listeners.finished(run, DONE, False)
        news = ["started", "preparing", "advanced", "finished"]
        assert other.heard == news * 2
        assert failing.heard == news[: news.index(fails_at) + 1]
        told = capsys.readouterr().err
        assert told.count("\n") == 1
        assert told.startswith("Follower follows the runs no more: UnicodeEncodeError: ")
        assert "\x1b" not in told

    def test_a_person_who_insists_on_the_end_is_heard(self, person: Person) -> None:
        class Insists(Follower):
            def _hear(self, news: str) -> None:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            Listeners(Insists()).started(next(iter(person.plan(person.spec()).runs.values())))
