"""Programs compiled once in a process and shared by the runs that can share them."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from keras import ops

from harness.data.pipeline import Pipeline
from harness.data.records import Split
from harness.experiment import Training
from harness.training.step import Network, Strengths

Program = TypeVar("Program")

_PROGRAMS: OrderedDict[Hashable, Any] = OrderedDict()
_KEPT = 16


def shared(key: Hashable, build: Callable[[], Program]) -> Program:
    """Give the program of this key, built where there is none yet; the least recently used are
    forgotten.
    """
    if key not in _PROGRAMS:
        _PROGRAMS[key] = build()
    _PROGRAMS.move_to_end(key)
    while len(_PROGRAMS) > _KEPT:
        _PROGRAMS.popitem(last=False)
    return _PROGRAMS[key]


def signature(net: Network, training: Training, pipeline: Pipeline) -> Hashable:
    """Give everything static that a program depends on.

    Learning rate, momentum and l2 are left out on purpose: programs take them as tensors, so seeds
    and subsets of the regularizers share one.
    """
    optimizer = {
        name: value
        for name, value in training.optimizer.parameters.items()
        if name != "learning_rate"
    }
    return (
        net.model.to_json(),
        training.loss,
        training.loss_reduction,
        training.label_smoothing,
        training.optimizer.name,
        json.dumps(optimizer, sort_keys=True),
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


def strengths(training: Training, learning_rate: float) -> Strengths:
    """Give a step's scalars as tensors."""
    values = (learning_rate, training.momentum, training.l2)
    return Strengths(*(ops.convert_to_tensor(value, "float32") for value in values))
