"""From settings to what trains: a Keras model with its weights, and a pipeline of examples."""

from __future__ import annotations

import contextlib
import gc
import math
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import h5py
import keras

from harness.data.pipeline import Pipeline
from harness.data.pipeline import build as build_pipeline
from harness.errors import HarnessError
from harness.experiment import Settings
from harness.models.initialization import drawn_by_keras, initialize, seed_dropout
from harness.models.registry import build as build_model
from harness.training.losses import LOSSES
from harness.training.state import State

MOST_GARBAGE = 2**26
"""Bytes of the weights of earlier models that may wait for the garbage collector."""


class WeightsError(HarnessError):
    """A weights file cannot be read or does not fit the network."""


@dataclass(frozen=True)
class Compiled:
    """A run, ready to train: the model holds its initial weights.

    `plain` is the same network without dropout, the model itself where there is none.
    """

    model: keras.Model
    pipeline: Pipeline
    plain: keras.Model

    def save_weights(self, path: Path) -> None:
        """Write the model's weights alone.

        Of a model with dropout, Keras would also write, and ask for when it reads, what dropout
        draws from. Raises OSError where there is no room for the weights.
        """
        _check_room(path, sum(array.nbytes for array in self.plain.get_weights()))
        if self.plain is not self.model:
            self.plain.set_weights(self.model.get_weights())
        self.plain.save_weights(path)

    def save_state(self, state: State, path: Path) -> None:
        """Write the weights of a state of the model's training; the model holds them from then on.

        Where weights are averaged, those are the averages, as at the end of the run. Training
        computes with states alone, so that it goes on as it would have. Raises OSError where there
        is no room for the weights.
        """
        variables = (*self.model.trainable_variables, *self.model.non_trainable_variables)
        for variable, array in zip(variables, state.final, strict=True):
            variable.assign(array)
        self.save_weights(path)


def _check_room(path: Path, size: int) -> None:
    """Check that a file of about this size can be written.

    HDF5 that runs out of space may crash the process later.
    """
    overhead = 2**18
    try:
        with path.open("wb") as file:
            for start in range(0, size + overhead, 2**20):
                file.write(bytes(min(2**20, size + overhead - start)))
            file.flush()
            os.fsync(file.fileno())
    finally:
        path.unlink(missing_ok=True)


def compile_run(settings: Settings, seed: int, weights: Path | None, data_dir: Path) -> Compiled:
    """Build the model of a run, with its weights, and its pipeline.

    Args:
        settings: Everything that decides the run's result but its seed and its initial weights.
        seed: Decides initial weights, shuffling, augmentation and randomization.
        weights: The `.weights.h5` file that the run starts from, None to draw the weights.
        data_dir: Where prepared data sets lie.

    Raises:
        DataError: the data cannot be read.
        WeightsError: the weights cannot be read or do not fit.
    """
    _BUILT.collect()
    pipeline = build_pipeline(settings.dataset, settings.augmentation, seed, data_dir)
    outputs = LOSSES[settings.training.loss].outputs(len(pipeline.classes))
    training = settings.training
    with _policy(training.precision), drawn_by_keras(seed):
        model = build_model(settings.model, pipeline.input_shape, outputs, training.dropout)
        plain = (
            build_model(settings.model, pipeline.input_shape, outputs)
            if training.dropout
            else model
        )
    _BUILT.add(model)
    if weights is None:
        initialize(plain, settings.initialization, seed, settings.model.own is not None)
    else:
        _load(plain, weights)
    if plain is not model:
        model.set_weights(plain.get_weights())
    seed_dropout(model, seed)
    return Compiled(model, pipeline, plain)


class _Built:
    """Counts the bytes of models that were built, garbage as soon as their runs have ended.

    A Keras model is held by its own layers, so it waits for the garbage collector. That counts
    objects, of which a model has few, and comes once in a hundred runs: large models would pile up.
    """

    def __init__(self) -> None:
        self._bytes = 0

    def add(self, model: keras.Model) -> None:
        self._bytes += 4 * sum(math.prod(weight.shape) for weight in model.weights)

    def collect(self) -> None:
        """Collect the garbage where it may be much.

        It takes a fifth of a second, too long for runs of small models.
        """
        if self._bytes > MOST_GARBAGE:
            gc.collect()
            self._bytes = 0


_BUILT = _Built()


@contextlib.contextmanager
def _policy(precision: str) -> Iterator[None]:
    """Build layers that compute in `precision`; their weights are float32 always."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def _load(model: keras.Model, weights: Path) -> None:
    try:
        misfit = _misfit(model, weights)
        if misfit is None:
            model.load_weights(weights)
    except (OSError, RuntimeError, ValueError, KeyError) as error:
        raise WeightsError(f"the weights {weights} cannot be read: {error}") from error
    if misfit is not None:
        raise WeightsError(f"the weights {weights} do not fit the network: {misfit}")


def _misfit(model: keras.Model, weights: Path) -> str | None:
    """Say how the arrays of a file differ from the network's.

    Keras itself takes the file of a deeper network. Where the model was compiled, Keras also saves
    the state of its optimizer, which does not count.
    """
    stored: Counter[tuple[int, ...]] = Counter()

    def count(name: str, item: object) -> None:
        parts = name.split("/")
        if (
            isinstance(item, h5py.Dataset)
            and parts[0] != "optimizer"
            and "seed_generator" not in parts
        ):
            stored[item.shape] += 1

    with h5py.File(weights) as file:
        file.visititems(count)
    wanted = Counter(tuple(variable.shape) for variable in model.weights)
    if stored == wanted:
        return None
    return (
        f"only the file has {_listed(stored - wanted)}; only the network has"
        f" {_listed(wanted - stored)}"
    )


def _listed(shapes: Counter[tuple[int, ...]]) -> str:
    words = ["x".join(map(str, shape)) or "scalar" for shape in sorted(shapes.elements())]
    return (
        f"arrays of {', '.join(words[:4])}{' and more' if len(words) > 4 else ''}"
        if words
        else "nothing"
    )
