"""Verdicts against numbers from a printed t table and hand calculation."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from harness.check import (
    Judgement,
    Verdict,
    check,
    confidence_limits,
    exit_code,
    half_width,
    judge,
    seeds_to_decide,
)
from harness.results import RunResult, Status
from harness.spec.records import Basis, Expectation, Experiment, Requirements, Statistic

# Printed tables of Student's t, one-sided 95% (and 99%): degrees of freedom 1, 2, 4, 9.
T95 = {1: 6.3138, 2: 2.9200, 4: 2.1318, 9: 1.8331}
T99 = {2: 6.9646, 4: 3.7469}


def expect(
    metric: str = "vanilla.test_accuracy",
    lower: float | None = None,
    upper: float | None = None,
    statistic: Statistic = Statistic.MEAN,
    confidence: float = 0.95,
) -> Expectation:
    return Expectation("id", "title", metric, lower, upper, statistic, confidence, Basis.CLAIM, "source")


def results_of(run: str, values: Sequence[float | None], metric: str = "test_accuracy") -> list[RunResult]:
    return [RunResult(run, seed, "key", Status.DONE, measurements={metric: v}) for seed, v in enumerate(values)]


def verdict_on(expectation: Expectation, results: Sequence[RunResult], seeds: int | None = None) -> Judgement:
    count = 1 + max((result.seed for result in results), default=0) if seeds is None else seeds
    return judge(expectation, range(count), {(result.run, result.seed): result for result in results})


@pytest.mark.parametrize(("freedom", "quantile"), T95.items())
def test_the_half_width_uses_the_quantile_of_the_printed_table(freedom: int, quantile: float) -> None:
    assert half_width(1.0, freedom + 1, 0.95) == pytest.approx(quantile / math.sqrt(freedom + 1), abs=5e-5)


@pytest.mark.parametrize(("freedom", "quantile"), T99.items())
def test_another_confidence_uses_its_own_quantile(freedom: int, quantile: float) -> None:
    assert half_width(2.0, freedom + 1, 0.99) == pytest.approx(2 * quantile / math.sqrt(freedom + 1), abs=1e-4)


def test_confidence_limits_of_one_two_three() -> None:
    # Mean 2, sample deviation 1, t = 2.91999: 2 -+ 2.91999 / sqrt(3) = 2 -+ 1.68585.
    assert confidence_limits([1.0, 2.0, 3.0], 0.95) == pytest.approx((0.31415, 3.68585), abs=1e-5)


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
def test_the_mean_of_three_seeds_against_bounds(lower: float | None, upper: float | None, verdict: Verdict) -> None:
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
def test_equal_values_on_the_bound_pass(statistic: Statistic, lower: float | None, upper: float | None) -> None:
    judgement = verdict_on(expect(lower=lower, upper=upper, statistic=statistic), results_of("vanilla", [0.1] * 3))
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


def test_one_seed_gives_no_interval() -> None:
    judgement = verdict_on(expect(lower=0.1), results_of("vanilla", [0.9]))
    assert (judgement.verdict, judgement.mean, judgement.deviation) == (Verdict.INCONCLUSIVE, 0.9, None)
    assert judgement.message == "one seed gives no interval; add seeds or use statistic every"


def test_every_names_the_seeds_outside() -> None:
    results = results_of("vanilla", [0.9, 0.5, 0.99, 0.4])
    judgement = verdict_on(expect(lower=0.6, upper=0.95, statistic=Statistic.EVERY), results)
    assert judgement.verdict is Verdict.FAIL
    assert judgement.message == "outside the bounds: seed 1 (0.5), seed 2 (0.99), seed 3 (0.4)"


def test_every_of_one_seed_may_pass() -> None:
    judgement = verdict_on(expect(lower=0.9, statistic=Statistic.EVERY), results_of("vanilla", [0.9]))
    assert (judgement.verdict, judgement.interval) == (Verdict.PASS, (None, None))


@pytest.mark.parametrize(
    ("distance", "count"),
    # Deviation 1, from the table: n = 3: 2.9200/1.7321 = 1.6859; n = 5: 2.1318/2.2361 = 0.9534; n = 10: 0.5797.
    [(6.0, 2), (1.70, 3), (0.96, 5), (0.95, 6), (0.58, 10), (0.57, 11), (0.01, None), (0.0, None)],
)
def test_the_number_of_seeds_that_would_decide(distance: float, count: int | None) -> None:
    assert seeds_to_decide(1.0, distance, 0.95) == count


def test_an_inconclusive_message_advises_on_seeds() -> None:
    results = results_of("vanilla", [1.0, 2.0, 3.0])
    assert "about 5 seeds would likely decide" in verdict_on(expect(lower=1.04), results).message
    assert "more than 100 seeds would likely decide" in verdict_on(expect(lower=2.01), results).message


@pytest.mark.parametrize("statistic", [Statistic.MEAN, Statistic.EVERY])
@pytest.mark.parametrize("bad", [None, math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(("lower", "upper"), [(0.0, None), (None, 1e9), (None, None)])
def test_nothing_missing_or_not_finite_passes(
    statistic: Statistic, bad: float | None, lower: float | None, upper: float | None
) -> None:
    expectation = expect("adversarial.steps_to_fit", lower, upper, statistic)
    judgement = verdict_on(expectation, results_of("adversarial", [10.0, 11.0, bad], "steps_to_fit"))
    assert judgement.verdict is Verdict.FAIL
    assert judgement.values == {0: 10.0, 1: 11.0}
    assert (judgement.mean, judgement.deviation) == (None, None)
    if bad is None:
        why = "adversarial, seed 2, never fitted its training set, so it has no steps_to_fit"
        assert judgement.message == why
    else:
        assert judgement.message == f"adversarial, seed 2: steps_to_fit is {bad}"


def test_a_measurement_that_was_never_taken_fails() -> None:
    judgement = verdict_on(expect("vanilla.boundary_length", upper=9.0), results_of("vanilla", [0.5, 0.5]))
    assert judgement.verdict is Verdict.FAIL
    assert judgement.message.startswith("vanilla, seed 0, has no boundary_length")


def test_a_division_by_zero_fails() -> None:
    results = results_of("a", [1.0, 1.0]) + results_of("b", [0.0, 2.0])
    judgement = verdict_on(expect("a.test_accuracy / b.test_accuracy", lower=0.1), results)
    assert (judgement.verdict, judgement.message) == (Verdict.FAIL, "seed 0: the expression has no finite value")


def test_no_seeds_at_all_fail() -> None:
    assert verdict_on(expect(lower=0.1), [], seeds=0).verdict is Verdict.FAIL


def test_an_error_goes_before_blocked_and_blocked_before_a_missing_value() -> None:
    done = RunResult("vanilla", 0, "key", Status.DONE, measurements={"test_accuracy": None})
    blocked = RunResult("vanilla", 1, "key", Status.BLOCKED, reason="cifar10 is not prepared")
    failed = RunResult("vanilla", 2, "key", Status.ERROR, reason="out of memory")
    judgement = verdict_on(expect(lower=0.1), [done, blocked, failed])
    assert (judgement.verdict, judgement.message) == (Verdict.ERROR, "vanilla, seed 2: out of memory")
    judgement = verdict_on(expect(lower=0.1), [done, blocked])
    assert (judgement.verdict, judgement.message) == (Verdict.BLOCKED, "vanilla, seed 1: cifar10 is not prepared")
    assert verdict_on(expect(lower=0.1), [done]).verdict is Verdict.FAIL


def test_a_run_without_a_result_is_not_run_yet() -> None:
    judgement = verdict_on(expect(lower=0.1), results_of("vanilla", [0.9]), seeds=3)
    assert (judgement.verdict, judgement.message) == (Verdict.BLOCKED, "vanilla, seeds 1, 2: not run yet")
    assert (judgement.values, judgement.mean) == ({0: 0.9}, None)


def test_check_judges_in_the_order_of_the_specification_and_ignores_other_seeds() -> None:
    expectations = (expect(lower=0.5), expect(upper=0.5))
    experiment = Experiment(Path("x.json"), "x", "X", "?", None, Requirements(), (0, 1), {}, expectations, (), {})
    judgements = check(experiment, results_of("vanilla", [0.9, 0.91, 0.0]))
    assert [judgement.verdict for judgement in judgements] == [Verdict.PASS, Verdict.FAIL]
    assert [judgement.expectation for judgement in judgements] == list(expectations)


def judgements_of(*verdicts: Verdict) -> list[Judgement]:
    return [Judgement(expect(), verdict) for verdict in verdicts]


@pytest.mark.parametrize(
    ("verdicts", "allow", "statuses", "code"),
    [
        ((), (), (), 0),
        ((Verdict.PASS,), (), (Status.DONE,), 0),
        ((Verdict.PASS, Verdict.FAIL, Verdict.BLOCKED), (Verdict.BLOCKED,), (), 1),
        ((Verdict.FAIL, Verdict.ERROR), (), (), 3),
        ((Verdict.PASS, Verdict.BLOCKED), (), (), 4),
        ((Verdict.PASS, Verdict.BLOCKED), (Verdict.BLOCKED,), (), 0),
        ((Verdict.INCONCLUSIVE,), (Verdict.BLOCKED,), (), 4),
        ((Verdict.INCONCLUSIVE,), (Verdict.INCONCLUSIVE,), (), 0),
        ((), (), (Status.DONE, Status.ERROR), 3),
        ((Verdict.PASS,), (), (Status.MISSING,), 4),
        ((Verdict.PASS,), (), (Status.BLOCKED,), 4),
        ((Verdict.PASS,), (Verdict.BLOCKED,), (Status.BLOCKED, Status.MISSING), 0),
    ],
)
def test_exit_codes(
    verdicts: Sequence[Verdict], allow: Sequence[Verdict], statuses: Sequence[Status], code: int
) -> None:
    assert exit_code(judgements_of(*verdicts), allow, statuses) == code


def test_a_fail_cannot_be_allowed() -> None:
    with pytest.raises(ValueError, match="only blocked and inconclusive"):
        exit_code([], allow=[Verdict.FAIL])


@pytest.mark.parametrize("count", [3, 5, 10])
def test_a_true_mean_on_the_bound_passes_in_one_of_twenty(count: int) -> None:
    """The rate of false passes is 1 - confidence: 200 of 4,000, give or take 4 deviations of 13.8."""
    draws = np.random.default_rng(20200613).normal(0.9, 0.02, (4000, count))
    passes: Mapping[Verdict, int] = _count(draws, expect(lower=0.9))
    assert abs(passes[Verdict.PASS] - 200) < 56
    assert abs(passes[Verdict.FAIL] - 200) < 56


def test_a_true_mean_on_the_edge_of_a_band_passes_in_at_most_one_of_twenty() -> None:
    draws = np.random.default_rng(20200613).normal(0.9, 0.02, (4000, 5))
    assert _count(draws, expect(lower=0.9, upper=0.95))[Verdict.PASS] < 256


def _count(draws: np.ndarray[tuple[int, int], np.dtype[np.float64]], expectation: Expectation) -> dict[Verdict, int]:
    counts = dict.fromkeys(Verdict, 0)
    for row in draws.tolist():
        counts[verdict_on(expectation, results_of("vanilla", row)).verdict] += 1
    return counts
