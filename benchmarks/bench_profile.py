"""Where the time of an epoch goes: in training steps, and in what else there is.

Measurement is what an epoch takes more when it is measured. Shuffling (with all random decisions),
input and checkpoints are timed by themselves, as if nothing went on beside them; so the share
outside the steps is at most that. Small networks take their input inside the compiled program,
where it is part of the steps.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from benchmarks import harness_side
from benchmarks.cases import CASES, Case, training
from benchmarks.conftest import Record, Rounds
from benchmarks.figures import Row, Target
from benchmarks.sides import apart
from harness.experiment import Component

if TYPE_CHECKING:
    from harness.data.pipeline import Pipeline
    from harness.training.measure import Row as Measured
    from harness.training.state import State

Profile = tuple[Case, int, int, tuple[Component, ...], float]
"""The case, its test examples, `measure_every`, the augmentation, and for how many seconds epochs
are timed.
"""

PROFILES: dict[str, Profile] = {
    "resnet18-16": (
        replace(CASES["resnet18-16"], examples=5000),
        1000,
        1,
        harness_side.CROP_AND_FLIP,
        10.0,
    ),
    "digits": (CASES["digits"], 1297, 10, (Component("random_crop", {"padding": 1}),), 5.0),
}


class _Enough(Exception):
    pass


def shares(
    case: Case, tests: int, every: int, augmentation: tuple[Component, ...], seconds: float
) -> dict[str, float]:
    """The shares of a measured epoch by what they are spent on, without that of the steps, which is
    the rest.
    """
    harness_side.prepare()
    from harness.data.pipeline import decisions
    from harness.training.compiled import suits
    from harness.training.step import network

    pipeline = harness_side.pipeline_of(case, augmentation, tests)

    def read(epoch: int) -> None:
        harness_side.read_epochs(pipeline, range(epoch, epoch + 1), case.batch_size)

    inside = suits(network(harness_side.model_of(case), training(case)), pipeline)
    bare, _ = _epoch(case, pipeline, 10**9, seconds)
    measured, checkpoint = _epoch(case, pipeline, every, seconds)
    shuffling = _median(lambda epoch: decisions(pipeline, epoch))
    whole = max(bare, measured) + checkpoint
    parts = {
        "measurement": max(0.0, measured - bare),
        "shuffling": shuffling,
        "input": 0.0 if inside else max(0.0, _median(read) - shuffling),
        "checkpoints": checkpoint,
    }
    return {name: part / whole for name, part in parts.items()}


def _median(work: Callable[[int], object]) -> float:
    """The seconds that `work(epoch)` takes, the median of five after the first."""
    times = []
    for epoch in range(6):
        begun = time.perf_counter()
        work(epoch)
        times.append(time.perf_counter() - begun)
    return statistics.median(times[1:])


def _epoch(
    case: Case, pipeline: Pipeline, measure_every: int, seconds: float
) -> tuple[float, float]:
    """Seconds an epoch: of training it, and of the checkpoints that follow every chunk of
    epochs.
    """
    from harness.store.store import Checkpoint, Store
    from harness.training.fit import train

    settings = replace(training(case), measure_every=measure_every)
    history: list[Measured] = []
    epochs, trained, saved, last = 0, 0.0, 0.0, 0.0
    calls = 0
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder))
        store.prepare()

        def report(rows: Sequence[Measured], state: State) -> None:
            nonlocal epochs, trained, saved, last, calls
            begun = time.perf_counter()
            history.extend(rows)
            store.save_checkpoint("profile", Checkpoint(state.arrays(), history))
            if calls >= 2:  # epoch 0 and the first chunk, which compiles, are over
                trained += begun - last
                saved += time.perf_counter() - begun
            else:
                epochs = state.epoch
            calls += 1
            last = time.perf_counter()
            if trained >= seconds:
                epochs = state.epoch - epochs
                raise _Enough

        with pytest.raises(_Enough):
            train(settings, harness_side.model_of(case), pipeline, report=report)
    return trained / epochs, saved / epochs


@pytest.mark.parametrize("name", PROFILES)
def bench_profile(name: str, rounds: Rounds, record: Record, quick: bool) -> None:
    case, tests, every, augmentation, seconds = PROFILES[name]
    if quick:
        case, tests, seconds = replace(case, examples=10 * case.batch_size), 20, 0.5
    found: list[dict[str, float]] = []
    rounds(lambda: found.append(apart(shares, case, tests, every, augmentation, seconds)[0]), 1)
    (parts,) = found
    record(
        Row(
            f"profile/{name}",
            f"{case.title}, {case.examples:,} images, {tests:,} test images, measured every "
            + ("epoch" if every == 1 else f"{every} epochs")
            + ": share of the time outside training steps",
            100 * sum(parts.values()),
            "%",
            ", ".join(f"{part} {100 * share:.1f}%" for part, share in parts.items()),
            target=Target("figure", at_most=50.0),
        )
    )
