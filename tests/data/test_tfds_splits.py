"""Parts of splits: the examples that TFDS itself takes for them."""

import pytest
import tensorflow_datasets as tfds

from harness.data.errors import DataError
from harness.data.tfds_splits import Part, count, overlap, parts

SIZES = {"train": 37, "test": 10, "train_extra": 3}


def read(written: str) -> list[Part]:
    return list(parts(written, SIZES, "train_split", "/data/mine"))


def by_tfds(written: str) -> list[Part]:
    """What TFDS makes of the same words."""
    infos = {
        name: tfds.core.SplitInfo(
            name=name, shard_lengths=[size], num_bytes=0, filename_template=None
        )
        for name, size in SIZES.items()
    }
    found = tfds.core.ReadInstruction.from_spec(written).to_absolute(infos)
    return [
        Part(each.splitname, each.from_ or 0, SIZES[each.splitname] if each.to is None else each.to)
        for each in found
    ]


@pytest.mark.parametrize(
    "written",
    [
        "train",
        "train[:80%]",
        "train[80%:]",
        "train[:33.3%]",
        "train[-25%:]",
        "train[10:20]",
        "train[:-5]",
        "train[-5:]",
        "train[50%:75%]",
        "train[10%:]+test[:50%]",
        "train + train_extra",
        "test[:45%]",  # 4.5 of ten: to the even one
    ],
)
def test_the_examples_are_those_that_tfds_takes(written: str) -> None:
    assert read(written) == by_tfds(written)


def test_they_are_counted() -> None:
    assert count(read("train[:80%]+test")) == 30 + 10  # 29.6 rounded, and all ten


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("eval", "/data/mine has no split eval; it has train, test, train_extra"),
        ("train+eval[:3]", "has no split eval"),
        ("train[3]", r"has no split train\[3\]"),
        ("train[:]", r"has no split train\[:\]"),
        ("train[:5.5]", r"has no split train\[:5.5\]"),
        ("train[:38]", r"train\[:38\] leads beyond the 37 examples of train"),
        ("test[-11:]", "leads beyond the 10 examples of test"),
        ("train[3:50%]", "mixes a percentage and a number of examples"),
        ("train[5:5]", r"without an example in its split train\[5:5\]"),
        ("train[9:3]", "without an example"),
    ],
)
def test_what_names_no_examples_is_told(written: str, said: str) -> None:
    with pytest.raises(DataError, match=said):
        read(written)


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        ("train", "test", False),
        ("train[:80%]", "train[80%:]", False),
        ("train[:80%]", "train[70%:]", True),
        ("train", "train[:1]", True),
        ("test+train[:5]", "train_extra+train[5:]", False),
    ],
)
def test_examples_that_are_in_both_are_noticed(one: str, other: str, both: bool) -> None:
    assert overlap(read(one), read(other)) is both
    assert overlap(read(other), read(one)) is both
