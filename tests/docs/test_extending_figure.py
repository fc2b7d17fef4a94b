"""The recipe of a figure: an invented one is accepted in a specification, and drawn."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support import recipes

SPECIFICATION = {
    "name": "recipe",
    "title": "A figure of the recipe",
    "seeds": [0, 1],
    "runs": {"plain": {"dataset": {"name": "digits"}, "model": {"name": "perceptron"}}},
    "figures": [
        {
            "name": "scatter",
            "metrics": ["steps", "test_accuracy"],
            "groups": {"perceptron": "plain"},
        }
    ],
}

DRAW = """
from datetime import UTC, datetime
from pathlib import Path
from harness.report.figure_data import FigureData
from harness.report.figures import draw
from harness.report.scatter import scatter
from harness.report.sections import report
from harness.run_result import RunResult, Status
from harness.spec.load import load_file

experiment = load_file(Path("recipe.json"))
measured = [{"steps": 10, "test_accuracy": 0.5}, {"steps": 30, "test_accuracy": 0.75}]
results = [
    RunResult("plain", seed, f"key-{seed}", Status.DONE, measurements=each)
    for seed, each in enumerate(measured)
]
images = draw(experiment, results)
assert images["1-scatter.png"][1:4] == b"PNG"
print(sorted(images))
(axes,) = scatter(FigureData(experiment, results), **experiment.figures[0].parameters).axes
print([list(map(float, line.get_xdata())) for line in axes.lines])
print([list(map(float, line.get_ydata())) for line in axes.lines])
print(axes.get_xlabel(), "|", axes.get_ylabel())
text = report(experiment, results, [], list(images), datetime.now(UTC))
print(*[line for line in text.splitlines() if line.startswith("Scatter: ")])
"""


def test_a_figure_of_the_recipe_is_accepted_and_drawn(tmp_path: Path) -> None:
    touched = recipes.follow("A figure", tmp_path)
    assert len(touched) == 3
    specification = tmp_path / "recipe.json"
    specification.write_text(json.dumps(SPECIFICATION), encoding="utf-8")
    recipes.python(tmp_path, "-m", "harness", "validate", specification.name)
    files, steps, accuracies, labels, caption = recipes.python(tmp_path, "-c", DRAW).splitlines()
    assert files == "['1-scatter-dark.svg', '1-scatter.png', '1-scatter.svg']"
    assert (steps, accuracies) == ("[[10.0, 30.0]]", "[[50.0, 75.0]]")
    assert labels == "steps | test accuracy (%)"
    assert caption == "Scatter: a point is a seed, its place the two metrics that it measured."
