"""What an expectation says, in words."""

from __future__ import annotations

from harness.experiment import Basis, Expectation, Interval, Statistic
from harness.units import Scale, bounds, measured, number, scale_of

BASES = {
    Basis.PAPER: "published number",
    Basis.CLAIM: "published statement",
    Basis.MEASURED: "our own earlier measurement",
    Basis.HYPOTHESIS: "the author's own hypothesis",
}


_ALSO = {
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
    return (
        f"{who} {words} ({100 * expectation.confidence:.6g}%"
        f" confidence{_ALSO[expectation.interval]})"
    )


def subject(statistic: Statistic, share: float | None) -> str:
    """Return what must meet the bounds: "mean", "every seed", "90% of all seeds"."""
    if statistic is Statistic.WORST:
        return f"{100 * (share or 0.0):.6g}% of all seeds"
    return "every seed" if statistic is Statistic.EVERY else statistic.value


def found(mean: float | None, deviation: float | None, median: float | None, scale: Scale) -> str:
    """Return what was measured: "96.4 ± 0.3%", after the median where that is what counts."""
    shown = measured(mean, deviation, scale)
    return shown if median is None else f"median {number(median, scale)}, mean {shown}"


def origin(expectation: Expectation) -> str:
    """Return where a bound is from: its place, after the publication that it alone rests on."""
    return (
        f"{expectation.citation}: {expectation.source}"
        if expectation.citation
        else expectation.source
    )
