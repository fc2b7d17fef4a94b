"""Looks at growing seeds: levels against printed tables and simulation, looks and families."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from harness.experiment import Basis, Control, Expectation, SeedPlan, Statistic
from harness.judging import verdicts
from harness.judging.alpha_spending import student_levels
from harness.judging.judgement import Judgement
from harness.judging.sequential import Design, has_confidence, judge_all
from harness.judging.verdicts import decide
from harness.words import Verdict
from tests.judging.test_alpha_spending import SIZES, Floats, limits_at_level
from tests.support.results import OVER_SEEDS

PLAN = SeedPlan(3, 20, 3)
Draw = Callable[[np.random.Generator, tuple[int, int]], Floats]


def expect(
    lower: float | None = 0.0,
    upper: float | None = None,
    statistic: Statistic = Statistic.MEAN,
    confidence: float = 0.95,
    id_: str = "id",
) -> Expectation:
    share = 0.5 if statistic is Statistic.WORST else None
    return Expectation(
        id_,
        "",
        "a.test_accuracy",
        lower,
        upper,
        statistic,
        confidence,
        Basis.CLAIM,
        "s",
        share=share,
    )


def judged(
    values: Sequence[float], expectation: Expectation, plan: SeedPlan | None = PLAN
) -> Judgement:
    """Judge by the first of the values, blocked where a look wants more than there are."""

    def judge_at(asked: Expectation, count: int) -> Judgement:
        if count > len(values):
            return Judgement(asked, Verdict.BLOCKED, message="not run yet")
        return decide(asked, dict(enumerate(values[:count])), None)

    (found,) = judge_all(Design(plan, None, len(values)), [expectation], judge_at)
    return found


def rates(
    drawn: Floats, levels: Sequence[float], sizes: Sequence[int], bounds: tuple[float, float]
) -> tuple[float, float]:
    """Return the shares of trials that pass and that fail, the first look that decides counting."""
    passed, failed = np.zeros(len(drawn), bool), np.zeros(len(drawn), bool)
    for size, level in zip(sizes, levels, strict=True):
        low, high = limits_at_level(drawn[:, :size], level)
        undecided = ~(passed | failed)
        passed |= undecided & (low >= bounds[0]) & (high <= bounds[1])
        failed |= undecided & ((high < bounds[0]) | (low > bounds[1]))
    return float(passed.mean()), float(failed.mean())


def _normal(rng: np.random.Generator, shape: tuple[int, int]) -> Floats:
    return rng.normal(size=shape)


def _exponential(rng: np.random.Generator, shape: tuple[int, int]) -> Floats:
    return rng.exponential(size=shape) - 1


@pytest.fixture
def without_advice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Judge without the advice on seeds, which takes most of the time and decides nothing."""
    for name in ("mean", "median", "share"):
        monkeypatch.setattr(verdicts, f"advise_on_{name}", lambda *_: "")


class TestRates:
    """How often a verdict is wrong, in hundredths, where the truth lies on a bound."""

    TRIALS = 100_000
    OPEN = (0.0, math.inf)

    @pytest.mark.parametrize(
        ("draw", "bounds", "passes", "fails"),
        [
            (_normal, OPEN, 5.0, 5.0),
            (_normal, (0.0, 4.0), 5.0, 5.0),
            (_normal, (-1.0, 0.0), 3.8, 5.0),
            (_exponential, OPEN, 1.3, 15.6),
        ],
    )
    def test_planned_looks_keep_them(
        self, draw: Draw, bounds: tuple[float, float], passes: float, fails: float
    ) -> None:
        drawn = draw(np.random.default_rng(2), (self.TRIALS, 20))
        found = rates(drawn, student_levels(SIZES, 0.05), SIZES, bounds)
        assert [100 * rate for rate in found] == pytest.approx([passes, fails], abs=0.3)

    @pytest.mark.parametrize(
        ("sizes", "passes"), [((3, 6), 8.5), (SIZES, 15.8), (tuple(range(3, 21)), 19.4)]
    )
    def test_the_naive_rule_does_not(self, sizes: tuple[int, ...], passes: float) -> None:
        drawn = _normal(np.random.default_rng(3), (self.TRIALS, 20))
        found = rates(drawn, [0.05] * len(sizes), sizes, self.OPEN)
        assert [100 * rate for rate in found] == pytest.approx([passes, passes], abs=0.4)

    @pytest.mark.usefixtures("without_advice")
    @pytest.mark.parametrize("statistic", [Statistic.MEDIAN, Statistic.WORST])
    def test_medians_and_shares_keep_them_too(self, statistic: Statistic) -> None:
        rng, wrong = (
            np.random.default_rng(4),
            {Verdict.PASS: 0, Verdict.FAIL: 0, Verdict.INCONCLUSIVE: 0},
        )
        for _ in range(600):  # half of all seeds are within the bounds: both verdicts are wrong
            wrong[judged(rng.normal(size=20).tolist(), expect(statistic=statistic)).verdict] += 1
        assert max(wrong[Verdict.PASS], wrong[Verdict.FAIL]) <= 600 * 0.05 + 3 * math.sqrt(
            600 * 0.05
        )

    def test_what_is_simulated_is_what_is_judged(self) -> None:
        drawn = np.random.default_rng(5).normal(0.4, 1.0, size=(150, 20))
        for bounds in ((0.0, math.inf), (-0.7, 0.7)):
            lower, upper = bounds[0], None if math.isinf(bounds[1]) else bounds[1]
            for values in drawn:
                found = judged(values.tolist(), expect(lower, upper)).verdict
                passed, failed = rates(values[None, :], student_levels(SIZES, 0.05), SIZES, bounds)
                assert (found is Verdict.PASS, found is Verdict.FAIL) == (passed == 1, failed == 1)

    @pytest.mark.long
    @pytest.mark.usefixtures("without_advice")
    def test_the_judge_itself_keeps_them(self) -> None:
        rng, trials = np.random.default_rng(6), 20_000
        found = [judged(rng.normal(size=20).tolist(), expect()).verdict for _ in range(trials)]
        for verdict in (Verdict.PASS, Verdict.FAIL):
            assert found.count(verdict) / trials == pytest.approx(
                0.05, abs=4 * math.sqrt(0.05 / trials)
            )


class TestJudgements:
    """The verdicts of all looks, and of all expectations."""

    CLEAR = (10.0, 10.1, 9.9, 10.05, 9.95, 10.0)

    def test_the_first_look_decides_little(self) -> None:
        # With 3 of 20 seeds 4e-7 is spent: Student's quantile of 2 freedoms is 1 / sqrt(2 * 4e-7) =
        # 1100 or so.
        found = judged(self.CLEAR[:3], expect())
        assert (found.verdict, found.look and found.look.number) == (Verdict.INCONCLUSIVE, 1)
        assert found.message.startswith("undecided at look 1 of 7, with 3 of at most 20 seeds: ")
        assert found.message.endswith(
            "straddle a bound; more seeds may decide: run goes on with them"
        )

    def test_a_decision_says_at_which_look_it_was_and_with_whatlimits_at_level(self) -> None:
        found = judged(self.CLEAR, expect())
        assert found.verdict is Verdict.PASS
        assert found.look is not None
        assert (found.look.number, found.look.looks, found.look.seeds, found.look.most) == (
            2,
            7,
            6,
            20,
        )
        # Spent with 6 of 20: 2 - 2 Phi(1.96 / sqrt(0.3)) = 0.000346; nothing to speak of before.
        assert found.look.confidence == pytest.approx(1 - 0.000346, abs=2e-6)
        half = stats.t.isf(0.000346, 5) * np.std(self.CLEAR, ddof=1) / math.sqrt(6)
        assert found.interval[0] == pytest.approx(10 - half, abs=0.002)
        assert found.expectation.confidence == 0.95

    def test_what_is_decided_stays_decided_by_the_same_seeds(self) -> None:
        first = judged(self.CLEAR, expect())
        later = judged([*self.CLEAR, *[-50.0] * 14], expect())
        assert later == first

    @given(st.lists(st.floats(-3, 5), min_size=20, max_size=20), st.sampled_from(OVER_SEEDS))
    @settings(max_examples=60, deadline=None)
    def test_when_somebody_looked_changes_no_decision(
        self, values: list[float], statistic: Statistic
    ) -> None:
        expectation = expect(statistic=statistic)
        decided: Judgement | None = None
        for size in range(3, 21):
            found = judged(values[:size], expectation)
            if decided is not None and has_confidence(expectation):
                assert found == decided
            elif found.verdict is not Verdict.INCONCLUSIVE:
                decided = found

    def test_seeds_between_two_looks_count_for_nothing(self) -> None:
        values = [*self.CLEAR[:3], -99.0, -99.0]
        assert judged(values, expect()).values == judged(self.CLEAR[:3], expect()).values

    def test_at_the_last_look_there_is_nothing_more_to_come(self) -> None:
        found = judged([1.0, -1.0] * 10, expect())
        assert found.verdict is Verdict.INCONCLUSIVE
        assert found.message.endswith("straddle a bound; there are no more seeds to come")

    def test_every_seed_at_hand_is_every_one_that_came_later_too(self) -> None:
        every = expect(statistic=Statistic.EVERY)
        assert judged([1.0] * 6, every).verdict is Verdict.PASS
        assert len(judged([1.0] * 6, every).values) == 6
        assert judged([1.0] * 5 + [-1.0], every).verdict is Verdict.FAIL

    def test_an_error_of_a_later_look_is_an_error(self) -> None:
        def judge_at(asked: Expectation, count: int) -> Judgement:
            verdict = Verdict.INCONCLUSIVE if count == 3 else Verdict.ERROR
            return Judgement(asked, verdict, values={0: 1.0}, message="the loss became NaN")

        (found,) = judge_all(Design(PLAN, None, 3), [expect()], judge_at)
        assert (found.verdict, found.message) == (Verdict.ERROR, "the loss became NaN")

    def test_without_a_plan_and_control_nothing_changes(self) -> None:
        values = (1.0, 2.0, 3.0)
        assert judged(values, expect(), None) == decide(expect(), dict(enumerate(values)), None)


def family(
    p_values: Sequence[float], control: Control, plan: SeedPlan | None = None
) -> tuple[Judgement, ...]:
    """Judge expectations of which each passes at the levels from its p-value on."""
    ids = {f"e{place}": p for place, p in enumerate(p_values)}

    def judge_at(asked: Expectation, count: int) -> Judgement:
        passes = ids[asked.id] <= 1 - asked.confidence + 1e-12
        return Judgement(
            asked, Verdict.PASS if passes else Verdict.INCONCLUSIVE, 0.5, values={0: 0.5}
        )

    return judge_all(Design(plan, control, 3), [expect(id_=each) for each in ids], judge_at)


def passed(found: Sequence[Judgement]) -> list[bool]:
    return [each.verdict is Verdict.PASS for each in found]


P_VALUES = st.lists(st.floats(1e-4, 0.2), min_size=1, max_size=6)


class TestControl:
    """What holds for all expectations together."""

    def test_holm_by_hand(self) -> None:
        # 0.005 <= 0.05 / 4, 0.01 <= 0.05 / 3, 0.03 > 0.05 / 2.
        assert passed(family([0.01, 0.04, 0.03, 0.005], Control.HOLM)) == [True, False, False, True]

    def test_benjamini_and_hochberg_by_hand(self) -> None:
        # 0.04 <= 4 * 0.05 / 4: so all of them; of 0.06 in its place, three: 0.03 <= 3 * 0.05 / 4.
        assert passed(family([0.01, 0.04, 0.03, 0.005], Control.FDR)) == [True, True, True, True]
        assert passed(family([0.01, 0.06, 0.03, 0.005], Control.FDR)) == [True, False, True, True]

    @given(P_VALUES)
    @settings(max_examples=60, deadline=None)
    def test_holm_is_the_closed_test_of_bonferroni_s(self, p_values: list[float]) -> None:
        places = range(len(p_values))
        sets = [some for size in places for some in itertools.combinations(places, size + 1)]
        rejected = {
            some: min(p_values[each] for each in some) <= 0.05 / len(some) + 1e-12 for some in sets
        }
        closed = [all(rejected[some] for some in sets if each in some) for each in places]
        assert passed(family(p_values, Control.HOLM)) == closed

    @given(P_VALUES)
    @settings(max_examples=60, deadline=None)
    def test_fdr_is_that_of_scipy(self, p_values: list[float]) -> None:
        adjusted = stats.false_discovery_control(p_values)
        assert passed(family(p_values, Control.FDR)) == [
            bool(each <= 0.05 + 1e-11) for each in adjusted
        ]

    def test_the_confidence_of_its_limits_is_told(self) -> None:
        found = family([0.001, 0.5], Control.HOLM)
        assert [each.adjusted for each in found] == [0.975, None]

    def test_an_expectation_without_confidence_is_none_of_the_family(self) -> None:
        every = expect(statistic=Statistic.EVERY, id_="every")

        def judge_at(asked: Expectation, count: int) -> Judgement:
            passes = asked is every or 1 - asked.confidence >= 0.04
            return Judgement(asked, Verdict.PASS if passes else Verdict.INCONCLUSIVE, 0.5)

        found = judge_all(Design(None, Control.HOLM, 3), [every, expect()], judge_at)
        assert passed(found) == [True, True]

    def test_failing_is_controlled_too(self) -> None:
        def judge_at(asked: Expectation, count: int) -> Judgement:
            fails = asked.id == "fails" and 1 - asked.confidence >= 0.04
            return Judgement(asked, Verdict.FAIL if fails else Verdict.INCONCLUSIVE, 0.5)

        two = [expect(id_="fails"), expect(id_="open")]
        alone = judge_all(Design(None, Control.HOLM, 3), two[:1], judge_at)
        both = judge_all(Design(None, Control.HOLM, 3), two, judge_at)
        assert (alone[0].verdict, both[0].verdict) == (Verdict.FAIL, Verdict.INCONCLUSIVE)

    @pytest.mark.usefixtures("without_advice")
    def test_holm_with_looks_passes_none_of_ten_falsely_but_in_one_case_of_twenty(self) -> None:
        rng, trials, wrong = np.random.default_rng(7), 400, 0
        for _ in range(trials):
            drawn = rng.normal(size=(4, 20))
            values: Mapping[str, Floats] = {f"e{place}": row for place, row in enumerate(drawn)}

            @functools.cache  # the same level is asked for again at every step of Holm's
            def judge_at(
                asked: Expectation, count: int, values: Mapping[str, Floats] = values
            ) -> Judgement:
                return decide(asked, dict(enumerate(map(float, values[asked.id][:count]))), None)

            expected = [replace(expect(), id=each) for each in values]
            wrong += any(passed(judge_all(Design(PLAN, Control.HOLM, 20), expected, judge_at)))
        assert wrong <= trials * 0.05 + 3 * math.sqrt(trials * 0.05)
