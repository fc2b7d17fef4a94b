import hashlib
from collections.abc import Sequence

import numpy as np
import pytest

from harness.data import randomness
from harness.data.randomness import Stream

MASK = 2**64 - 1


def philox(counter: Sequence[int], key: Sequence[int]) -> list[int]:
    """Philox4x64-10 as published (Salmon et al. 2011, section 3.3), in plain integers."""
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(10):
        first, second = 0xD2E7470EE14C6C93 * c0, 0xCA5A826395121157 * c2
        c0, c1, c2, c3 = second >> 64 ^ c1 ^ k0, second & MASK, first >> 64 ^ c3 ^ k1, first & MASK
        k0, k1 = (k0 + 0x9E3779B97F4A7C15) & MASK, (k1 + 0xBB67AE8584CAA73B) & MASK
    return [c0, c1, c2, c3]


# Random123's kat_vectors: counter, key, output
KNOWN = [
    (
        [0] * 4,
        [0] * 2,
        [0x16554D9ECA36314C, 0xDB20FE9D672D0FDC, 0xD7E772CEE186176B, 0x7E68B68AEC7BA23B],
    ),
    (
        [MASK] * 4,
        [MASK] * 2,
        [0x87B092C3013FE90B, 0x438C3C67BE8D0224, 0x9CC7D7C69CD777B6, 0xA09CAEBF594F0BA0],
    ),
    (
        [0x243F6A8885A308D3, 0x13198A2E03707344, 0xA4093822299F31D0, 0x082EFA98EC4E6C89],
        [0x452821E638D01377, 0xBE5466CF34E90C6C],
        [0xA528F45403E61D95, 0x38C72DBD566E9788, 0xA5A1610E72FD18B5, 0x57BD43B5E52B7FE6],
    ),
]


@pytest.mark.parametrize(("counter", "key", "expected"), KNOWN)
def test_the_published_generator_gives_the_published_answers(
    counter: list[int], key: list[int], expected: list[int]
) -> None:
    assert philox(counter, key) == expected


def test_numpy_gives_the_published_answer_after_its_first_increment() -> None:
    generator = np.random.Philox(key=0, counter=2**256 - 1)
    assert list(map(int, generator.random_raw(4))) == KNOWN[0][2]


@pytest.mark.parametrize("width", [1, 4, 6])
def test_raw_is_philox_of_seed_purpose_epoch_and_index(width: int) -> None:
    purpose = int.from_bytes(hashlib.sha256(b"shuffle").digest()[:8], "little")
    blocks = (width + 3) // 4
    got = randomness.raw(Stream(7, "shuffle", 3), 10, 2, width)
    for row, index in zip(got, (10, 11), strict=True):
        words = [
            w
            for b in range(blocks)
            for w in philox([1 + index * blocks + b, 0, 3, 0], [7, purpose])
        ]
        assert [int(word) for word in row] == words[:width]


@pytest.mark.parametrize("width", [1, 3, 4, 5, 9])
def test_rows_do_not_depend_on_how_a_range_is_split(width: int) -> None:
    whole = randomness.raw(Stream(1, "p", 2), 0, 20, width)
    parts = [
        randomness.raw(Stream(1, "p", 2), first, count, width)
        for first, count in ((0, 1), (1, 6), (7, 0), (7, 13))
    ]
    np.testing.assert_array_equal(whole, np.concatenate(parts))


def test_every_argument_changes_the_numbers() -> None:
    base = randomness.raw(Stream(1, "p", 2), 0, 8, 4)
    others = (
        randomness.raw(Stream(2, "p", 2), 0, 8, 4),
        randomness.raw(Stream(1, "q", 2), 0, 8, 4),
        randomness.raw(Stream(1, "p", 3), 0, 8, 4),
        randomness.raw(Stream(1, "p", 2), 8, 8, 4),
    )
    for other in others:
        assert not np.intersect1d(base, other).size


def test_negative_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        randomness.raw(Stream(-1, "p", 0), 0, 1, 1)


def test_uniforms_are_the_top_53_bits() -> None:
    words = randomness.raw(Stream(0, "u", 0), 0, 50, 4)
    expected = [[(int(word) >> 11) / 2**53 for word in row] for row in words]
    np.testing.assert_array_equal(randomness.uniforms(Stream(0, "u", 0), 0, 50, 4), expected)


def test_uniforms_have_the_moments_of_a_uniform_distribution() -> None:
    values = randomness.uniforms(Stream(0, "u", 0), 0, 50_000, 4)
    assert values.min() >= 0
    assert values.max() < 1
    # five standard errors: sqrt(1/12 / 2e5) = 6.5e-4 and sqrt(1/180 / 2e5) = 1.7e-4
    assert abs(values.mean() - 1 / 2) < 3.3e-3
    assert abs(values.var() - 1 / 12) < 8.5e-4
    correlations = np.corrcoef(values.T) - np.eye(4)
    assert np.abs(correlations).max() < 5 / np.sqrt(50_000)


def test_integers_take_all_values_equally_often() -> None:
    values = randomness.integers(Stream(0, "i", 0), 0, 20_000, 5, 10)
    counts = np.bincount(values.ravel(), minlength=10)
    assert len(counts) == 10
    # chi-square with 9 degrees of freedom: 33.7 is exceeded with probability 1e-4
    assert ((counts - 10_000) ** 2 / 10_000).sum() < 33.7


@pytest.mark.parametrize("bound", [0, 2**53 + 1])
def test_integers_refuse_other_bounds(bound: int) -> None:
    with pytest.raises(ValueError, match="bound"):
        randomness.integers(Stream(0, "i", 0), 0, 1, 1, bound)


def test_normals_have_the_moments_and_quantiles_of_a_normal_distribution() -> None:
    values = randomness.normals(Stream(0, "n", 0), 0, 50_000, 4).ravel()
    error = 5 / np.sqrt(len(values))
    assert abs(values.mean()) < error
    assert abs(values.var() - 1) < error * np.sqrt(2)
    assert abs((values**4).mean() - 3) < error * np.sqrt(96)
    for quantile, share in ((-1.959964, 0.025), (0.0, 0.5), (1.0, 0.841345)):
        assert abs((values < quantile).mean() - share) < error / 2


def test_normals_are_finite_for_the_extreme_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(randomness, "raw", lambda *_: np.array([[0, MASK]], dtype=np.uint64))
    low, high = randomness.normals(Stream(0, "n", 0), 0, 1, 2)[0]
    assert low == pytest.approx(-8.21, abs=0.1)  # the normal quantile of 2^-53
    assert high == pytest.approx(-low, rel=1e-9)


def test_a_permutation_holds_every_index_once_and_mixes_them() -> None:
    order = randomness.permutation(Stream(0, "shuffle", 1), 10_000)
    np.testing.assert_array_equal(np.sort(order), np.arange(10_000))
    assert abs(np.corrcoef(order, np.arange(10_000))[0, 1]) < 0.05
    assert (order == np.arange(10_000)).sum() < 10  # one expected
    assert not np.array_equal(order, randomness.permutation(Stream(0, "shuffle", 2), 10_000))


def test_small_permutations_are_equally_likely() -> None:
    counts: dict[tuple[int, ...], int] = {}
    for epoch in range(6000):
        order = tuple(map(int, randomness.permutation(Stream(0, "s", epoch), 3)))
        counts[order] = counts.get(order, 0) + 1
    assert len(counts) == 6
    # chi-square with 5 degrees of freedom: 25.7 is exceeded with probability 1e-4
    assert sum((count - 1000) ** 2 / 1000 for count in counts.values()) < 25.7


@pytest.mark.parametrize("indices", [[], [4], [3, 4, 5], [7, 2, 3, 3, 4, 0, 19, 18]])
def test_the_numbers_of_any_indices_are_those_of_the_range(indices: list[int]) -> None:
    asked: list[int] = []

    def draw(first: int, count: int) -> np.ndarray:
        asked.append(count)
        return randomness.normals(Stream(1, "p", 2), first, count, 5)

    found = randomness.at(draw, np.array(indices, np.int32))
    np.testing.assert_array_equal(found, randomness.normals(Stream(1, "p", 2), 0, 20, 5)[indices])
    assert found.shape == (len(indices), 5)
    assert asked == {0: [0], 1: [1], 3: [3], 8: [1, 2, 2, 1, 1, 1]}[len(indices)]
