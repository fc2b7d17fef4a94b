"""Confusion sets: making them, against the loop of the original code, and the memory that streaming
them takes.
"""

from __future__ import annotations

import copy
import itertools
import time

import numpy as np

from benchmarks.cases import CASES, examples
from benchmarks.conftest import Record, Rounds, TakeTurns
from benchmarks.figures import Row, Spread, Target, paired, spread
from benchmarks.sides import apart
from harness.experiment import Component

ZERO_OUT = 0.1
CLASSES = 10
READ_BATCH = 1000


def _confusion(replicas: int) -> Component:
    return Component("confusion", {"replicas": replicas, "zero_out": ZERO_OUT, "unit": "channel"})


def _images(count: int, quick: bool) -> tuple[np.ndarray, np.ndarray]:
    """Real images where this machine has them, random ones of the same shape elsewhere, and where
    it has to be quick; uint8 [count, 32, 32, 3].
    """
    from harness.data import availability, catalog
    from harness.data.loading import load
    from harness.experiment import Dataset

    if quick or availability.why_unavailable("cifar10_jpeg", {}, catalog.data_dir()):
        return examples(CASES["resnet18"], count)
    dataset = Dataset(
        Component("cifar10_jpeg"),
        train_examples=count,
        test_examples=1,
        normalize=None,
        randomize=(),
    )
    train = load(dataset, catalog.data_dir()).train
    return np.asarray(train.inputs), train.labels


def original_loop(images: np.ndarray) -> tuple[list[np.ndarray], list[int]]:
    """Algorithm 1 as the original code does it: image by image, value by value."""
    confused, labels = [], []
    values = images[0].size
    for image in images:
        order = np.arange(values)
        np.random.shuffle(order)
        changed = copy.deepcopy(image)
        for index in order[: int(ZERO_OUT * values)]:
            row = index % 32
            channel = int(index / (32 * 32))
            column = int((index - row - channel * 32 * 32) / 32)
            changed[row, column, channel] = 0
        confused.append(changed)
        labels.append(np.random.randint(CLASSES))
    return confused, labels


def bench_making(take_turns: TakeTurns, record: Record, quick: bool) -> None:
    """Images a second, R = 1 and N = 10%, made in memory; both sides in turn in one process."""
    from harness.data.randomizations import randomize
    from harness.data.records import Split

    count, few, turns = (200, 20, 2) if quick else (10_000, 500, 9)
    images, labels = _images(count, quick)
    split = Split(images, labels)
    seeds = itertools.count()

    def original() -> float:
        begun = time.perf_counter()
        original_loop(images[:few])
        return few / (time.perf_counter() - begun)

    def harness() -> float:
        begun = time.perf_counter()
        randomize(split, [_confusion(1)], seed=next(seeds), classes=CLASSES, maximum=255.0)
        return count / (time.perf_counter() - begun)

    theirs, ours = take_turns([original, harness], turns)
    record(
        Row(
            "confusion/making",
            "making a confusion set, 32x32x3",
            spread(ours).median,
            "images/s",
            f"the original's loop: {spread(theirs).median:,.0f} images/s",
            paired(ours, theirs),
            Target("ratio", at_least=20.0),
        )
    )


def stream(images: int, replicas: int) -> float:
    """Read a confusion set of images x replicas a batch at a time, never holding more; returns the
    seconds.
    """
    from harness.data import rows
    from harness.data.randomizations import randomize
    from harness.data.records import Split

    rows.LARGEST_IN_MEMORY = 0  # as for a set that does not fit
    split = Split(*examples(CASES["resnet18"], images))
    begun = time.perf_counter()
    confused = randomize(split, [_confusion(replicas)], seed=0, classes=CLASSES, maximum=255.0)
    for start in range(0, len(confused), READ_BATCH):
        rows.take(confused.inputs, np.arange(start, start + READ_BATCH))
    return time.perf_counter() - begun


def bench_streaming_memory(rounds: Rounds, record: Record, quick: bool) -> None:
    """Peak memory of a process that streams 1, 4 and 16 replicas of the same images."""
    images = 1000 if quick else 5000
    peaks: list[float] = []

    rounds(lambda: peaks.extend(apart(stream, images, replicas)[1] for replicas in (1, 4, 16)), 1)
    growth = peaks[2] / peaks[0]
    record(
        Row(
            "confusion/memory",
            f"streaming {16 * images:,} confusion images: peak memory",
            peaks[2],
            "MiB",
            f"{images:,} images: {peaks[0]:.0f} MiB; {4 * images:,}: {peaks[1]:.0f} MiB",
            Spread(growth, growth, growth),
            Target("ratio", at_most=1.1),
        )
    )
