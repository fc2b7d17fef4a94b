"""What was measured beside what was published."""

from __future__ import annotations

from harness.check import Judgement, half_width


def difference(judgement: Judgement) -> tuple[float | None, float | None]:
    """Return measured minus published, and how far its one-sided Student-t limits are from it.

    Each limit holds with the expectation's confidence. None where there is no published number or
    no mean; the second also for a single seed.
    """
    published, mean, deviation = judgement.expectation.published, judgement.mean, judgement.deviation
    if published is None or mean is None:
        return None, None
    if deviation is None:
        return mean - published, None
    return mean - published, half_width(deviation, len(judgement.values), judgement.expectation.confidence)
