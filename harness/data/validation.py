"""The validation set: training examples that a run is not trained on.

They are drawn before the randomizations, so that the validation set is to the training examples
what the test set is, and a later example is told from an earlier one by nothing but its draw.
"""

from __future__ import annotations

import numpy as np

from harness.data import randomness
from harness.data.randomness import Stream
from harness.data.records import DataError, Indices, Split
from harness.data.rows import Chosen
from harness.experiment import Validation


def held_out(train: Split, validation: Validation, seed: int) -> tuple[Split, Split]:
    """Return what is left to train on, and the validation set, each in the order of `train`.

    The set is the first part of a uniform permutation of the examples, drawn from the run's seed or
    from that of `validation`: a smaller one is part of a larger one.

    Raises:
        DataError: one of the two would be empty.
    """
    n = len(train)
    count = validation.of(n)
    if not 0 < count < n:
        raise DataError(f"{count} of {n} training examples cannot be held out for validation")
    drawn = Stream(seed if validation.split_seed is None else validation.split_seed, "validation")
    order = randomness.permutation(drawn, n)
    return _part(train, np.sort(order[count:])), _part(train, np.sort(order[:count]))


def _part(split: Split, indices: Indices) -> Split:
    return Split(Chosen(split.inputs, indices), split.labels[indices])
