"""Plurals, percentages and what bounds speak of."""

from __future__ import annotations

import pytest

from harness.experiment import Interval, Statistic
from harness.words import (
    BASES,
    MEANING,
    SYMBOLS,
    Reach,
    Verdict,
    agreeing,
    first_sentence,
    listed,
    marked,
    percent,
    plural,
    reach,
    run_label,
    seeds_named,
    subject,
    worded,
)

SEEDS, IMAGES, HAND, SETTINGS = Reach.SEEDS, Reach.IMAGES, Reach.HAND, Reach.SETTINGS


def test_a_noun_and_a_verb_agree_with_their_count() -> None:
    assert [plural(count, "run") for count in (0, 1, 2)] == ["0 runs", "1 run", "2 runs"]
    assert [agreeing(count, "is", "are") for count in (0, 1, 0.5, 2)] == ["are", "is", "are", "are"]


def test_a_seed_of_a_run_has_a_label() -> None:
    assert run_label("digits", "escape[l2]", 3) == "digits / escape[l2] / seed 3"


def test_seeds_have_their_noun() -> None:
    assert [seeds_named(seeds) for seeds in ([3], [0, 1], {7: "any"})] == [
        "seed 3",
        "seeds 0, 1",
        "seed 7",
    ]


def test_of_many_names_the_first_are_listed() -> None:
    assert listed(["a", "b"], 2) == "a, b"
    assert listed(["a", "b", "c"], 2) == "a, b and 1 more"
    assert listed(["a"] * 1500, 1, "other members") == "a and 1,499 other members"


def test_a_share_is_shown_in_percent_with_six_digits() -> None:
    assert [percent(share) for share in (0.95, 1.0, 0.999999999, 0.12345678)] == [
        "95%",
        "100%",
        "100%",
        "12.3457%",
    ]


def test_every_verdict_and_basis_has_its_words() -> None:
    assert SYMBOLS.keys() == MEANING.keys() == set(Verdict)
    assert len(set(SYMBOLS.values())) == len(Verdict)
    assert len(set(BASES.values())) == len(BASES)
    assert worded(Verdict.PASS, "why") == "pass (stale)"
    assert marked(Verdict.FAIL) == "❌ fail"


@pytest.mark.parametrize(
    ("statistic", "share", "words"),
    [
        (Statistic.MEAN, None, "mean"),
        (Statistic.MEDIAN, None, "median"),
        (Statistic.EVERY, None, "every seed"),
        (Statistic.WORST, 0.9, "90% of all seeds"),
        (Statistic.SETTINGS, 0.9, "mean in 90% of all settings"),
    ],
)
def test_what_must_meet_the_bounds(statistic: Statistic, share: float | None, words: str) -> None:
    assert subject(statistic, share) == words


class TestReach:
    """How far each statistic speaks."""

    def test_only_every_speaks_of_the_seeds_at_hand(self) -> None:
        found = {statistic: reach(statistic, Interval.STUDENT) for statistic in Statistic}
        assert {each for each, far in found.items() if far is HAND} == {Statistic.EVERY}
        assert {each for each, far in found.items() if far is SETTINGS} == {Statistic.SETTINGS}
        assert set(found.values()) == {SEEDS, HAND, SETTINGS}

    def test_limits_over_test_images_speak_of_no_other_seeds(self) -> None:
        found = [
            reach(Statistic.MEAN, each)
            for each in (Interval.STUDENT, Interval.BOOTSTRAP, Interval.BINOMIAL)
        ]
        assert found == [SEEDS, SEEDS, IMAGES]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("One. Two.", "One"),
        ("One", "One"),
        ("", ""),
        ("As Zhang et al. (2017) have it. More.", "As Zhang et al. (2017) have it"),
        ("The network of Liu et al.", "The network of Liu et al."),
        (
            "Some, e.g. this, i.e. that, cf. Fig. 2 and Eq. 3. More.",
            "Some, e.g. this, i.e. that, cf. Fig. 2 and Eq. 3",
        ),
        (
            "By A. B. Author and U.S. data vs. others. More.",
            "By A. B. Author and U.S. data vs. others",
        ),
        ("Up to 0.5 of it (see there. And here). More.", "Up to 0.5 of it (see there. And here)"),
        ("Short; in two parts. More.", "Short; in two parts"),
        (f"{'Long ' * 30}; in two parts. More.", "Long " * 30),
    ],
)
def test_a_sentence_is_not_cut_within(text: str, sentence: str) -> None:
    assert first_sentence(text) == sentence
