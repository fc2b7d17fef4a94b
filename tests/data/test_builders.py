import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.model_selection import cross_val_score
from sklearn.svm import LinearSVC

from harness.data.builders import blobs, digits


def test_the_digits_rule_takes_50_images_of_each_class_spread_evenly() -> None:
    labels = load_digits().target
    mask = digits.training_mask(labels)
    assert mask.sum() == 500
    np.testing.assert_array_equal(np.bincount(labels[mask]), [50] * 10)
    # 178 zeros: the rule's indices are ceil(178 k / 50), worked out by hand for the first six
    np.testing.assert_array_equal(np.flatnonzero(mask[labels == 0])[:6], [0, 4, 8, 11, 15, 18])
    quarters = [part.sum() for part in np.array_split(mask, 4)]
    assert max(quarters) - min(quarters) < 15


def test_blobs_are_distributed_as_stated() -> None:
    points, labels = blobs.draw("train", 50_000, 0.65, 0)
    assert points.dtype == np.float32
    assert labels.dtype == np.int32
    np.testing.assert_array_equal(np.bincount(labels), [50_000, 50_000])
    for label, height in ((0, 0.2 - 0.65), (1, 0.2 + 0.65)):
        cluster = points[labels == label]
        np.testing.assert_allclose(
            cluster.mean(axis=0), [0.2, height], atol=5 * 0.15 / np.sqrt(50_000)
        )
        np.testing.assert_allclose(
            cluster.std(axis=0), [0.15, 0.15], atol=5 * 0.15 / np.sqrt(100_000)
        )


def test_blobs_of_the_default_shift_are_separable() -> None:
    points, labels = blobs.draw("train", 50, 0.65, 0)
    assert cross_val_score(LinearSVC(C=100), points, labels).mean() == pytest.approx(1.0)


def test_blobs_splits_and_seeds_differ() -> None:
    train, _ = blobs.draw("train", 50, 0.65, 0)
    assert not np.array_equal(train, blobs.draw("test", 50, 0.65, 0)[0])
    assert not np.array_equal(train, blobs.draw("train", 50, 0.65, 1)[0])
    np.testing.assert_array_equal(train, blobs.draw("train", 50, 0.65, 0)[0])
