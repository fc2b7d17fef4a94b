import json
from collections.abc import Iterable
from pathlib import Path

import pytest

import harness.spec
from harness.data.augmentation import AUGMENTATIONS
from harness.data.catalog import DATASETS
from harness.data.randomizations import RANDOMIZATIONS

SCHEMA = json.loads((Path(harness.spec.__file__).parent / "experiment.schema.json").read_text())


@pytest.mark.parametrize(
    ("definition", "registry"),
    [
        ("dataset", DATASETS),
        ("randomization", RANDOMIZATIONS),
        ("augmentation", AUGMENTATIONS),
    ],
)
def test_the_schema_allows_what_is_registered(definition: str, registry: Iterable[str]) -> None:
    assert sorted(SCHEMA["$defs"][definition]["properties"]["name"]["enum"]) == sorted(registry)
