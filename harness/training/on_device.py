"""Whether an accelerator has room for a run, all of whose data then lie in its memory.

A program of whole epochs takes longer to compile than one of a step, and waits for no host; on the
CPU, where convolutions in a loop are slow, there is nothing to wait for.
"""

from __future__ import annotations

import math

import keras

from harness import budget
from harness.data.pipeline import Pipeline, decision_bytes
from harness.experiment import Training
from harness.training import backend, compiled, programs
from harness.training.step import Network

FEWEST_IMAGES = 2_500_000
"""Training examples, over all epochs of the budget, below which the longer compilation does not
pay: on an H100, an epoch of ResNet18 compiles in 17 s instead of 3.5, and then sees 46,700 images a
second instead of 37,000. Narrower networks, which wait for the host more, gain more.
"""

ROOM = 2
"""So many times what is estimated must be free: XLA takes memory for its convolutions too."""

FLOAT32 = 4
"""Bytes of a number."""


def suits(net: Network, training: Training, pipeline: Pipeline) -> bool:
    """Tell whether a run is long enough for it, and the accelerator has room for all of it."""
    free = backend.accelerator_memory()
    if free is None or not compiled.possible(pipeline):
        return False
    examples = len(pipeline.train)
    images = budget.images(training, examples, budget.most_steps(training, examples))
    needed = bytes_needed(net, training, pipeline)
    return images >= FEWEST_IMAGES and needed is not None and ROOM * needed <= free


def bytes_needed(net: Network, training: Training, pipeline: Pipeline) -> int | None:
    """Estimate what a run takes on a device; None where a network does not tell its layers.

    It is the raw data, the decisions of two calls, the weights and what the optimizer keeps of
    them, before and after a step, their gradients and initial values, and the outputs of all layers
    with their gradients for a batch of training, or of evaluation if those are more.
    """
    outputs = values_an_example(net.model)
    if outputs is None:
        return None
    data = sum(
        math.prod(split.inputs.shape) * split.inputs.dtype.itemsize + split.labels.nbytes
        for split in pipeline.splits
    )
    decisions = 2 * max(compiled.LARGEST_DECISIONS_ON_DEVICE, decision_bytes(pipeline))
    trainable = sum(math.prod(each.shape) for each in net.model.trainable_variables)
    every = sum(math.prod(each.shape) for each in net.model.variables)
    kept = every + len(net.optimizer.slots) * trainable + (every if training.average else 0)
    batch = max(2 * training.batch_size, programs.evaluation_batch(pipeline))
    return data + decisions + FLOAT32 * (2 * kept + 2 * trainable + batch * outputs)


def values_an_example(model: keras.Model) -> int | None:
    """Count the numbers that the layers of a network give for one example.

    None where it is more than a graph of layers, such as a class of one's own.
    """
    found = 0
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            inner = values_an_example(layer)
        else:
            try:
                inner = sum(
                    math.prod(tensor.shape[1:]) for tensor in keras.tree.flatten(layer.output)
                )
            except AttributeError:  # which Keras raises where a layer was not called symbolically
                inner = None
        if inner is None:
            return None
        found += inner
    return found
