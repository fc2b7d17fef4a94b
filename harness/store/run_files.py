"""The files of a finished run, turned into records.

A file that is whole but of another form is `Damaged`, as is one that is not as it was written
(`harness.store.checksums`).
"""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from harness.data.loaded import loaded
from harness.experiment import Json, OwnPart
from harness.own.records import own_part
from harness.run_result import Code, Loaded, RightImages
from harness.store import checksums
from harness.store.checksums import Damaged, RunFiles
from harness.store.predictions import Predictions
from harness.store.staleness import code
from harness.system.files import read_bytes
from harness.system.json_value import WrongForm, parse
from harness.words import run_label

RUN = "run.json"
HISTORY = "history.csv"
MEASUREMENTS = "measurements.json"
ENVIRONMENT = "environment.json"
DECISION_GRID = "decision_grid.npz"
PREDICTIONS = "predictions.npz"

_DIGEST = re.compile(r"[0-9a-f]{64}")
_BEGINNING = re.compile(
    rb"""\{\s*"key": "[0-9a-f]{64}",\s*"experiment": "(?P<experiment>[^"\\]*)","""
    rb"""\s*"run": "(?P<run>[^"\\]*)",\s*"seed": (?P<seed>\d{1,18}),"""
)
"""How `run.json` begins where no name has a character that JSON escapes."""

_COUNTS = ("epoch", "step")
_Record = TypeVar("_Record")

_SHAPES = {"x": 1, "y": 1, "score": 2, "train_inputs": 2, "train_labels": None}
"""The arrays of a decision grid, and how many dimensions each has; None for any number."""


@dataclass(frozen=True)
class Origin:
    """What was run, from `run.json`.

    `key` is that of the run, and that of its folder where an older record has none; `parent` is the
    key of the run that it starts from. `own` identifies the parts that are not the harness's, by
    their places in the settings.
    """

    key: str
    experiment: str
    run: str
    seed: int
    parent: str | None
    settings: Mapping[str, Json]
    own: Mapping[str, OwnPart] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """Return what a person calls the run."""
        return run_label(self.experiment, self.run, self.seed)


@dataclass(frozen=True)
class Surroundings:
    """With what a run was made and what that took, from `environment.json`.

    `data` is what was loaded for it, `code` what made it, both None where that was not recorded
    yet. `start` is the SHA-256 of the file with the weights that it started from, None where they
    were drawn or that was not recorded. `no_predictions` says why a run that could have kept them
    did not.
    """

    environment: Mapping[str, Json]
    seconds: float
    images_per_second: float
    parameters: int
    data: Loaded | None
    code: Code | None = None
    start: str | None = None
    no_predictions: str = ""


def origin(run: RunFiles) -> Origin:
    """Read what was run, and check that the folder is named after it.

    Raises:
        Damaged: it cannot be read, or is another run.
    """
    found = _typed(run, RUN, _origin)
    if found.key not in (run.folder.name, ""):
        raise Damaged(run.folder / RUN, f"is of another run, whose key is {found.key}")
    return replace(found, key=run.folder.name)


def unchecked_label(folder: Path) -> str | None:
    """Return how the run is called by `run.json`, not compared with its checksum.

    None where it says nothing.
    """
    try:
        content = read_bytes(folder / RUN)
        begins = _BEGINNING.match(content)
        # Nearly every file begins so: to parse all of very many takes several times as long.
        if begins is None:
            return _origin(content).label
        return run_label(begins["experiment"].decode(), begins["run"].decode(), int(begins["seed"]))
    except (OSError, ValueError):
        return None


def _origin(content: bytes) -> Origin:
    value = parse(content)
    return Origin(
        key=value.member_or("key", "").text(),
        experiment=value.member("experiment").text(),
        run=value.member("run").text(),
        seed=value.member("seed").integer(),
        parent=value.member("parent").text_or_none(),
        settings=value.member("settings").object(),
        own={place: own_part(each) for place, each in value.member_or("own", {}).members()},
    )


def measurements(run: RunFiles) -> dict[str, float | None]:
    """Read what was measured.

    Raises:
        Damaged: it cannot be read.
    """
    return _typed(run, MEASUREMENTS, _measurements)


def _measurements(content: bytes) -> dict[str, float | None]:
    return {name: value.number_or_none() for name, value in parse(content).members()}


def surroundings(run: RunFiles) -> Surroundings:
    """Read with what the run was made.

    Raises:
        Damaged: it cannot be read.
    """
    return _typed(run, ENVIRONMENT, _surroundings)


def _surroundings(content: bytes) -> Surroundings:
    value = parse(content)
    return Surroundings(
        environment=value.member("environment").object(),
        seconds=value.member("seconds").number(),
        images_per_second=value.member("images_per_second").number(),
        parameters=value.member("parameters").integer(),
        data=loaded(value.member("data")) if value.has("data") else None,
        code=code(value.member("code")) if value.has("code") else None,
        start=value.member_or("start", None).text_or_none(),
        no_predictions=value.member_or("no_predictions", "").text(),
    )


def history(run: RunFiles) -> dict[str, list[float]]:
    """Read the history, column by column.

    Raises:
        Damaged: it cannot be read.
    """
    return _typed(run, HISTORY, _history)


def _history(content: bytes) -> dict[str, list[float]]:
    try:
        names, *rows = csv.reader(io.StringIO(content.decode()), strict=True)
    except (csv.Error, ValueError) as error:
        raise WrongForm(f"it is no table: {error}") from error
    if not rows or not set(_COUNTS) <= set(names) or len(set(names)) != len(names):
        raise WrongForm(
            f"expected a row for every epoch, with the columns {' and '.join(_COUNTS)} among others"
        )
    if any(len(row) != len(names) for row in rows):
        raise WrongForm(f"expected {len(names)} numbers in every row")
    try:
        columns = zip(*rows, strict=True)
        return {
            name: [*map(int if name in _COUNTS else float, column)]
            for name, column in zip(names, columns, strict=True)
        }
    except ValueError as error:
        raise WrongForm(f"expected numbers alone: {error}") from error


def decision_grid(run: RunFiles) -> Path | None:
    """Return the file with the decision grid, after checking its content; None without one.

    Raises:
        Damaged: it cannot be read.
    """
    if DECISION_GRID not in run.digests:
        return None
    _typed(run, DECISION_GRID, _check_grid)
    return run.folder / DECISION_GRID


def _check_grid(content: bytes) -> None:
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in _SHAPES}
    except Exception as error:  # zipfile and NumPy raise about ten kinds for damage
        raise WrongForm(f"it holds no decision grid: {error}") from error
    sizes = {name: array.size for name, array in arrays.items()}
    dimensions_fit = all(
        arrays[name].ndim == count for name, count in _SHAPES.items() if count is not None
    )
    numbers = all(np.issubdtype(array.dtype, np.number) for array in arrays.values())
    if not (
        dimensions_fit
        and numbers
        and arrays["score"].shape == (sizes["y"], sizes["x"])
        and arrays["train_inputs"].shape == (sizes["train_labels"], 2)
    ):
        raise WrongForm("its arrays are not those of a decision grid")


def predictions(run: RunFiles) -> Predictions | None:
    """Read what the network predicts for every test image, None where that was not kept.

    Raises:
        Damaged: it cannot be read.
    """
    return _typed(run, PREDICTIONS, _predictions) if PREDICTIONS in run.digests else None


def _predictions(content: bytes) -> Predictions:
    arrays = _arrays(content, ("predicted", "labels", "test_set", "logits"))
    found, logits = _predicted_of(arrays), arrays.get("logits")
    if logits is not None and not (
        logits.dtype == np.float16
        and logits.ndim == 2
        and len(logits) == len(found.labels)
        and not np.isnan(logits).any()
    ):
        raise WrongForm("its logits are not those of its images")
    return replace(found, logits=logits)


def tested(run: RunFiles) -> RightImages | None:
    """Read which test images the network classifies right, None where that was not kept.

    The logits are not read.

    Raises:
        Damaged: it cannot be read.
    """
    if PREDICTIONS not in run.digests:
        return None
    found = _typed(run, PREDICTIONS, _predicted)
    return RightImages.of(found.test_set, found.right)


def _predicted(content: bytes) -> Predictions:
    return _predicted_of(_arrays(content, ("predicted", "labels", "test_set")))


def _predicted_of(arrays: Mapping[str, NDArray[Any]]) -> Predictions:
    names = ("predicted", "labels", "test_set")
    if not all(name in arrays for name in names):
        raise WrongForm(f"expected the arrays {', '.join(names)}")
    predicted, labels, test_set = (arrays[name] for name in names)
    classes = all(array.dtype == np.uint16 and array.ndim == 1 for array in (predicted, labels))
    if not (classes and 0 < len(predicted) == len(labels)):
        raise WrongForm("expected a predicted class and a label for every image")
    if test_set.shape != () or not _DIGEST.fullmatch(str(test_set)):
        raise WrongForm("expected the digest of a test set")
    return Predictions(predicted, labels, None, str(test_set))


def _arrays(content: bytes, names: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Return those arrays of an `.npz` file that have these names."""
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as stored:
            return {name: stored[name] for name in names if name in stored.files}
    except Exception as error:  # zipfile and NumPy raise about ten kinds for damage
        raise WrongForm(f"it holds no arrays: {error}") from error


def faults(folder: Path) -> list[str]:
    """Return all that is wrong with the files of a run, after reading every one of them."""
    try:
        run = RunFiles(folder, checksums.listed(folder))
    except Damaged as fault:
        return [f"{fault.path.name} {fault.what}"]
    found = list(checksums.missing_or_foreign(run))
    reported = {fault.path.name for fault in found}
    readers: dict[str, Callable[[RunFiles], object]] = {
        RUN: origin,
        MEASUREMENTS: measurements,
        ENVIRONMENT: surroundings,
        HISTORY: history,
        DECISION_GRID: decision_grid,
        PREDICTIONS: predictions,
    }
    reported |= {
        name
        for name in run.digests
        if checksums.is_weights(name) and not os.path.lexists(folder / name)
    }
    # What every run has is read even where its line is missing in the list of checksums.
    for name in sorted({*run.digests, RUN, MEASUREMENTS, ENVIRONMENT, HISTORY} - reported):
        try:
            readers.get(name, lambda run, name=name: checksums.verify(run, name))(run)
        except Damaged as fault:
            found.append(fault)
    return [f"{fault.path.name} {fault.what}" for fault in found]


def _typed(run: RunFiles, name: str, of: Callable[[bytes], _Record]) -> _Record:
    content = checksums.read(run, name)
    try:
        return of(content)
    except WrongForm as error:
        raise Damaged(run.folder / name, f"is not what the harness writes: {error}") from error
