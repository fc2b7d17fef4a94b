"""Splits by a stated seed: the same for whoever draws them, and a share of each class."""

import numpy as np
import pytest

from harness.data.splitting import SeededSplit, for_testing

LABELS = np.array([0] * 40 + [1] * 10 + [2] * 3, np.int32)


@pytest.mark.parametrize("seed", [0, 1, 2**32 - 1])
def test_each_class_gives_its_share(seed: int) -> None:
    chosen = for_testing(LABELS, SeededSplit(0.2, seed))
    assert np.bincount(LABELS[chosen]).tolist() == [8, 2, 1]


def test_the_seed_alone_decides() -> None:
    one = for_testing(LABELS, SeededSplit(0.2, 5))
    np.testing.assert_array_equal(one, for_testing(LABELS, SeededSplit(0.2, 5)))
    assert not np.array_equal(one, for_testing(LABELS, SeededSplit(0.2, 6)))


def test_a_class_is_split_alike_whatever_the_others_are() -> None:
    alone = for_testing(LABELS[:40], SeededSplit(0.2, 5))
    np.testing.assert_array_equal(for_testing(LABELS, SeededSplit(0.2, 5))[:40], alone)
    mixed = np.random.default_rng(0).permutation(LABELS)
    np.testing.assert_array_equal(for_testing(mixed, SeededSplit(0.2, 5))[mixed == 0], alone)


def test_a_larger_share_has_all_of_a_smaller_one() -> None:
    small, large = (for_testing(LABELS, SeededSplit(share, 3)) for share in (0.2, 0.5))
    assert large[small].all()
    assert large.sum() == 20 + 5 + 2


def test_each_example_is_about_as_often_for_testing() -> None:
    """Of 2,000 splits each of 40 examples is in a fifth: 400, with a deviation of 18."""
    drawn = sum(
        for_testing(LABELS[:40], SeededSplit(0.2, seed)).astype(int) for seed in range(2000)
    )
    assert np.abs(np.subtract(drawn, 400)).max() < 5 * 18
