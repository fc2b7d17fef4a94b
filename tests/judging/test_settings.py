"""Verdicts over settings that were drawn, against SciPy and numbers worked out by hand."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import pytest
from scipy.stats import binomtest

from harness.experiment import Basis, Expectation, Statistic
from harness.judging.check import judge
from harness.judging.judgement import Judgement
from harness.run_result import RunResult, Status
from harness.words import Verdict


def expectation(cells: int, lower: float = 0.9, share: float = 0.9) -> Expectation:
    labels = tuple(f"{index:02d}" for index in range(cells))
    return Expectation(
        "id", "", "one[*].test_accuracy", lower, None, Statistic.SETTINGS, 0.95, Basis.CLAIM, "s",
        share=share, cells=labels,
    )  # fmt: skip


def judged(
    asked: Expectation, values: Sequence[Sequence[float | None]], metric: str = "test_accuracy"
) -> Judgement:
    """Judge by the value of each seed in each setting; where there are fewer, runs are missing."""
    results: Mapping[tuple[str, int], RunResult] = {
        (f"one[{label}]", seed): RunResult(
            f"one[{label}]", seed, "key", Status.DONE, measurements={metric: value}
        )
        for label, of_setting in zip(asked.cells, values, strict=True)
        for seed, value in enumerate(of_setting)
    }
    return judge(asked, range(2), results)


HOLDS, FAILS = (0.96, 0.92), (0.95, 0.83)


@pytest.mark.parametrize(
    ("holding", "failing", "share", "verdict"),
    [
        # 0.05^(1/40) = 0.9278 where it holds in all of 40, and 0.05^(1/29) = 0.9018.
        (40, 0, 0.92, Verdict.PASS),
        (40, 0, 0.93, Verdict.INCONCLUSIVE),
        (29, 0, 0.9, Verdict.PASS),
        (28, 0, 0.9, Verdict.INCONCLUSIVE),
        # The next numbers of a table of Wilks (1941) for 90% at 95%: 45 of 46, 59 of 61.
        (45, 1, 0.9, Verdict.PASS),
        (44, 1, 0.9, Verdict.INCONCLUSIVE),
        (59, 2, 0.9, Verdict.PASS),
        (58, 2, 0.9, Verdict.INCONCLUSIVE),
        (39, 1, 0.9, Verdict.INCONCLUSIVE),
        (0, 5, 0.46, Verdict.FAIL),
        (0, 5, 0.45, Verdict.INCONCLUSIVE),
    ],
)
def test_a_share_of_all_settings_is_shown_by_those_that_were_drawn(
    holding: int, failing: int, share: float, verdict: Verdict
) -> None:
    found = judged(
        expectation(holding + failing, share=share), [HOLDS] * holding + [FAILS] * failing
    )
    assert (found.verdict, found.holding, found.seeds) == (verdict, holding, 2)
    assert bool(found.message) is (verdict is not Verdict.PASS)


@pytest.mark.parametrize(("holding", "count"), [(36, 40), (20, 40), (1, 40), (0, 40), (40, 40)])
def test_the_limits_are_those_of_clopper_and_pearson(holding: int, count: int) -> None:
    found = judged(expectation(count), [HOLDS] * holding + [FAILS] * (count - holding))
    limits = binomtest(holding, count).proportion_ci(0.90, method="exact")
    assert found.share == pytest.approx((limits.low, limits.high), abs=1e-9)


def test_what_counts_is_the_mean_over_the_seeds_of_each_setting() -> None:
    found = judged(expectation(3), [(0.98, 0.82), (0.95, 0.84), (0.9, 0.9)])
    assert [each.holds for each in found.settings.values()] == [True, False, True]
    assert [each.mean for each in found.settings.values()] == pytest.approx([0.9, 0.895, 0.9])
    assert found.mean == pytest.approx(0.895 + 0.01 / 3)
    assert found.deviation == pytest.approx(0.005 / math.sqrt(3))
    assert found.message.startswith("it holds in 2 of 3 settings (not in 01); the 95% confidence")


class TestWhatIsNotKnown:
    """A setting of which nothing is known never counts as one in which it holds."""

    def test_where_the_others_decide_it_does_not_matter(self) -> None:
        passes = judged(expectation(46), [HOLDS] * 45 + [()])
        assert passes.verdict is Verdict.PASS
        assert passes.notes == ("setting 45 is not known and counts as not holding",)
        assert judged(expectation(40, share=0.5), [FAILS] * 39 + [()]).verdict is Verdict.FAIL

    def test_where_it_matters_the_verdict_is_that_of_the_run(self) -> None:
        found = judged(expectation(40), [HOLDS] * 39 + [(0.99,)])
        assert found.verdict is Verdict.BLOCKED
        assert found.message == "one[39], seed 1: not run yet"
        assert found.settings["39"].holds is None
        assert found.mean is None

    def test_an_error_is_an_error(self) -> None:
        asked = expectation(40)
        results = {
            (f"one[{label}]", seed): RunResult(
                f"one[{label}]", seed, "key", Status.DONE, measurements={"test_accuracy": 0.95}
            )
            for label in asked.cells
            for seed in range(2)
        }
        results["one[07]", 1] = RunResult("one[07]", 1, "key", Status.ERROR, "the loss became NaN")
        found = judge(asked, range(2), results)
        assert (found.verdict, found.message) == (
            Verdict.ERROR,
            "one[07], seed 1: the loss became NaN",
        )

    @pytest.mark.parametrize("bad", [None, math.nan, math.inf])
    def test_what_was_measured_and_is_no_number_does_not_hold(self, bad: float | None) -> None:
        found = judged(expectation(2), [(0.95, bad), HOLDS])
        assert [each.holds for each in found.settings.values()] == [False, True]

    def test_nothing_at_all_is_blocked(self) -> None:
        assert judged(expectation(3), [(), (), ()]).verdict is Verdict.BLOCKED


def test_what_was_not_reached_within_the_budget_counts_only_where_it_decides() -> None:
    """Of 10 epochs that were trained a fit takes 11 or more: not at most 9, perhaps at most 20."""
    for upper, holds in ((9.0, False), (20.0, None)):
        asked = Expectation(
            "id", "", "one[*].epochs_to_fit", None, upper, Statistic.SETTINGS, 0.95, Basis.CLAIM,
            "s", share=0.5, cells=("00",),
        )  # fmt: skip
        measured = {"epochs_to_fit": None, "epochs": 10.0, "steps": 10.0}
        result = RunResult("one[00]", 0, "key", Status.DONE, measurements=measured)
        found = judge(asked, [0], {("one[00]", 0): result})
        assert found.settings["00"].holds is holds
        assert found.verdict is Verdict.INCONCLUSIVE
