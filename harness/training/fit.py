"""The training loop: epochs in chunks, measured, stopped and resumable."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal, get_args

import keras
import numpy as np
from keras import ops

from harness import budget
from harness.data.pipeline import Pipeline
from harness.experiment import Training
from harness.training import programs
from harness.training.engine import Chunk, ChunkResult, Engine, Way
from harness.training.engines import Engines
from harness.training.measure import Measured, Row, row, summary
from harness.training.optimizers import empty_slots
from harness.training.schedules import holds_until, last_learning_rate, learning_rates
from harness.training.state import NonFiniteLoss, State
from harness.training.step import Network, Weights, network
from harness.training.stopping import first_stall, stalled

__all__ = ["NonFiniteLoss", "Outcome", "Pausing", "Report", "Resume", "State", "train"]

Report = Callable[[Sequence[Row], State], None]


@dataclass(frozen=True)
class Pausing:
    """A report that gets the state after each of some epochs, and at other times too."""

    report: Report
    epochs: Sequence[int]

    def __call__(self, rows: Sequence[Row], state: State) -> None:
        """Report."""
        self.report(rows, state)


CHUNK_SECONDS = 0.7
"""How long a call of an engine should take.

That is long against the cost of a call, and short against what a kill may lose.
"""


_Ruled = Literal["train", "validation"]
"""The sets that a stopping rule may look at."""


@dataclass(frozen=True)
class Outcome:
    """What came of a run; `seconds` trained and measured in all, compilation left out.

    `measurements` has every name of `harness.metrics.METRICS` but `boundary_length`, of those of a
    validation set where there is one, and `augmented_train_accuracy` where there is augmentation
    alone. `devices` is how many shared every batch, `way` how the epochs were computed. `logits()`
    computes those of the test set, batch after batch; see `harness.training.engine.Engine`.
    """

    state: State
    history: list[Row]
    measurements: dict[str, float | None]
    seconds: float
    images_per_second: float
    devices: int
    way: Way
    logits: Callable[[], Iterator[np.ndarray]]


@dataclass(frozen=True)
class Resume:
    """Where a run goes on: a reported state, and all rows that were reported until then."""

    state: State
    history: Sequence[Row]


def train(
    training: Training,
    model: keras.Model,
    pipeline: Pipeline,
    *,
    report: Report,
    resume: Resume | None = None,
    engines: Engines | None = None,
) -> Outcome:
    """Train `model` in place from its present weights, or go on from `resume`.

    `report` gets the new rows (perhaps none) and the state after every chunk, epoch 0 first, and
    where it is `Pausing` also after the epochs that it names; what it raises goes through. A run
    that goes on from any reported state ends as the uninterrupted one does; on the CPU, bit by bit.
    Raises NonFiniteLoss where a loss becomes NaN or infinite, ValueError where the state does not
    fit the model or comes without its history, or where the batch size leaves no step.

    Runs that are given the same `engines` share compiled programs and use its devices; without it,
    the run has programs of its own, and one device.
    """
    net = network(model, training)
    engine = (engines or Engines()).engine(net, training, pipeline)
    return _Run(training, pipeline, net, engine, report).outcome(resume)


@dataclass(frozen=True)
class _Run:
    training: Training
    pipeline: Pipeline
    net: Network
    engine: Engine
    report: Report

    def outcome(self, resume: Resume | None) -> Outcome:
        state = resume.state if resume else initial_state(self.net.model, self.training)
        rows = [dict(old) for old in resume.history] if resume else []
        if resume and not rows:
            raise ValueError("a state needs the history that led to it")
        weights, initial = _tensors(state, self.net)
        if not rows:
            rows = [self._row(state, self.engine.measure(weights, initial), rows)]
            self.report(rows, state)
        if not self._over(state, rows):
            state = self._trained(state, weights, initial, rows).fetched()
        for variable, array in zip(_variables(self.net), state.final, strict=True):
            variable.assign(array)
        images = budget.images(self.training, self._examples, state.step)
        speed = images / state.seconds if state.seconds else 0.0
        measurements = summary(rows) | self._augmented(state)
        logits = partial(self._logits, state)
        by = self.engine
        return Outcome(state, rows, measurements, state.seconds, speed, by.devices, by.way, logits)

    @property
    def _examples(self) -> int:
        return len(self.pipeline.train.labels)

    @property
    def _steps(self) -> int:
        """How many steps a whole epoch has."""
        return programs.steps_an_epoch(self._examples, self.training)

    @property
    def _epochs(self) -> int:
        """How many epochs there are at most."""
        return budget.most_epochs(self.training, self._examples)

    def _logits(self, state: State) -> Iterator[np.ndarray]:
        return self.engine.logits(_tensors(state, self.net)[0])

    def _augmented(self, state: State) -> dict[str, float | None]:
        """Measure the training accuracy on images as the next epoch would augment them."""
        if not self.pipeline.augmentation:
            return {}
        correct = self.engine.augmented_correct(*_tensors(state, self.net), state.epoch)
        return {"augmented_train_accuracy": correct / self._examples}

    def _trained(
        self, state: State, weights: Weights, initial: list[Any], rows: list[Row]
    ) -> State:
        """Run chunks until the budget is spent or the stopping rule is met; adds to `rows`."""
        self.engine.prepare(weights, initial)
        epochs, length, stopped = self._next(state.epoch, 1, rows), 1, False
        while epochs and not stopped:
            # The next call's length is chosen before this one, so that its random decisions are
            # drawn meanwhile.
            following = self._next(epochs.stop, length, rows)
            chunk = self._chunk(state.step, epochs, following, rows)
            start = time.perf_counter()
            result = self.engine.train(weights, initial, chunk)
            spent = time.perf_counter() - start
            if not math.isfinite(result.loss):
                step, epoch = state.step + result.steps, state.epoch + result.epochs
                raise NonFiniteLoss(result.loss, step, epoch)
            new = self._rows(state, result, spent, rows)
            state = _after(state, result, spent)
            rows += new
            weights, stopped = result.weights, result.stopped or self._stalled(rows)
            self.report(new, state)
            length = max(1, min(8 * len(epochs), int(CHUNK_SECONDS * result.epochs / spent)))
            epochs = following
        return state

    def _next(self, first: int, length: int, rows: Sequence[Row]) -> range:
        end = min(first + min(length, self.engine.capacity), self._looked_at(first, rows))
        pauses = self.report.epochs if isinstance(self.report, Pausing) else ()
        pause = min((each for each in pauses if each > first), default=end)
        return range(first, min(self._epochs, end, pause))

    def _looked_at(self, first: int, rows: Sequence[Row]) -> int:
        """Give the epoch up to which a chunk from `first` on may go.

        Early stopping and some schedules look at the history between two chunks: no measurement
        that can change what they say may lie inside one. `rows` may end before `first`: what comes
        then can only put such a measurement off, or has put it off by a chunk's end.
        """
        rule, every = self.training.early_stopping, self.training.measure_every
        decisive = holds_until(self.training.schedule, rows)
        if rule is not None:
            decisive = min(decisive, first_stall(rule, rows))
        if math.isinf(decisive):
            return self._epochs
        return every * max(first // every + 1, math.ceil(decisive / every))

    def _stalled(self, rows: Sequence[Row]) -> bool:
        rule = self.training.early_stopping
        return rule is not None and stalled(rule, rows)

    def _chunk(self, step: int, epochs: range, following: range, rows: Sequence[Row]) -> Chunk:
        training, stop = self.training, self.training.stop_when
        completed = np.arange(epochs.start, epochs.stop) + 1
        left = budget.most_steps(training, self._examples) - (completed - 1) * self._steps
        return Chunk(
            first=epochs.start,
            step=step,
            learning_rates=learning_rates(training, epochs, self._steps, rows),
            steps=np.minimum(left, self._steps),
            measure=(completed % training.measure_every == 0) | (completed == self._epochs),
            check=completed % stop.check_every == 0 if stop else np.zeros(len(completed), bool),
            enough=self._enough("train"),
            following=following,
            enough_validation=self._enough("validation"),
        )

    def _enough(self, part: _Ruled) -> int:
        """Count the examples of a set that the stopping rule wants right."""
        wanted = getattr(self.training.stop_when, f"{part}_accuracy", None) or 0.0
        # The product of an exact share and a count may lie a rounding above the whole number it
        # stands for.
        return math.ceil(wanted * self._count(part) - 1e-6)

    def _count(self, part: _Ruled) -> int:
        split = getattr(self.pipeline, part)
        return 0 if split is None else len(split)

    def _reached(self, row: Row) -> bool:
        """Tell whether a measured epoch has what the stopping rule wants of each set."""
        return all(
            round(row.get(f"{part}_accuracy", 0.0) * self._count(part)) >= self._enough(part)
            for part in get_args(_Ruled)
        )

    def _over(self, state: State, rows: Sequence[Row]) -> bool:
        stop, last = self.training.stop_when, rows[-1]
        met = (
            stop is not None
            and state.epoch > 0
            and last["epoch"] == state.epoch
            and state.epoch % stop.check_every == 0
            and self._reached(last)
        )
        return met or self._stalled(rows) or state.epoch >= self._epochs

    def _rows(
        self, before: State, result: ChunkResult, spent: float, earlier: Sequence[Row]
    ) -> list[Row]:
        rows: list[Row] = []
        for place, measured in sorted(result.measured.items()):
            done = place + 1
            after = replace(
                before,
                epoch=before.epoch + done,
                step=min(before.step + self._steps * done, before.step + result.steps),
                seconds=before.seconds + spent * done / result.epochs,
            )
            rows.append(self._row(after, measured, earlier))
        return rows

    def _row(self, state: State, measured: Measured, earlier: Sequence[Row]) -> Row:
        for sums in filter(None, (measured.train, measured.test, measured.validation)):
            if not math.isfinite(sums.loss):
                raise NonFiniteLoss(sums.loss, state.step, state.epoch)
        rate = last_learning_rate(self.training, state.step, self._steps, earlier)
        return row(state, measured, rate, self.pipeline)


def _variables(net: Network) -> list[keras.Variable]:
    return [*net.model.trainable_variables, *net.model.non_trainable_variables]


def initial_state(model: keras.Model, training: Training) -> State:
    """Give the state before the first step, with the present weights of a model."""
    trainable = tuple(variable.numpy() for variable in model.trainable_variables)
    non_trainable = tuple(variable.numpy() for variable in model.non_trainable_variables)
    slots = empty_slots(training, trainable)
    average = (*trainable, *non_trainable) if training.average else ()
    return State(0, 0, 0.0, trainable, non_trainable, slots, trainable, average)


def _tensors(state: State, net: Network) -> tuple[Weights, list[Any]]:
    """Give the state as tensors; raises ValueError where it does not fit the network."""
    shapes = [array.shape for array in (*state.trainable, *state.non_trainable)]
    if shapes != [tuple(variable.shape) for variable in _variables(net)]:
        raise ValueError("the state's weights do not have the shapes of the model's")
    groups = (state.trainable, state.non_trainable, state.slots, state.average, state.initial)
    *weights, initial = ([ops.convert_to_tensor(array) for array in group] for group in groups)
    return Weights(*weights), initial


def _copied(tensors: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(np.array(tensor) for tensor in tensors)


def _after(state: State, result: ChunkResult, spent: float) -> State:
    # To copy the weights of a large network from an accelerator takes a share of a short epoch.
    kept = tuple if result.lasting else _copied
    trainable, non_trainable, slots, average = map(kept, result.weights)
    return State(
        state.epoch + result.epochs,
        state.step + result.steps,
        state.seconds + spent,
        trainable,
        non_trainable,
        slots,
        state.initial,
        average,
    )
