"""Which examples are held out, and what is done to them."""

import dataclasses
import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from harness.data import pipeline as pipelines
from harness.data import randomness, rows
from harness.data.randomness import Stream
from harness.data.records import DataError, Split
from harness.data.rows import whole
from harness.data.validation import held_out
from harness.experiment import Component, Dataset, Validation
from tests.support import svhn

TENTH = Validation(0.1, None)


def numbered(n: int) -> Split:
    """Examples that tell their place, whose labels do too."""
    return Split(np.arange(n, dtype=np.float32).reshape(n, 1), np.arange(n, dtype=np.int32))


def parts(validation: Validation, n: int = 100, seed: int = 3) -> tuple[list[int], list[int]]:
    """The places of what is left and of what is held out."""
    split = held_out(numbered(n), validation, seed)
    for each in split:
        np.testing.assert_array_equal(whole(each.inputs)[:, 0], each.labels)
    left, chosen = (each.labels.tolist() for each in split)
    return left, chosen


@pytest.mark.parametrize(
    ("validation", "n", "count"),
    [
        (TENTH, 100, 10),
        (TENTH, 109, 10),
        (Validation(0.29, None), 100, 29),
        (Validation(None, 7), 100, 7),
        (Validation(None, 1), 2, 1),
    ],
)
def test_every_example_is_in_one_of_the_parts_in_its_order(
    validation: Validation, n: int, count: int
) -> None:
    left, chosen = parts(validation, n)
    assert (len(chosen), sorted(left + chosen)) == (count, list(range(n)))
    assert (left, chosen) == (sorted(left), sorted(chosen))


def test_what_is_held_out_is_the_beginning_of_a_permutation_of_the_seed() -> None:
    order = randomness.permutation(Stream(3, "validation"), 100).tolist()
    assert parts(TENTH)[1] == sorted(order[:10])
    assert set(parts(TENTH)[1]) < set(parts(Validation(None, 11))[1])
    assert parts(TENTH, seed=4) != parts(TENTH)
    own = Validation(0.1, None, split_seed=3)
    assert parts(own, seed=4) == parts(own, seed=5) == parts(TENTH)


def test_every_example_is_held_out_by_some_seed_and_by_few() -> None:
    counts = np.zeros(100)
    for seed in range(1000):
        counts[parts(TENTH, seed=seed)[1]] += 1
    # 100 are expected of each, with a deviation of 9.5
    assert counts.min() > 100 - 45
    assert counts.max() < 100 + 45


@pytest.mark.parametrize("validation", [Validation(0.001, None), Validation(None, 100)])
def test_no_part_may_be_empty(validation: Validation) -> None:
    with pytest.raises(DataError, match="of 100 training examples cannot be held out"):
        held_out(numbered(100), validation, 0)


Make = Callable[..., Dataset]


def digits(dataset: Make, *randomize: Component, validation: Validation = TENTH) -> Dataset:
    return dataclasses.replace(dataset("digits", 400), validation=validation, randomize=randomize)


def test_a_pipeline_trains_on_the_rest_and_says_so(dataset: Make, data_dir: Path) -> None:
    built = pipelines.build(digits(dataset), (), 5, data_dir)
    plain = pipelines.build(dataset("digits", 400), (), 5, data_dir)
    assert built.validation is not None
    train, validation = held_out(plain.train, TENTH, 5)
    for found, expected in ((built.train, train), (built.validation, validation)):
        np.testing.assert_array_equal(whole(found.inputs), whole(expected.inputs))
        np.testing.assert_array_equal(found.labels, expected.labels)
    assert built.test is plain.test
    assert built.loaded is not None
    counts = (built.loaded.train_examples, built.loaded.validation_examples)
    assert counts == (len(built.train), len(built.validation)) == (360, 40)
    assert plain.validation is None


CORRUPTED = Component("label_corruption", {"probability": 0.5, "seed": None, "test": False})
CONFUSION = Component("confusion", {"replicas": 2, "zero_out": 0.1, "unit": "pixel", "seed": None})


@pytest.mark.parametrize("randomization", [CORRUPTED, CONFUSION])
def test_a_validation_set_keeps_its_images_and_labels_where_the_training_set_does_not(
    randomization: Component, dataset: Make, data_dir: Path
) -> None:
    plain = pipelines.build(digits(dataset), (), 5, data_dir)
    built = pipelines.build(digits(dataset, randomization), (), 5, data_dir)
    assert built.validation is not None
    assert plain.validation is not None
    np.testing.assert_array_equal(built.validation.labels, plain.validation.labels)
    np.testing.assert_array_equal(whole(built.validation.inputs), whole(plain.validation.inputs))
    count = len(plain.train)
    assert (built.train.labels[:count] != plain.train.labels).mean() > 0.3


def test_pixels_are_shuffled_alike_in_all_three_sets(dataset: Make, data_dir: Path) -> None:
    shuffled = Component("shuffled_pixels", {"unit": "pixel", "seed": None})
    order = randomness.permutation(Stream(5, "randomization/0/shuffled_pixels"), 64)
    for randomized in (False, True):
        validation = Validation(0.1, None, randomized=randomized)
        plain, built = (
            pipelines.build(digits(dataset, *chain, validation=validation), (), 5, data_dir)
            for chain in ((), (shuffled,))
        )
        for part in ("train", "test", "validation"):
            before, after = (
                whole(getattr(each, part).inputs).reshape(-1, 64) for each in (plain, built)
            )
            np.testing.assert_array_equal(after, before[:, order])


def test_where_asked_it_is_randomized_as_the_training_set_by_draws_of_its_own(
    dataset: Make, data_dir: Path
) -> None:
    always = Component("label_corruption", {"probability": 1.0, "seed": None, "test": False})
    half = Validation(0.5, None, randomized=True)
    built = pipelines.build(digits(dataset, always, validation=half), (), 5, data_dir)
    plain = pipelines.build(digits(dataset, validation=half), (), 5, data_dir)
    assert built.validation is not None
    assert plain.validation is not None
    drawn = {
        part: randomness.integers(
            Stream(5, f"randomization/0/label_corruption{part}/labels"), 0, 200, 1, 10
        )[:, 0]
        for part in ("", "/validation")
    }
    np.testing.assert_array_equal(built.train.labels, drawn[""])
    np.testing.assert_array_equal(built.validation.labels, drawn["/validation"])
    np.testing.assert_array_equal(whole(built.validation.inputs), whole(plain.validation.inputs))


def test_a_set_that_is_read_is_split_as_one_in_memory(
    dataset: Make, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_memory = pipelines.build(digits(dataset, CONFUSION), (), 5, data_dir)
    monkeypatch.setattr(rows, "LARGEST_IN_MEMORY", 0)
    late = pipelines.build(digits(dataset, CONFUSION), (), 5, data_dir)
    assert in_memory.validation is not None
    assert late.validation is not None
    assert not isinstance(late.validation.inputs, np.ndarray)
    pairs = ((in_memory.train, late.train), (in_memory.validation, late.validation))
    for one, other in pairs:
        np.testing.assert_array_equal(whole(one.inputs), whole(other.inputs))
        np.testing.assert_array_equal(one.labels, other.labels)


def test_of_some_classes_it_is_a_share_of_their_examples(dataset: Make, data_dir: Path) -> None:
    chosen = dataclasses.replace(dataset("digits"), classes=("7", 3))
    plain = pipelines.build(chosen, (), 5, data_dir)
    built = pipelines.build(dataclasses.replace(chosen, validation=TENTH), (), 5, data_dir)
    assert built.validation is not None
    train, validation = held_out(plain.train, TENTH, 5)
    assert (len(train), len(validation), built.classes) == (90, 10, ("7", "3"))
    for found, expected in ((built.train, train), (built.validation, validation)):
        np.testing.assert_array_equal(whole(found.inputs), whole(expected.inputs))
        np.testing.assert_array_equal(found.labels, expected.labels)
    assert set(built.validation.labels) == {0, 1}


def test_every_image_of_a_folder_without_splits_is_in_one_of_three_sets(
    dataset: Make, tmp_path: Path
) -> None:
    """A fifth of each class's ten for testing, and of the 16 others a quarter."""
    for label, name in enumerate(("cat", "dog")):
        (tmp_path / name).mkdir()
        for index in range(10):
            image = np.full((4, 4), 100 * label + index, np.uint8)
            Image.fromarray(image).save(tmp_path / name / f"{index}.png")
    source = {"path": str(tmp_path), "test_share": 0.2, "split_seed": 3}
    tests = []
    for seed in (0, 1):
        quarter = dataclasses.replace(
            dataset("image_folder", **source), validation=Validation(0.25, None)
        )
        built = pipelines.build(quarter, (), seed, tmp_path)
        assert built.validation is not None
        values = []
        for split in (built.train, built.validation, built.test):
            values.append(whole(split.inputs)[:, 0, 0, 0].tolist())
            assert [value // 100 for value in values[-1]] == split.labels.tolist()
        assert [len(each) for each in values] == [12, 4, 4]
        assert sorted(itertools.chain(*values)) == [*range(10), *range(100, 110)]
        tests.append(sorted(values[2]))
    assert tests[0] == tests[1]  # the seed of the run draws the validation set alone


def test_parts_of_the_splits_of_tfds_have_one(dataset: Make, tmp_path: Path) -> None:
    svhn.prepare(tmp_path)
    parameters = {
        "dataset": "svhn_cropped",
        "train_split": "train[:75%]",
        "test_split": "train[75%:]",
    }
    quarter = dataclasses.replace(
        dataset("tfds", **parameters), validation=Validation(0.25, None, split_seed=4)
    )
    built = pipelines.build(quarter, (), 0, tmp_path)
    assert built.validation is not None
    numbers = [svhn.number(image) for image in whole(built.validation.inputs)]
    chosen = randomness.permutation(Stream(4, "validation"), 30)[:7]
    assert numbers == sorted(chosen.tolist())
    both = [*numbers, *map(svhn.number, whole(built.train.inputs))]
    assert sorted(both) == list(range(30))
    assert [svhn.number(image) for image in whole(built.test.inputs)] == list(range(30, 40))
