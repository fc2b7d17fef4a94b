import os
import threading

import numpy as np
import pytest

from harness.data import rows
from harness.data.records import DataError, Indices, Split
from harness.data.rows import Changed, Chosen, materialized, take, whole

ARRAY = np.arange(60, dtype=np.uint8).reshape(20, 3)


def doubled_and_numbered(inputs: np.ndarray, indices: Indices) -> np.ndarray:
    inputs *= 2  # its own: the source stays as it is
    return inputs + indices[:, np.newaxis].astype(np.uint8)


def test_rows_of_an_array_are_a_copy() -> None:
    some = take(ARRAY, np.array([3, 3, 0]))
    np.testing.assert_array_equal(some, [[9, 10, 11], [9, 10, 11], [0, 1, 2]])
    some[:] = 0
    assert ARRAY[3, 0] == 9


def test_chosen_rows_are_those_at_the_indices() -> None:
    chosen = Chosen(ARRAY, np.array([5, 1, 19]))
    assert (chosen.shape, chosen.dtype) == ((3, 3), np.dtype(np.uint8))
    np.testing.assert_array_equal(whole(chosen), ARRAY[[5, 1, 19]])
    np.testing.assert_array_equal(chosen.take(np.array([2, 0])), ARRAY[[19, 5]])


def test_changed_rows_are_made_from_the_source_again_and_again() -> None:
    changed = Changed(ARRAY, 45, doubled_and_numbered)
    assert (changed.shape, changed.dtype) == ((45, 3), np.dtype(np.uint8))
    expected = 2 * ARRAY[np.arange(45) % 20] + np.arange(45, dtype=np.uint8)[:, np.newaxis]
    np.testing.assert_array_equal(whole(changed), expected)
    np.testing.assert_array_equal(take(changed, np.array([44, 4, 24])), expected[[44, 4, 24]])
    np.testing.assert_array_equal(ARRAY, np.arange(60).reshape(20, 3))


@pytest.mark.parametrize(
    ("bytes_at_once", "expected"), [(1, [1] * 20), (7 * 3 * 8, [7, 7, 6]), (10**6, [20])]
)
def test_rows_are_made_in_blocks(
    bytes_at_once: int, expected: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "BLOCK_BYTES", bytes_at_once)
    asked: list[int] = []

    def change(inputs: np.ndarray, indices: Indices) -> np.ndarray:
        asked.append(len(indices))
        return inputs

    changed = Changed(ARRAY, 20, change)
    order = np.random.default_rng(0).permutation(20)
    np.testing.assert_array_equal(changed.take(order), ARRAY[order])
    assert asked == expected
    np.testing.assert_array_equal(whole(changed), ARRAY)
    assert sorted(asked) == sorted(2 * expected)  # by threads, in whatever order


@pytest.mark.parametrize(("cores", "threads"), [(1, 1), (2, 2), (64, rows.MOST_THREADS)])
def test_as_many_blocks_are_made_at_once_as_there_are_threads(
    cores: int, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "BLOCK_BYTES", 1)  # a row a block
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    together = threading.Barrier(threads)
    makers: set[int] = set()

    def change(inputs: np.ndarray, indices: Indices) -> np.ndarray:
        makers.add(threading.get_ident())
        together.wait(timeout=60)  # breaks where fewer come
        return doubled_and_numbered(inputs, indices)

    count = 5 * threads
    expected = 2 * ARRAY[:count] + np.arange(count, dtype=np.uint8)[:, np.newaxis]
    np.testing.assert_array_equal(whole(Changed(ARRAY[:count], count, change)), expected)
    assert len(makers) == threads
    assert not makers & {thread.ident for thread in threading.enumerate()}  # they are gone


def test_the_first_block_that_cannot_be_made_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "BLOCK_BYTES", 1)

    def change(inputs: np.ndarray, indices: Indices) -> np.ndarray:
        if indices[0] >= 3:
            raise DataError(f"row {indices[0]}")
        return inputs

    with pytest.raises(DataError, match=r"^row 3$"):
        whole(Changed(ARRAY, 20, change))


def test_small_inputs_are_brought_into_memory_and_large_ones_are_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    split = Split(Changed(ARRAY, 40, doubled_and_numbered), np.zeros(40, np.int32))
    monkeypatch.setattr(rows, "LARGEST_IN_MEMORY", 120)
    small = materialized(split)
    assert isinstance(small.inputs, np.ndarray)
    np.testing.assert_array_equal(small.inputs, whole(split.inputs))
    assert small.labels is split.labels
    assert materialized(small) is small
    monkeypatch.setattr(rows, "LARGEST_IN_MEMORY", 119)
    assert materialized(split) is split
    in_memory = Split(ARRAY, np.zeros(20, np.int32))
    monkeypatch.setattr(rows, "LARGEST_IN_MEMORY", 0)
    assert materialized(in_memory) is in_memory
