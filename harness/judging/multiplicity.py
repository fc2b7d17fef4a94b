"""At which factor of its level each of many expectations is judged, so that few pass falsely."""

from __future__ import annotations

import bisect
from collections.abc import Callable, Mapping, Sequence

from harness.experiment import Control

Decides = Callable[[int, float], bool]
"""Tells whether the expectation at an index is decided at a factor of its level."""


def _holm(family: Sequence[int], decides: Decides) -> dict[int, float]:
    """Holm (1979): what is decided leaves the family, and the others are judged again."""
    left, factors = list(family), dict[int, float]()
    while left:
        factor = 1 / len(left)
        factors |= dict.fromkeys(left, factor)
        still = [place for place in left if not decides(place, factor)]
        if len(still) == len(left):
            break
        left = still
    return factors


def _benjamini_hochberg(family: Sequence[int], decides: Decides) -> dict[int, float]:
    """Benjamini and Hochberg (1995): the largest r of which r are decided at factor r / m."""
    counts = range(1, len(family) + 1)
    # Larger levels decide all that smaller ones do, so a bisection finds the first count, from 0,
    # at which each is decided.
    least = [
        bisect.bisect_left(counts, True, key=lambda count: decides(place, count / len(family)))
        for place in family
    ]
    enough = [count for count in counts if sum(place < count for place in least) >= count]
    return dict.fromkeys(family, max(enough, default=1) / max(len(family), 1))


FACTORS: Mapping[Control, Callable[[Sequence[int], Decides], dict[int, float]]] = {
    Control.HOLM: _holm,
    Control.FDR: _benjamini_hochberg,
}
"""By the kind of control, the factors for a family of expectations, given by their indices."""
