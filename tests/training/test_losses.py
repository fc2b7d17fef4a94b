import math

import numpy as np
import pytest

from harness.training.losses import LOSSES, REDUCTIONS


def test_cross_entropy_by_hand() -> None:
    loss = LOSSES["cross_entropy"]
    logits, labels = np.array([[0, math.log(3)], [1, 1]], np.float32), np.array([0, 1], np.int32)
    np.testing.assert_allclose(
        loss.values(labels, logits, 0.0), [math.log(4), math.log(2)], rtol=1e-6
    )
    np.testing.assert_array_equal(loss.correct(labels, logits), [False, False])
    np.testing.assert_array_equal(loss.correct(np.array([1, 0], np.int32), logits), [True, True])
    assert loss.outputs(7) == 7


def test_binary_cross_entropy_by_hand() -> None:
    loss = LOSSES["binary_cross_entropy"]
    logits, labels = (
        np.array([[math.log(3)], [math.log(3)], [-100]], np.float32),
        np.array([1, 0, 1], np.int32),
    )
    np.testing.assert_allclose(
        loss.values(labels, logits, 0.0), [math.log(4 / 3), math.log(4), 100], rtol=1e-6
    )
    np.testing.assert_array_equal(loss.correct(labels, logits), [True, False, False])
    assert loss.outputs(2) == 1
    with pytest.raises(ValueError, match="2 classes"):
        loss.outputs(3)


def test_reductions() -> None:
    values = np.array([1.0, 2.0, 6.0], np.float32)
    assert (float(REDUCTIONS["mean"](values)), float(REDUCTIONS["sum"](values))) == (3, 9)


@pytest.mark.parametrize("smoothing", [0.1, 0.7])
def test_label_smoothing_against_pytorch(smoothing: float) -> None:
    torch = pytest.importorskip("torch")
    random = np.random.default_rng(0)
    logits, labels = (
        random.normal(0, 3, (6, 5)).astype(np.float32),
        random.integers(0, 5, 6).astype(np.int32),
    )
    expected = torch.nn.functional.cross_entropy(
        torch.from_numpy(logits),
        torch.from_numpy(labels).long(),
        label_smoothing=smoothing,
        reduction="none",
    )
    np.testing.assert_allclose(
        LOSSES["cross_entropy"].values(labels, logits, smoothing), expected, rtol=1e-5
    )


def test_smoothed_binary_labels_by_hand() -> None:
    logits, labels = (
        np.array([[math.log(3)], [math.log(3)]], np.float32),
        np.array([1, 0], np.int32),
    )
    # The targets are 0.9 and 0.1; -log p is log(4/3) for class 1 and log 4 for class 0.
    expected = [
        0.9 * math.log(4 / 3) + 0.1 * math.log(4),
        0.1 * math.log(4 / 3) + 0.9 * math.log(4),
    ]
    np.testing.assert_allclose(
        LOSSES["binary_cross_entropy"].values(labels, logits, 0.2), expected, rtol=1e-6
    )
