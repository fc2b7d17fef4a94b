"""The batches of an epoch, as `tf.data`.

Inputs that do not fit into memory, and decisions that are large for an epoch, are read and drawn
when their batch is made. What comes out is the same, bit by bit, and what it takes does not grow
with the number of examples.

TensorFlow keeps every function that `numpy_function` is given, and what that function holds, until
the process ends: the ones given here hold no data.
"""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from harness.data.augmentation import Decisions
from harness.data.dataset_options import in_order
from harness.data.pipeline import (
    Decide,
    Pipeline,
    augmented,
    decided,
    deciders,
    partners,
    row_bytes,
    scaled,
    targets,
)
from harness.data.records import DataError, Indices, Mixed, Rows, Split
from harness.system import processor

LARGEST_DECISIONS = 2**24
"""Bytes of one augmentation's decisions of an epoch above which they are drawn when their batch is
made.
"""

IN_FLIGHT_BYTES = 2**29
"""What the batches that are made at once may take, as float32; one may always be made."""

AHEAD = 2
"""How many finished batches wait for the training at most."""

_plain = tf.autograph.experimental.do_not_convert
"""Marks what has no Python control flow over tensors, which TensorFlow would look for at length."""

Batch = tuple[tf.Tensor, tf.Tensor | Mixed]


def training_batches(
    pipeline: Pipeline, epochs: range, batch_size: int, last_batch: Literal["keep", "drop"]
) -> tf.data.Dataset:
    """Return the batches of consecutive training epochs, each in its order.

    They are x float32 and y int32, or the mixed targets where examples are mixed.

    Meanwhile the decisions of the next epoch are drawn, and its first batches are made while the
    present one is evaluated. A last batch of an epoch that is not full is kept or dropped.

    Raises:
        DataError: no batch is left.
    """
    n = len(pipeline.train)
    if last_batch == "drop" and n < batch_size:
        raise DataError(
            f"{n} training examples make no full batch of {batch_size}, and smaller ones are"
            " dropped"
        )
    late = [decide for decide in deciders(pipeline) if n * row_bytes(decide) > LARGEST_DECISIONS]
    early = [decide for decide in deciders(pipeline) if n * row_bytes(decide) <= LARGEST_DECISIONS]
    fetch, again = _fetcher(pipeline.train), partners(pipeline)
    starts = _starts(n - n % batch_size if last_batch == "drop" else n, batch_size)
    no_row = {"order": np.zeros(0, np.int32)} | {
        name: row for decide in early for name, row in _no_row(decide).items()
    }

    def drawn(epoch: tf.Tensor) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        return epoch, _drawn(partial(_epoch, pipeline.seed, n, early, again), [epoch], no_row)

    def places(epoch: tf.Tensor, whole: dict[str, tf.Tensor]) -> tf.data.Dataset:
        return tf.data.Dataset.zip(starts, tf.data.Dataset.from_tensors((epoch, whole)).repeat())

    def batch(start: tf.Tensor, of: tuple[tf.Tensor, dict[str, tf.Tensor]]) -> Batch:
        epoch, whole = of
        end = start + batch_size + again
        chosen = {name: values[start:end] for name, values in whole.items()}
        for decide in late:
            chosen |= _drawn(partial(_decided, decide), [epoch, chosen["order"]], _no_row(decide))
        x, y = fetch(chosen["order"])
        return augmented(pipeline, x, chosen), targets(pipeline, y, chosen)

    waits = bool(late) or not isinstance(pipeline.train.inputs, np.ndarray)
    numbers = tf.data.Dataset.range(epochs.start, epochs.stop, output_type=tf.int32)
    found = numbers.map(_plain(drawn)).prefetch(1).flat_map(_plain(places))
    return _batches(found, batch, _in_flight(pipeline, batch_size), waits=waits)


def evaluation_batches(
    pipeline: Pipeline, split: Split, batch_size: int, passes: int = 1
) -> tf.data.Dataset:
    """Return all examples of a split in order, not augmented, as batches (x float32, y int32).

    `passes` is how many times; -1 for ever.
    """
    n = len(split)
    starts, in_flight = _starts(n, batch_size).repeat(passes), _in_flight(pipeline, batch_size)
    if isinstance(split.inputs, np.ndarray):
        inputs, labels = tensors(split)
        return _batches(
            starts,
            lambda start: (
                scaled(pipeline, inputs[start : start + batch_size]),
                labels[start : start + batch_size],
            ),
            in_flight,
            waits=False,
        )
    fetch = _fetcher(split)

    def batch(start: tf.Tensor) -> Batch:
        x, y = fetch(tf.range(start, tf.minimum(start + batch_size, n)))
        return scaled(pipeline, x), y

    return _batches(starts, batch, in_flight, waits=True)


_TENSORS: weakref.WeakKeyDictionary[Split, tuple[tf.Tensor, tf.Tensor]] = (
    weakref.WeakKeyDictionary()
)


def tensors(split: Split) -> Batch:
    """Return a split's inputs and labels as tensors in host memory, kept as long as the split.

    For a split in memory. A `tf.data` function captures them by reference: as graph constants
    they would be copied for every epoch, and could not pass 2 GB.
    """
    if split not in _TENSORS:
        with tf.device("CPU:0"):
            _TENSORS[split] = tf.constant(split.inputs), tf.constant(split.labels)
    return _TENSORS[split]


def _fetcher(split: Split) -> Callable[[tf.Tensor], Batch]:
    """Return the function that gets raw inputs and labels of the examples of some indices."""
    rows = split.inputs
    if isinstance(rows, np.ndarray):
        inputs, labels = tensors(split)
        return lambda indices: (tf.gather(inputs, indices), tf.gather(labels, indices))
    with tf.device("CPU:0"):
        labels = tf.constant(split.labels)
    dtype, shape = tf.as_dtype(rows.dtype), [None, *rows.shape[1:]]

    def fetch(indices: tf.Tensor) -> Batch:
        x = tf.numpy_function(partial(_taken, weakref.ref(rows)), [indices], dtype, stateful=False)
        return tf.ensure_shape(x, shape), tf.gather(labels, indices)

    return fetch


def _taken(source: weakref.ref[Rows], indices: Indices) -> NDArray[Any]:
    """Read rows; raises ReferenceError where they are freed, with the dataset that reads them."""
    rows = source()
    if rows is None:
        raise ReferenceError("the rows are gone, with the dataset that reads them")
    return rows.take(indices)


def _drawn(
    draw: Callable[..., Decisions], arguments: list[tf.Tensor], no_row: Decisions
) -> dict[str, tf.Tensor]:
    """Draw decisions in NumPy when they are asked for.

    `no_row` is what `draw` gives for no examples: its names, dtypes and shapes.
    """
    dtypes = [tf.as_dtype(values.dtype) for values in no_row.values()]
    arrays = tf.numpy_function(
        lambda *given: list(draw(*given).values()), arguments, dtypes, stateful=False
    )
    shapes = [[None, *values.shape[1:]] for values in no_row.values()]
    return dict(zip(no_row, map(tf.ensure_shape, arrays, shapes), strict=True))


def _epoch(
    seed: int, n: int, functions: Sequence[Decide], again: int, epoch: np.ndarray
) -> Decisions:
    return decided(seed, n, int(epoch), functions, again)


def _decided(decide: Decide, epoch: np.ndarray, indices: Indices) -> Decisions:
    return decide(int(epoch), indices)


def _no_row(decide: Decide) -> Decisions:
    return decide(0, np.arange(0))


def _in_flight(pipeline: Pipeline, batch_size: int) -> int:
    """Return how many batches are made at once."""
    batch_bytes = 4 * batch_size * math.prod(pipeline.input_shape)
    return max(1, min(IN_FLIGHT_BYTES // batch_bytes, processor.share()))


def _starts(n: int, batch_size: int) -> tf.data.Dataset:
    return tf.data.Dataset.range(0, n, batch_size, output_type=tf.int32)


def _batches(
    starts: tf.data.Dataset, batch: Callable[..., Batch], in_flight: int, *, waits: bool
) -> tf.data.Dataset:
    """Return the batches that begin at `starts`, in their order; `in_flight` are made at once.

    Where `batch` waits in Python it gets threads of its own, since it may itself wait for those of
    TensorFlow.
    """
    options = in_order()
    if waits:
        options.threading.private_threadpool_size = in_flight + 1
    made = starts.map(_plain(batch), num_parallel_calls=in_flight).prefetch(AHEAD)
    return made.with_options(options)
