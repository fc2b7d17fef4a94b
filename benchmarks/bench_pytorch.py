"""Training on the CPU against a plain PyTorch loop: the same network, batch, optimizer and
precision (float32).

The harness trains as `harness run` does, shuffling and input included; the narrow networks with JAX
too, whose compiler takes minutes for each of the others on a CPU. PyTorch has its batches ready in
memory, as many threads, and the faster of both memory formats (found in a qualifying round).
"""

from __future__ import annotations

import warnings
from contextlib import ExitStack, closing

import pytest

from benchmarks import harness_side, pytorch_side
from benchmarks.cases import CASES
from benchmarks.cases import quick as small
from benchmarks.conftest import Record, TakeTurns
from benchmarks.figures import Row, Target, paired, spread
from benchmarks.sides import Side, Unavailable, fastest

NETWORKS = ("resnet18", "vgg16", "densenet40", "resnet18-16", "resnet10-8")
BACKENDS = {"tensorflow": "TensorFlow", "jax": "JAX"}
ON_JAX = ("resnet18-16", "resnet10-8")


@pytest.mark.parametrize("name", NETWORKS)
def bench_pytorch(name: str, take_turns: TakeTurns, record: Record, quick: bool) -> None:
    pytest.importorskip("torch")
    if quick and name != NETWORKS[-1]:
        pytest.skip("one network is enough to see that it runs")
    case = small(CASES[name]) if quick else CASES[name]
    with ExitStack() as stack:
        formats = {"contiguous": False, "channels last": True}
        best = fastest(
            [
                stack.enter_context(closing(Side(title, pytorch_side.train, case, channels_last)))
                for title, channels_last in formats.items()
            ]
        )
        ours = []
        for backend, title in BACKENDS.items():
            if backend == "jax" and name not in ON_JAX:
                continue
            try:
                ours.append(
                    stack.enter_context(closing(Side(backend, harness_side.train, case, backend)))
                )
            except Unavailable as reason:
                warnings.warn(f"not compared on {title}: {reason}", stacklevel=1)
        theirs, *rates = take_turns([side.round for side in (best, *ours)], 2 if quick else 4)
    for side, own in zip(ours, rates, strict=True):
        record(
            Row(
                f"pytorch/{name}/{side.name}",
                f"training {case.title}, on {BACKENDS[side.name]}",
                spread(own).median,
                "images/s",
                f"PyTorch ({best.name}): {spread(theirs).median:,.0f} images/s",
                paired(own, theirs),
                Target("ratio", at_least=1.0),
            )
        )
