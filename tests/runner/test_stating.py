"""What is expected is written down before the first run, and every later change with what was known
by then.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.data import catalog
from harness.judging import ledger, ledger_file
from harness.judging.ledger import Ledger
from harness.judging.timing import Statements, Timing
from harness.plan import make_plan
from harness.run_result import Detail
from harness.runner import stating
from harness.runner.conclude import results_of
from harness.runner.stating import Ledgers, look_up
from harness.spec.load import load_file
from harness.store.store import Store, StoreError
from tests.conftest import Pretend
from tests.support import specifications

EXPECTED = {
    "metric": "one.test_accuracy",
    "at_least": 0.5,
    "basis": "hypothesis",
    "source": "s",
    "statistic": "every",
}
OTHER = {**EXPECTED, "id": "other", "metric": "two.test_accuracy"}
DIFFERENCE = {
    **EXPECTED,
    "id": "more",
    "metric": "two.test_accuracy - one.test_accuracy",
    "at_least": 0,
}


class Author:
    """One who edits `a.json` from day to day, with a store, and reports beside it."""

    def __init__(self, folder: Path, pretend: Pretend, today: list[str]) -> None:
        self.folder, self.pretend, self.today = folder, pretend, today
        self.store, self.reports = Store(folder / "store"), folder / "reports"
        self.store.prepare()
        self.reports.mkdir(exist_ok=True)

    def write(self, *expectations: dict[str, Any], **changes: Any) -> None:
        document = specifications.small(
            seeds=[0, 1],
            runs={"one": {}, "two": {"training": {"epochs": 7}}},
            expectations=[{"id": "learns", **EXPECTED}, *expectations],
        )
        (self.folder / "a.json").write_text(json.dumps(document | changes))

    def measure(self, **accuracies: list[float]) -> None:
        self.pretend(
            self.folder / "a.json",
            self.store.root,
            {run: {"test_accuracy": values} for run, values in accuracies.items()},
        )

    def look(
        self, day: int, write: bool = True, starting: bool = False, store: Store | None = None
    ) -> Statements:
        self.today[0] = f"2026-01-{day:02}T00:00:00+00:00"
        experiment, store = load_file(self.folder / "a.json"), store or self.store
        plan = make_plan([experiment], catalog.data_dir(), gpus=0)
        details = dict.fromkeys(experiment.runs, Detail.NUMBERS)
        results = results_of(experiment, plan, store, details)
        return look_up(experiment, store, results, Ledgers(self.reports, write), starting)

    @property
    def copies(self) -> list[Path]:
        return [
            ledger_file.path_in_store(self.store.root, "a"),
            ledger_file.path_beside_reports(self.reports, "a"),
        ]

    def told(self, found: Statements) -> dict[str, tuple[Timing, int]]:
        return {name: (each.timing, int(each.at[8:10] or 0)) for name, each in found.each.items()}


@pytest.fixture
def author(tmp_path: Path, pretend: Pretend, monkeypatch: pytest.MonkeyPatch) -> Iterator[Author]:
    today = [""]
    monkeypatch.setattr(ledger, "now", lambda: today[0])
    author = Author(tmp_path, pretend, today)
    author.write()
    yield author


class TestLookUp:
    def test_it_is_written_down_in_both_places_when_the_first_run_starts(
        self, author: Author
    ) -> None:
        found = author.look(1, starting=True)
        assert author.told(found) == {"learns": (Timing.BEFORE, 1)}
        first, second = (path.read_bytes() for path in author.copies)
        assert first == second
        (statement,) = json.loads(first)["statements"]
        assert statement == {
            "at": "2026-01-01T00:00:00+00:00",
            "id": "learns",
            "terms": {
                "metric": "one.test_accuracy",
                "lower": 0.5,
                "statistic": "every",
                "confidence": 0.95,
                "basis": "hypothesis",
                "seeds": [0, 1],
            },
        }
        author.measure(one=[0.6, 0.8])
        assert author.told(author.look(2)) == {"learns": (Timing.BEFORE, 1)}

    def test_nothing_is_written_down_before_any_run_or_by_who_only_looks(
        self, author: Author
    ) -> None:
        assert author.told(author.look(1)) == {"learns": (Timing.BEFORE, 0)}
        author.measure(one=[0.6, 0.8])
        author.look(2, write=False)
        assert not any(path.exists() for path in author.copies)

    def test_rewording_and_reordering_are_no_changes(self, author: Author) -> None:
        author.write(OTHER)
        author.look(1, starting=True)
        author.measure(one=[0.6, 0.8], two=[0.6, 0.8])
        author.look(2)
        before = [path.read_bytes() for path in author.copies]
        reworded = {
            "id": "learns",
            **EXPECTED,
            "title": "Another",
            "source": "new",
            "metric": "  one.test_accuracy ",
        }
        author.write(title="B", question="Why?", expectations=[OTHER, reworded])
        assert author.look(3).in_time
        assert [path.read_bytes() for path in author.copies] == before

    def test_a_change_with_results_at_hand_tells_what_they_were(self, author: Author) -> None:
        author.look(1, starting=True)
        author.measure(one=[0.6, 0.8])
        author.write(expectations=[{"id": "learns", **EXPECTED, "at_least": 0.55}])
        for write in (False, True, False):
            changed = author.look(2, write).each["learns"]
            assert (changed.timing, changed.at[8:10]) == (Timing.CHANGED, "02")
            assert changed.before is not None
            assert changed.before.expectation.lower == 0.5
            assert changed.measured.finished == {"one": (0, 1)}
            assert changed.measured.value == pytest.approx(0.7)

    def test_a_change_before_its_own_runs_is_in_time_whatever_others_have_shown(
        self, author: Author
    ) -> None:
        author.write(OTHER, DIFFERENCE)
        author.look(1, starting=True)
        author.measure(one=[0.6, 0.8])
        author.write({**OTHER, "at_least": 0.6}, {**DIFFERENCE, "at_least": 0.1})
        assert author.told(author.look(2)) == {
            "learns": (Timing.BEFORE, 1),
            "other": (Timing.BEFORE, 2),
            "more": (Timing.CHANGED, 2),
        }

    def test_more_seeds_after_results_are_a_change(self, author: Author) -> None:
        author.look(1, starting=True)
        author.measure(one=[0.6, 0.8])
        author.write(seeds=[0, 1, 2])
        changed = author.look(2).each["learns"]
        assert (changed.timing, changed.before and changed.before.seeds) == (Timing.CHANGED, [0, 1])

    def test_added_and_removed_expectations_are_told(self, author: Author) -> None:
        author.write(OTHER)
        author.look(1, starting=True)
        author.measure(one=[0.6, 0.8], two=[0.3, 0.5])
        author.write(DIFFERENCE)
        found = author.look(2)
        assert author.told(found) == {"learns": (Timing.BEFORE, 1), "more": (Timing.ADDED, 2)}
        assert found.each["more"].measured.value == pytest.approx(-0.3)
        (gone,) = found.removed
        assert (gone.id, gone.at[8:10]) == ("other", "02")
        assert gone.measured.value == pytest.approx(0.4)
        assert author.look(3).removed == (gone,)

    def test_a_run_that_was_begun_is_known_before_it_is_finished(self, author: Author) -> None:
        author.look(1, starting=True)
        experiment = load_file(author.folder / "a.json")
        plan = make_plan([experiment], catalog.data_dir(), gpus=0)
        key = next(
            key for member, key in plan.members.items() if (member.run, member.seed) == ("one", 1)
        )
        author.store.save_error(key, "loss is nan")
        author.write(expectations=[{"id": "learns", **EXPECTED, "at_least": 0.1}])
        changed = author.look(2).each["learns"]
        assert changed.timing is Timing.CHANGED
        assert (changed.measured.begun, changed.measured.finished, changed.measured.value) == (
            {"one": (1,)},
            {},
            None,
        )

    def test_results_from_before_there_was_a_ledger_leave_it_open(self, author: Author) -> None:
        author.measure(one=[0.6, 0.8])
        assert author.told(author.look(1, starting=True)) == {"learns": (Timing.UNRECORDED, 1)}
        author.write(OTHER)
        assert author.told(author.look(2)) == {
            "learns": (Timing.UNRECORDED, 1),
            "other": (Timing.BEFORE, 2),
        }

    def test_a_report_that_was_committed_without_a_ledger_tells_of_results(
        self, author: Author
    ) -> None:
        run = {"key": "k", "status": "done", "measurements": {"test_accuracy": 0.25}}
        document = {
            "format": "reproduction-harness result 1",
            "runs": {"one": {"0": run}, "two": {}},
        }
        (author.reports / "a.json").write_text(json.dumps(document))
        found = author.look(1, starting=True).each["learns"]
        assert (found.timing, found.measured.finished, found.measured.value) == (
            Timing.UNRECORDED,
            {"one": (0,)},
            0.25,
        )

    def test_in_a_fresh_clone_the_committed_ledger_counts(self, author: Author) -> None:
        author.look(1, starting=True)
        author.measure(one=[0.6, 0.8])
        author.look(2)
        fresh = Store(author.folder / "fresh")
        fresh.prepare()
        assert author.told(author.look(3, starting=True, store=fresh)) == {
            "learns": (Timing.BEFORE, 1)
        }
        assert (
            ledger_file.path_in_store(fresh.root, "a").read_bytes() == author.copies[1].read_bytes()
        )

    def test_results_are_not_forgotten_with_the_store_they_were_in(self, author: Author) -> None:
        author.look(1, starting=True)
        author.measure(one=[0.6, 0.8])
        author.look(2)
        fresh = Store(author.folder / "fresh")
        fresh.prepare()
        author.write(expectations=[{"id": "learns", **EXPECTED, "at_least": 0.55}])
        changed = author.look(3, starting=True, store=fresh).each["learns"]
        assert (changed.timing, changed.measured.finished) == (Timing.CHANGED, {"one": (0, 1)})

    @pytest.mark.parametrize("gone", [0, 1])
    def test_a_missing_copy_is_told_and_written_from_the_other(
        self, author: Author, gone: int
    ) -> None:
        author.look(1, starting=True)
        author.measure(one=[0.6, 0.8])
        author.look(2)
        (author.reports / "a.json").write_text("{}")
        before = author.copies[gone].read_bytes()
        author.copies[gone].unlink()
        (note,) = author.look(3).notes
        assert note.startswith(f"{author.copies[gone]} is missing")
        assert f"what {author.copies[1 - gone]} says counts" in note
        assert author.copies[gone].read_bytes() == before
        assert author.look(4).notes == ()

    @pytest.mark.parametrize("damaged", [0, 1])
    def test_a_damaged_copy_is_told_and_left_and_the_other_counts(
        self, author: Author, damaged: int
    ) -> None:
        author.look(1, starting=True)
        author.measure(one=[0.6, 0.8])
        author.copies[damaged].write_text("mine")
        author.write(expectations=[{"id": "learns", **EXPECTED, "at_least": 0.55}])
        found = author.look(2, starting=True)
        assert author.told(found) == {"learns": (Timing.CHANGED, 2)}
        assert [str(author.copies[damaged]) in fault for fault in found.faults] == [True]
        assert not found.in_time
        assert author.copies[damaged].read_text() == "mine"
        assert len(json.loads(author.copies[1 - damaged].read_text())["statements"]) == 2

    @pytest.mark.parametrize("edited", [0, 1])
    def test_a_copy_that_was_edited_is_told_and_both_are_left(
        self, author: Author, edited: int
    ) -> None:
        author.look(1, starting=True)
        author.measure(one=[0.6, 0.8])
        author.look(2)
        path = author.copies[edited]
        path.write_text(path.read_text().replace('"lower": 0.5', '"lower": 0.55'))
        before = [each.read_bytes() for each in author.copies]
        author.write(expectations=[{"id": "learns", **EXPECTED, "at_least": 0.55}])
        for day in (3, 4):
            found = author.look(day)
            assert found.each["learns"].timing is Timing.DISPUTED
            assert (
                "tell differently of learns: keep the right one, remove the other"
                in found.faults[0]
            )
        assert [each.read_bytes() for each in author.copies] == before

    def test_where_it_cannot_be_written_down_no_run_starts(self, author: Author) -> None:
        (author.store.root / "expectations").write_text("")
        with pytest.raises(StoreError, match="what a expects cannot be written down"):
            author.look(1, starting=True)
        author.measure(one=[0.6, 0.8])
        assert "cannot be written down" in author.look(2).faults[-1]

    def test_without_a_folder_of_reports_the_store_alone_has_it(self, author: Author) -> None:
        author.reports.rmdir()
        author.look(1, starting=True)
        assert [path.exists() for path in author.copies] == [True, False]

    def test_a_clock_that_goes_back_changes_no_order(self, author: Author) -> None:
        author.look(5, starting=True)
        author.measure(one=[0.6, 0.8])
        author.write(expectations=[{"id": "learns", **EXPECTED, "at_least": 0.55}])
        for day in (2, 3):
            assert author.told(author.look(day)) == {"learns": (Timing.CHANGED, 5)}

    def test_processes_side_by_side_write_one_statement(self, author: Author) -> None:
        def start(work: Callable[[], Any]) -> threading.Thread:
            thread = threading.Thread(target=work)
            thread.start()
            return thread

        for thread in [start(lambda: author.look(1, starting=True)) for _ in range(8)]:
            thread.join()
        told = [ledger_file.read(path) for path in author.copies]
        assert told[0] == told[1]
        assert told[0] is not None
        assert len(told[0].statements) == 1

    def test_another_process_that_writes_is_waited_for(
        self, author: Author, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(stating, "_PATIENCE_SECONDS", 0.1)
        with author.store.lock("expectations-a") as held:
            assert held
            with pytest.raises(
                StoreError, match=r"another process has held the lock .*expectations-a\.lock"
            ):
                author.look(1, starting=True)
        author.look(1, starting=True)
        assert ledger_file.read(author.copies[0]) != Ledger()
