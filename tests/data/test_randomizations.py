from typing import Any

import numpy as np
import pytest

from harness.data import randomizations
from harness.data.randomizations import randomize, zeroed_units
from harness.data.records import DataError, Split
from harness.spec.records import Component


def images(n: int, shape: tuple[int, ...] = (32, 32, 3)) -> Split:
    rng = np.random.default_rng(0)
    return Split(rng.integers(1, 256, (n, *shape), dtype=np.uint8), rng.integers(0, 10, n).astype(np.int32))


def confusion(**parameters: Any) -> Component:
    return Component("confusion", {"replicas": 1, "zero_out": 0.1, "unit": "channel"} | parameters)


@pytest.mark.parametrize(
    ("zero_out", "units", "expected"),
    [(0.1, 3072, 307), (0.1, 1024, 102), (0.29, 100, 29), (0.57, 100, 57), (0, 10, 0), (1.0, 10, 10), (1e-05, 9, 0)],
)
def test_the_count_is_the_floor_of_the_decimal_product(zero_out: float, units: int, expected: int) -> None:
    assert zeroed_units(zero_out, units) == expected


def test_confusion_zeroes_exactly_307_values_and_leaves_the_others() -> None:
    split = images(50)
    result = randomize(split, [confusion(replicas=3)], 0, 10)
    assert result.inputs.shape == (150, 32, 32, 3)
    assert result.inputs.dtype == np.uint8
    assert result.labels.dtype == np.int32
    originals = np.concatenate([split.inputs] * 3)  # replica r of example i is at r * n + i
    zeroed = result.inputs == 0
    np.testing.assert_array_equal(zeroed.sum(axis=(1, 2, 3)), [307] * 150)
    np.testing.assert_array_equal(result.inputs[~zeroed], originals[~zeroed])


def test_confusion_of_pixels_zeroes_102_whole_pixels() -> None:
    zeroed = randomize(images(20), [confusion(unit="pixel")], 0, 10).inputs == 0
    np.testing.assert_array_equal(zeroed.all(axis=3).sum(axis=(1, 2)), [102] * 20)
    np.testing.assert_array_equal(zeroed.all(axis=3), zeroed.any(axis=3))


def test_confusion_zeroes_every_unit_equally_often_and_independently() -> None:
    zeroed = randomize(images(4000, (4, 5, 1)), [confusion(zero_out=0.3)], 0, 10).inputs.reshape(4000, 20) == 0
    # each unit is zeroed in 4000 * 6/20 = 1200 images, deviation sqrt(840) = 29
    assert np.abs(zeroed.sum(axis=0) - 1200).max() < 5 * 29
    # without replacement two units are correlated by -1/19
    correlations = np.corrcoef(zeroed.T)[~np.eye(20, dtype=bool)]
    assert abs(correlations.mean() + 1 / 19) < 1e-3
    assert np.abs(correlations + 1 / 19).max() < 5 / np.sqrt(4000)


def test_confusion_labels_are_uniform_and_independent_of_the_true_ones() -> None:
    split = images(20_000, (1, 1, 1))
    labels = randomize(split, [confusion(zero_out=0)], 0, 10).labels
    counts = np.bincount(labels, minlength=10)
    assert ((counts - 2000) ** 2 / 2000).sum() < 33.7  # chi-square, 9 degrees of freedom, p = 1e-4
    assert abs((labels == split.labels).mean() - 0.1) < 5 * np.sqrt(0.09 / 20_000)


def test_confusion_does_not_depend_on_the_block_size(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = randomize(images(30), [confusion(replicas=2)], 5, 10)
    monkeypatch.setattr(randomizations, "BLOCK_BYTES", 7 * 8 * 3072)
    blocks = randomize(images(30), [confusion(replicas=2)], 5, 10)
    np.testing.assert_array_equal(whole.inputs, blocks.inputs)


def test_confusion_of_the_first_replica_is_that_of_one_replica() -> None:
    one, two = (randomize(images(10), [confusion(replicas=replicas)], 0, 10) for replicas in (1, 2))
    np.testing.assert_array_equal(one.inputs, two.inputs[:10])
    np.testing.assert_array_equal(one.labels, two.labels[:10])
    assert not np.array_equal(two.inputs[:10] == 0, two.inputs[10:] == 0)


def test_confusion_leaves_its_input_alone_and_differs_by_seed_and_position() -> None:
    split = images(10)
    before = split.inputs.copy()
    first = randomize(split, [confusion()], 0, 10)
    assert not np.array_equal(first.inputs, randomize(split, [confusion()], 1, 10).inputs)
    twice = randomize(split, [confusion(), confusion()], 0, 10)
    np.testing.assert_array_equal(split.inputs, before)
    zeroed = (twice.inputs == 0).sum(axis=(1, 2, 3))
    # the second draws 307 others, of which about a tenth were zero before
    assert (zeroed > 500).all()
    assert (zeroed < 614).all()


def test_confusion_of_points_zeroes_features() -> None:
    split = Split(np.ones((8, 2), np.float32), np.zeros(8, np.int32))
    for unit in ("channel", "pixel"):
        result = randomize(split, [confusion(zero_out=0.5, unit=unit)], 0, 2)
        np.testing.assert_array_equal(result.inputs.sum(axis=1), [1] * 8)
        assert result.inputs.dtype == np.float32
    none = randomize(split, [confusion(zero_out=0)], 0, 2)
    np.testing.assert_array_equal(none.inputs, split.inputs)


@pytest.mark.parametrize("probability", [0.0, 0.4, 1.0])
def test_label_corruption_replaces_nine_tenths_of_p(probability: float) -> None:
    split = images(20_000, (1, 1, 1))
    result = randomize(split, [Component("label_corruption", {"probability": probability})], 0, 10)
    changed = (result.labels != split.labels).mean()
    assert abs(changed - 0.9 * probability) < 5 * 0.5 / np.sqrt(20_000)
    assert result.inputs is split.inputs
    assert result.labels.dtype == np.int32


def test_noisy_copies_follow_the_unchanged_examples() -> None:
    points = np.arange(40_000, dtype=np.float32).reshape(20_000, 2) / 1000
    labels = (np.arange(20_000) % 2).astype(np.int32)
    result = randomize(
        Split(points, labels), [Component("noisy_copies", {"copies": 2, "deviation": 0.1})], seed=0, classes=2
    )
    assert result.inputs.shape == (60_000, 2)
    assert result.inputs.dtype == np.float32
    np.testing.assert_array_equal(result.inputs[:20_000], points)
    np.testing.assert_array_equal(result.labels, np.concatenate([labels] * 3))
    noise = result.inputs[20_000:] - np.concatenate([points, points])
    assert abs(noise.mean()) < 5 * 0.1 / np.sqrt(80_000)
    assert abs(noise.std() - 0.1) < 5 * 0.1 / np.sqrt(160_000)
    assert not np.array_equal(noise[:20_000], noise[20_000:])


def test_noisy_copies_refuse_integers() -> None:
    with pytest.raises(DataError, match="uint8"):
        randomize(images(2), [Component("noisy_copies", {"copies": 1, "deviation": 0.1})], 0, 10)
