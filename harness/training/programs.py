"""Which runs can share a compiled program, and how many steps an epoch has."""

from __future__ import annotations

import json
from collections.abc import Hashable

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
        optimizers.OPTIMIZERS[training.optimizer.name].update,
        json.dumps(optimizers.fixed(training.optimizer), sort_keys=True),
        training.batch_size,
        training.last_batch,
        repr((pipeline.augmentation, pipeline.normalize, pipeline.center_crop)),
        repr((pipeline.maximum, len(pipeline.classes))),
        *(_shape(split) for split in (pipeline.train, pipeline.test)),
    )


def _shape(split: Split) -> Hashable:
    return split.inputs.shape, str(split.inputs.dtype)


def steps_an_epoch(examples: int, training: Training) -> int:
    """Count the optimizer steps of an epoch; raises ValueError where there is none."""
    full, rest = divmod(examples, training.batch_size)
    steps = full + (1 if rest and training.last_batch == "keep" else 0)
    if not steps:
        raise ValueError(
            f"batches of {training.batch_size} leave no step for {examples} training examples"
        )
    return steps


def images_an_epoch(examples: int, training: Training) -> int:
    """Count the training examples that an epoch's steps see."""
    return examples - (examples % training.batch_size if training.last_batch == "drop" else 0)
