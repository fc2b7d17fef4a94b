import json
from collections.abc import Iterable
from pathlib import Path

import pytest

import harness.spec
from harness.data.augmentation import AUGMENTATIONS
from harness.data.catalog import SOURCES
from harness.data.randomizations import RANDOMIZATIONS
from harness.data.sources import LOADERS

SCHEMA = json.loads((Path(harness.spec.__file__).parent / "experiment.schema.json").read_text())


@pytest.mark.parametrize(
    ("definition", "registry"),
    [
        ("dataset", SOURCES),
        ("dataset", LOADERS),
        ("randomization", RANDOMIZATIONS),
        ("augmentation", AUGMENTATIONS),
    ],
)
def test_the_schema_allows_what_is_registered(definition: str, registry: Iterable[str]) -> None:
    assert sorted(SCHEMA["$defs"][definition]["properties"]["name"]["enum"]) == sorted(registry)
