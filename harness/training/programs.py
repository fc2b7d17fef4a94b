"""Which runs can share a compiled program, and how many steps an epoch has."""

from __future__ import annotations

import json
import math
from collections.abc import Hashable

from harness import budget
from harness.data.pipeline import Pipeline
from harness.data.records import Split
from harness.experiment import Training
from harness.training import optimizers
from harness.training.step import Network


def signature(net: Network, training: Training, pipeline: Pipeline) -> Hashable:
    """Give everything fixed that a program depends on.

    The optimizer's scalars (learning rate, momentum, l2) are left out on purpose: programs take
    them as tensors, so seeds and subsets of the regularizers share one.
    """
    return (
        net.model.to_json(),
        training.loss,
        training.loss_reduction,
        training.label_smoothing,
        optimizers.OPTIMIZERS[training.optimizer.name],
        json.dumps(optimizers.fixed(training.optimizer), sort_keys=True),
        training.batch_size,
        training.accumulate,
        training.last_batch,
        training.steps is None,
        repr((training.clip_norm, training.average, training.sharpness_aware)),
        repr((pipeline.augmentation, pipeline.normalize, pipeline.center_crop)),
        repr((pipeline.maximum, len(pipeline.classes))),
        *(_shape(split) for split in (pipeline.train, pipeline.test, pipeline.validation)),
    )


def _shape(split: Split | None) -> Hashable:
    return None if split is None else (split.inputs.shape, str(split.inputs.dtype))


EVALUATION_BATCH = 500
"""Examples an evaluation step: large, because nothing is kept for gradients."""

EVALUATION_VALUES = 2**24
"""Input values an evaluation step: fewer examples where each has many."""


def evaluation_batch(pipeline: Pipeline) -> int:
    """Count the examples that are evaluated at once, whatever the network and the data."""
    return max(1, min(EVALUATION_BATCH, EVALUATION_VALUES // math.prod(pipeline.input_shape)))


def steps_an_epoch(examples: int, training: Training) -> int:
    """Count the optimizer steps of an epoch; raises ValueError where there is none."""
    steps = budget.steps_an_epoch(training, examples)
    if not steps:
        raise ValueError(
            f"batches of {budget.examples_a_step(training)} leave no step for {examples} training"
            " examples"
        )
    return steps
