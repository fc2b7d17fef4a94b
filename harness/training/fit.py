"""The training loop: epochs in chunks, measured, stopped and resumable."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import keras
import numpy as np
from keras import ops

from harness.data.pipeline import Pipeline
from harness.experiment import Training
from harness.training import programs
from harness.training.chunk import Chunk, Ran, Way
from harness.training.compiled import compiled, suits
from harness.training.measure import Row, row, summary
from harness.training.schedules import LOOKING, learning_rate
from harness.training.state import NonFiniteLoss, State
from harness.training.step import Network, Weights, network
from harness.training.stopping import stalled
from harness.training.streamed import streamed

__all__ = ["NonFiniteLoss", "Outcome", "Report", "State", "train"]

Report = Callable[[Sequence[Row], State], None]

CHUNK_SECONDS = 0.7
"""How long a call should take: long against the cost of a call, short against what a kill may
lose.
"""


@dataclass(frozen=True)
class Outcome:
    """What came of a run; `seconds` trained and measured in all, compilation left out.

    `measurements` has every name of `harness.metrics.METRICS` but `boundary_length`, and
    `augmented_train_accuracy` where there is augmentation alone. `devices` is how many shared every
    batch. `logits()` computes those of the test set, batch after batch; see
    `harness.training.chunk.Way`.
    """

    state: State
    history: list[Row]
    measurements: dict[str, float | None]
    seconds: float
    images_per_second: float
    devices: int
    logits: Callable[[], Iterator[np.ndarray]]


def train(
    training: Training,
    model: keras.Model,
    pipeline: Pipeline,
    *,
    state: State | None = None,
    history: Sequence[Row] = (),
    report: Report,
    devices: int = 1,
) -> Outcome:
    """Train `model` in place from its present weights, or go on from `state` and its `history`.

    `report` gets the new rows (perhaps none) and the state after every chunk, epoch 0 first; what
    it raises goes through. A run that goes on from any reported state ends as the uninterrupted one
    does; on the CPU, bit by bit. Raises NonFiniteLoss where a loss becomes NaN or infinite,
    ValueError where the state does not fit the model or comes without its history, or where the
    batch size leaves no step.

    Of `devices` (more than one with JAX alone), as many share every batch as divide its size. What
    fits into one compiled program stays on one device, where it is fastest.
    """
    net = network(model, training)
    way = (
        compiled(net, training, pipeline)
        if suits(net, pipeline)
        else streamed(net, training, pipeline, devices)
    )
    return _Run(training, pipeline, net, way, report).outcome(state, history)


@dataclass(frozen=True)
class _Run:
    training: Training
    pipeline: Pipeline
    net: Network
    way: Way
    report: Report

    def outcome(self, state: State | None, history: Sequence[Row]) -> Outcome:
        rows = [dict(old) for old in history]
        if state is None:
            state = _initial_state(self.net)
        elif not rows:
            raise ValueError("a state needs the history that led to it")
        weights, initial = _tensors(state, self.net)
        if not rows:
            rows = [self._row(state, self.way.measure(weights, initial), rows)]
            self.report(rows, state)
        if not self._over(state, rows):
            state = self._trained(state, weights, initial, rows)
        for variable, array in zip(
            _variables(self.net), (*state.trainable, *state.non_trainable), strict=True
        ):
            variable.assign(array)
        images = state.epoch * programs.images_an_epoch(
            len(self.pipeline.train.labels), self.training
        )
        speed = images / state.seconds if state.seconds else 0.0
        measurements = summary(rows) | self._augmented(state)
        logits = partial(self._logits, state)
        return Outcome(state, rows, measurements, state.seconds, speed, self.way.devices, logits)

    def _logits(self, state: State) -> Iterator[np.ndarray]:
        return self.way.logits(_tensors(state, self.net)[0])

    def _augmented(self, state: State) -> dict[str, float | None]:
        """Measure the training accuracy on images as the next epoch would augment them, where it
        would.
        """
        if not self.pipeline.augmentation:
            return {}
        correct = self.way.augmented(*_tensors(state, self.net), state.epoch)
        return {"augmented_train_accuracy": correct / len(self.pipeline.train.labels)}

    def _trained(
        self, state: State, weights: Weights, initial: list[Any], rows: list[Row]
    ) -> State:
        """Run chunks until the budget is spent or the stopping rule is met; adds to `rows`."""
        self.way.prepare(weights, initial)
        epochs, length, stopped = self._next(state.epoch, 1), 1, False
        while epochs and not stopped:
            # The next call's length is settled before this one, so that its random decisions are
            # drawn meanwhile.
            following = self._next(epochs.stop, length)
            chunk = self._chunk(epochs, following, rows)
            start = time.perf_counter()
            ran = self.way.advance(weights, initial, chunk)
            spent = time.perf_counter() - start
            if not math.isfinite(ran.loss):
                raise NonFiniteLoss(ran.loss, state.step + ran.steps, state.epoch + ran.epochs)
            new = self._rows(state, chunk, ran, spent, rows)
            state = _after(state, ran, spent)
            rows += new
            weights, stopped = ran.weights, ran.stopped or self._stalled(rows)
            self.report(new, state)
            length = max(1, min(8 * len(epochs), int(CHUNK_SECONDS * ran.epochs / spent)))
            epochs = following
        return state

    def _next(self, first: int, length: int) -> range:
        end = first + min(length, self.way.capacity)
        # These look at the history between two chunks: no measurement may lie inside one.
        if self.training.early_stopping or self.training.schedule.name in LOOKING:
            every = self.training.measure_every
            end = min(end, first - first % every + every)
        return range(first, min(self.training.epochs, end))

    def _stalled(self, rows: Sequence[Row]) -> bool:
        rule = self.training.early_stopping
        return rule is not None and stalled(rule, rows)

    def _chunk(self, epochs: range, following: range, rows: Sequence[Row]) -> Chunk:
        training, stop = self.training, self.training.stop_when
        completed = np.arange(epochs.start, epochs.stop) + 1
        return Chunk(
            first=epochs.start,
            learning_rates=np.array([self._learning_rate(epoch, rows) for epoch in epochs]),
            measure=(completed % training.measure_every == 0) | (completed == training.epochs),
            check=completed % stop.check_every == 0 if stop else np.zeros(len(completed), bool),
            enough=self._enough(),
            following=following,
        )

    def _enough(self) -> int:
        """Count the training examples that the stopping rule wants right."""
        wanted = self.training.stop_when.train_accuracy if self.training.stop_when else 0.0
        # The product of an exact share and a count may lie a rounding above the whole number it
        # stands for.
        return math.ceil(wanted * len(self.pipeline.train.labels) - 1e-6)

    def _over(self, state: State, rows: Sequence[Row]) -> bool:
        stop, last = self.training.stop_when, rows[-1]
        met = (
            stop is not None
            and state.epoch > 0
            and last["epoch"] == state.epoch
            and state.epoch % stop.check_every == 0
            and round(last["train_accuracy"] * len(self.pipeline.train.labels)) >= self._enough()
        )
        return met or self._stalled(rows) or state.epoch >= self.training.epochs

    def _learning_rate(self, epoch: int, rows: Sequence[Row]) -> float:
        initial = self.training.optimizer.parameters["learning_rate"]
        return learning_rate(self.training.schedule, initial, epoch, rows)

    def _rows(
        self, before: State, chunk: Chunk, ran: Ran, spent: float, earlier: Sequence[Row]
    ) -> list[Row]:
        steps = ran.steps // ran.epochs
        rows: list[Row] = []
        for place in range(ran.epochs):
            if chunk.measure[place] or (ran.stopped and place == ran.epochs - 1):
                done = place + 1
                seconds = before.seconds + spent * done / ran.epochs
                after = replace(
                    before,
                    epoch=before.epoch + done,
                    step=before.step + steps * done,
                    seconds=seconds,
                )
                rows.append(self._row(after, ran.measured[place], earlier))
        return rows

    def _row(self, state: State, measured: np.ndarray, earlier: Sequence[Row]) -> Row:
        for loss in (float(measured[0]), float(measured[2])):
            if not math.isfinite(loss):
                raise NonFiniteLoss(loss, state.step, state.epoch)
        rate = self._learning_rate(max(0, state.epoch - 1), earlier)
        return row(state, measured, rate, self.pipeline)


def _variables(net: Network) -> list[keras.Variable]:
    return [*net.model.trainable_variables, *net.model.non_trainable_variables]


def _initial_state(net: Network) -> State:
    trainable = tuple(variable.numpy() for variable in net.model.trainable_variables)
    non_trainable = tuple(variable.numpy() for variable in net.model.non_trainable_variables)
    slots = tuple(np.zeros_like(array) for array in trainable for _ in range(net.optimizer.SLOTS))
    return State(0, 0, 0.0, trainable, non_trainable, slots, initial=trainable)


def _tensors(state: State, net: Network) -> tuple[Weights, list[Any]]:
    """Give the state as tensors; raises ValueError where it does not fit the network."""
    shapes = [array.shape for array in (*state.trainable, *state.non_trainable)]
    if shapes != [tuple(variable.shape) for variable in _variables(net)]:
        raise ValueError("the state's weights do not have the shapes of the model's")
    groups = (state.trainable, state.non_trainable, state.slots, state.initial)
    trainable, non_trainable, slots, initial = (
        [ops.convert_to_tensor(array) for array in group] for group in groups
    )
    return Weights(trainable, non_trainable, slots), initial


def _after(state: State, ran: Ran, spent: float) -> State:
    trainable, non_trainable, slots = (
        tuple(np.array(tensor) for tensor in group) for group in ran.weights
    )
    return State(
        state.epoch + ran.epochs,
        state.step + ran.steps,
        state.seconds + spent,
        trainable,
        non_trainable,
        slots,
        state.initial,
    )
