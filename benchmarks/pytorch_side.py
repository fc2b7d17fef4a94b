"""PyTorch's side: a plain eager loop over batches that lie ready in memory, with its best settings
for a CPU.
"""

from __future__ import annotations

import os
import time
from typing import Any

from benchmarks.cases import (
    LEARNING_RATE,
    MOMENTUM,
    ROUND_SECONDS,
    WARM_UP_SECONDS,
    Case,
    scaled_examples,
)
from benchmarks.sides import Lap


def train(lap: Lap, case: Case, channels_last: bool) -> None:
    """Images trained. The network is the tests' description of the same name, the optimizer the
    fused SGD.

    As many threads as TensorFlow takes: one a core. A round is some epochs, at least two seconds.
    """
    import torch
    from torch.nn import functional

    from tests.models.pytorch_networks import DESCRIPTIONS, Net

    torch.set_num_threads(os.cpu_count() or 1)
    torch.manual_seed(0)
    (description,) = (each for each in DESCRIPTIONS if each.__name__ == case.network.name)
    net = Net(description, case.network.parameters)
    layout = torch.channels_last if channels_last else torch.contiguous_format
    inputs, labels = scaled_examples(case)
    images = torch.from_numpy(inputs).permute(0, 3, 1, 2)
    starts = range(0, case.examples, case.batch_size)
    batches: list[tuple[Any, Any]] = [
        (
            images[start : start + case.batch_size].contiguous(memory_format=layout),
            torch.from_numpy(labels[start : start + case.batch_size]).long(),
        )
        for start in starts
    ]
    with torch.no_grad():
        net(images[:2])  # which makes the layers
    net.to(memory_format=layout).train()
    optimizer = torch.optim.SGD(net.parameters(), LEARNING_RATE, MOMENTUM, fused=True)

    def epoch() -> None:
        for x, y in batches:
            optimizer.zero_grad()
            functional.cross_entropy(net(x), y).backward()
            optimizer.step()

    begun, epochs, warm = time.perf_counter(), 0, False
    while True:
        epoch()
        epochs += 1
        enough = ROUND_SECONDS if warm else WARM_UP_SECONDS
        if time.perf_counter() - begun >= enough and (warm or epochs >= 2):
            lap(epochs * case.examples)
            begun, epochs, warm = time.perf_counter(), 0, True
