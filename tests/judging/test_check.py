"""Verdicts against numbers worked out by hand."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.experiment import (
    Basis,
    Expectation,
    Experiment,
    Interval,
    Json,
    Requirements,
    RunSpec,
    Statistic,
)
from harness.judging.check import check, detail_needed, judge
from harness.judging.judgement import Judgement
from harness.judging.paired import Pairing, Pairs, difference_limits
from harness.run_result import Detail, RightImages, RunResult, Status
from harness.spec.load import load_file
from harness.words import Verdict
from tests.support import specifications
from tests.support.results import OVER_SEEDS, finished

if TYPE_CHECKING:
    from tests.support.person import Person


def expect(
    metric: str = "vanilla.test_accuracy",
    lower: float | None = None,
    upper: float | None = None,
    statistic: Statistic = Statistic.MEAN,
    confidence: float = 0.95,
    interval: Interval = Interval.STUDENT,
) -> Expectation:
    return Expectation(
        "id",
        "title",
        metric,
        lower,
        upper,
        statistic,
        confidence,
        Basis.CLAIM,
        "source",
        None,
        interval,
    )


def results_of(
    run: str, values: Sequence[float | None], metric: str = "test_accuracy"
) -> list[RunResult]:
    return finished(values, metric, run)


def verdict_on(
    expectation: Expectation, results: Sequence[RunResult], seeds: int | None = None
) -> Judgement:
    count = 1 + max((result.seed for result in results), default=0) if seeds is None else seeds
    return judge(
        expectation, range(count), {(result.run, result.seed): result for result in results}
    )


@pytest.mark.parametrize(
    ("lower", "upper", "verdict"),
    [
        (0.314, None, Verdict.PASS),
        (0.315, None, Verdict.INCONCLUSIVE),
        (3.685, None, Verdict.INCONCLUSIVE),
        (3.687, None, Verdict.FAIL),
        (None, 3.687, Verdict.PASS),
        (None, 3.685, Verdict.INCONCLUSIVE),
        (None, 0.313, Verdict.FAIL),
        (0.314, 3.687, Verdict.PASS),
        (0.314, 3.685, Verdict.INCONCLUSIVE),
        (0.315, 3.687, Verdict.INCONCLUSIVE),
        (3.687, 9.0, Verdict.FAIL),
        (-9.0, 0.313, Verdict.FAIL),
        (1.9, 2.1, Verdict.INCONCLUSIVE),
    ],
)
def test_the_mean_of_three_seeds_against_bounds(
    lower: float | None, upper: float | None, verdict: Verdict
) -> None:
    judgement = verdict_on(expect(lower=lower, upper=upper), results_of("vanilla", [1.0, 2.0, 3.0]))
    assert judgement.verdict is verdict
    assert (judgement.mean, judgement.deviation) == (2.0, 1.0)
    assert judgement.interval == pytest.approx((0.31415, 3.68585), abs=1e-5)
    assert bool(judgement.message) is (verdict is not Verdict.PASS)


def test_differences_are_paired_by_seed() -> None:
    # Both runs vary by tens of points between seeds, their difference by hundredths.
    results = results_of("vanilla", [0.5, 0.7, 0.9]) + results_of("bad", [0.41, 0.60, 0.79])
    judgement = verdict_on(expect("vanilla.test_accuracy - bad.test_accuracy", lower=0.08), results)
    assert judgement.values == pytest.approx({0: 0.09, 1: 0.10, 2: 0.11})
    assert judgement.deviation == pytest.approx(0.01)
    # 0.1 - 2.91999 * 0.01 / sqrt(3) = 0.083142
    assert judgement.interval[0] == pytest.approx(0.083142, abs=1e-6)
    assert judgement.verdict is Verdict.PASS


@pytest.mark.parametrize("statistic", [Statistic.MEAN, Statistic.EVERY])
@pytest.mark.parametrize(("lower", "upper"), [(0.1, None), (None, 0.1), (0.1, 0.1)])
def test_equal_values_on_the_bound_pass(
    statistic: Statistic, lower: float | None, upper: float | None
) -> None:
    judgement = verdict_on(
        expect(lower=lower, upper=upper, statistic=statistic), results_of("vanilla", [0.1] * 3)
    )
    assert (judgement.verdict, judgement.mean, judgement.deviation) == (Verdict.PASS, 0.1, 0.0)


def test_equal_values_beyond_the_bound_fail_without_an_interval_of_any_width() -> None:
    judgement = verdict_on(expect(lower=0.2), results_of("vanilla", [0.1] * 3))
    assert (judgement.verdict, judgement.interval) == (Verdict.FAIL, (0.1, 0.1))


def test_the_rounding_of_a_difference_does_not_miss_its_bound() -> None:
    results = results_of("a", [0.09, 0.09]) + results_of("b", [0.08, 0.08])
    assert 0.09 - 0.08 < 0.01
    metric = "a.test_accuracy - b.test_accuracy"
    assert verdict_on(expect(metric, lower=0.01), results).verdict is Verdict.PASS
    assert verdict_on(expect(metric, lower=0.01 + 1e-9), results).verdict is Verdict.FAIL


class TestRounding:
    """A bound is met by what is beyond it by rounding alone, which depends on the numbers used."""

    @pytest.mark.parametrize("statistic", [Statistic.EVERY, Statistic.MEAN, Statistic.MEDIAN])
    @pytest.mark.parametrize(
        ("expectation", "values", "verdict"),
        [
            ({"upper": 1e-15}, [1e-15] * 5, Verdict.PASS),
            ({"upper": 1e-15}, [5e-13] * 5, Verdict.FAIL),
            ({"upper": 1e-15}, [1.001e-15] * 5, Verdict.FAIL),
            ({"lower": 1e-15}, [5e-16] * 5, Verdict.FAIL),
            ({"lower": 1e-320}, [1e-320] * 5, Verdict.PASS),
            ({"lower": 1e-320}, [0.9e-320] * 5, Verdict.FAIL),
            ({"upper": 0.0}, [5e-323] * 5, Verdict.FAIL),
            ({"lower": 0.0}, [-0.0] * 5, Verdict.PASS),
            ({"upper": -0.0}, [0.0] * 5, Verdict.PASS),
            ({"lower": 1.7e308}, [1.7e308] * 5, Verdict.PASS),
            ({"lower": 1.7e308}, [1.6e308] * 5, Verdict.FAIL),
            ({"lower": -1.7e308, "upper": 1.7e308}, [1e308] * 5, Verdict.PASS),
            ({"lower": 1e9 + 1e-3}, [1e9] * 5, Verdict.FAIL),
        ],
    )
    def test_seeds_that_are_the_same_against_bounds_of_all_sizes(
        self,
        expectation: dict[str, Any],
        values: Sequence[float],
        verdict: Verdict,
        statistic: Statistic,
    ) -> None:
        found = verdict_on(
            expect("a.train_loss", statistic=statistic, **expectation),
            results_of("a", values, "train_loss"),
        )
        assert found.verdict is verdict

    @given(
        st.integers(-999, 999),
        st.integers(-999, 999),
        st.integers(0, 12),
        st.sampled_from([Statistic.EVERY, Statistic.MEAN, Statistic.MEDIAN]),
    )
    def test_a_difference_of_decimals_meets_the_bound_that_is_their_difference(
        self, first: int, second: int, places: int, statistic: Statistic
    ) -> None:
        a, b, bound = (
            float(Decimal(each).scaleb(-places)) for each in (first, second, first - second)
        )
        results = results_of("a", [a] * 5) + results_of("b", [b] * 5)
        metric = "a.test_accuracy - b.test_accuracy"
        assert verdict_on(expect(metric, bound, bound, statistic), results).verdict is Verdict.PASS
        step = 1e-9 * max(abs(a), abs(b), abs(bound))
        if step:
            assert (
                verdict_on(expect(metric, lower=bound + step, statistic=statistic), results).verdict
                is Verdict.FAIL
            )
            assert (
                verdict_on(expect(metric, upper=bound - step, statistic=statistic), results).verdict
                is Verdict.FAIL
            )

    def test_seeds_that_differ_by_rounding_alone_have_a_mean_on_the_bound(self) -> None:
        # All differences are 0.01; as they are computed the first is below and the last above.
        results = results_of("a", [0.09, 0.1, 0.95]) + results_of("b", [0.08, 0.09, 0.94])
        metric = "a.test_accuracy - b.test_accuracy"
        for interval in (Interval.STUDENT, Interval.BOOTSTRAP):
            found = verdict_on(expect(metric, lower=0.01, interval=interval), results)
            assert min(found.values.values()) < 0.01 < max(found.values.values())
            assert found.verdict is Verdict.PASS
            assert (
                verdict_on(expect(metric, lower=0.01 + 1e-12, interval=interval), results).verdict
                is Verdict.FAIL
            )

    def test_a_large_seed_lends_a_small_one_no_rounding(self) -> None:
        results = results_of("a", [5e-16, 1e5, 1e5, 1e5, 1e5], "train_loss")
        for statistic in (Statistic.EVERY, Statistic.MEDIAN):
            found = verdict_on(expect("a.train_loss", lower=1e-15, statistic=statistic), results)
            assert found.verdict is not Verdict.PASS


class TestTooLarge:
    """Numbers near the largest there are have a verdict, and never a traceback."""

    def test_a_deviation_that_is_too_large_leaves_the_mean_undecided(self) -> None:
        found = verdict_on(
            expect("a.train_loss", lower=0.0), results_of("a", [1.7e308, -1.7e308], "train_loss")
        )
        assert (found.verdict, found.mean, found.deviation) == (Verdict.INCONCLUSIVE, 0.0, math.inf)
        assert found.interval == (-math.inf, math.inf)
        assert "straddle a bound; more than 100 seeds" in found.message

    def test_limits_that_are_not_too_large_decide(self) -> None:
        # Ten values of +-1.7e308: s = 1.7e308 sqrt(10 / 9), and 1.8331 s / sqrt(10) = 1.0388e308.
        found = verdict_on(
            expect("a.train_loss", lower=-1.1e308),
            results_of("a", [1.7e308, -1.7e308] * 5, "train_loss"),
        )
        assert found.verdict is Verdict.PASS
        assert found.interval == pytest.approx((-1.0388e308, 1.0388e308), rel=1e-4)

    def test_what_is_too_large_on_the_way_alone_has_a_value(self) -> None:
        found = verdict_on(
            expect("a.train_loss * 10 / 10", lower=1e308),
            results_of("a", [1.5e308] * 2, "train_loss"),
        )
        assert (found.verdict, found.mean) == (Verdict.PASS, 1.5e308)

    def test_what_is_too_large_has_none(self) -> None:
        found = verdict_on(
            expect("a.train_loss * 10", lower=1e308), results_of("a", [1.5e308] * 2, "train_loss")
        )
        assert (found.verdict, found.message[:42]) == (
            Verdict.FAIL,
            "seed 0: the expression has no finite value",
        )

    def test_images_leave_no_limits_of_what_is_too_large(self, runs: Mapping[str, RunSpec]) -> None:
        metric = "1e308 * vanilla.test_accuracy * 10 - 1e308 * vanilla.test_accuracy * 10"
        found = judged_one(expect(metric, upper=1.0, interval=Interval.BINOMIAL), runs, vanilla=0.5)
        assert found.verdict is Verdict.INCONCLUSIVE


def test_one_seed_says_nothing_about_others() -> None:
    judgement = verdict_on(expect(lower=0.1), results_of("vanilla", [0.9]))
    assert (judgement.verdict, judgement.mean, judgement.deviation) == (
        Verdict.INCONCLUSIVE,
        0.9,
        None,
    )
    assert (judgement.interval, judgement.images) == ((None, None), None)
    assert (
        judgement.message
        == "one seed says nothing about others; from two on can be told how many would decide"
    )


@pytest.fixture
def experiment(tmp_path: Path) -> Experiment:
    """A run that is measured on 100 test images, and one on all that the digits have."""
    expectation = {
        "id": "e",
        "metric": "whole.test_accuracy",
        "at_least": 0.9,
        "basis": "hypothesis",
        "source": "s",
    }
    document = specifications.small(
        seeds=[3],
        runs={"vanilla": {"dataset": {"test_examples": 100}}, "whole": {}},
        expectations=[expectation],
    )
    return load_file(specifications.write(tmp_path / "a.json", document))


@pytest.fixture
def runs(experiment: Experiment) -> Mapping[str, RunSpec]:
    return experiment.runs


# Of 100 images with the accuracy 0.83628, 90 or more are right with probability 5%, and with
# 0.94474, 90 or fewer.
OF_90 = (0.83628, 0.94474)


def judged_one(
    expectation: Expectation, runs: Mapping[str, RunSpec], **accuracies: float
) -> Judgement:
    results = [result for run, value in accuracies.items() for result in results_of(run, [value])]
    return judge(expectation, [0], {(result.run, result.seed): result for result in results}, runs)


def test_one_seed_shows_what_its_test_images_leave_open(runs: Mapping[str, RunSpec]) -> None:
    judgement = judged_one(expect(lower=0.5), runs, vanilla=0.9)
    assert judgement.images == pytest.approx(OF_90, abs=2e-5)
    assert (judgement.verdict, judgement.interval) == (Verdict.INCONCLUSIVE, (None, None))
    assert (
        judgement.message
        == "one seed says nothing about others; from two on can be told how many would decide; its"
        " test images alone leave 90.00% the 95% confidence limits 83.63 to 94.47%"
    )


@pytest.mark.parametrize("statistic", [Statistic.MEDIAN, Statistic.WORST, Statistic.EVERY])
def test_the_test_images_change_no_verdict_on_seeds(
    statistic: Statistic, runs: Mapping[str, RunSpec]
) -> None:
    judgement = judged_one(
        replace(expect(lower=0.89, statistic=statistic), share=0.9), runs, vanilla=0.9
    )
    assert judgement.images == pytest.approx(OF_90, abs=2e-5)
    assert judgement.verdict is (
        Verdict.PASS if statistic is Statistic.EVERY else Verdict.INCONCLUSIVE
    )


@pytest.mark.parametrize(
    ("lower", "upper", "verdict"),
    [
        (0.836, None, Verdict.PASS),
        (0.837, None, Verdict.INCONCLUSIVE),
        (0.945, None, Verdict.FAIL),
        (0.83, 0.95, Verdict.PASS),
        (None, 0.944, Verdict.INCONCLUSIVE),
    ],
)
def test_the_test_images_decide_where_they_are_asked_to(
    lower: float | None, upper: float | None, verdict: Verdict, runs: Mapping[str, RunSpec]
) -> None:
    judgement = judged_one(
        expect(lower=lower, upper=upper, interval=Interval.BINOMIAL), runs, vanilla=0.9
    )
    assert judgement.verdict is verdict
    assert judgement.interval == judgement.images
    if verdict is Verdict.INCONCLUSIVE:
        assert judgement.message.endswith(
            "straddle a bound; only more test images would narrow them"
        )


def test_the_test_images_may_decide_on_several_networks(runs: Mapping[str, RunSpec]) -> None:
    results = {(result.run, result.seed): result for result in results_of("vanilla", [0.9, 0.95])}
    judgement = judge(expect(lower=0.8, interval=Interval.BINOMIAL), [0, 1], results, runs)
    # Each at 97.5%: 90 of 100 from 0.82378 to 0.95100, 95 of 100 from 0.88717 to 0.98356.
    assert judgement.interval == pytest.approx(
        ((0.82378 + 0.88717) / 2, (0.95100 + 0.98356) / 2), abs=2e-5
    )
    assert judgement.verdict is Verdict.PASS
    seeds = judge(expect(lower=0.8), [0, 1], results, runs)
    assert seeds.images is None


def test_without_a_number_of_test_images_they_decide_nothing() -> None:
    judgement = judged_one(expect(lower=0.1, interval=Interval.BINOMIAL), {}, vanilla=0.9)
    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert (
        judgement.message
        == "the number of test images behind the metric is not known, so there are no limits"
    )


def test_check_finds_the_number_of_test_images_by_itself(experiment: Experiment) -> None:
    (judgement,) = check(
        experiment, [RunResult("whole", 3, "k", Status.DONE, measurements={"test_accuracy": 1.0})]
    )
    assert judgement.images == pytest.approx((0.05 ** (1 / 1297), 1.0))  # the digits have 1,297


def test_every_names_the_seeds_outside() -> None:
    results = results_of("vanilla", [0.9, 0.5, 0.99, 0.4])
    judgement = verdict_on(expect(lower=0.6, upper=0.95, statistic=Statistic.EVERY), results)
    assert judgement.verdict is Verdict.FAIL
    assert (
        judgement.message == "outside the bounds: seed 1 (50.00%), seed 2 (99.00%), seed 3 (40.00%)"
    )


def test_every_of_one_seed_may_pass() -> None:
    judgement = verdict_on(
        expect(lower=0.9, statistic=Statistic.EVERY), results_of("vanilla", [0.9])
    )
    assert (judgement.verdict, judgement.interval) == (Verdict.PASS, (None, None))
    assert judgement.share == pytest.approx((0.05, 1.0))


@pytest.mark.parametrize(("count", "share"), [(3, 0.3684), (5, 0.5493), (10, 0.7411)])
def test_every_says_what_it_shows_of_all_seeds(count: int, share: float) -> None:
    judgement = verdict_on(
        expect(lower=0.9, statistic=Statistic.EVERY), results_of("vanilla", [0.95] * count)
    )
    assert judgement.share == pytest.approx((share, 1.0), abs=5e-5)  # 0.05^(1/n)


@pytest.mark.parametrize(
    ("lower", "upper", "seeds"),
    # Mean 2 and deviation 1; tables of the power of the t-test, one-sided 5%, power 80%: 8 seeds
    # for a distance of a deviation, 27 for half of one. The mean foretells a pass in the first
    # three, a fail in the others.
    [
        (1.0, None, "about 8"),
        (1.5, 9.0, "about 27"),
        (1.99, None, "more than 100"),
        (2.5, None, "about 27"),
        (0.0, 1.0, "about 8"),
        (2.0, None, "more than 100"),
    ],
)
def test_an_inconclusive_mean_says_how_many_seeds_would_likely_decide(
    lower: float | None, upper: float | None, seeds: str
) -> None:
    judgement = verdict_on(expect(lower=lower, upper=upper), results_of("vanilla", [1.0, 2.0, 3.0]))
    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert (
        judgement.message == "the 95% confidence limits 31 to 369% straddle a bound; "
        f"{seeds} seeds would likely decide, if mean and deviation are as measured"
    )


def test_the_mean_of_ratios_is_not_the_ratio_of_means() -> None:
    # The ratios are 0.5, 0.5 and 0.2, their mean is 0.4; the means are 7/3 and 20/3, their ratio is
    # 0.35. That one is judged by the mean of a - 0.35 b, which is 0.
    results = results_of("a", [1.0, 4.0, 2.0]) + results_of("b", [2.0, 8.0, 10.0])
    ratio = verdict_on(expect("a.test_accuracy / b.test_accuracy", upper=0.4), results)
    assert ratio.mean == pytest.approx(0.4)
    difference = verdict_on(expect("a.test_accuracy - 0.35 * b.test_accuracy", upper=0.0), results)
    assert difference.values == pytest.approx({0: 0.3, 1: 1.2, 2: -1.5})
    assert difference.mean == pytest.approx(0.0, abs=1e-12)


def test_bootstrap_limits_decide_where_they_are_asked_for() -> None:
    # Of 27 resamples of 1, 2, 3, one has the mean 1 and three 4/3: the limits are 4/3 and 8/3,
    # Student's 0.31 and 3.69.
    results = results_of("vanilla", [1.0, 2.0, 3.0])
    judgement = verdict_on(expect(lower=1.3, interval=Interval.BOOTSTRAP), results)
    assert judgement.verdict is Verdict.PASS
    assert judgement.interval == pytest.approx((4 / 3, 8 / 3))
    assert verdict_on(expect(lower=1.3), results).verdict is Verdict.INCONCLUSIVE
    assert (
        verdict_on(expect(upper=1.3, interval=Interval.BOOTSTRAP), results).verdict is Verdict.FAIL
    )
    one = verdict_on(expect(lower=0.1, interval=Interval.BOOTSTRAP), results_of("vanilla", [0.9]))
    assert one.verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(
    ("lower", "upper", "verdict"),
    [
        # Of 8 seeds the limits of the median are the second smallest and the second largest (sign
        # test: 9 of 256).
        (2.0, None, Verdict.PASS),
        (2.1, None, Verdict.INCONCLUSIVE),
        (7.0, None, Verdict.INCONCLUSIVE),
        (7.1, None, Verdict.FAIL),
        (2.0, 7.0, Verdict.PASS),
        (2.0, 6.9, Verdict.INCONCLUSIVE),
        (None, 1.9, Verdict.FAIL),
    ],
)
def test_the_median_of_eight_seeds_against_bounds(
    lower: float | None, upper: float | None, verdict: Verdict
) -> None:
    results = results_of("vanilla", [-100.0, 3.0, 2.0, 8.0, 7.0, 5.0, 6.0, 4.0])
    judgement = verdict_on(expect(lower=lower, upper=upper, statistic=Statistic.MEDIAN), results)
    assert judgement.verdict is verdict
    assert (judgement.median, judgement.interval) == (4.5, (2.0, 7.0))
    assert bool(judgement.message) is (verdict is not Verdict.PASS)


@pytest.mark.parametrize(
    ("values", "message", "known"),
    [
        # Of 1 of 5 below the bound the exact beta-binomial sums (tests of seeds_for_share) first
        # reach 80% at 60.
        (
            [1.0, 3.0, 4.0, 5.0, 6.0],
            "the 95% confidence limits 100 to 600% straddle a bound; 60 seeds in all",
            True,
        ),
        (
            [5.0, 3.0, 4.0],
            "a median has 95% confidence limits from 5 seeds on; 18 seeds in all",
            True,
        ),
        (
            [1.0, 3.0],
            (
                "a median has 95% confidence limits from 5 seeds on; these seeds do not tell that"
                " even 100"
            ),
            False,
        ),
        (
            [3.0],
            (
                "a median has 95% confidence limits from 5 seeds on; a single seed does not tell"
                " how many"
            ),
            False,
        ),
    ],
)
def test_an_inconclusive_median_says_how_many_seeds_would_likely_decide(
    values: Sequence[float], message: str, known: bool
) -> None:
    judgement = verdict_on(
        expect(lower=2.0, statistic=Statistic.MEDIAN), results_of("vanilla", values)
    )
    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert judgement.message.startswith(message)
    assert (
        judgement.message.endswith("all that these leave open of the share beyond a bound") is known
    )


def test_the_median_that_is_outside_says_so() -> None:
    judgement = verdict_on(
        expect(lower=7.0, statistic=Statistic.MEDIAN), results_of("vanilla", [1.0, 2, 3, 4, 5])
    )
    shown = (
        "the median 300.00% is outside the bounds, and so are its 95% confidence limits 100 to 500%"
    )
    assert judgement.message == shown


@pytest.mark.parametrize(
    ("inside", "outside", "share", "verdict"),
    [
        # 0.05^(1/5) = 0.5493 and 0.05^(1/29) = 0.9018 where all are inside.
        (5, 0, 0.54, Verdict.PASS),
        (5, 0, 0.55, Verdict.INCONCLUSIVE),
        (29, 0, 0.9, Verdict.PASS),
        (28, 0, 0.9, Verdict.INCONCLUSIVE),
        # Four of five: P(at least 4 of 5) = 0.05 at 0.3426. None of five: 1 - 0.05^(1/5) = 0.4507.
        (4, 1, 0.34, Verdict.PASS),
        (4, 1, 0.35, Verdict.INCONCLUSIVE),
        (0, 5, 0.45, Verdict.INCONCLUSIVE),
        (0, 5, 0.46, Verdict.FAIL),
        (1, 2, 0.9, Verdict.FAIL),
        (2, 1, 0.9, Verdict.INCONCLUSIVE),
        (1, 0, 0.9, Verdict.INCONCLUSIVE),
        (0, 1, 0.9, Verdict.INCONCLUSIVE),
    ],
)
def test_the_worst_seed_is_that_of_a_share_of_all(
    inside: int, outside: int, share: float, verdict: Verdict
) -> None:
    results = results_of("vanilla", [0.95] * inside + [0.5] * outside)
    judgement = verdict_on(
        replace(expect(lower=0.9, statistic=Statistic.WORST), share=share), results
    )
    assert judgement.verdict is verdict
    assert (judgement.interval, judgement.mean is None) == ((None, None), False)
    assert bool(judgement.message) is (verdict is not Verdict.PASS)


def test_the_worst_seed_between_two_bounds_counts_both_sides() -> None:
    results = results_of("vanilla", [0.5, 0.95, 0.92, 0.99, 0.91])
    judgement = verdict_on(
        replace(expect(lower=0.9, upper=0.96, statistic=Statistic.WORST), share=0.9), results
    )
    # P(at most 3 of 5) = 0.05 at 0.9236. Of the 60% inside little is left near 90%: 13 seeds decide
    # in 80% of cases.
    assert (
        judgement.message
        == "3 of 5 seeds are within the bounds (outside: seed 0 (50.00%), seed 3 (99.00%)); the 95%"
        " confidence limits of the share of all seeds that are, 18.9% and 92.4%, straddle 90%;"
        " 13 seeds in all would likely decide, by all that these leave open of the share beyond"
        " a bound"
    )


@pytest.mark.parametrize(
    ("count", "advice"),
    [
        (1, "a single seed does not tell how many would decide"),
        (3, "these seeds do not tell that even 100 would likely decide"),
        # The next one is inside, too, with a probability of 29/30 where all of 28 were.
        (
            28,
            (
                "29 seeds in all would likely decide, by all that these leave open of the share"
                " beyond a bound"
            ),
        ),
    ],
)
def test_the_worst_seed_says_how_many_seeds_would_likely_decide_where_that_is_known(
    count: int, advice: str
) -> None:
    results = results_of("vanilla", [0.95] * count)
    judgement = verdict_on(
        replace(expect(lower=0.9, statistic=Statistic.WORST), share=0.9), results
    )
    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert judgement.message.endswith(f", straddle 90%; {advice}")


@pytest.mark.parametrize("statistic", OVER_SEEDS)
@pytest.mark.parametrize("bad", [None, math.nan, math.inf, -math.inf, "11", True, [11.0], 10**400])
@pytest.mark.parametrize(("lower", "upper"), [(0.0, None), (None, 1e9), (None, None)])
def test_nothing_missing_or_not_finite_passes(
    statistic: Statistic, bad: Any, lower: float | None, upper: float | None
) -> None:
    expectation = expect("adversarial.steps_to_fit", lower, upper, statistic)
    judgement = verdict_on(
        expectation, results_of("adversarial", [10.0, 11.0, bad], "steps_to_fit")
    )
    assert judgement.verdict is Verdict.FAIL
    assert judgement.values == {0: 10.0, 1: 11.0}
    assert (judgement.mean, judgement.deviation) == (None, None)
    if bad is None:
        why = "adversarial, seed 2, never fitted its training set, so it has no steps_to_fit"
        assert judgement.message == why
    else:
        assert judgement.message == f"adversarial, seed 2: steps_to_fit is {bad!r}"


def counted(
    run: str, epochs: Sequence[float | None], budget: float = 100, accuracy: float = 0.9
) -> list[RunResult]:
    """Return runs of three steps an epoch: the epochs to fit of each, None for one that did not."""
    return [
        RunResult(
            run,
            seed,
            "key",
            Status.DONE,
            measurements={
                "epochs_to_fit": each,
                "steps_to_fit": None if each is None else 3 * each,
                "epochs": budget if each is None else each,
                "steps": 3 * (budget if each is None else each),
                "train_accuracy": accuracy if each is None else 1.0,
            },
        )
        for seed, each in enumerate(epochs)
    ]


class TestCensored:
    """What was not reached within the budget decides only where it would whatever it is."""

    @pytest.mark.parametrize("statistic", [Statistic.EVERY, Statistic.MEDIAN, Statistic.WORST])
    @pytest.mark.parametrize(
        ("lower", "upper", "verdict"),
        [
            # Fitted at 101 epochs or later, whatever it is: the budget was 100.
            (101, None, Verdict.PASS),
            (102, None, Verdict.INCONCLUSIVE),
            (None, 100, Verdict.FAIL),
            (None, 101, Verdict.INCONCLUSIVE),
            (50, 90, Verdict.FAIL),
            (90, 150, Verdict.INCONCLUSIVE),
            (90, 1e300, Verdict.INCONCLUSIVE),
        ],
    )
    def test_runs_that_never_fitted_took_more_than_their_budget(
        self, lower: float | None, upper: float | None, verdict: Verdict, statistic: Statistic
    ) -> None:
        expectation = replace(expect("a.epochs_to_fit", lower, upper, statistic), share=0.5)
        found = verdict_on(expectation, counted("a", [None] * 5))
        assert found.verdict is verdict
        assert (found.values, found.mean, found.censored) == (
            {},
            None,
            dict.fromkeys(range(5), (101, math.inf)),
        )
        said = found.message or " ".join(found.notes)
        assert (
            "a, seeds 0, 1, 2, 3, 4: it never fitted its training set in 100 epochs, so"
            " epochs_to_fit is known to be more, and not how much" in said
        )
        assert bool(found.message) is (verdict is not Verdict.PASS)

    def test_steps_are_those_of_an_epoch_more(self) -> None:
        found = verdict_on(
            expect("a.steps_to_fit", lower=303, statistic=Statistic.EVERY), counted("a", [None])
        )
        assert (found.verdict, found.censored) == (Verdict.PASS, {0: (303, math.inf)})

    def test_to_take_longer_to_fit_is_not_refuted_by_never_fitting(self) -> None:
        results = counted("slow", [None, None, 90]) + counted("fast", [20, 30, 40])
        longer = "slow.epochs_to_fit - fast.epochs_to_fit"
        assert (
            verdict_on(expect(longer, lower=0, statistic=Statistic.EVERY), results).verdict
            is Verdict.PASS
        )
        mean = verdict_on(expect(longer, lower=0), results)
        assert mean.verdict is Verdict.INCONCLUSIVE
        assert (
            "a mean of what has no end has no limits, the statistics median, worst and every need"
            " none" in mean.message
        )
        assert (
            verdict_on(expect(longer, upper=-1, statistic=Statistic.EVERY), results).verdict
            is Verdict.FAIL
        )

    def test_a_mean_of_ratios_that_have_an_end_may_pass(self) -> None:
        # The ratios are anything above 0 and at most 20/101, 30/101 and 40/101. The largest upper
        # limit is at a corner: of 0, 0 and 0.396 it is 0.132 + 2.92 * 0.2287 / sqrt(3) = 0.5175.
        results = counted("fast", [20, 30, 40]) + counted("slow", [None] * 3)
        ratio = "fast.epochs_to_fit / slow.epochs_to_fit"
        corners = [[a, b, c] for a in (0, 20 / 101) for b in (0, 30 / 101) for c in (0, 40 / 101)]
        largest = max(
            float(np.mean(c) + 2.919986 * np.std(c, ddof=1) / math.sqrt(3)) for c in corners
        )
        assert verdict_on(expect(ratio, upper=largest + 1e-5), results).verdict is Verdict.PASS
        assert (
            verdict_on(expect(ratio, upper=largest - 1e-5), results).verdict is Verdict.INCONCLUSIVE
        )
        assert verdict_on(expect(ratio, lower=largest + 1e-5), results).verdict is Verdict.FAIL

    @given(
        st.lists(st.sampled_from([None, 10.0, 50.0, 90.0]), min_size=2, max_size=5),
        st.sampled_from(OVER_SEEDS),
        st.sampled_from(
            ["slow.epochs_to_fit", "10 / slow.epochs_to_fit", "50 - slow.epochs_to_fit"]
        ),
        st.sampled_from(
            [(0.0, None), (None, 0.2), (0.05, 0.5), (60.0, None), (None, 101.0), (-60.0, 5.0)]
        ),
        st.lists(st.floats(101, 1e6), min_size=5, max_size=5),
    )
    def test_what_is_decided_is_decided_alike_whatever_the_number_is(
        self,
        epochs: Sequence[float | None],
        statistic: Statistic,
        metric: str,
        bounds: tuple[float | None, float | None],
        meant: Sequence[float],
    ) -> None:
        expectation = replace(expect(metric, *bounds, statistic), share=0.5)
        found = verdict_on(expectation, counted("slow", epochs))
        completed = [meant[seed] if each is None else each for seed, each in enumerate(epochs)]
        if found.verdict is not Verdict.INCONCLUSIVE:
            assert verdict_on(expectation, counted("slow", completed)).verdict is found.verdict

    @pytest.mark.parametrize(
        ("rule", "accuracy", "epochs", "known"),
        [
            ({"train_accuracy": 1.0}, 0.994, 100, False),
            ({"train_accuracy": 0.99}, 0.994, 100, True),
            ({"train_accuracy": 1.0}, 1.0, 40, True),
            (None, 0.9, 100, True),
        ],
    )
    def test_epochs_are_a_number_where_the_stopping_rule_was_met_or_there_is_none(
        self, tmp_path: Path, rule: Any, accuracy: float, epochs: float, known: bool
    ) -> None:
        training = {"epochs": 100} | ({"stop_when": rule} if rule else {})
        document = {"name": "a", "title": "A", "runs": {"a": {"training": training}}}
        document["defaults"] = {"dataset": {"name": "digits"}, "model": {"name": "perceptron"}}
        path = tmp_path / "a.json"
        path.write_text(json.dumps(document))
        measurements = {
            "epochs": epochs,
            "steps": 3 * epochs,
            "train_accuracy": accuracy,
            "epochs_to_fit": None,
        }
        result = RunResult("a", 0, "key", Status.DONE, measurements=measurements)
        expectation = expect("a.epochs", upper=100, statistic=Statistic.EVERY)
        found = judge(expectation, [0], {("a", 0): result}, load_file(path).runs)
        assert found.verdict is (Verdict.PASS if known else Verdict.FAIL)
        assert (found.censored == {}) is known
        if not known:
            assert (
                "a, seed 0: it did not reach the 100% training accuracy to stop at in 100 epochs"
                in found.message
            )


class TestBudgetOfSteps:
    """A budget of steps may end within an epoch, at whose end more would be known."""

    def runs(self, tmp_path: Path, **training: Any) -> Mapping[str, RunSpec]:
        document = {"name": "a", "title": "A", "runs": {"a": {"training": training}}}
        document["defaults"] = {"dataset": {"name": "digits"}, "model": {"name": "perceptron"}}
        (tmp_path / "a.json").write_text(json.dumps(document))
        return load_file(tmp_path / "a.json").runs

    @pytest.mark.parametrize(
        ("metric", "least"), [("a.epochs_to_fit", 100), ("a.steps_to_fit", 301)]
    )
    def test_what_was_not_reached_may_be_so_at_the_end_of_that_epoch(
        self, tmp_path: Path, metric: str, least: float
    ) -> None:
        (result,) = counted("a", [None])
        found = judge(
            expect(metric, lower=least, statistic=Statistic.EVERY),
            [0],
            {("a", 0): result},
            self.runs(tmp_path, steps=300),
        )
        assert (found.verdict, found.censored) == (Verdict.PASS, {0: (least, math.inf)})

    @pytest.mark.parametrize(("spent", "known"), [(300, False), (297, True)])
    def test_early_stopping_ended_what_did_not_spend_its_steps(
        self, tmp_path: Path, spent: float, known: bool
    ) -> None:
        measurements = {"epochs": 100.0, "steps": spent}
        found = judge(
            expect("a.steps", upper=1000, statistic=Statistic.EVERY),
            [0],
            {("a", 0): RunResult("a", 0, "key", Status.DONE, measurements=measurements)},
            self.runs(tmp_path, steps=300, early_stopping={}),
        )
        assert (found.censored == {}) is known


class TestSeedsThatAgree:
    """Limits of no width are widened to the resolution of the measurement, and marked."""

    # The quantiles of Student's t: 6.3138 and 2.1318. Of two seeds, one a step r apart, the
    # deviation is r / sqrt(2).
    @pytest.mark.parametrize(("count", "images"), [(2, 6.3138 / 2), (3, 1.0), (5, 1.0), (10, 1.0)])
    @pytest.mark.parametrize("interval", [Interval.STUDENT, Interval.BOOTSTRAP])
    def test_limits_are_at_least_an_image_wide(
        self, runs: Mapping[str, RunSpec], count: int, images: float, interval: Interval
    ) -> None:
        results = {(each.run, each.seed): each for each in results_of("vanilla", [0.9] * count)}
        found = judge(expect(lower=0.5, interval=interval), range(count), results, runs)
        assert found.interval == pytest.approx((0.9 - images / 100, 0.9 + images / 100), abs=1e-5)
        assert found.verdict is Verdict.PASS
        assert found.notes == (
            (
                "the seeds agree to the last digit: limits rest on the resolution of the"
                " measurement, one step of which is 1 point"
            ),
        )

    def test_two_that_agree_on_a_bound_pass_no_more(self, runs: Mapping[str, RunSpec]) -> None:
        results = {(each.run, each.seed): each for each in results_of("vanilla", [0.9, 0.9])}
        found = judge(expect(lower=0.9), [0, 1], results, runs)
        assert (found.verdict, found.message) == (
            Verdict.INCONCLUSIVE,
            (
                "the 95% confidence limits 86.84 to 93.16% straddle a bound; seeds that all agree"
                " do not tell how many would decide"
            ),
        )
        assert judge(expect(lower=0.86), [0, 1], results, runs).verdict is Verdict.PASS
        assert judge(expect(lower=0.94), [0, 1], results, runs).verdict is Verdict.FAIL

    def test_no_limits_are_wider_than_those_of_seeds_that_are_a_step_apart(
        self, runs: Mapping[str, RunSpec]
    ) -> None:
        for count in (2, 3):
            widths = []
            for last in (0.9, 0.91):
                values = [0.9] * (count - 1) + [last]
                results = {(each.run, each.seed): each for each in results_of("vanilla", values)}
                lower, upper = judge(expect(lower=0.5), range(count), results, runs).interval
                assert lower is not None
                assert upper is not None
                widths.append(upper - lower)
            assert widths[0] == pytest.approx(widths[1], rel=0.03)

    def test_a_difference_that_is_the_same_for_all_seeds_is_widened_by_one_image_too(
        self, runs: Mapping[str, RunSpec]
    ) -> None:
        # Of 100 images and of the 1,297 that the digits have: one image of the hundred changes
        # most.
        first, second = (
            results_of("vanilla", [0.5, 0.75, 0.875]),
            results_of("whole", [0.25, 0.5, 0.625]),
        )
        results = {(each.run, each.seed): each for each in (*first, *second)}
        found = judge(
            expect("vanilla.test_accuracy - whole.test_accuracy", lower=0.1),
            [0, 1, 2],
            results,
            runs,
        )
        assert found.interval == pytest.approx((0.24, 0.26))
        assert len(found.notes) == 1

    def test_where_the_resolution_is_not_known_it_says_so(self) -> None:
        found = verdict_on(expect(lower=0.1), results_of("vanilla", [0.9] * 3))
        assert (found.verdict, found.interval) == (Verdict.PASS, (0.9, 0.9))
        assert found.notes == (
            (
                "the seeds agree to the last digit, and the resolution of the measurement is not"
                " known: limits of no width rest on these seeds alone"
            ),
        )

    def test_a_number_that_is_the_same_by_definition_needs_no_limits(
        self, runs: Mapping[str, RunSpec]
    ) -> None:
        results = {
            (each.run, each.seed): each for each in results_of("vanilla", [100.0] * 3, "epochs")
        }
        found = judge(expect("vanilla.epochs", upper=100), [0, 1, 2], results, runs)
        assert (found.verdict, found.interval, found.notes) == (Verdict.PASS, (100, 100), ())


class TestUnfitted:
    """A comparison names the runs that did not fit their training sets."""

    METRIC = "a.test_accuracy - b.test_accuracy"

    def results(self, first: Sequence[float], second: Sequence[float]) -> list[RunResult]:
        return [
            RunResult(
                run,
                seed,
                "key",
                Status.DONE,
                measurements={"test_accuracy": seed**power / 99, "train_accuracy": v},
            )
            for run, values, power in (("a", first, 1), ("b", second, 2))
            for seed, v in enumerate(values)
        ]

    def test_the_run_the_seeds_and_the_accuracies_are_told(self) -> None:
        found = verdict_on(
            expect(self.METRIC, lower=-1), self.results([1.0, 1.0, 1.0], [0.935, 1.0, 0.9401])
        )
        assert found.verdict is Verdict.PASS
        assert found.notes == (
            "b did not fit its training set: training accuracy 93.50%, 94.01% (seeds 0, 2)",
        )

    def test_where_all_fitted_or_nothing_is_compared_there_is_nothing_to_tell(self) -> None:
        assert (
            verdict_on(expect(self.METRIC, lower=-1), self.results([1.0] * 3, [1.0] * 3)).notes
            == ()
        )
        assert (
            verdict_on(
                expect("a.test_accuracy", lower=-1), self.results([0.9] * 3, [0.9] * 3)
            ).notes
            == ()
        )
        trained = expect("a.train_accuracy - b.train_accuracy", lower=-1, statistic=Statistic.EVERY)
        assert verdict_on(trained, self.results([0.9] * 3, [0.8] * 3)).notes == ()

    def test_many_seeds_are_told_by_their_range(self) -> None:
        found = verdict_on(
            expect(self.METRIC, lower=-1), self.results([0.9, 0.8, 0.7, 0.6, 0.5, 0.4], [1.0] * 6)
        )
        assert found.notes == (
            (
                "a did not fit its training set: training accuracy 40.00% to 90.00% (seeds 0, 1, 2,"
                " 3, 4, 5)"
            ),
        )


def test_a_measurement_that_was_never_taken_fails() -> None:
    judgement = verdict_on(
        expect("vanilla.boundary_length", upper=9.0), results_of("vanilla", [0.5, 0.5])
    )
    assert judgement.verdict is Verdict.FAIL
    assert judgement.message.startswith("vanilla, seed 0, has no boundary_length")


def test_a_division_by_zero_fails() -> None:
    results = results_of("a", [1.0, 1.0]) + results_of("b", [0.0, 2.0])
    judgement = verdict_on(expect("a.test_accuracy / b.test_accuracy", lower=0.1), results)
    assert (judgement.verdict, judgement.message) == (
        Verdict.FAIL,
        "seed 0: the expression has no finite value",
    )


def test_no_seeds_at_all_fail() -> None:
    assert verdict_on(expect(lower=0.1), [], seeds=0).verdict is Verdict.FAIL


def test_an_error_goes_before_blocked_and_blocked_before_a_missing_value() -> None:
    done = RunResult("vanilla", 0, "key", Status.DONE, measurements={"test_accuracy": None})
    blocked = RunResult("vanilla", 1, "key", Status.BLOCKED, reason="cifar10 is not prepared")
    failed = RunResult("vanilla", 2, "key", Status.ERROR, reason="out of memory")
    judgement = verdict_on(expect(lower=0.1), [done, blocked, failed])
    assert (judgement.verdict, judgement.message) == (
        Verdict.ERROR,
        "vanilla, seed 2: out of memory",
    )
    judgement = verdict_on(expect(lower=0.1), [done, blocked])
    assert (judgement.verdict, judgement.message) == (
        Verdict.BLOCKED,
        "vanilla, seed 1: cifar10 is not prepared",
    )
    assert verdict_on(expect(lower=0.1), [done]).verdict is Verdict.FAIL


def test_a_run_without_a_result_is_not_run_yet() -> None:
    judgement = verdict_on(expect(lower=0.1), results_of("vanilla", [0.9]), seeds=3)
    assert (judgement.verdict, judgement.message) == (
        Verdict.BLOCKED,
        "vanilla, seeds 1, 2: not run yet",
    )
    assert (judgement.values, judgement.mean) == ({0: 0.9}, None)


def test_check_judges_in_the_order_of_the_specification_and_ignores_other_seeds() -> None:
    expectations = (expect(lower=0.5), expect(upper=0.5))
    experiment = Experiment(
        Path("x.json"), "x", "X", "?", None, Requirements(), (0, 1), {}, expectations, (), {}
    )
    judgements = check(experiment, results_of("vanilla", [0.9, 0.91, 0.0]))
    assert [judgement.verdict for judgement in judgements] == [Verdict.PASS, Verdict.FAIL]
    assert [judgement.expectation for judgement in judgements] == list(expectations)


@pytest.mark.parametrize("count", [3, 5, 10])
def test_a_true_mean_on_the_bound_passes_in_one_of_twenty(count: int) -> None:
    """Expect 200 of 4,000 false passes (1 - confidence), give or take 4 deviations of 13.8."""
    draws = np.random.default_rng(20200613).normal(0.9, 0.02, (4000, count))
    passes: Mapping[Verdict, int] = _count(draws, expect(lower=0.9))
    assert abs(passes[Verdict.PASS] - 200) < 56
    assert abs(passes[Verdict.FAIL] - 200) < 56


def test_a_true_mean_on_the_edge_of_a_band_passes_in_at_most_one_of_twenty() -> None:
    draws = np.random.default_rng(20200613).normal(0.9, 0.02, (4000, 5))
    assert _count(draws, expect(lower=0.9, upper=0.95))[Verdict.PASS] < 256


def _count(
    draws: np.ndarray[tuple[int, int], np.dtype[np.float64]], expectation: Expectation
) -> dict[Verdict, int]:
    counts = dict.fromkeys(Verdict, 0)
    for row in draws.tolist():
        counts[verdict_on(expectation, results_of("vanilla", row)).verdict] += 1
    return counts


def networks(*counts: tuple[int, int], sets: tuple[str, str] = ("s", "s")) -> list[RunResult]:
    """Return two runs: for each seed, how many of 100 images each of them alone gets right."""
    found = []
    for seed, (first, second) in enumerate(counts):
        right = np.zeros((2, 100), bool)
        right[:, 40:] = True
        right[0, :first] = right[1, first : first + second] = True
        for run, each, name in zip(("vanilla", "bad"), right, sets, strict=True):
            measured = {"test_accuracy": float(each.mean())}
            tested = RightImages.of(name, each)
            found.append(
                RunResult(run, seed, "k", Status.DONE, measurements=measured, tested=tested)
            )
    return found


@pytest.mark.parametrize(
    ("interval", "seeds", "read"),
    [
        ("student", [0, 1], set()),
        ("student", [0], {"a", "b"}),  # there are no limits over seeds
        ("paired", [0, 1], {"a", "b"}),
        ("binomial", [0, 1, 2], {"a", "b"}),
        ("student", {"first": 2, "most": 4}, set()),
    ],
)
def test_single_test_images_are_read_where_limits_come_from_them(
    person: Person, interval: str, seeds: Json, read: set[str]
) -> None:
    expectation = {
        "id": "e",
        "metric": "a.test_accuracy - b.test_accuracy",
        "at_least": 0.1,
        "interval": interval,
        "basis": "hypothesis",
        "source": "s",
    }
    spec = person.spec(seeds=seeds, expectations=[expectation], runs={"a": {}, "b": {}, "c": {}})
    details = detail_needed(load_file(Path(spec)))
    assert {run for run, detail in details.items() if detail is Detail.IMAGES} == read
    assert set(details) == {"a", "b", "c"}


class TestPairs:
    """Two networks that are compared image by image."""

    METRIC = "vanilla.test_accuracy - bad.test_accuracy"

    def judged(
        self, expectation: Expectation, results: Sequence[RunResult], runs: Mapping[str, RunSpec]
    ) -> Judgement:
        known = {"vanilla": runs["vanilla"], "bad": runs["vanilla"]}
        seeds = sorted({result.seed for result in results})
        return judge(
            expectation, seeds, {(result.run, result.seed): result for result in results}, known
        )

    @pytest.mark.parametrize(
        ("lower", "verdict"),
        [(0.0, Verdict.PASS), (0.15, Verdict.INCONCLUSIVE), (0.31, Verdict.FAIL)],
    )
    def test_decide_where_they_are_asked_to(
        self, lower: float, verdict: Verdict, runs: Mapping[str, RunSpec]
    ) -> None:
        judgement = self.judged(
            expect(self.METRIC, lower=lower, interval=Interval.PAIRED), networks((20, 2)), runs
        )
        assert judgement.verdict is verdict
        assert judgement.interval == judgement.images == difference_limits(Pairs(100, 20, 2), 0.95)
        assert judgement.pairing == Pairing((Pairs(100, 20, 2),))

    def test_the_order_and_a_factor_of_the_difference_count(
        self, runs: Mapping[str, RunSpec]
    ) -> None:
        metric = "1 + 100 * (bad.test_accuracy - vanilla.test_accuracy)"
        judgement = self.judged(
            expect(metric, upper=1.0, interval=Interval.PAIRED), networks((20, 2)), runs
        )
        lower, upper = difference_limits(Pairs(100, 20, 2), 0.95)
        assert judgement.interval == pytest.approx((1 - 100 * upper, 1 - 100 * lower))
        assert judgement.verdict is Verdict.PASS

    def test_of_several_seeds_share_the_error(self, runs: Mapping[str, RunSpec]) -> None:
        expectation = expect(self.METRIC, lower=0.0, interval=Interval.PAIRED)
        judgement = self.judged(expectation, networks((20, 2), (12, 3)), runs)
        one, other = (
            difference_limits(each, 0.975) for each in (Pairs(100, 20, 2), Pairs(100, 12, 3))
        )
        assert judgement.interval == pytest.approx(
            ((one[0] + other[0]) / 2, (one[1] + other[1]) / 2)
        )

    def test_a_single_seed_shows_them_and_stays_inconclusive(
        self, runs: Mapping[str, RunSpec]
    ) -> None:
        judgement = self.judged(expect(self.METRIC, lower=0.0), networks((20, 2)), runs)
        assert judgement.verdict is Verdict.INCONCLUSIVE
        assert judgement.images == difference_limits(Pairs(100, 20, 2), 0.95)
        # Two of 22 heads or fewer, or as many tails: 2 * (1 + 22 + 231) / 2^22.
        assert judgement.message.endswith(
            ", in pairs: of 100 images one network alone is right on 20, the other alone on 2 "
            "(McNemar's exact test: p = 0.00012); of these networks, not of other seeds"
        )

    @pytest.mark.parametrize(
        ("change", "obstacle"),
        [
            ({"tested": None}, "the predictions of bad, seed 0, were not kept"),
            (
                {"tested": RightImages.of("s", np.ones(100, bool))},
                "of bad, seed 0, do not have its test accuracy",
            ),
            (
                {"tested": networks((20, 2), sets=("s", "t"))[1].tested},
                "were not tested on the same images",
            ),
        ],
    )
    def test_without_them_the_limits_are_those_of_two_test_sets(
        self, change: dict[str, Any], obstacle: str, runs: Mapping[str, RunSpec]
    ) -> None:
        first, second = networks((20, 2))
        results = [first, replace(second, **change)]
        judgement = self.judged(
            expect(self.METRIC, lower=0.15, interval=Interval.PAIRED), results, runs
        )
        independent = self.judged(
            expect(self.METRIC, lower=0.15, interval=Interval.BINOMIAL), results, runs
        )
        assert judgement.interval == independent.interval
        assert obstacle in judgement.pairing.obstacle
        assert judgement.message.endswith(
            f"not in pairs of images, as {judgement.pairing.obstacle}"
        )
        assert independent.pairing == Pairing()


MEASURING: Json = {
    "a": {"metrics": [{"name": "agreement", "with": "b"}, {"name": "sharpness"}]},
    "b": {},
    "c": {},
}


class TestFinalMetrics:
    """A final metric that is not measured leaves its expectations blocked, never passed."""

    def experiment(self, tmp_path: Path, metric: str) -> Experiment:
        bound = {"at_least": 0.5, "statistic": "every", "basis": "hypothesis", "source": "s"}
        document = specifications.small(
            seeds=[0, 1], runs=MEASURING, expectations=[{"id": "e", "metric": metric, **bound}]
        )
        return load_file(specifications.write(tmp_path / "a.json", document))

    @staticmethod
    def results(**changes: Any) -> list[RunResult]:
        found = [each for run in "abc" for each in results_of(run, [0.9, 0.9])]
        return [replace(each, **changes) if each.run == "a" else each for each in found]

    def test_one_that_is_not_measured_is_blocked_and_says_why(self, tmp_path: Path) -> None:
        experiment = self.experiment(tmp_path, "a.sharpness")
        results = self.results(unmeasured={"sharpness": "not measured yet: do so"})
        (judgement,) = check(experiment, results)
        assert judgement.verdict is Verdict.BLOCKED
        assert judgement.message == "a.sharpness, seeds 0, 1: not measured yet: do so"

    def test_one_that_is_measured_is_judged(self, tmp_path: Path) -> None:
        experiment = self.experiment(tmp_path, "a.sharpness")
        (judgement,) = check(experiment, self.results(measurements={"sharpness": 0.75}))
        assert judgement.verdict is Verdict.PASS

    @pytest.mark.parametrize("stale", ["b", "c"])
    def test_the_run_that_is_compared_counts_too(self, tmp_path: Path, stale: str) -> None:
        experiment = self.experiment(tmp_path, "a.agreement_with_b")
        results = self.results(measurements={"agreement_with_b": 0.75})
        aged = [replace(r, stale="other code") if r.run == stale else r for r in results]
        (judgement,) = check(experiment, aged)
        assert bool(judgement.stale) is (stale == "b")
        absent = [r for r in results if r.run != stale]
        (judgement,) = check(experiment, absent)
        assert judgement.verdict is (Verdict.BLOCKED if stale == "b" else Verdict.PASS)
