"""What an expectation says, in words."""

from __future__ import annotations

from harness.experiment import Expectation, Interval, Statistic
from harness.units import bounds, scale_of
from harness.words import percent, subject

_LIMITS_FROM = {
    Interval.STUDENT: "",
    Interval.BOOTSTRAP: ", bootstrap",
    Interval.BINOMIAL: ", test images alone",
    Interval.PAIRED: ", test images alone, in pairs",
}


def expected(expectation: Expectation) -> str:
    """Return the bounds in words: "mean at least 1 point (95% confidence)"."""
    words = bounds(expectation.lower, expectation.upper, scale_of(expectation.metric))
    who = subject(expectation.statistic, expectation.share)
    if expectation.statistic is Statistic.EVERY:
        return f"{who} {words}"
    limits_from = _LIMITS_FROM[expectation.interval]
    return f"{who} {words} ({percent(expectation.confidence)} confidence{limits_from})"


def origin(expectation: Expectation) -> str:
    """Return where a bound is from: its place, after the publication that it alone rests on."""
    return (
        f"{expectation.citation}: {expectation.source}"
        if expectation.citation
        else expectation.source
    )
