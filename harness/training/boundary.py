"""The decision boundary of a network of two inputs: its scores, their file, and its length."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from contourpy import contour_generator

from harness.data.rows import whole

if TYPE_CHECKING:
    import keras

    from harness.data.pipeline import Pipeline

MARGIN = 0.1
"""What the square leaves free on every side of the points, as a share of their larger extent."""


@dataclass(frozen=True)
class DecisionGrid:
    """Scores over a square: positive where class 1 is predicted, zero on the boundary.

    `x` is float64 [nx], `y` float64 [ny], `score` float32 [ny, nx]; `extent` is (left, right,
    bottom, top) in input units.
    """

    x: np.ndarray
    y: np.ndarray
    score: np.ndarray
    extent: tuple[float, float, float, float]


@dataclass(frozen=True)
class Points:
    """The data beside a grid: inputs [n, 2] and labels [n] of both sets."""

    train_inputs: np.ndarray
    train_labels: np.ndarray
    test_inputs: np.ndarray
    test_labels: np.ndarray


def decision_grid(model: keras.Model, pipeline: Pipeline, resolution: int = 200) -> DecisionGrid:
    """Evaluate `model` on the square around all points: `resolution` values a side.

    The score is the logit of class 1, or its difference to class 0's where the network has two
    outputs. Raises ValueError for inputs of other than two dimensions and for more than two
    outputs.
    """
    from harness.data.pipeline import scaled

    points = np.concatenate(
        [whole(split.inputs) for split in (pipeline.train, pipeline.test)]
    ).astype(np.float64)
    if points.shape[1:] != (2,) or model.output_shape[-1] > 2:
        raise ValueError("a decision grid needs two-dimensional inputs and two classes")
    low, high = points.min(axis=0), points.max(axis=0)
    half = float((high - low).max()) * (0.5 + MARGIN)
    left, bottom = (low + high) / 2 - half
    right, top = (low + high) / 2 + half
    x, y = np.linspace(left, right, resolution), np.linspace(bottom, top, resolution)
    grid = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2).astype(np.float32)
    logits = np.asarray(model(np.asarray(scaled(pipeline, grid)), training=False))
    score = logits[:, -1] - (logits[:, 0] if logits.shape[1] == 2 else 0)
    extent = (float(left), float(right), float(bottom), float(top))
    return DecisionGrid(x, y, score.reshape(resolution, resolution).astype(np.float32), extent)


def boundary_length(grid: DecisionGrid) -> float:
    """Give the length of the boundary inside the square, in input units.

    It is the length of the zero contour of the score, taken linear between neighbours (marching
    squares).
    """
    lines = contour_generator(grid.x, grid.y, grid.score).lines(0.0)
    return float(
        sum(np.linalg.norm(np.diff(np.asarray(line), axis=0), axis=1).sum() for line in lines)
    )


def save(path: Path, grid: DecisionGrid, pipeline: Pipeline) -> None:
    """Write the grid and the points of both sets to an `.npz` file."""
    with path.open("wb") as file:  # an open file, because NumPy would add a suffix to a path
        np.savez_compressed(
            file,
            x=grid.x,
            y=grid.y,
            score=grid.score,
            extent=np.array(grid.extent),
            train_inputs=whole(pipeline.train.inputs),
            train_labels=pipeline.train.labels,
            test_inputs=whole(pipeline.test.inputs),
            test_labels=pipeline.test.labels,
        )


def load(path: Path) -> tuple[DecisionGrid, Points]:
    """Read what `save` wrote; needs NumPy alone."""
    with np.load(path) as file:
        left, right, bottom, top = (float(value) for value in file["extent"])
        grid = DecisionGrid(file["x"], file["y"], file["score"], (left, right, bottom, top))
        return grid, Points(*(file[field.name] for field in fields(Points)))
