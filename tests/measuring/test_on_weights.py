"""Slope and curvature of the loss against PyTorch, and the power iteration against closed forms."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from harness.measuring.found import Unmeasurable
from harness.measuring.on_weights import gradient_norm, largest_eigenvalue, sharpness
from tests.training.backend_cases import untrained

torch: Any = pytest.importorskip("torch")


@pytest.fixture(scope="module")
def by_pytorch() -> Any:
    """The mean training loss of the small perceptron as PyTorch's function of all its weights."""
    trained = untrained("perceptron", 0)
    split = trained.pipeline.train
    x = torch.tensor(np.asarray(split.inputs, np.float64).reshape(19, -1) / 255)
    y = torch.tensor(split.labels.astype(np.int64))
    arrays = [torch.tensor(each.astype(np.float64)) for each in trained.weights.trainable]
    start = torch.cat([each.reshape(-1) for each in arrays])

    def loss(vector: Any, examples: int) -> Any:
        parts = torch.split(vector, [each.numel() for each in arrays])
        kernels = [part.reshape(each.shape) for part, each in zip(parts, arrays, strict=True)]
        hidden = x[:examples]
        for place in range(0, len(kernels), 2):
            hidden = (torch.relu(hidden) if place else hidden) @ kernels[place] + kernels[place + 1]
        return torch.nn.functional.cross_entropy(hidden, y[:examples])

    return loss, start


class TestGradientNorm:
    """The norm of the gradient of the mean loss."""

    @pytest.mark.parametrize(("examples", "count"), [(None, 19), (7, 7), (100, 19)])
    def test_pytorch_has_the_same(self, by_pytorch: Any, examples: int | None, count: int) -> None:
        loss, start = by_pytorch
        gradient = torch.func.grad(loss)(start, count)
        found = gradient_norm(untrained("perceptron", 0), examples=examples)
        assert found.values == {"gradient_norm": pytest.approx(float(gradient.norm()), rel=1e-5)}


class TestSharpness:
    """The largest eigenvalue of the Hessian of the mean loss."""

    @pytest.mark.parametrize(("examples", "count"), [(None, 19), (5, 5)])
    def test_the_explicit_hessian_has_it(
        self, by_pytorch: Any, examples: int | None, count: int
    ) -> None:
        loss, start = by_pytorch
        hessian = torch.autograd.functional.hessian(lambda vector: loss(vector, count), start)
        largest = float(np.linalg.eigvalsh(hessian.numpy())[-1])
        options = {"iterations": 2000, "tolerance": 1e-7}
        found = sharpness(untrained("perceptron", 0), examples=examples, **options)  # type: ignore[arg-type]
        assert found.values == {"sharpness": pytest.approx(largest, rel=1e-4)}

    def test_too_few_iterations_give_no_number(self) -> None:
        with pytest.raises(Unmeasurable, match="allow for more of them, or for a larger tolerance"):
            sharpness(untrained("perceptron", 0), iterations=2, tolerance=1e-9, examples=None)


class TestLargestEigenvalue:
    """Of matrices whose eigenvalues are known."""

    @pytest.mark.parametrize(
        ("eigenvalues", "largest"),
        [
            ([3.0, 1.0, -1.0], 3.0),
            ([-5.0, 2.0, 1.0], 2.0),
            ([-5.0, -2.0, -1.0], -1.0),
            ([0.0, 0.0, 0.0], 0.0),
            ([7.0, 7.0, 7.0], 7.0),
        ],
    )
    def test_it_is_the_largest_and_not_the_farthest_from_zero(
        self, eigenvalues: list[float], largest: float
    ) -> None:
        turned, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))
        matrix = turned @ np.diag(eigenvalues) @ turned.T
        found = largest_eigenvalue(lambda vector: matrix @ vector, np.ones(3), 1000, 1e-10)
        assert found == pytest.approx(largest, abs=1e-6)

    def test_opposite_ones_of_one_size_do_not_settle(self) -> None:
        matrix = np.array([[0.0, 1.0], [1.0, 0.0]]) + 0.5 * np.diag([1.0, -1.0])
        with pytest.raises(Unmeasurable):
            largest_eigenvalue(lambda vector: matrix @ vector, np.array([1.0, 0.3]), 1, 1e-3)
