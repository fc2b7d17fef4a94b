import math
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from harness.data.pipeline import Pipeline
from harness.data.records import Split
from harness.training.boundary import DecisionGrid, boundary_length, decision_grid, load, save


def grid(score: np.ndarray) -> DecisionGrid:
    side = np.linspace(-1, 1, 200)
    return DecisionGrid(side, side, score, (-1, 1, -1, 1))


X, Y = np.meshgrid(np.linspace(-1, 1, 200), np.linspace(-1, 1, 200))


@pytest.mark.parametrize("degrees", [0, 10, 22.5, 30, 45])
def test_length_of_a_straight_line(degrees: float) -> None:
    angle = math.radians(degrees)
    score = Y * math.cos(angle) - X * math.sin(angle) + 1e-3
    assert boundary_length(grid(score)) == pytest.approx(2 / math.cos(angle), rel=0.01)


@pytest.mark.parametrize("radius", [0.2, 0.7])
def test_length_of_a_circle(radius: float) -> None:
    assert boundary_length(grid(X**2 + Y**2 - radius**2)) == pytest.approx(
        2 * math.pi * radius, rel=0.01
    )


def test_no_boundary() -> None:
    assert boundary_length(grid(np.ones_like(X))) == 0


def pipeline() -> Pipeline:
    train = Split(np.array([[0, 0], [2, 1]], np.float32), np.array([0, 1], np.int32))
    test = Split(np.array([[1, 3]], np.float32), np.array([1], np.int32))
    return Pipeline(train, test, ("a", "b"), 2.0, None, (), 0)


@pytest.mark.parametrize("outputs", [1, 2])
def test_grid_of_a_linear_network(outputs: int, tmp_path: Path) -> None:
    inputs = keras.Input((2,))
    model = keras.Model(inputs, keras.layers.Dense(outputs)(inputs))
    # Scaled inputs are x / 2: in both cases the score is x / 2 - y + 1.
    kernels = {1: [[1.0], [-2.0]], 2: [[0.5, 1.5], [1.0, -1.0]]}
    model.set_weights([np.array(kernels[outputs]), np.array([1.0] if outputs == 1 else [0.0, 1.0])])
    found = decision_grid(model, pipeline(), resolution=5)
    # The points span 2 by 3 around (1, 1.5): the square has side 3 * 1.2.
    assert found.extent == pytest.approx((-0.8, 2.8, -0.3, 3.3))
    np.testing.assert_allclose(found.score, found.x[None, :] / 2 - found.y[:, None] + 1, atol=1e-5)
    save(tmp_path / "grid.npz", found, pipeline())
    again, points = load(tmp_path / "grid.npz")
    np.testing.assert_array_equal(again.score, found.score)
    assert again.extent == found.extent
    np.testing.assert_array_equal(points.test_inputs, [[1, 3]])
    np.testing.assert_array_equal(points.train_labels, [0, 1])


def test_three_classes_are_refused() -> None:
    inputs = keras.Input((2,))
    with pytest.raises(ValueError, match="two classes"):
        decision_grid(keras.Model(inputs, keras.layers.Dense(3)(inputs)), pipeline())


def test_reading_needs_no_tensorflow() -> None:
    code = (
        "import sys, harness.training.boundary; sys.exit('tensorflow' in sys.modules or 'keras' in"
        " sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
