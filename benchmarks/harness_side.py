"""The harness's side: its own training loop and input pipeline, as `harness run` starts them."""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from benchmarks.cases import ROUND_SECONDS, WARM_UP_SECONDS, Case, examples, training
from benchmarks.sides import Lap, Unavailable
from harness.experiment import Component

if TYPE_CHECKING:
    import keras

    from harness.data.pipeline import Pipeline
    from harness.training.measure import Row
    from harness.training.state import State

CROP_AND_FLIP = (Component("random_crop", {"padding": 4}), Component("random_flip"))

CIFAR_MEAN, CIFAR_DEVIATION = (0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.201)


def prepare(backend: str = "tensorflow") -> None:
    """Import and set up the backend as `harness run` does it; raises Unavailable where it cannot be
    had.
    """
    from harness.backend import import_backend, prepare_backend
    from harness.system import machine

    reason = machine.why_no_backend(backend)
    if reason is not None:
        raise Unavailable(reason)
    import_backend(backend)
    prepare_backend()


def pipeline_of(
    case: Case, augmentation: tuple[Component, ...] = (), test_examples: int = 64
) -> Pipeline:
    """The pipeline over a case's random examples; images of three channels are normalized as
    CIFAR-10 is.
    """
    from harness.data.pipeline import Pipeline
    from harness.data.records import Split
    from harness.experiment import Normalization

    return Pipeline(
        train=Split(*examples(case, case.examples)),
        test=Split(*examples(case, test_examples)),
        classes=tuple(map(str, range(case.classes))),
        maximum=case.maximum,
        normalize=Normalization(CIFAR_MEAN, CIFAR_DEVIATION) if case.shape[-1] == 3 else None,
        augmentation=augmentation,
        seed=0,
    )


def model_of(case: Case) -> keras.Model:
    """The network with PyTorch's initial weights."""
    from harness.models.initialization import initialize
    from harness.models.registry import build

    model = build(case.network, case.shape, case.outputs)
    initialize(model, Component("fan_in_uniform"), 0)
    return model


def train(lap: Lap, case: Case, backend: str = "tensorflow") -> None:
    """Images trained: the loop of `harness run`, shuffling, input and per-epoch costs included,
    measurements left out.

    A round is some epochs, at least two seconds.
    """
    prepare(backend)
    from harness.training.fit import train

    begun = time.perf_counter()
    warm, last = False, 0

    def report(_rows: Sequence[Row], state: State) -> None:
        nonlocal warm, last, begun
        if (
            time.perf_counter() - begun >= (ROUND_SECONDS if warm else WARM_UP_SECONDS)
            and state.epoch >= 2
        ):
            lap((state.epoch - last) * case.examples)
            warm, last, begun = True, state.epoch, time.perf_counter()

    train(training(case), model_of(case), pipeline_of(case), report=report)


def read(lap: Lap, case: Case) -> None:
    """Images made ready for training: shuffled, padded and cropped, flipped, normalized; a round is
    two epochs.

    Every round begins anew, so that nothing is made ahead while the other side computes.
    """
    prepare()
    pipeline = pipeline_of(case, CROP_AND_FLIP)
    for first in itertools.count(step=2):
        read_epochs(pipeline, range(first, first + 2), case.batch_size)
        lap(2 * case.examples)


def read_epochs(pipeline: Pipeline, epochs: range, batch_size: int) -> None:
    """Make all batches of some epochs, and do nothing with them."""
    from harness.data.batches import training_batches

    for _batch in training_batches(pipeline, epochs, batch_size, "keep"):
        pass
