"""Two sides, records in and records out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from harness.compare.difference import (
    ABSENT,
    Change,
    Difference,
    Presence,
    compare_sides,
    only_changes,
)
from harness.compare.page import page
from harness.compare.records import ExperimentRecord, RunRecord, Side
from harness.compare.result_file import experiment
from harness.compare.setting_changes import why_keys_differ
from harness.compare.significance import Outcome
from harness.experiment import Json
from tests.compare.conftest import judgement, result


def side(*documents: Json, **options: Any) -> Side:
    return Side("side", {each["name"]: experiment(each) for each in documents}, **options)


def stored(
    accuracies: dict[str, dict[int, float]], settings: Json, parent: str | None = None
) -> ExperimentRecord:
    return ExperimentRecord(
        "",
        {
            name: {
                seed: RunRecord(
                    f"{name}{seed}{settings}{parent}",
                    "done",
                    {"test_accuracy": value},
                    settings,
                    parent,
                )
                for seed, value in seeds.items()
            }
            for name, seeds in accuracies.items()
        },
    )


def outcomes(difference: Difference) -> dict[str, Outcome]:
    return {
        f"{of.name}.{run.name}.{metric}": comparison.outcome
        for of in difference.experiments
        for run in of.runs
        for metric, comparison in (run.numbers or {}).items()
    }


def test_the_same_side_twice_differs_in_nothing() -> None:
    one = side(result({"one": [0.1, 0.2, 0.3]}, [judgement("pass", 0.1, 0.2, 0.3)]))
    found = compare_sides(one, one, 0.95)
    assert not found.changes
    assert [each.outcome for each in found.comparisons()] == [Outcome.SAME, Outcome.SAME]
    assert only_changes(found).experiments == ()


def test_runs_and_experiments_of_one_side_alone_are_changes() -> None:
    before = side(result({"one": [0.1], "gone": [0.2]}), result({"x": [0.1]}, name="b"))
    after = side(result({"one": [0.1], "new": [0.2]}), result({"x": [0.1]}, name="c"))
    found = compare_sides(before, after, 0.95)
    assert [(each.name, each.presence) for each in found.experiments] == [
        ("a", Presence.BOTH),
        ("b", Presence.REMOVED),
        ("c", Presence.ADDED),
    ]
    assert [(run.name, run.presence) for run in found.experiments[0].runs] == [
        ("one", Presence.BOTH),
        ("gone", Presence.REMOVED),
        ("new", Presence.ADDED),
    ]
    assert found.changes
    assert [run.name for run in only_changes(found).experiments[0].runs] == ["gone", "new"]


def test_a_single_file_is_compared_with_the_experiment_of_its_name() -> None:
    folder = side(result({"one": [0.1]}), result({"x": [0.1]}, name="b"))
    file = side(result({"one": [0.1]}), single=True)
    assert not compare_sides(folder, file, 0.95).changes
    assert not compare_sides(file, folder, 0.95).changes
    assert [each.name for each in compare_sides(file, folder, 0.95).experiments] == ["a"]
    other = side(result({"one": [0.1]}, name="other"), single=True)
    found = compare_sides(file, other, 0.95)
    assert ([each.name for each in found.experiments], found.changes) == (["a -> other"], False)
    assert [each.presence for each in compare_sides(other, folder, 0.95).experiments] == [
        Presence.REMOVED
    ]


def test_runs_that_did_not_finish_have_another_status_and_no_numbers() -> None:
    before, after = result({"one": [0.1, 0.2, 0.3]}), result({"one": [0.1, 0.2]})
    after["runs"]["one"]["1"] |= {"status": "error", "measurements": {}}
    found = compare_sides(side(before), side(after), 0.95)
    run = found.experiments[0].runs[0]
    assert run.statuses == (Change("seed 1", "done", "error"), Change("seed 2", "done", ABSENT))
    assert run.numbers is not None
    assert (run.numbers["test_accuracy"].outcome, run.numbers["test_accuracy"].before.count) == (
        Outcome.SAME,
        1,
    )
    assert found.changes


def test_numbers_that_are_not_finite_do_not_exist() -> None:
    before, after = result({"one": [0.1, 0.2]}), result({"one": [0.1, 0.2]})
    after["runs"]["one"]["1"]["measurements"]["test_accuracy"] = "nan"
    found = compare_sides(side(before), side(after), 0.95)
    assert outcomes(found) == {"a.one.test_accuracy": Outcome.EXISTENCE}
    assert found.comparisons()[0].lost == (1,)


def expected(difference: Difference) -> list[tuple[Outcome, tuple[int, ...], tuple[int, ...]]]:
    return [
        (each.comparison.outcome, each.comparison.gained, each.comparison.lost)
        for of in difference.experiments
        for each in of.expectations
        if each.comparison is not None
    ]


class TestMissingValues:
    """A value that is not there any more is a change, where the verdict was a fail before too."""

    @pytest.mark.parametrize(
        ("values", "lost"), [((0.1, 0.2), (2,)), ((0.1,), (1, 2)), ((), (0, 1, 2))]
    )
    def test_a_seed_without_the_value_of_an_expectation_is_told(
        self, values: tuple[float, ...], lost: tuple[int, ...]
    ) -> None:
        runs = {"one": [0.1, 0.2, 0.3]}
        before = side(result(runs, [judgement("fail", 0.1, 0.2, 0.3)]))
        after = side(result(runs, [judgement("fail", *values)]))
        found = compare_sides(before, after, 0.95)
        assert (found.changes, expected(found)) == (True, [(Outcome.EXISTENCE, (), lost)])
        found = compare_sides(after, before, 0.95)
        assert (found.changes, expected(found)) == (True, [(Outcome.EXISTENCE, lost, ())])

    @pytest.mark.parametrize("bad", [None, "nan", "inf"])
    def test_a_number_that_became_none_is_told(self, bad: Any) -> None:
        before, after = (
            side(result({"one": [0.1, 0.2, 0.3]})),
            side(result({"one": [0.1, 0.2, bad]})),
        )
        assert outcomes(compare_sides(before, after, 0.95)) == {
            "a.one.test_accuracy": Outcome.EXISTENCE
        }
        assert outcomes(compare_sides(after, after, 0.95)) == {"a.one.test_accuracy": Outcome.SAME}

    def test_nan_is_not_the_same_as_nothing(self) -> None:
        diverged: Any = "nan"
        before, after = side(result({"one": [diverged, 0.2]})), side(result({"one": [None, 0.2]}))
        assert outcomes(compare_sides(before, after, 0.95)) == {
            "a.one.test_accuracy": Outcome.EXISTENCE
        }

    def test_a_metric_that_is_gone_is_told(self) -> None:
        before, bare = result({"one": [0.1, 0.2]}), result({"one": [0.1, 0.2]})
        for seed in bare["runs"]["one"].values():
            del seed["measurements"]["test_accuracy"]
        assert outcomes(compare_sides(side(before), side(bare), 0.95)) == {
            "a.one.test_accuracy": Outcome.EXISTENCE
        }


def test_an_expectation_that_is_zero_but_for_rounding_is_the_same() -> None:
    runs = {"one": [0.95, 0.95], "two": [0.95, 0.95]}
    metric = "(one.test_accuracy + two.test_accuracy) / 2 - two.test_accuracy"
    before = side(result(runs, [judgement("fail", 0.0, 0.0, metric=metric)]))
    after = side(result(runs, [judgement("fail", 1e-16, 1e-16, metric=metric)]))
    assert expected(compare_sides(before, after, 0.95)) == [(Outcome.SAME, (), ())]
    unreadable = side(result(runs, [judgement("fail", 0.0, 0.0, metric="of a later version")]))
    assert expected(compare_sides(unreadable, unreadable, 0.95)) == [(Outcome.SAME, (), ())]


def test_chosen_metrics_alone_are_compared_and_corrected() -> None:
    before, after = result({"one": [0.1, 0.2, 0.3]}), result({"one": [0.11, 0.22, 0.33]})
    for seed, run in after["runs"]["one"].items():
        run["measurements"]["distance"] = int(seed)
    assert list(outcomes(compare_sides(side(before), side(after), 0.95))) == [
        "a.one.test_accuracy",
        "a.one.distance",
    ]
    found = compare_sides(side(before), side(after), 0.95, ["test_accuracy"])
    assert list(outcomes(found)) == ["a.one.test_accuracy"]


def test_another_key_is_told_and_is_no_change_by_itself() -> None:
    before, after = side(result({"one": [0.1]})), side(result({"one": [0.1]}, key="other"))
    found = compare_sides(before, after, 0.95, explain=why_keys_differ)
    assert found.experiments[0].runs[0].settings == (
        "its settings, its data or what it starts from changed",
    )
    assert not found.changes
    assert [run.name for run in only_changes(found).experiments[0].runs] == ["one"]


SETTINGS: Json = {
    "dataset": {"name": "digits"},
    "model": {"name": "perceptron"},
    "training": {"epochs": 3},
    "regularizers": [],
    "initialize_from": None,
}


def test_of_stored_runs_it_is_told_which_setting_changed() -> None:
    before = Side("s", {"a": stored({"one": {0: 0.1}}, SETTINGS)}, judged=False)
    longer = Side(
        "s", {"a": stored({"one": {0: 0.1}}, SETTINGS | {"training": {"epochs": 4}})}, judged=False
    )
    found = compare_sides(before, longer, 0.95, explain=why_keys_differ)
    assert found.experiments[0].runs[0].settings == ("training.epochs (3 -> 4) changed",)
    # A setting that was not in the language then has its default: that is no change of settings.
    filled = SETTINGS | {"training": {"epochs": 3, "batch_size": 128}}
    found = compare_sides(
        before,
        Side("s", {"a": stored({"one": {0: 0.1}}, filled)}, judged=False),
        0.95,
        explain=why_keys_differ,
    )
    assert found.experiments[0].runs[0].settings == (
        "its data changed, or the harness computes it in another way now",
    )
    child = SETTINGS | {"initialize_from": "parent"}
    sides = [
        Side("s", {"a": stored({"one": {0: 0.1}}, child, parent)}, judged=False)
        for parent in ("p", "q")
    ]
    found = compare_sides(sides[0], sides[1], 0.95, explain=why_keys_differ)
    assert found.experiments[0].runs[0].settings == ("parent changed, from which it starts",)


def test_a_run_that_a_store_keeps_under_another_name_is_found_by_its_key() -> None:
    report = side(result({"one": [0.1, 0.2]}))
    kept = {
        f"k-one-{seed}": RunRecord(f"k-one-{seed}", "done", {"test_accuracy": 0.1 * (seed + 1)})
        for seed in (0, 1)
    }
    store = Side(
        "s",
        {"other": ExperimentRecord("", {"x": {0: kept["k-one-0"]}})},
        judged=False,
        runs_by_key=kept,
    )
    found = compare_sides(report, store, 0.95)
    assert outcomes(found) == {"a.one.test_accuracy": Outcome.SAME}
    assert {each.name: each.presence for each in found.experiments} == {
        "a": Presence.BOTH,
        "other": Presence.ADDED,
    }
    # A store that has half of it lacks the other half.
    half = replace(store, experiments={}, runs_by_key={"k-one-0": kept["k-one-0"]})
    assert compare_sides(report, half, 0.95).experiments[0].runs[0].statuses == (
        Change("seed 1", "done", ABSENT),
    )


def test_verdicts_and_what_is_asked_are_compared() -> None:
    before = result(
        {"one": [0.95]}, [judgement("pass", 0.95, 0.96, 0.97), judgement("pass", 0.5, id="gone")]
    )
    asked = judgement("fail", 0.85, 0.86, 0.87, lower=0.92, statistic="median")
    after = result({"one": [0.95]}, [asked, judgement("pass", 0.5, id="new")])
    found = compare_sides(side(before), side(after), 0.95)
    first, gone, new = found.experiments[0].expectations
    assert first.comparison is not None
    assert (first.verdict_changed, first.comparison.outcome) == (True, Outcome.ALIKE)
    assert first.comparison.difference == pytest.approx(-0.1)
    assert first.terms == (
        Change("lower", 0.9, 0.92),
        Change("statistic", "mean", "median"),
        Change("method", "student", None),
    )
    assert (gone.presence, new.presence) == (Presence.REMOVED, Presence.ADDED)
    assert gone.verdict_changed
    assert new.verdict_changed
    # Numbers of another expression are not compared.
    other = result({"one": [0.95]}, [judgement("pass", 0.1, 0.1, 0.1, metric="two.test_accuracy")])
    found = compare_sides(side(before), side(other), 0.95)
    assert found.experiments[0].expectations[0].comparison is None


def test_a_bound_that_moved_is_shown_and_is_no_change_by_itself() -> None:
    before = side(result({"one": [0.95]}, [judgement("pass", 0.95)]))
    after = side(result({"one": [0.95]}, [judgement("pass", 0.95, lower=0.94)]))
    found = compare_sides(before, after, 0.95)
    assert not found.changes
    assert [each.id for each in only_changes(found).experiments[0].expectations] == ["e"]


def test_a_store_has_no_verdicts_to_miss() -> None:
    report = side(result({"one": [0.95]}, [judgement("pass", 0.95)]))
    store = Side("s", {"a": replace(experiment(result({"one": [0.95]})))}, judged=False)
    found = compare_sides(report, store, 0.95)
    assert (found.changes, found.experiments[0].expectations) == (False, ())


def test_other_surroundings_are_told_beside_changes_alone() -> None:
    before, after = result({"one": [0.1]}), result({"one": [0.1]})
    after["environment"] = {"keras": {"3.16": 1}, "python": {"3.12": 1}}
    found = compare_sides(side(before), side(after), 0.95)
    assert found.experiments[0].environment == (Change("keras", "3.15", "3.16"),)
    assert only_changes(found).experiments == ()


def with_settings(document: Json, settings: dict[str, Json], code: Json | None = None) -> Json:
    return document | {"settings": {"common": {}, "runs": settings}, "code": code or {}}


class TestCauses:
    """What changed is named first, of reports as of stores."""

    def test_reports_name_the_setting_and_the_run_that_others_start_from(self) -> None:
        child = SETTINGS | {"initialize_from": "one"}
        runs = {"one": [0.1, 0.2], "two": [0.3, 0.4]}
        before = with_settings(result(runs), {"one": SETTINGS, "two": child})
        longer = SETTINGS | {"training": {"epochs": 4}}
        after = with_settings(result(runs, key="other"), {"one": longer, "two": child})
        found = compare_sides(side(before), side(after), 0.95, explain=why_keys_differ)
        assert [run.settings for run in found.experiments[0].runs] == [
            ("training.epochs (3 -> 4) changed",),
            ("one changed, from which it starts",),
        ]

    def test_code_that_both_sides_recorded_is_named_by_its_modules(self) -> None:
        recorded = [{"a": "1", "b": "2", "gone": "3"}, {"a": "1", "b": "9", "new": "4"}]
        before, after = (
            side(with_settings(result({"one": [0.1]}), {"one": SETTINGS}, code))
            for code in recorded
        )
        assert compare_sides(before, after, 0.95).experiments[0].code == (
            "the code of b, gone, new changed",
        )
        assert compare_sides(before, side(result({"one": [0.1]})), 0.95).experiments[0].code == ()

    def test_causes_go_before_all_else_on_the_page(self) -> None:
        before = with_settings(result({"one": [0.1, 0.2, 0.3]}), {"one": SETTINGS}, {"a": "1"})
        longer = SETTINGS | {"training": {"epochs": 4}}
        after = with_settings(
            result({"one": [0.2, 0.31]}, key="other"), {"one": longer}, {"a": "2"}
        )
        after["environment"] = {"keras": {"3.16": 2}}
        (section,) = page(
            compare_sides(side(before), side(after), 0.95, explain=why_keys_differ)
        ).sections
        assert section.sentences == [
            "one: training.epochs (3 -> 4) changed",
            "the code of a changed",
            "ran with keras 3.15 -> 3.16",
            "one: seed 2 done -> not there",
        ]


class TestOrder:
    """What matters most is shown first."""

    def test_changed_verdicts_go_before_changed_numbers_and_these_by_their_size_against_their_noise(
        self,
    ) -> None:
        # Differences of 0.1, 0.11, 0.09 (t = 17), of 0.2, 0.3, 0.1 (t = 3.5), and of 0.3 for all:
        # without noise.
        names = {"steady": (0.1, 0.11, 0.09), "noisy": (0.2, 0.3, 0.1), "certain": (0.3, 0.3, 0.3)}
        start = [0.1, 0.2, 0.35]
        values = {
            name: [a + b for a, b in zip(start, by, strict=True)] for name, by in names.items()
        }
        turned = [
            judgement("fail", *start, id=name, metric=f"{name}.test_accuracy")
            for name in ("x", "y")
        ]
        after = [
            judgement(verdict, *start, id=name, metric=f"{name}.test_accuracy")
            for name, verdict in (("x", "fail"), ("y", "pass"))
        ]
        found = compare_sides(
            side(result(dict.fromkeys(names, start), turned), result({"one": start}, name="b")),
            side(result(values, after), result({"one": [0.2, 0.3, 0.4]}, name="b")),
            0.8,
        )
        assert [each.name for each in found.experiments] == ["a", "b"]
        shown = page(found, everything=True).sections[0]
        assert [row[0] for row in shown.tables[0].rows] == ["y", "x"]
        assert [row[0] for row in shown.tables[1].rows] == ["certain", "steady", "noisy"]
