"""The headline counts verdicts by how far they speak, and says how many may be by chance."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from harness.judging.inference import student_limits
from harness.report.outcome import chance, outcome
from harness.words import Reach, Verdict

PASS, FAIL, UNSURE, BLOCKED = Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.BLOCKED
SEEDS, IMAGES, HAND = Reach.SEEDS, Reach.IMAGES, Reach.HAND


class TestOutcome:
    """One sentence for any mixture."""

    @pytest.mark.parametrize(
        ("verdicts", "reached", "sentence"),
        [
            ([], [], "No expectations are stated."),
            ([PASS], [HAND], "The one expectation passes for every seed at hand."),
            ([PASS] * 2, [SEEDS] * 2, "All 2 expectations pass with confidence over all seeds."),
            (
                [PASS] * 6,
                [SEEDS, HAND, HAND, IMAGES, SEEDS, SEEDS],
                (
                    "All 6 expectations pass: 3 with confidence over all seeds, 1 with confidence"
                    " over other test images, 2 for every seed at hand."
                ),
            ),
            (
                [PASS, PASS, FAIL, UNSURE, BLOCKED],
                [SEEDS, HAND, SEEDS, SEEDS, HAND],
                (
                    "2 of 5 expectations pass (1 with confidence over all seeds, 1 for every seed"
                    " at hand), 1 fails, 1 is inconclusive, 1 is blocked."
                ),
            ),
            (
                [PASS, FAIL],
                [HAND, SEEDS],
                "1 of 2 expectations passes for every seed at hand, 1 fails.",
            ),
            ([FAIL, FAIL], [HAND, SEEDS], "None of 2 expectations pass, 2 fail."),
            ([PASS, PASS], [], "All 2 expectations pass."),
        ],
    )
    def test_the_sentence(
        self, verdicts: Sequence[Verdict], reached: Sequence[Reach], sentence: str
    ) -> None:
        assert outcome(verdicts, reached) == sentence


class TestChance:
    """The expected number of passes by chance."""

    def test_it_is_the_sum_of_what_each_may_be_wrong_by(self) -> None:
        # Of five with confidence one is blocked; 0.05 + 0.05 + 0.1 + 0.01.
        found = chance(
            [PASS, FAIL, UNSURE, PASS, BLOCKED, PASS],
            [SEEDS] * 5 + [HAND],
            [0.95, 0.95, 0.9, 0.99, 0.5, 0.9],
        )
        assert (
            found == "Of 4 verdicts with 90% to 99% confidence, up to about 0.21 would be a pass by"
            " chance alone if the truth lay just beyond every bound."
        )
        assert chance([PASS] * 391, [SEEDS] * 391, [0.95] * 391).startswith(
            "Of 391 verdicts with 95% confidence, up to about 20 would be"
        )

    def test_without_confidence_there_is_nothing_to_say(self) -> None:
        assert chance([PASS, BLOCKED], [HAND, SEEDS], [0.95, 0.95]) == ""
        assert chance([], [], []) == ""

    def test_as_many_pass_in_a_simulation_whose_truth_is_on_every_bound(self) -> None:
        # Reports of nine means on their bounds: 0.45 passes each, and some in 1 - 0.95^9 = 37% of
        # them.
        random = np.random.default_rng(20200613)
        passes = np.array(
            [
                sum(
                    student_limits(row, 0.95)[0] >= 0
                    for row in random.normal(0, 1, (9, 5)).tolist()
                )
                for _ in range(1000)
            ]
        )
        assert passes.mean() == pytest.approx(0.45, abs=4 * (9 * 0.05 * 0.95 / 1000) ** 0.5)
        assert (passes > 0).mean() == pytest.approx(1 - 0.95**9, abs=0.06)
        assert "Of 9 verdicts with 95% confidence, up to about 0.45 " in chance(
            [PASS] * 9, [SEEDS] * 9, [0.95] * 9
        )
