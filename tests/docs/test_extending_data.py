"""The recipes for data sets, randomizations and augmentations, followed with what they invent."""

from pathlib import Path

import pytest

from tests.support.recipes import follow, python

SCHEMA = "harness/spec/experiment.schema.json"


@pytest.mark.parametrize(
    ("section", "name", "touched"),
    [
        (
            "A data set",
            "stripes",
            ["harness/data/builders/stripes.py", "harness/data/catalog.py", SCHEMA],
        ),
        ("A randomization", "salt", ["harness/data/randomizations.py", SCHEMA]),
        ("An augmentation", "brightness", ["harness/data/augmentation.py", SCHEMA]),
    ],
)
def test_a_component_that_is_added_by_its_recipe_works(
    section: str, name: str, touched: list[str], tmp_path: Path
) -> None:
    test, spec = f"tests/data/test_{name}.py", f"specs/{name}.json"
    assert follow(section, tmp_path) == [*touched, test, spec]
    planned = python(tmp_path, "-m", "harness", "plan", spec)
    assert "1 runs: 0 done, 1 to do, 0 blocked" in planned
    python(tmp_path, "-m", "pytest", "-q", "-p", "no:cacheprovider", test)


def test_an_added_data_set_is_listed_as_ready(tmp_path: Path) -> None:
    follow("A data set", tmp_path)
    listed = python(tmp_path, "-m", "harness", "data", "list").splitlines()
    (row,) = [line for line in listed if line.startswith("stripes ")]
    assert "yes" in row.split()
