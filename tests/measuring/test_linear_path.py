"""The line between two networks: its ends, and barriers worked out from what was measured on it."""

from __future__ import annotations

import numpy as np
import pytest

from harness.measuring.found import Unmeasurable
from harness.measuring.linear_path import linear_path
from tests.training.backend_cases import untrained


def loss_and_accuracy(kernels: list[np.ndarray], x: np.ndarray, y: np.ndarray) -> list[float]:
    """Compute what the small perceptron has, in NumPy."""
    hidden = x
    for place in range(0, len(kernels), 2):
        hidden = (np.maximum(hidden, 0) if place else hidden) @ kernels[place] + kernels[place + 1]
    largest = hidden.max(axis=1, keepdims=True)
    logs = hidden - largest - np.log(np.exp(hidden - largest).sum(axis=1, keepdims=True))
    right = hidden.argmax(axis=1) == y
    return [float(-logs[np.arange(len(y)), y].mean()), float(right.mean())]


def test_each_point_is_the_network_with_the_mean_of_the_weights() -> None:
    first, second = (untrained("perceptron", seed) for seed in (0, 1))
    found = linear_path(first, second, points=5)
    assert found.curves["position"] == [0.0, 0.25, 0.5, 0.75, 1.0]
    arrays = ([each.astype(float) for each in of.weights.trainable] for of in (first, second))
    ends = list(zip(*arrays, strict=True))
    for split in ("train", "test"):
        examples = getattr(first.pipeline, split)
        x = np.asarray(examples.inputs, np.float64).reshape(len(examples), -1) / 255
        columns = np.array(
            [
                loss_and_accuracy([a + t * (b - a) for a, b in ends], x, examples.labels)
                for t in found.curves["position"]
            ]
        ).T
        for name, column in zip((f"{split}_loss", f"{split}_accuracy"), columns, strict=True):
            np.testing.assert_allclose(found.curves[name], column, rtol=1e-5)
            straight = [column[0] + t * (column[-1] - column[0]) for t in (0, 0.25, 0.5, 0.75, 1)]
            gaps = [(each - line) for each, line in zip(column, straight, strict=True)]
            barrier = max(-gap if name.endswith("accuracy") else gap for gap in gaps)
            assert found.values[f"{name}_barrier"] == pytest.approx(barrier, abs=1e-6)
    assert len(found.values) == 4


def test_from_a_network_to_itself_there_is_no_barrier() -> None:
    first = untrained("resnet", 0)
    found = linear_path(first, first, points=3)
    assert list(found.values.values()) == pytest.approx([0.0] * 4, abs=1e-7)
    assert len(set(found.curves["train_accuracy"])) == 1


def test_networks_of_other_shapes_have_no_line() -> None:
    with pytest.raises(Unmeasurable, match="do not have weights of the same shapes"):
        linear_path(untrained("perceptron", 0), untrained("convnet", 0), points=3)
