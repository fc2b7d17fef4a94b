"""Examples without a test set of their own, split by a stated seed and share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.data import randomness
from harness.data.own_labels import count_for_testing
from harness.data.randomness import Stream


@dataclass(frozen=True)
class SeededSplit:
    """Which share of each class is for testing, and what it is drawn from.

    The seed is that of the split; that of a run has no part in it.
    """

    share: float
    seed: int


def for_testing(labels: NDArray[np.integer[Any]], split: SeededSplit) -> NDArray[np.bool_]:
    """Return which examples are for testing, bool [n].

    Each class is split on its own, so that its share is the same everywhere: of a permutation of
    its examples, drawn from the seed and the class alone, the first are for testing.

    Args:
        labels: those of the examples, [n], in their fixed order.
        split: the share (see `harness.data.own_labels.count_for_testing`) and the seed.
    """
    chosen = np.zeros(len(labels), np.bool_)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        order = randomness.permutation(Stream(split.seed, f"test_share/{label}"), len(members))
        chosen[members[order[: count_for_testing(len(members), split.share)]]] = True
    return chosen
