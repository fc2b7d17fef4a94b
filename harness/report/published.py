"""Compare what was measured with what was published."""

from __future__ import annotations

from harness.experiment import Interval
from harness.judging.inference import half_width
from harness.judging.judgement import Judgement


def difference(judgement: Judgement) -> tuple[float | None, float | None]:
    """Return measured minus published, and how far its one-sided Student-t limits are from it.

    Measured is the mean, or the median where that is the statistic. Each limit holds with the
    expectation's confidence. None where there is no published number or not every seed has a value;
    the second is None also for a single seed and where other limits than Student's count.
    """
    expectation, mean, deviation = judgement.expectation, judgement.mean, judgement.deviation
    if expectation.published is None or mean is None:
        return None, None
    if judgement.median is not None:
        return judgement.median - expectation.published, None
    if deviation is None or expectation.interval is not Interval.STUDENT:
        return mean - expectation.published, None
    lower, upper = judgement.interval
    # Where all seeds agree, the limits were widened to the resolution of the measurement.
    if deviation == 0.0 and lower is not None and upper is not None:
        return mean - expectation.published, (upper - lower) / 2
    return mean - expectation.published, half_width(
        deviation, len(judgement.values), expectation.confidence
    )
