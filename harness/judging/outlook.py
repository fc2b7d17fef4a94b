"""How many more seeds a decision is likely to take, judged by what was measured."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from harness.experiment import Expectation, SeedPlan
from harness.judging.alpha_spending import student_levels


@dataclass(frozen=True)
class Outlook:
    """The probability of a decision by each look, if all goes on as it was measured."""

    chances: Mapping[int, float]

    @property
    def likely(self) -> int | None:
        """Return the number of seeds by which four of five would have decided, or None."""
        return next((size for size, chance in self.chances.items() if chance >= LIKELY), None)


LIKELY = 0.8

_PATHS = 2000

_PATHS_SEED = 0


def outlook(
    expectation: Expectation, plan: SeedPlan, values: Sequence[float], own: bool = True
) -> Outlook:
    """Return the probability that an expectation on a mean is decided by each further look.

    Further seeds are drawn from the normal distribution with the mean and the deviation of the
    values, 2000 times, always the same ones. So it is a rough guide, and rougher where the values
    are few.

    Args:
        expectation: One on a mean, by Student's limits.
        plan: The plan of its seeds.
        values: Those of the seeds at the last look; at least two.
        own: Whether they are this experiment's; those of another tell mean and deviation alone.
    """
    mean, deviation = statistics.fmean(values), statistics.stdev(values)
    values = values if own else ()
    count = len(values)
    lower = -math.inf if expectation.lower is None else expectation.lower
    upper = math.inf if expectation.upper is None else expectation.upper
    drawn = np.random.default_rng(_PATHS_SEED).normal(mean, deviation, (_PATHS, plan.most - count))
    paths = np.concatenate([np.broadcast_to(np.asarray(values), (_PATHS, count)), drawn], axis=1)
    open_ = np.ones(_PATHS, dtype=bool)
    chances: dict[int, float] = {}
    at_looks = student_levels(plan.sizes, 1 - expectation.confidence)
    for size, level in zip(plan.sizes, at_looks, strict=True):
        if size > count:
            means, deviations = paths[:, :size].mean(axis=1), paths[:, :size].std(axis=1, ddof=1)
            half = (
                -float(stdtrit(size - 1, level)) * deviations / math.sqrt(size) if level else np.inf
            )
            low, high = means - half, means + half
            open_ &= ~(((low >= lower) & (high <= upper)) | (high < lower) | (low > upper))
            chances[size] = 1 - float(open_.mean())
    return Outlook(chances)
