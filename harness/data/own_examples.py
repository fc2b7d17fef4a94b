"""Inputs and labels of a person's own files as examples, with the classes and the test set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.data import own_labels
from harness.data.records import Examples, Split
from harness.data.splitting import SeededSplit, for_testing


@dataclass(frozen=True, eq=False)
class Pair:
    """Inputs, uint8 or float32 [n, ...], and their labels [n], integers or texts."""

    inputs: NDArray[Any]
    labels: NDArray[Any]


def examples(train: Pair, test: Pair | None, parameters: Mapping[str, Any], place: str) -> Examples:
    """Return the examples of a data set; the classes are the different labels, sorted.

    Args:
        train: what is for training, or all where `test` is None.
        test: what is for testing; None: `test_share` of each class is, drawn from `split_seed`.
        parameters: those of the data set.
        place: the file, for messages.

    Raises:
        DataError: a class is for testing alone, or cannot be split.
    """
    known = own_labels.facts(
        train.inputs.shape[1:],
        train.labels.tolist(),
        None if test is None else test.labels.tolist(),
        parameters,
        place,
    )
    classes, places = np.unique(train.labels, return_inverse=True)
    found = Split(train.inputs, places.astype(np.int32))
    if test is None:
        split = SeededSplit(parameters["test_share"], parameters["split_seed"])
        chosen = for_testing(found.labels, split)
        parts = [Split(train.inputs[each], found.labels[each]) for each in (~chosen, chosen)]
    else:
        labels = np.searchsorted(classes, test.labels).astype(np.int32)
        parts = [found, Split(test.inputs, labels)]
    maximum = 255.0 if train.inputs.dtype == np.uint8 else 1.0
    return Examples(parts[0], parts[1], known.names or (), maximum)
