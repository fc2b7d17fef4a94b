"""Draw points over the coloured decision regions of networks with two inputs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.experiment import Json
from harness.report.figure_data import FigureData
from harness.report.lettering import fitted
from harness.report.style import BLUE, PAGE_WIDTH, VERMILLION, plain, show_message
from harness.run_result import RunResult, Status
from harness.units import PERCENT, number

_PANEL = 2.25
_MOST_COLUMNS = 5
_TITLE_SIZE = 8.5
_TINTS = ("#BBD9EC", "#F8D0B4")
_POINTS = ((BLUE, "o", 22.0), (VERMILLION, "^", 26.0))


def decision_regions(
    data: FigureData,
    *,
    panels: Sequence[Mapping[str, Json]],
    seed: int | None = None,
) -> Figure:
    """Draw panels: the training points of a run over the regions of its final weights.

    The regions come from `RunResult.decision_grid`, an `.npz` file of "x" [nx], "y" [ny], "score"
    [ny, nx] (the logit of class 1), "train_inputs" [n, 2] and "train_labels" [n].

    Args:
        data: The experiment and its results.
        panels: Objects with "run", "title" and "regions" (false: the points alone).
        seed: The seed that is shown; None for the experiment's first.
    """
    shown = data.experiment.seeds[0] if seed is None else seed
    found = {
        r.run: r
        for r in data.results
        if r.seed == shown and r.status is Status.DONE and r.decision_grid is not None
    }
    rows = math.ceil(len(panels) / _MOST_COLUMNS)
    columns = math.ceil(len(panels) / rows)
    side = min(_PANEL, (PAGE_WIDTH - 0.1) / columns)
    titles = [
        plain(fitted(str(panel.get("title") or panel["run"]), side - 0.1, _TITLE_SIZE, 3))
        for panel in panels
    ]
    height = side + 0.35 + 0.16 * max(title.count("\n") for title in titles)
    figure = Figure(figsize=(side * columns + 0.1, height * rows), layout="compressed")
    grid = list(figure.subplots(rows, columns, squeeze=False).flat)
    for unused in grid[len(panels) :]:
        unused.set_visible(False)
    for axes, panel, title in zip(grid, panels, titles, strict=False):
        axes.set_title(title, fontsize=_TITLE_SIZE)
        axes.spines[:].set_visible(True)
        axes.set_box_aspect(1)
        if panel["run"] in found:
            _draw(axes, found[panel["run"]], bool(panel.get("regions", True)))
        else:
            show_message(axes, "not run")
    return figure


def _draw(axes: Axes, result: RunResult, regions: bool) -> None:
    assert result.decision_grid is not None
    with np.load(result.decision_grid, allow_pickle=False) as grid:
        x, y, score = grid["x"], grid["y"], grid["score"]
        inputs, labels = grid["train_inputs"], grid["train_labels"]
    if regions:
        _draw_regions(axes, x, y, score)
        train, test = (
            number(result.measurements.get(f"{of}_accuracy"), PERCENT) for of in ("train", "test")
        )
        axes.set_xlabel(f"train {train}, test {test}", fontsize=8)
    for kind, (colour, marker, size) in enumerate(_POINTS):
        own = inputs[np.ravel(labels) == kind]
        axes.scatter(
            own[:, 0],
            own[:, 1],
            size,
            colour,
            marker=marker,
            edgecolors="white",
            linewidths=0.6,
            zorder=3,
        )
    axes.set_xlim(float(x[0]), float(x[-1]))
    axes.set_ylim(float(y[0]), float(y[-1]))
    axes.set_xticks([])
    axes.set_yticks([])
    axes.grid(False)


def _draw_regions(axes: Axes, x: Any, y: Any, score: Any) -> None:
    axes.contourf(x, y, score, levels=[-np.inf, 0.0, np.inf], colors=_TINTS, zorder=0)
    if score.min() < 0.0 < score.max():
        axes.contour(x, y, score, levels=[0.0], colors="#222222", linewidths=1.1, zorder=2)
