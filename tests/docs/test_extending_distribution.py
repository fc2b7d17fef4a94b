"""The recipe of a distribution: an invented one is accepted in a specification, and drawn from."""

from __future__ import annotations

import json
from pathlib import Path

from harness.experiment import Json
from tests.support import recipes, specifications

DRAW = """
import json
import sys
from pathlib import Path
from harness.spec.load import load_file
from harness.spec.problems import SpecError

try:
    runs = load_file(Path(sys.argv[1])).runs.values()
except SpecError as error:
    print(error)
else:
    print(json.dumps([run.drawn["training.batch_size"] for run in runs]))
assert not {"keras", "tensorflow"} & set(sys.modules)
"""


def drawn(root: Path, **parameters: Json) -> str:
    """Return the batch sizes that a sample draws, or what is wrong with it."""
    draw = {"training.batch_size": {"name": "powers", **parameters}}
    runs = {"one": {"sample": {"count": 60, "seed": 0, "draw": draw}}}
    specifications.write(root / "recipe.json", specifications.small(runs=runs))
    return recipes.python(root, "-c", DRAW, "recipe.json")


def test_a_distribution_of_the_recipe_is_accepted_and_drawn_from(tmp_path: Path) -> None:
    assert len(recipes.follow("A distribution", tmp_path)) == 2
    assert set(json.loads(drawn(tmp_path, low=3, high=6))) == {8, 16, 32, 64}
    assert set(json.loads(drawn(tmp_path, base=10, low=0, high=1))) == {1, 10}
    assert "the range ends at 4, which is not above 5" in drawn(tmp_path, low=5, high=4)
    assert "unknown property 'width'" in drawn(tmp_path, low=5, high=6, width=1)
