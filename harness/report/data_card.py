"""The data card: what each data set is, how much of it was used, and where it came from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from harness.data.catalog import DATASETS
from harness.data.facts import facts_of
from harness.data.facts_record import Facts
from harness.data.file_origins import CsvFiles, NumpyFile
from harness.data.info import DatasetInfo, Origin
from harness.data.origins import (
    Downloaded,
    ImageArchive,
    ImageFolder,
    MadeHere,
    ManualArchives,
    OwnFunction,
    OwnPrepared,
)
from harness.experiment import Component, Dataset, Experiment
from harness.report.component import component_words
from harness.report.markdown import bullets, code, escape, link
from harness.run_result import Loaded, RunResult
from harness.words import listed, plural

Chain = tuple[Component, ...]
"""Randomizations, one after another."""

_MOST_CLASSES = 20
_OWNERS = "its owner's"


@dataclass(frozen=True)
class Used:
    """A data set as an experiment uses it.

    Args:
        dataset: The settings of the first run that uses it, without any randomization.
        loaded: What a finished run was given, None where none tells.
        chains: The randomizations of its training set, each kind once, with its last parameters.
    """

    dataset: Dataset
    loaded: Loaded | None
    chains: tuple[Chain, ...]

    @property
    def name(self) -> str:
        """The name of the data set."""
        return self.dataset.source.name

    @property
    def facts(self) -> Facts | None:
        """What is known of it without loading it; None where its data must tell, and are away."""
        try:
            return facts_of(self.dataset)
        except (LookupError, OSError):
            return None


def data_sets(experiment: Experiment, results: Sequence[RunResult]) -> list[Used]:
    """Return the data sets of an experiment, each with all that its runs make of it."""
    loaded = {result.run: result.data for result in results if result.data is not None}
    found: dict[str, tuple[Dataset, Loaded | None, dict[tuple[str, ...], Chain]]] = {}
    for name, run in experiment.runs.items():
        dataset = run.settings.dataset
        used = dataset.train_examples, dataset.test_examples, dataset.classes, dataset.validation
        key = repr((dataset.source, used))
        first, known, chains = found.get(key, (dataset, None, {}))
        if dataset.randomize:
            chains[tuple(each.name for each in dataset.randomize)] = dataset.randomize
        found[key] = first, known or loaded.get(name), chains
    return [Used(first, known, tuple(chains.values())) for first, known, chains in found.values()]


def data_card(used: Sequence[Used], pictures: Mapping[int, str]) -> list[str]:
    """Return the card of each data set in Markdown.

    `pictures` has the Markdown of the picture of some, by their place.
    """
    parts: list[str] = []
    for place, each in enumerate(used):
        if each.name not in DATASETS:
            continue
        info = DATASETS[each.name]
        parts += [
            f"**{escape(info.title)}** ({code(each.name)})",
            bullets(list(_facts(each, info))),
            pictures.get(place, _NO_PICTURE),
        ]
    return parts


def caption(used: Used, seed: int) -> str:
    """Return what a picture of examples shows, with the seed whose randomizations it has."""
    facts = used.facts
    points = facts is not None and facts.shape is not None and len(facts.shape) == 1
    shown = "The training set" if points else "The first training example of each class"
    if not used.chains:
        return f"{shown}."
    if points:
        return (
            f"{shown}, and beside it what a run of seed {seed} was trained on instead, each point"
            " in the colour of the label that it had there."
        )
    return (
        f"{shown}, and below it what a run of seed {seed} was trained on instead, with the label"
        " that it had there: in red where it is not the true one."
    )


_NO_PICTURE = "There is no picture of examples: the data are not here, or cannot be drawn."


def _facts(used: Used, info: DatasetInfo) -> Iterator[str]:
    yield f"Used: {escape(_sizes(used))}."
    if used.loaded is not None and not _only_numbers(used.loaded.classes):
        yield f"Classes: {escape(listed(used.loaded.classes, _MOST_CLASSES))}."
    yield f"The whole set: {escape(info.size)}."
    if info.citation != _OWNERS:
        yield f"From {escape(info.citation)}."
    yield f"{_origin(used, info.origin)} Licence: {escape(info.licence)}."
    for chain in used.chains:
        words = ", then ".join(component_words(each) for each in chain)
        yield f"Randomized: {escape(words)}."


def _only_numbers(classes: Sequence[str]) -> bool:
    """Tell whether the names of classes say no more than how many there are."""
    return all(name.isdigit() for name in classes)


def _sizes(used: Used) -> str:
    dataset, facts, loaded = used.dataset, used.facts, used.loaded
    train = loaded.train_examples if loaded else dataset.train_examples
    test = loaded.test_examples if loaded else dataset.test_examples
    if facts is not None:
        train, test = train or facts.train_examples, test or facts.test_examples
    held_out = _held_out(used, train)
    if loaded is None and train is not None:
        train -= held_out
    classes = len(loaded.classes) if loaded else facts.classes if facts else None
    shape = facts.shape if facts is not None else None
    parts = [
        f"{train:,} training{f', {held_out:,} validation' if held_out else ''} and {test:,} test"
        " examples"
        if train is not None and test is not None
        else "as many examples as there are",
        f"of {_shape(shape)}" if shape else "",
        f"in {plural(classes, 'class').replace('classs', 'classes')}" if classes else "",
    ]
    words = " ".join(filter(None, parts))
    cut = dataset.center_crop
    return f"{words}, cut to the middle {cut}x{cut}" if cut is not None else words


def _held_out(used: Used, there: int | None) -> int:
    """Return how many validation examples there are, of so many training examples if none tells."""
    if used.loaded is not None:
        return used.loaded.validation_examples
    validation = used.dataset.validation
    return 0 if validation is None or there is None else validation.of(there)


def _shape(shape: tuple[int, ...]) -> str:
    return plural(shape[0], "feature") if len(shape) == 1 else "x".join(map(str, shape))


_PLAIN_ORIGINS: Mapping[type[Origin], str] = {
    MadeHere: "Made on this machine, without a download.",
    ImageFolder: "From a folder of images.",
    CsvFiles: "From tables in CSV files.",
    NumpyFile: "From arrays in a NumPy file.",
    OwnFunction: "Made by a function of its owner's.",
}
"""What is said of origins of which there is no more to tell."""


def _origin(used: Used, origin: Origin) -> str:
    match origin:
        case Downloaded():
            return f"Downloaded by TFDS ({link('source', origin.server)})."
        case ImageArchive():
            return f"From the archive {code(origin.file_name)}, SHA-256 {code(origin.sha256[:16])}."
        case ManualArchives():
            names = ", ".join(map(code, origin.archives))
            return f"From {names} ({link('source', origin.url)})."
        case OwnPrepared():
            return f"Prepared by TFDS: {_named(used)}."
    return _PLAIN_ORIGINS[type(origin)]


def _named(used: Used) -> str:
    """Return the data set of TFDS with its configuration and the version that was read."""
    parameters, loaded = used.dataset.source.parameters, used.loaded
    version = (loaded.version if loaded else None) or parameters.get("version")
    parts = [parameters["dataset"], parameters.get("config"), version]
    return " ".join(code(part) for part in parts if part)
