from __future__ import annotations

import pytest

from harness.follow.estimate import Kind, Left, Pace, Took, in_words, kind, remaining, time_left

ONE = Kind("e / one", "network")
TWO = Kind("e / two", "network")
OTHER = Kind("e / other", "another network")


def test_what_is_known_of_the_same_run_goes_first() -> None:
    pace = Pace(
        [Took(ONE, 10.0, 100), Took(ONE, 30.0, 100), Took(ONE, 11.0, 100), Took(TWO, 90.0, 10)]
    )
    assert pace.seconds(ONE, 1000) == 11.0  # the median of its seeds, whatever its epochs
    assert pace.seconds(Kind("e / three", "network"), 20) == pytest.approx(20 * (0.11 + 0.3) / 2)
    assert pace.seconds(OTHER, 20) is None


def test_a_run_without_epochs_says_nothing_of_an_epoch() -> None:
    assert Pace([Took(ONE, 1.0, 0)]).seconds(TWO, 5) is None


def test_what_is_done_is_taken_off_and_processes_share_the_rest() -> None:
    pace = Pace([Took(ONE, 100.0, 50)])
    left = [Left(ONE, 50), Left(ONE, 50, epoch=20, seconds=30.0), Left(OTHER, 10)]
    assert remaining(left, pace, 1) == (170.0, 1)
    assert remaining(left, pace, 2) == (85.0, 1)
    assert remaining([], pace, 2) == (0.0, 0)


def test_a_run_of_which_nothing_is_known_goes_on_at_its_own_pace() -> None:
    assert remaining([Left(OTHER, 100, epoch=25, seconds=5.0)], Pace(), 1) == (15.0, 0)


def test_a_run_that_takes_longer_than_others_did_is_about_to_end() -> None:
    assert remaining([Left(ONE, 50, epoch=49, seconds=120.0)], Pace([Took(ONE, 100.0, 50)]), 1) == (
        0.0,
        0,
    )


def test_what_an_epoch_computes_makes_the_kind() -> None:
    settings = {
        "model": {"name": "m"},
        "dataset": {"name": "d"},
        "training": {"batch_size": 8, "epochs": 3},
    }
    longer = {**settings, "training": {"batch_size": 8, "epochs": 9}}
    wider = {**settings, "model": {"name": "m", "width": 2}}
    assert kind("e", "one", settings) == kind("e", "one", longer)
    assert kind("e", "one", settings).work == kind("f", "two", settings).work
    assert kind("e", "one", settings).work != kind("e", "one", wider).work


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.4, "0 s"),
        (119, "119 s"),
        (120, "2 min"),
        (7199, "120 min"),
        (7200, "2 h"),
        (200000, "2 days"),
    ],
)
def test_times_are_in_words(seconds: float, words: str) -> None:
    assert in_words(seconds) == words


def test_what_is_not_known_is_told() -> None:
    assert time_left(60, 0) == "about 60 s left"
    assert time_left(60, 1) == "about 60 s and 1 run of which nothing is known yet left"
    assert time_left(0, 3) == "3 runs of which nothing is known yet left"
