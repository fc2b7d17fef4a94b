"""How many examples each data set has and what they look like, known before anything is loaded."""

from __future__ import annotations

from pathlib import Path

from harness.data.catalog import DATASETS
from harness.data.info import Facts, Request
from harness.data.places import data_dir
from harness.experiment import Component

__all__ = ["BY_THEIR_FILES", "Facts", "facts"]

BY_THEIR_FILES = frozenset(name for name, info in DATASETS.items() if info.origin.named_by)
"""The data sets of which only their files tell how many examples they have."""


def facts(source: Component, folder: Path | None = None) -> Facts | None:
    """Return what is known of a data set, or None where its data are not there to be looked at.

    Prepared data are looked for in `folder`, else in `data_dir()`.
    """
    where = folder if folder is not None else data_dir()
    return Request(source.name, DATASETS[source.name], source.parameters, where).facts
