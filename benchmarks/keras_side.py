"""The bare side: the tightest loops that Keras and TensorFlow offer, over batches that lie ready in
memory.

No shuffling, no measurements, no records: what is left is the network's own cost.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from benchmarks.cases import (
    LEARNING_RATE,
    MOMENTUM,
    ROUND_SECONDS,
    WARM_UP_SECONDS,
    Case,
    scaled_examples,
)
from benchmarks.harness_side import model_of
from benchmarks.sides import Lap

if TYPE_CHECKING:
    import keras

Epochs = Callable[[int], None]


def train(lap: Lap, case: Case, way: str, jit_compile: bool) -> None:
    """Images trained in one of `WAYS`; a round is as many epochs as take about two seconds."""
    os.environ["KERAS_BACKEND"] = "tensorflow"
    run = WAYS[way](case, jit_compile)
    count, seconds = case.epochs_at_once, 0.0
    run(count)  # which compiles
    while seconds < WARM_UP_SECONDS:
        begun = time.perf_counter()
        run(count)
        seconds = time.perf_counter() - begun
        if seconds < ROUND_SECONDS:
            count = case.epochs_at_once * math.ceil(
                count * min(8.0, ROUND_SECONDS / seconds) / case.epochs_at_once
            )
    while True:
        lap(count * case.examples)
        run(count)


def _model(case: Case) -> tuple[keras.Model, Any, Any]:
    """The network, its loss and its optimizer, all Keras's own."""
    import keras

    reduction = "sum" if case.reduction == "sum" else "sum_over_batch_size"
    if case.outputs == 1:
        loss = keras.losses.BinaryCrossentropy(from_logits=True, reduction=reduction)
    else:
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction=reduction)
    return model_of(case), loss, keras.optimizers.SGD(LEARNING_RATE, MOMENTUM)


def _batches(case: Case) -> Iterator[tuple[Any, Any]]:
    """The batches of an epoch; a last one that is smaller is kept, as in the harness."""
    inputs, labels = scaled_examples(case)
    if case.outputs == 1:
        labels = labels[:, None].astype("float32")
    for start in range(0, case.examples, case.batch_size):
        yield inputs[start : start + case.batch_size], labels[start : start + case.batch_size]


def _of_one_size(batches: Sequence[tuple[Any, Any]]) -> Sequence[tuple[Any, Any]]:
    return [batch for batch in batches if len(batch[0]) == len(batches[0][0])]


def _dataset(case: Case) -> tuple[Any, int]:
    """The batches of an epoch as a `tf.data` set, repeated, and their number."""
    import tensorflow as tf

    batches = list(_batches(case))
    whole = _of_one_size(batches)
    dataset = tf.data.Dataset.from_tensor_slices(tuple(map(tf.stack, zip(*whole, strict=True))))
    for batch in batches[len(whole) :]:
        dataset = dataset.concatenate(tf.data.Dataset.from_tensors(batch))
    return dataset.repeat().prefetch(tf.data.AUTOTUNE), len(batches)


def _fit(case: Case, jit_compile: bool) -> Epochs:
    """`fit` with the steps of an epoch, or of several short ones, an execution."""
    model, loss, optimizer = _model(case)
    dataset, steps = _dataset(case)
    model.compile(
        optimizer, loss, steps_per_execution=steps * case.epochs_at_once, jit_compile=jit_compile
    )
    return lambda count: model.fit(dataset, steps_per_epoch=count * steps, epochs=1, verbose=0)


def _step(case: Case, jit_compile: bool) -> Any:
    import tensorflow as tf

    model, loss, optimizer = _model(case)
    variables = model.trainable_variables
    optimizer.build(variables)

    @tf.function(jit_compile=jit_compile, reduce_retracing=True)
    def step(x: Any, y: Any) -> None:
        with tf.GradientTape() as tape:
            value = loss(y, model(x, training=True))
        optimizer.apply(tape.gradient(value, variables), variables)

    return step


def _loop(case: Case, jit_compile: bool) -> Epochs:
    """A `tf.function` that loops over a `tf.data` set."""
    import tensorflow as tf

    dataset, steps = _dataset(case)
    step = _step(case, jit_compile)

    @tf.function
    def run(count: Any) -> None:
        iterator = iter(dataset)
        for _ in tf.range(count):
            step(*next(iterator))

    return lambda count: run(tf.constant(count * steps))


def _program(case: Case, jit_compile: bool) -> Epochs:
    """A `tf.function` that holds the whole loop and all the data: with `jit_compile`, one XLA
    program.
    """
    import tensorflow as tf

    batches = [tuple(map(tf.constant, batch)) for batch in _batches(case)]
    whole = _of_one_size(batches)
    inputs, labels = map(tf.stack, zip(*whole, strict=True))
    step = _step(case, jit_compile=False)

    @tf.function(jit_compile=jit_compile)
    def run(count: Any) -> None:
        for _ in tf.range(count):
            for index in tf.range(len(whole)):
                step(inputs[index], labels[index])
            for batch in batches[len(whole) :]:
                step(*batch)

    return lambda count: run(tf.constant(count))


WAYS: dict[str, Callable[[Case, bool], Epochs]] = {"fit": _fit, "loop": _loop, "program": _program}
