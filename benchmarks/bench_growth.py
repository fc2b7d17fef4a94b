"""How cost grows with images, replicas, epochs, seeds and runs: each once, four times and sixteen
times.

The exponent p is that of time = fixed + c * size^p, so that the start of a process does not hide
growth; 1 is proportional. Times are seconds of the processor, of all threads together: what else
the machine does changes them far less than the time on the wall. Every size is a process of its
own, whose peak of memory is told beside its time.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks import harness_side
from benchmarks.cases import CIFAR, Case, examples, training
from benchmarks.conftest import Record, Rounds
from benchmarks.figures import Row, Spread, Target, exponent
from benchmarks.sides import apart
from harness.experiment import Component

Cost = tuple[float, float]
"""Seconds of the processor, and the peak of memory in MiB."""

Grow = Callable[[str, str, Callable[[int], Cost], int], None]

SIZES = (1, 4, 16)
STEEPEST, MOST_MEMORY = 1.15, 1.25

CONVNET = Case("convnet", Component("convnet", {"width": 8}), CIFAR, 128, 0)


@pytest.fixture
def grow(rounds: Rounds, record: Record, quick: bool) -> Grow:
    """Take the cost at all sizes, several times in turn, and add a row for the time and one for the
    memory.
    """

    def take(name: str, what: str, cost: Callable[[int], Cost], unit: int) -> None:
        unit = max(1, unit // 10) if quick else unit
        passes: list[list[Cost]] = []
        rounds(lambda: passes.append([cost(unit * size) for size in SIZES]), 1 if quick else 2)
        powers = [exponent(*(seconds for seconds, _ in costs)) for costs in passes]
        # The least time of each size: what else the machine does can only add to it. Of memory the
        # most.
        seconds = [min(costs[at][0] for costs in passes) for at in range(len(SIZES))]
        peaks = [max(costs[at][1] for costs in passes) for at in range(len(SIZES))]
        sizes = f"{unit:,}, {4 * unit:,}, {16 * unit:,} {what}"
        record(
            Row(
                f"growth/{name}/time",
                f"{sizes}: exponent of the time",
                exponent(*seconds),
                "",
                f"{', '.join(f'{value:.2f}' for value in seconds)} s; by pass {min(powers):.2f} to"
                f" {max(powers):.2f}",
                target=Target("figure", at_most=STEEPEST),
            )
        )
        record(
            Row(
                f"growth/{name}/memory",
                f"the same: peak memory at {16 * unit:,}",
                peaks[2],
                "MiB",
                f"{peaks[0]:.0f} MiB at {unit:,}, {peaks[1]:.0f} MiB at {4 * unit:,}",
                Spread(*[peaks[2] / peaks[0]] * 3),
                Target("ratio", at_most=MOST_MEMORY),
            )
        )

    return take


def train_an_epoch(images: int, replicas: int) -> float:
    """Train a small network for an epoch on a confusion set, or true labels where `replicas` is 0;
    the seconds of the processor.

    Images are read when they are asked for, as of a set that does not fit into memory.
    """
    harness_side.prepare()
    from harness.data import rows
    from harness.data.randomizations import randomize
    from harness.data.records import Split
    from harness.training.fit import train

    rows.LARGEST_IN_MEMORY = 0
    inputs, _ = examples(CONVNET, 100)
    _, labels = examples(CONVNET, images)
    begun = time.process_time()
    split = Split(rows.Changed(inputs, images, lambda made, _indices: made), labels)
    if replicas:
        component = Component(
            "confusion", {"replicas": replicas, "zero_out": 0.1, "unit": "channel"}
        )
        split = randomize(
            split, [component], seed=0, classes=CONVNET.classes, maximum=CONVNET.maximum
        )
    pipeline = replace(harness_side.pipeline_of(replace(CONVNET, examples=1)), train=split)
    settings = replace(training(CONVNET), epochs=1)
    train(settings, harness_side.model_of(CONVNET), pipeline, report=lambda _rows, _state: None)
    return time.process_time() - begun


def bench_images(grow: Grow) -> None:
    grow(
        "images",
        "images, one epoch of a small network, streamed",
        lambda n: apart(train_an_epoch, n, 0),
        2000,
    )


def bench_replicas(grow: Grow, not_quick: None) -> None:
    grow(
        "replicas",
        "replicas of 1,000 images, the same",
        lambda n: apart(train_an_epoch, 1000, n),
        2,
    )


def _specification(changes: dict[str, Any], runs: int) -> dict[str, Any]:
    rates = {
        str(index): {"training": {"optimizer": {"learning_rate": 0.01 + 1e-6 * index}}}
        for index in range(runs)
    }
    return {
        "name": "growth",
        "title": "Small runs",
        "seeds": [0],
        "defaults": {
            "dataset": {"name": "digits"},
            "model": {"name": "perceptron", "hidden": [32]},
            "training": {
                "optimizer": {"name": "sgd", "learning_rate": 0.01},
                "batch_size": 64,
                "epochs": 5,
            },
        },
        "runs": {"random": {"matrix": {"rate": rates}}},
        "expectations": [
            {
                "id": "runs",
                "metric": "random[*].train_accuracy",
                "at_least": 0,
                "statistic": "every",
            }
            | {"basis": "hypothesis", "source": "none"},
        ],
    } | changes


@pytest.fixture
def command(tmp_path: Path) -> Callable[[str, dict[str, Any]], Cost]:
    """Run a command of the harness on a specification, with an empty store."""
    numbers = iter(range(1000))

    def run(name: str, specification: dict[str, Any]) -> Cost:
        folder = tmp_path / str(next(numbers))
        folder.mkdir()
        (folder / "growth.json").write_text(json.dumps(specification))
        process = subprocess.Popen(
            [sys.executable, "-m", "harness", name, "growth.json", "--store", "store"],
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        _, status, usage = os.wait4(process.pid, 0)  # which tells of this one process
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0, f"harness {name} ended with {process.returncode}"
        return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024

    return run


Command = Callable[[str, dict[str, Any]], Cost]


def bench_epochs(grow: Grow, command: Command) -> None:
    def cost(epochs: int) -> Cost:
        settings: dict[str, Any] = _specification({}, 1)
        settings["defaults"]["training"] |= {"epochs": epochs, "measure_every": 1}
        return command("run", settings)

    grow("epochs", "epochs of one run, each measured (`harness run`)", cost, 500)


def bench_seeds(grow: Grow, command: Command, not_quick: None) -> None:
    def cost(seeds: int) -> Cost:
        return command("run", _specification({"seeds": list(range(seeds))}, 1))

    grow("seeds", "seeds of one run of 5 epochs (`harness run`)", cost, 4)


def bench_runs(grow: Grow, command: Command, not_quick: None) -> None:
    grow(
        "runs",
        "runs of 5 epochs (`harness run`)",
        lambda runs: command("run", _specification({}, runs)),
        4,
    )


def bench_plan(grow: Grow, command: Command) -> None:
    grow(
        "plan",
        "runs planned (`harness plan`)",
        lambda runs: command("plan", _specification({}, runs)),
        100,
    )
