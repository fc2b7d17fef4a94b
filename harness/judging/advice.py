"""Say how many seeds would likely decide an expectation that is inconclusive."""

from __future__ import annotations

import math
from collections.abc import Sequence

from harness.experiment import Expectation
from harness.judging.inference import MOST_SEEDS, seeds_for_mean, seeds_for_share
from harness.judging.judgement import Judgement


def advise_on_mean(known: Judgement, mean: float, deviation: float) -> str:
    """Say how many seeds would likely decide on a mean, if it and the deviation stay the same."""
    lower, upper = _decisive_interval(known.expectation, mean)
    needed = seeds_for_mean(mean, deviation, known.expectation.confidence, lower, upper)
    return f"{_would_decide(needed)}, if mean and deviation are as measured"


def advise_on_median(known: Judgement) -> str:
    """Say how many seeds would likely decide on a median."""
    bounds, values = (known.expectation.lower, known.expectation.upper), known.values.values()
    beyond = [sum(value < bounds[0] for value in values)] if bounds[0] is not None else []
    beyond += [sum(value > bounds[1] for value in values)] if bounds[1] is not None else []
    return _advise_on_seeds(known, beyond, 0.5)


def advise_on_share(known: Judgement, outside: int, wanted: float) -> str:
    """Say how many seeds would likely decide whether a share of all is within the bounds."""
    return _advise_on_seeds(known, [outside], 1 - wanted)


def advise_on_settings(known: Judgement, outside: int, wanted: float) -> str:
    """Say how many settings would likely decide whether it holds in a share of all."""
    count = len(known.settings)
    needed = seeds_for_share([outside], count, 1 - wanted, known.expectation.confidence)
    if needed is None:
        return f"these settings do not tell that even {MOST_SEEDS} would likely decide"
    return (
        f"{needed} settings in all would likely decide, by all that these leave open of the share"
        " in which it does not hold"
    )


def _advise_on_seeds(known: Judgement, beyond: Sequence[int], share: float) -> str:
    """Say how many seeds would likely decide whether exceptions are rarer than a share."""
    count = len(known.values)
    needed = seeds_for_share(beyond, count, share, known.expectation.confidence)
    if needed is not None:
        return (
            f"{needed} seeds in all would likely decide, by all that these leave open of the share"
            " beyond a bound"
        )
    if count < 2:
        return "a single seed does not tell how many would decide"
    return f"these seeds do not tell that even {MOST_SEEDS} would likely decide"


def _would_decide(needed: int | None) -> str:
    return (
        f"{'more than' if needed is None else 'about'} {needed or MOST_SEEDS} seeds would likely"
        " decide"
    )


def _decisive_interval(expectation: Expectation, centre: float) -> tuple[float, float]:
    """Return the interval that the limits must lie in for the verdict that the centre foretells."""
    lower = -math.inf if expectation.lower is None else expectation.lower
    upper = math.inf if expectation.upper is None else expectation.upper
    if centre < lower:
        return -math.inf, lower
    return (upper, math.inf) if centre > upper else (lower, upper)
