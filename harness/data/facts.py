"""How many examples each data set has and what they look like, known before anything is loaded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from harness.data import class_subset
from harness.data.catalog import DATASETS
from harness.data.errors import DataError, Unfit
from harness.data.facts_record import Facts
from harness.data.info import Request
from harness.data.places import data_dir
from harness.experiment import Component, Dataset

__all__ = ["BY_THEIR_FILES", "Facts", "facts", "facts_of", "unfit"]

BY_THEIR_FILES = frozenset(name for name, info in DATASETS.items() if info.origin.named_by)
"""The data sets of which only their files tell how many examples they have."""


def facts(source: Component, folder: Path | None = None) -> Facts | None:
    """Return what is known of a data set, or None where its data are not there to be looked at.

    Prepared data are looked for in `folder`, else in `data_dir()`.
    """
    return _request(source, folder).facts


def facts_of(dataset: Dataset, folder: Path | None = None) -> Facts | None:
    """Return what is known of a data set as a run uses it: of its subset of classes."""
    whole = facts(dataset.source, folder)
    return None if whole is None else whole.of_classes(dataset.classes)


def unfit(dataset: Dataset, folder: Path | None = None) -> Iterator[Unfit]:
    """Yield the settings of a data set that do not go with its data, as far as these are here."""
    request = _request(dataset.source, folder)
    try:
        yield from request.info.origin.unfit(request)
    except DataError:
        return  # nothing is known of data that cannot be read; whoever loads them says why
    known = request.facts
    if dataset.classes and known is not None and known.names is not None:
        yield from class_subset.unfit(dataset.classes, known.names, dataset.source.name)


def _request(source: Component, folder: Path | None) -> Request:
    where = folder if folder is not None else data_dir()
    return Request(source.name, DATASETS[source.name], source.parameters, where)
