"""The input pipeline alone: shuffle, gather, pad and crop, flip, normalize, in batches of 128 of
CIFAR-10's size.
"""

from __future__ import annotations

from dataclasses import replace

from benchmarks import harness_side
from benchmarks.cases import CASES
from benchmarks.cases import quick as small
from benchmarks.conftest import Record, TakeTurns
from benchmarks.figures import Row, Target, paired, spread
from benchmarks.sides import sides


def bench_input(take_turns: TakeTurns, record: Record, quick: bool) -> None:
    """Epochs of 50,000 images read, in turn with a few steps of training a ResNet18."""
    network = small(CASES["resnet18"]) if quick else replace(CASES["resnet18"], examples=128)
    images = replace(CASES["resnet18"], examples=2000 if quick else 50_000)
    with sides(
        ("ResNet18", harness_side.train, network),
        ("input", harness_side.read, images),
    ) as both:
        training, reading = take_turns([side.round for side in both], 2 if quick else 7)
    rate = spread(reading).median
    record(
        Row(
            "input/training",
            "input pipeline alone",
            rate,
            "images/s",
            f"training ResNet18 on this machine: {spread(training).median:,.0f} images/s",
            paired(reading, training),
            Target("ratio", at_least=20.0),
        )
    )
    record(
        Row("input/rate", "the same", rate, "images/s", target=Target("figure", at_least=30_000.0))
    )
