import hashlib
import itertools
import json
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import pytest
from scipy.special import ndtr

from harness.data import randomizations, randomness, rows
from harness.data.randomizations import RANDOMIZATIONS, moments, randomize, zeroed_units
from harness.data.randomness import Stream
from harness.data.records import DataError, Split
from harness.experiment import Component
from harness.own.kinds import PYTHON

CONFUSION = Component("confusion", {"replicas": 2, "zero_out": 0.3, "unit": "channel"})
SHUFFLED = Component("shuffled_pixels", {"unit": "pixel"})
RANDOM = Component("random_pixels", {"unit": "pixel"})
GAUSSIAN = Component("gaussian", {})
CORRUPTED = Component("label_corruption", {"probability": 0.5})
NOISY = Component("noisy_copies", {"copies": 2, "deviation": 0.1})


PARTS: tuple[Literal["train", "test"], ...] = ("train", "test")


class Arrays(NamedTuple):
    inputs: np.ndarray
    labels: np.ndarray


def randomized(
    split: Split,
    *components: Component,
    seed: int = 0,
    classes: int = 10,
    maximum: float = 255.0,
    part: Literal["train", "test"] = "train",
) -> Arrays:
    result = randomize(split, components, seed=seed, classes=classes, maximum=maximum, part=part)
    return Arrays(rows.whole(result.inputs), result.labels)


def images(n: int, shape: tuple[int, ...] = (32, 32, 3)) -> Split:
    rng = np.random.default_rng(0)
    return Split(
        rng.integers(1, 256, (n, *shape), dtype=np.uint8), rng.integers(0, 10, n).astype(np.int32)
    )


def points(n: int) -> Split:
    return Split(
        (np.arange(2 * n) / 7).astype(np.float32).reshape(n, 2), (np.arange(n) % 2).astype(np.int32)
    )


def places(n: int, shape: tuple[int, ...]) -> Split:
    """Images in which every value tells its own place."""
    image = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    return Split(np.tile(image, (n, *([1] * len(shape)))), np.zeros(n, np.int32))


def confusion(**parameters: Any) -> Component:
    return Component("confusion", {"replicas": 1, "zero_out": 0.1, "unit": "channel"} | parameters)


@pytest.mark.parametrize(
    ("zero_out", "units", "expected"),
    [
        (0.1, 3072, 307),
        (0.1, 1024, 102),
        (0.29, 100, 29),
        (0.57, 100, 57),
        (0, 10, 0),
        (1.0, 10, 10),
        (1e-05, 9, 0),
    ],
)
def test_the_count_is_the_floor_of_the_decimal_product(
    zero_out: float, units: int, expected: int
) -> None:
    assert zeroed_units(zero_out, units) == expected


def test_confusion_zeroes_exactly_307_values_and_leaves_the_others() -> None:
    split = images(50)
    result = randomized(split, confusion(replicas=3))
    assert result.inputs.shape == (150, 32, 32, 3)
    assert result.inputs.dtype == np.uint8
    assert result.labels.dtype == np.int32
    originals = np.concatenate(
        [rows.whole(split.inputs)] * 3
    )  # replica r of example i is at r * n + i
    zeroed = result.inputs == 0
    np.testing.assert_array_equal(zeroed.sum(axis=(1, 2, 3)), [307] * 150)
    np.testing.assert_array_equal(result.inputs[~zeroed], originals[~zeroed])


def test_confusion_of_pixels_zeroes_102_whole_pixels() -> None:
    zeroed = randomized(images(20), confusion(unit="pixel")).inputs == 0
    np.testing.assert_array_equal(zeroed.all(axis=3).sum(axis=(1, 2)), [102] * 20)
    np.testing.assert_array_equal(zeroed.all(axis=3), zeroed.any(axis=3))


def test_confusion_zeroes_every_unit_equally_often_and_independently() -> None:
    zeroed = (
        randomized(images(4000, (4, 5, 1)), confusion(zero_out=0.3)).inputs.reshape(4000, 20) == 0
    )
    # each unit is zeroed in 4000 * 6/20 = 1200 images, deviation sqrt(840) = 29
    assert np.abs(zeroed.sum(axis=0) - 1200).max() < 5 * 29
    # without replacement two units are correlated by -1/19
    correlations = np.corrcoef(zeroed.T)[~np.eye(20, dtype=bool)]
    assert abs(correlations.mean() + 1 / 19) < 1e-3
    assert np.abs(correlations + 1 / 19).max() < 5 / np.sqrt(4000)


def test_confusion_labels_are_uniform_and_independent_of_the_true_ones() -> None:
    split = images(20_000, (1, 1, 1))
    labels = randomized(split, confusion(zero_out=0)).labels
    counts = np.bincount(labels, minlength=10)
    assert ((counts - 2000) ** 2 / 2000).sum() < 33.7  # chi-square, 9 degrees of freedom, p = 1e-4
    assert abs((labels == split.labels).mean() - 0.1) < 5 * np.sqrt(0.09 / 20_000)


def test_confusion_does_not_depend_on_the_block_size(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = randomized(images(30), confusion(replicas=2), seed=5)
    monkeypatch.setattr(rows, "BLOCK_BYTES", 7 * 8 * 3072)
    blocks = randomized(images(30), confusion(replicas=2), seed=5)
    np.testing.assert_array_equal(whole.inputs, blocks.inputs)


def test_confusion_of_the_first_replica_is_that_of_one_replica() -> None:
    one, two = (randomized(images(10), confusion(replicas=replicas)) for replicas in (1, 2))
    np.testing.assert_array_equal(one.inputs, two.inputs[:10])
    np.testing.assert_array_equal(one.labels, two.labels[:10])
    assert not np.array_equal(two.inputs[:10] == 0, two.inputs[10:] == 0)


def test_confusion_leaves_its_input_alone_and_differs_by_seed_and_position() -> None:
    split = images(10)
    before = rows.whole(split.inputs).copy()
    first = randomized(split, confusion())
    assert not np.array_equal(first.inputs, randomized(split, confusion(), seed=1).inputs)
    twice = randomized(split, confusion(), confusion())
    np.testing.assert_array_equal(split.inputs, before)
    zeroed = (twice.inputs == 0).sum(axis=(1, 2, 3))
    # the second draws 307 others, of which about a tenth were zero before
    assert (zeroed > 500).all()
    assert (zeroed < 614).all()


def test_confusion_of_points_zeroes_features() -> None:
    split = Split(np.ones((8, 2), np.float32), np.zeros(8, np.int32))
    for unit in ("channel", "pixel"):
        result = randomized(split, confusion(zero_out=0.5, unit=unit), classes=2)
        np.testing.assert_array_equal(result.inputs.sum(axis=1), [1] * 8)
        assert result.inputs.dtype == np.float32
    none = randomized(split, confusion(zero_out=0), classes=2)
    np.testing.assert_array_equal(none.inputs, split.inputs)


def test_confusion_turns_negative_numbers_into_the_zero_without_a_sign() -> None:
    split = Split(np.full((8, 4), [-1, -np.inf, np.nan, 2], np.float32), np.zeros(8, np.int32))
    zeroed = randomized(split, confusion(zero_out=1.0)).inputs
    np.testing.assert_array_equal(zeroed.view(np.uint32), 0)


def expected_zeroed(n: int, units: int, count: int) -> np.ndarray:
    """Which units have the smallest (32 random bits, index), by ordering them all; bool [n,
    units].
    """
    words = randomness.raw(Stream(0, "randomization/0/confusion/units"), 0, n, -(-units // 2))
    bits = np.stack([words & np.uint64(2**32 - 1), words >> np.uint64(32)], axis=2).reshape(n, -1)[
        :, :units
    ]
    zeroed = np.zeros((n, units), bool)
    np.put_along_axis(zeroed, np.argsort(bits, axis=1, kind="stable")[:, :count], True, axis=1)
    return zeroed


def found_zeroed(n: int, shape: tuple[int, ...], zero_out: float, unit: str) -> np.ndarray:
    split = Split(np.ones((n, *shape), np.uint8), np.zeros(n, np.int32))
    zeroed = randomized(split, confusion(zero_out=zero_out, unit=unit)).inputs == 0
    if unit == "pixel":
        assert (zeroed.all(axis=3) == zeroed.any(axis=3)).all()
        zeroed = zeroed.all(axis=3)
    return zeroed.reshape(n, -1)


SUBSETS = [
    (400, (32, 32, 3), "channel", 0.1, 307),
    (400, (32, 32, 3), "channel", 0.9, 2764),
    (400, (32, 32, 3), "pixel", 0.1, 102),
    (3, (150, 160, 3), "channel", 0.97, 69840),  # more than 16 bits count
    (5000, (3, 3, 1), "pixel", 0.5, 4),
    (5000, (2,), "channel", 0.5, 1),
    (50, (7,), "channel", 1.0, 7),
    (50, (7,), "channel", 0.0, 0),
    (50, (1,), "channel", 1.0, 1),
]


@pytest.mark.parametrize(("n", "shape", "unit", "zero_out", "count"), SUBSETS)
def test_confusion_zeroes_the_units_with_the_smallest_keys(
    n: int, shape: tuple[int, ...], unit: str, zero_out: float, count: int
) -> None:
    found = found_zeroed(n, shape, zero_out, unit)
    np.testing.assert_array_equal(found, expected_zeroed(n, found.shape[1], count))


@pytest.mark.parametrize("different", [0, 0x80000000, 1, 0xC0000001, 0xF0000000])
@pytest.mark.parametrize("subset", SUBSETS)
def test_confusion_prefers_the_smaller_index_where_random_bits_are_equal(
    subset: tuple[int, tuple[int, ...], str, float, int],
    different: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    n, shape, unit, zero_out, count = subset
    raw = randomness.raw
    bits = np.uint64(different << 32 | different)
    for others in (np.uint64(0), ~bits):  # the bits that all have alike
        monkeypatch.setattr(
            randomness, "raw", lambda *where, others=others: raw(*where) & bits | others
        )
        found = found_zeroed(n, shape, zero_out, unit)
        np.testing.assert_array_equal(found, expected_zeroed(n, found.shape[1], count))


def test_confusion_hardly_ever_orders_the_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    ordered: list[int] = []
    keys = randomizations._keys

    def counted(bits: np.ndarray) -> np.ndarray:
        ordered.append(len(bits))
        return keys(bits)

    monkeypatch.setattr(randomizations, "_keys", counted)
    randomized(images(4000), confusion())
    randomized(images(20, (150, 160, 3)), confusion(zero_out=0.97))
    assert ordered
    assert sum(ordered) == 0  # 0.003 are expected


@pytest.mark.parametrize("probability", [0.0, 0.4, 1.0])
def test_label_corruption_replaces_nine_tenths_of_p(probability: float) -> None:
    split = images(20_000, (1, 1, 1))
    result = randomized(split, Component("label_corruption", {"probability": probability}))
    changed = (result.labels != split.labels).mean()
    assert abs(changed - 0.9 * probability) < 5 * 0.5 / np.sqrt(20_000)
    assert result.inputs is split.inputs
    assert result.labels.dtype == np.int32


def test_label_corruption_of_test_labels_is_asked_for_and_draws_on_its_own() -> None:
    split = images(20_000, (1, 1, 1))
    left = randomized(split, CORRUPTED, part="test")
    np.testing.assert_array_equal(left.labels, split.labels)
    both = Component("label_corruption", {"probability": 0.5, "test": True})
    train, test = (randomized(split, both, part=part).labels for part in PARTS)
    np.testing.assert_array_equal(train, randomized(split, CORRUPTED).labels)
    assert abs((test != split.labels).mean() - 0.45) < 5 * 0.5 / np.sqrt(20_000)
    # Independent draws: both are left as they were for 0.55 ** 2 of the examples.
    kept = (train == split.labels) & (test == split.labels)
    assert abs(kept.mean() - 0.55**2) < 5 * 0.5 / np.sqrt(20_000)


@pytest.mark.parametrize("component", [CONFUSION, CORRUPTED, NOISY, SHUFFLED, RANDOM, GAUSSIAN])
def test_a_randomization_with_a_seed_of_its_own_is_the_same_in_every_run(
    component: Component,
) -> None:
    split = points(50) if component == NOISY else images(50, (4, 4, 3))
    own = Component(component.name, {**component.parameters, "seed": 7})
    drawn = [randomized(split, own, seed=seed) for seed in (0, 1)]
    as_run_7 = randomized(
        split, Component(component.name, {**component.parameters, "seed": None}), seed=7
    )
    for other in (drawn[1], as_run_7):
        np.testing.assert_array_equal(drawn[0].inputs, other.inputs)
        np.testing.assert_array_equal(drawn[0].labels, other.labels)
    other = randomized(split, component, seed=0)
    same = (
        np.array_equal(other.inputs, drawn[0].inputs),
        np.array_equal(other.labels, drawn[0].labels),
    )
    assert same != (True, True)


def test_noisy_copies_follow_the_unchanged_examples() -> None:
    inputs = np.arange(40_000, dtype=np.float32).reshape(20_000, 2) / 1000
    labels = (np.arange(20_000) % 2).astype(np.int32)
    result = randomized(Split(inputs, labels), NOISY, classes=2)
    assert result.inputs.shape == (60_000, 2)
    assert result.inputs.dtype == np.float32
    np.testing.assert_array_equal(result.inputs[:20_000], inputs)
    np.testing.assert_array_equal(result.labels, np.concatenate([labels] * 3))
    noise = result.inputs[20_000:] - np.concatenate([inputs, inputs])
    assert abs(noise.mean()) < 5 * 0.1 / np.sqrt(80_000)
    assert abs(noise.std() - 0.1) < 5 * 0.1 / np.sqrt(160_000)
    assert not np.array_equal(noise[:20_000], noise[20_000:])


def test_noisy_copies_refuse_integers() -> None:
    with pytest.raises(DataError, match="uint8"):
        randomized(images(2), NOISY)


def chi_square(counts: np.ndarray, expected: np.ndarray | float) -> float:
    return float(((counts - expected) ** 2 / expected).sum())


@pytest.mark.parametrize(("unit", "width"), [("pixel", 3), ("channel", 1)])
def test_shuffled_pixels_move_alike_in_all_images_of_both_sets(unit: str, width: int) -> None:
    component = Component("shuffled_pixels", {"unit": unit})
    (order,) = randomized(places(1, (4, 5, 3)), component, seed=7).inputs.reshape(1, 60)
    np.testing.assert_array_equal(np.sort(order), range(60))
    assert (order != range(60)).sum() > 40
    # A pixel's channels stay together, in their order.
    together = (order.reshape(-1, width) - order.reshape(-1, width)[:, :1] == range(width)).all()
    assert together
    assert width == 3 or not (np.diff(order.reshape(-1, 3)) == 1).all()
    split = images(20, (4, 5, 3))
    expected = rows.whole(split.inputs).reshape(20, 60)[:, order]
    for part in ("train", "test"):
        found = randomized(split, component, seed=7, part=part)
        np.testing.assert_array_equal(found.inputs.reshape(20, 60), expected)
        np.testing.assert_array_equal(found.labels, split.labels)
        assert found.inputs.dtype == np.uint8


def test_each_permutation_of_shuffled_pixels_is_equally_likely() -> None:
    orders = [
        tuple(randomized(places(1, (1, 3, 1)), SHUFFLED, seed=seed).inputs.ravel())
        for seed in range(1200)
    ]
    counts = np.array([orders.count(order) for order in itertools.permutations(range(3))])
    assert counts.sum() == 1200
    assert chi_square(counts, 200) < 25.7  # 5 degrees of freedom, p = 1e-4


@pytest.mark.parametrize(("unit", "width"), [("pixel", 3), ("channel", 1)])
def test_random_pixels_move_otherwise_in_each_training_image(unit: str, width: int) -> None:
    component = Component("random_pixels", {"unit": unit})
    orders = randomized(places(30, (4, 5, 3)), component).inputs.reshape(30, 60)
    np.testing.assert_array_equal(np.sort(orders, axis=1), [range(60)] * 30)
    assert len({tuple(order) for order in orders}) == 30
    together = orders.reshape(30, -1, width)
    assert (together - together[..., :1] == range(width)).all()
    split = images(30, (4, 5, 3))
    found = randomized(split, component)
    expected = np.take_along_axis(
        rows.whole(split.inputs).reshape(30, 60), orders.astype(int), axis=1
    )
    np.testing.assert_array_equal(found.inputs.reshape(30, 60), expected)
    np.testing.assert_array_equal(found.labels, split.labels)
    assert randomized(split, component, part="test").inputs is split.inputs


def test_random_pixels_are_uniform_permutations_and_independent_between_images() -> None:
    orders = randomized(places(12_000, (1, 3, 1)), RANDOM).inputs.reshape(12_000, 3)
    kinds = np.array(
        [list(itertools.permutations(range(3))).index(tuple(order)) for order in orders.tolist()]
    )
    assert (
        chi_square(np.bincount(kinds, minlength=6), 2000) < 25.7
    )  # 5 degrees of freedom, p = 1e-4
    pairs = np.bincount(6 * kinds[0::2] + kinds[1::2], minlength=36)
    assert chi_square(pairs, 6000 / 36) < 76  # 35 degrees of freedom, p = 1e-4


def test_random_pixels_take_every_place_equally_often() -> None:
    orders = randomized(places(4000, (4, 5, 1)), RANDOM).inputs.reshape(4000, 20)
    counts = np.array([np.bincount(orders[:, place], minlength=20) for place in range(20)])
    # Rows and columns of the table add up to 4000: 19 x 19 degrees of freedom. The statistic of
    # permutations is 20/19 times that of independent draws, in the mean; 361 + 4.5 standard
    # deviations is 482.
    assert chi_square(counts, 200) * 19 / 20 < 482


def rounded_normal(mean: float, deviation: float) -> np.ndarray:
    """The probabilities of 0 to 255 for a normal number, rounded and clipped."""
    edges = np.concatenate([[-np.inf], np.arange(255) + 0.5, [np.inf]])
    return np.diff(ndtr((edges - mean) / deviation))


def test_gaussian_images_have_the_distribution_of_each_channel() -> None:
    rng = np.random.default_rng(1)
    raw = np.stack(
        [rng.integers(low, high, (500, 8, 10)) for low, high in ((0, 256), (100, 120), (0, 60))],
        axis=-1,
    )
    split = Split(raw.astype(np.uint8), np.arange(500, dtype=np.int32) % 10)
    found = randomized(split, GAUSSIAN)
    assert found.inputs.dtype == np.uint8
    np.testing.assert_array_equal(found.labels, split.labels)
    for channel in range(3):
        values, expected = found.inputs[..., channel].ravel(), raw[..., channel]
        share = 40_000 * rounded_normal(expected.mean(), expected.std())
        rare = np.cumsum(share) < 20  # merged into one cell at each end
        rare_above = np.cumsum(share[::-1])[::-1] < 20
        cells = np.where(rare, 0, np.where(rare_above, 255, np.arange(256)))
        counts = np.bincount(cells[values], minlength=256)
        merged = np.bincount(cells, share, minlength=256)
        there = merged > 0
        freedom = there.sum() - 1
        # A chi-square's standard deviation is sqrt(2 x degrees of freedom).
        assert counts[~there].sum() == 0
        assert chi_square(counts[there], merged[there]) < freedom + 5 * np.sqrt(2 * freedom)
    flat = found.inputs.reshape(500, 240).astype(float)
    assert np.abs(np.corrcoef(flat[:, :60].T)[~np.eye(60, dtype=bool)]).max() < 5.5 / np.sqrt(500)
    assert randomized(split, GAUSSIAN, part="test").inputs is split.inputs


def test_gaussian_images_end_at_the_largest_raw_value() -> None:
    split = Split(np.full((50, 4, 4, 1), 16, np.uint8), np.zeros(50, np.int32))
    wide = Split(
        np.concatenate([rows.whole(split.inputs), np.zeros((50, 4, 4, 1), np.uint8)]),
        np.zeros(100, np.int32),
    )
    values = randomized(wide, GAUSSIAN, maximum=16.0).inputs
    assert (values.min(), values.max()) == (0, 16)
    np.testing.assert_array_equal(
        randomized(split, GAUSSIAN, maximum=16.0).inputs, 16
    )  # no deviation


def test_gaussian_points_have_the_moments_of_each_feature() -> None:
    rng = np.random.default_rng(2)
    inputs = rng.normal([3, -50], [0.5, 7], (20_000, 2)).astype(np.float32)
    found = randomized(Split(inputs, np.zeros(20_000, np.int32)), GAUSSIAN, classes=2).inputs
    assert found.dtype == np.float32
    deviation = inputs.std(axis=0)
    np.testing.assert_allclose(
        found.mean(axis=0), inputs.mean(axis=0), atol=5 * deviation.max() / np.sqrt(20_000)
    )
    np.testing.assert_allclose(found.std(axis=0) / deviation, 1, atol=5 / np.sqrt(40_000))


def test_moments_of_images_are_those_of_exact_arithmetic(monkeypatch: pytest.MonkeyPatch) -> None:
    split = images(30, (4, 5, 3))
    mean, deviation = moments(split.inputs)
    for channel, values in enumerate(rows.whole(split.inputs).reshape(-1, 3).T.tolist()):
        exact = Fraction(sum(values), 600)
        variance = Fraction(sum(value * value for value in values), 600) - exact**2
        assert mean[channel] == pytest.approx(float(exact), rel=1e-15)
        assert deviation[channel] == pytest.approx(float(variance) ** 0.5, rel=1e-14)
    monkeypatch.setattr("harness.data.randomizations.MOMENT_VALUES", 100)
    np.testing.assert_array_equal(moments(split.inputs), (mean, deviation))


def test_moments_far_from_zero_keep_their_digits() -> None:
    inputs = 1e8 + np.random.default_rng(3).normal(0, 1, (1000, 2))
    found = moments(inputs)
    np.testing.assert_allclose(found[0], inputs.mean(axis=0), rtol=1e-14)
    np.testing.assert_allclose(found[1], inputs.std(axis=0), rtol=1e-7)


def sha256(arrays: Arrays) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:16]


def ramp() -> Split:
    inputs = (np.arange(50 * 90) * 37 % 256).astype(np.uint8).reshape(50, 6, 5, 3)
    return Split(inputs, (np.arange(50) * 7 % 10).astype(np.int32))


@pytest.mark.parametrize(
    ("component", "expected"),
    [
        (confusion(replicas=3), "5621d11027988321"),
        (confusion(replicas=2, zero_out=0.3, unit="pixel"), "24ddc3e81aa62aee"),
        (CORRUPTED, "c300f9e9b6ce0b60"),
    ],
)
def test_what_finished_runs_were_trained_on_stays_as_it_was(
    component: Component, expected: str
) -> None:
    assert sha256(randomized(ramp(), component, seed=5)) == expected


def test_noisy_copies_stay_as_they_were() -> None:
    found = randomized(points(50), NOISY, seed=5, classes=2).inputs[[50, 99, 149]]
    # float32, but for the last bit, which a library's logarithm may turn
    expected = [[-0.11571321, 0.28925791], [13.99645519, 14.20802975], [14.15655327, 14.13712120]]
    np.testing.assert_allclose(found, expected, rtol=2e-7)


CHAINS = {
    "confusion": (ramp(), (CONFUSION,)),
    "pixels": (ramp(), (confusion(replicas=3, unit="pixel"),)),
    "labels": (ramp(), (CORRUPTED,)),
    "noisy": (points(50), (NOISY,)),
    "shuffled": (ramp(), (SHUFFLED,)),
    "random": (ramp(), (RANDOM,)),
    "gaussian": (ramp(), (GAUSSIAN,)),
    "five": (ramp(), (SHUFFLED, CONFUSION, RANDOM, CORRUPTED, CONFUSION)),
    "late": (ramp(), (CONFUSION, GAUSSIAN, SHUFFLED)),
    "points": (points(50), (NOISY, SHUFFLED, GAUSSIAN, RANDOM, CONFUSION)),
}


@pytest.mark.parametrize("name", CHAINS)
def test_rows_made_when_asked_for_are_those_made_at_once(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    split, components = CHAINS[name]
    at_once = randomized(split, *components, seed=5)
    monkeypatch.setattr(rows, "LARGEST_IN_MEMORY", 0)
    late = randomize(split, components, seed=5, classes=10, maximum=255.0)
    np.testing.assert_array_equal(late.labels, at_once.labels)
    assert (late.inputs.shape, late.inputs.dtype) == (at_once.inputs.shape, at_once.inputs.dtype)
    indices = np.random.default_rng(0).permutation(np.repeat(np.arange(len(late)), 2))
    for some in (indices, indices[:1], indices[:0], np.arange(20, 30)):
        np.testing.assert_array_equal(rows.take(late.inputs, some), at_once.inputs[some])
    for bytes_at_once in (1, 7 * 8 * 90):
        monkeypatch.setattr(rows, "BLOCK_BYTES", bytes_at_once)
        np.testing.assert_array_equal(rows.whole(late.inputs), at_once.inputs)


def test_a_chain_is_one_randomization_after_the_other() -> None:
    split, (first, second) = ramp(), (SHUFFLED, CONFUSION)
    chain = randomized(split, first, second)
    nothing = Component(
        "label_corruption", {"probability": 0}
    )  # so that the second keeps its place
    step = randomized(split, first)
    np.testing.assert_array_equal(chain.inputs, randomized(Split(*step), nothing, second).inputs)


def test_another_process_draws_the_same() -> None:
    code = (
        "import json; from tests.data.test_randomizations import CHAINS, randomized, sha256;"
        "print(json.dumps({n: sha256(randomized(s, *c, seed=5)) for n, (s, c) in CHAINS.items()}))"
    )
    root = Path(__file__).parents[2]
    there = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    ).stdout
    assert json.loads(there) == {
        name: sha256(randomized(s, *c, seed=5)) for name, (s, c) in CHAINS.items()
    }


def test_every_randomization_is_in_a_chain_above() -> None:
    drawn = {component.name for _, chain in CHAINS.values() for component in chain}
    assert drawn == set(RANDOMIZATIONS) - {PYTHON}
