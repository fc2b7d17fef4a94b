"""The kinds of parts that may be a person's own, and how a function of each kind is called."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from harness.experiment import PARTNER, SOURCE, Component, Dataset, Settings

PYTHON = "python"
"""The name of a part that is a function which the specification itself names."""

Place = tuple[str | int, ...]
"""Where in the settings of a run a part stands, as the language writes it."""


@dataclass(frozen=True)
class Kind:
    """A kind of part.

    Attributes:
        definition: What the language calls it.
        group: The group of entry points in which packages register names.
        arguments: What the function is given by position; parameters are given by their names.
        offered: What it is given by name besides, where it takes it.
        settings: Further settings, which say how the function is called and are not given to it.
    """

    definition: str
    group: str
    arguments: tuple[str, ...] = ()
    offered: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """Return what a person calls it."""
        return self.definition.replace("_", " ")


MODEL = Kind("model", "harness.models", ("input_shape", "outputs"))
DATASET = Kind("dataset", "harness.datasets", offered=("data_dir",))
RANDOMIZATION = Kind("randomization", "harness.randomizations", ("split", "draw"))
AUGMENTATION = Kind("augmentation", "harness.augmentations")
INITIALIZATION = Kind(
    "initialization", "harness.initializations", ("kernel", "shape", "uniform", "normal")
)

METRIC = Kind("final_metric", "harness.metrics", ("run",), settings=(SOURCE, PARTNER))
COMPARISON = replace(METRIC, arguments=("run", "other"))
"""A metric that is given two runs."""

KINDS = (MODEL, DATASET, RANDOMIZATION, AUGMENTATION, INITIALIZATION, METRIC)

Change = Callable[[Kind, Place, Component], Component]
"""Gives what takes the place of a part."""


def changed(settings: Settings, change: Change) -> Settings:
    """Return the settings of a run with each of the parts that may be a person's own changed."""
    augmentation = tuple(
        change(AUGMENTATION, ("strengths", "augmentation", index), each)
        for index, each in enumerate(settings.augmentation)
    )
    return replace(
        settings,
        dataset=_changed_data(settings.dataset, change),
        model=change(MODEL, ("model",), settings.model),
        initialization=change(INITIALIZATION, ("initialization",), settings.initialization),
        augmentation=augmentation,
    )


def _changed_data(dataset: Dataset, change: Change) -> Dataset:
    randomize = tuple(
        change(RANDOMIZATION, ("dataset", "randomize", index), each)
        for index, each in enumerate(dataset.randomize)
    )
    return replace(
        dataset, source=change(DATASET, ("dataset",), dataset.source), randomize=randomize
    )


def parts(settings: Settings) -> Iterator[tuple[Kind, Place, Component]]:
    """Yield the parts of a run that may be a person's own, each with its place."""
    found: list[tuple[Kind, Place, Component]] = []

    def seen(kind: Kind, place: Place, component: Component) -> Component:
        found.append((kind, place, component))
        return component

    changed(settings, seen)
    yield from found
