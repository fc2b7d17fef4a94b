"""The two copies of what was stated: what they tell alone, and what they tell all_seeds."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.experiment import Basis, Expectation, Interval, Statistic
from harness.judging import ledger, ledger_file
from harness.judging.ledger import ExpectationTerms, Ledger, LedgerError, Measured, Statement, merge


def terms(
    lower: float | None = 0.5, metric: str = "one.test_accuracy", seeds: tuple[int, ...] = (0, 1)
) -> ExpectationTerms:
    expectation = Expectation("e", "", metric, lower, None, Statistic.MEAN, 0.95, Basis.CLAIM, "")
    return ExpectationTerms(expectation, list(seeds))


def stated(
    day: int, lower: float | None = 0.5, name: str = "e", **begun: tuple[int, ...]
) -> Statement:
    said = terms(lower)
    said = replace(said, expectation=replace(said.expectation, id=name))
    return Statement(f"2026-01-{day:02}T00:00:00+00:00", name, said, Measured(begun, begun))


class TestSame:
    @pytest.mark.parametrize(
        "other",
        [
            terms(0.6),
            terms(None),
            terms(metric="one.train_accuracy"),
            terms(metric="1 - one.test_accuracy"),
            terms(seeds=(0, 1, 2)),
            replace(terms(), control="holm"),
            *(
                ExpectationTerms(replace(terms().expectation, **change), [0, 1])
                for change in (
                    {"upper": 0.9},
                    {"statistic": Statistic.MEDIAN},
                    {"confidence": 0.9},
                    {"basis": Basis.MEASURED},
                    {"published": 0.5},
                    {"interval": Interval.BINOMIAL},
                    {"share": 0.9},
                )
            ),
        ],
    )
    def test_whatever_decides_a_verdict_makes_a_difference(self, other: ExpectationTerms) -> None:
        assert not terms().same(other)
        assert not other.same(terms())

    def test_how_an_expression_is_spaced_makes_none(self) -> None:
        assert terms(metric="a.steps-(b.steps)").same(terms(metric=" a.steps  - b.steps"))


class TestJoined:
    def test_a_copy_that_is_behind_adds_nothing(self) -> None:
        old = Ledger((stated(1),), {"one": (0,)})
        new = Ledger((stated(1), stated(2, 0.6, one=(0,))), {"one": (1,)})
        both = merge(old, new)
        assert both == merge(new, old)
        assert both.ledger == Ledger(new.statements, {"one": (0, 1)})
        assert (both.disputed, both.redated) == ((), ())

    def test_copies_that_agree_stay_as_they_are(self) -> None:
        same = Ledger(
            (stated(1, name="a"), stated(1, name="b"), stated(2, 0.6, "b"), stated(2, 0.6, "a"))
        )
        assert merge(same, same) == ledger.MergedLedger(same)

    def test_the_earlier_of_two_statements_counts(self) -> None:
        mine, its = Ledger((stated(5, one=(0,)),)), Ledger((stated(2), stated(3, 0.6, one=(0,))))
        both = merge(mine, its)
        assert both.ledger.statements == its.statements
        assert (both.disputed, both.redated) == ((), ("e",))

    def test_of_copies_that_say_other_things_the_earlier_counts_and_it_is_told(self) -> None:
        mine, its = Ledger((stated(2),)), Ledger((stated(3, 0.6),))
        for both in (merge(mine, its), merge(its, mine)):
            assert (both.ledger.statements, both.disputed) == (mine.statements, ("e",))

    @pytest.mark.parametrize("edited", [stated(2, 0.6), stated(2, 0.5)])
    def test_an_edit_of_one_copy_that_keeps_the_date_is_told(self, edited: Statement) -> None:
        assert merge(Ledger((stated(2, 0.5, one=(0,)),)), Ledger((edited,))).disputed == ("e",)

    def test_a_change_that_was_taken_out_of_one_copy_is_still_known(self) -> None:
        whole = Ledger((stated(1), stated(2, 0.6, one=(0,)), stated(3, 0.7, one=(0,))))
        without = Ledger((whole.statements[0],))
        assert merge(whole, without).ledger == whole

    def test_what_is_told_of_other_expectations_stays_in_the_order_of_time(self) -> None:
        mine = Ledger((stated(1, name="a"), stated(4, name="b")))
        its = Ledger((stated(1, name="a"), stated(3, 0.6, name="a")))
        assert [each.at[8:10] for each in merge(mine, its).ledger.statements] == ["01", "03", "04"]


_SEEDS = st.dictionaries(
    st.text(max_size=5), st.lists(st.integers(0, 99), max_size=3).map(tuple), max_size=3
)
_NUMBERS = st.floats(-1e9, 1e9)
_EXPECTATIONS = st.builds(
    Expectation,
    st.just("e"),
    st.just(""),
    st.just("one.test_accuracy"),
    _NUMBERS | st.none(),
    _NUMBERS | st.none(),
    st.just(Statistic.MEAN),
    st.floats(0.5, 0.999),
    st.sampled_from(Basis),
    st.just(""),
    _NUMBERS | st.none(),
    st.sampled_from(Interval),
    st.none(),
)
_ASKED = st.lists(st.integers(0, 9)) | st.just({"first": 3, "most": 20})
_TERMS = st.builds(ExpectationTerms, _EXPECTATIONS, _ASKED, st.sampled_from([None, "holm"]))
_MEASURED = st.builds(Measured, _SEEDS.filter(bool), _SEEDS, _NUMBERS | st.none()) | st.just(
    Measured()
)
_STATEMENTS = st.builds(
    Statement, st.just("2026-01-01T00:00:00+00:00"), st.just("e"), _TERMS | st.none(), _MEASURED
)


class TestRead:
    @settings(deadline=None)
    @given(st.lists(_STATEMENTS, max_size=3), _SEEDS)
    def test_gives_back_what_was_written(
        self,
        tmp_path_factory: pytest.TempPathFactory,
        statements: list[Statement],
        finished: ledger.Runs,
    ) -> None:
        path, told = tmp_path_factory.getbasetemp() / "l.json", Ledger(tuple(statements), finished)
        path.write_text(ledger_file.text("a", told), encoding="utf-8")
        assert ledger_file.read(path) == told

    def test_nothing_and_an_empty_file_are_none(self, tmp_path: Path) -> None:
        path = tmp_path / "a.json"
        assert ledger_file.read(path) is None
        path.touch()
        assert ledger_file.read(path) is None
        assert ledger_file.read(path / "below") is None

    @pytest.mark.parametrize(
        ("old", "new", "why"),
        [
            (
                '"claim"',
                '"hope"',
                r"at statements\.0\.terms\.basis expected a word of this version",
            ),
            (
                "one.test_accuracy",
                "one +",
                r"at statements\.0\.terms\.metric expected a metric expression",
            ),
            ("2026-01-01T", "yesterday", r"at statements\.0\.at expected a date and time"),
            ("+00:00", "", "distance from UTC"),
            ('"id"', '"di"', r"statements\.0\.id is missing"),
            (
                "expectations 1",
                "expectations 2",
                r"at format expected 'reproduction-harness expectations 1'",
            ),
            ("expectations 1", "poem 1", "was not written by this harness"),
            ("[", "", "damaged"),
        ],
    )
    def test_what_is_damaged_says_where(self, tmp_path: Path, old: str, new: str, why: str) -> None:
        path = tmp_path / "a.json"
        path.write_text(ledger_file.text("a", Ledger((stated(1),))).replace(old, new, 1))
        with pytest.raises(LedgerError, match=why):
            ledger_file.read(path)

    def test_a_folder_in_its_place_is_told(self, tmp_path: Path) -> None:
        with pytest.raises(LedgerError, match="no regular file"):
            ledger_file.read(tmp_path)


class TestWrite:
    def test_a_statement_is_a_line_for_version_control(self, tmp_path: Path) -> None:
        path = tmp_path / "new" / "a.json"
        ledger_file.write(path, "a", Ledger((stated(1),)))
        before = path.read_text().splitlines()
        ledger_file.write(path, "a", Ledger((stated(1), stated(2, 0.6))))
        after = path.read_text().splitlines()
        assert len(after) == len(before) + 1
        assert json.loads(path.read_text())["name"] == "a"
        assert [each.name for each in path.parent.iterdir()] == ["a.json"]

    def test_what_says_so_already_is_left_alone(self, tmp_path: Path) -> None:
        path = tmp_path / "a.json"
        ledger_file.write(path, "a", Ledger((stated(1),)))
        before = path.stat()
        ledger_file.write(path, "a", Ledger((stated(1),)))
        assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)

    @pytest.mark.parametrize(
        "content", ["mine", "{}", '{"format": "reproduction-harness expectations 1"']
    )
    def test_what_is_no_ledger_is_never_replaced(self, tmp_path: Path, content: str) -> None:
        path = tmp_path / "a.json"
        path.write_text(content)
        with pytest.raises(LedgerError):
            ledger_file.write(path, "a", Ledger((stated(1),)))
        assert path.read_text() == content
