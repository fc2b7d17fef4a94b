"""What an expectation says, in words."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence

from harness.experiment import Expectation, Interval, Statistic
from harness.expression import ExpressionError, Reference, parse
from harness.judging.judgement import Judgement
from harness.units import PERCENT, bound, bounds, found, scale_of, scale_of_difference
from harness.words import percent, subject

_LIMITS_FROM = {
    Interval.STUDENT: "",
    Interval.BOOTSTRAP: ", bootstrap",
    Interval.BINOMIAL: ", test images alone",
    Interval.PAIRED: ", test images alone, in pairs",
}

TERMS = (
    "metric",
    "lower",
    "upper",
    "statistic",
    "method",
    "share",
    "confidence",
    "published",
    "basis",
)
"""What an expectation asks, by the members that the JSON of a report has for it."""


def titles(expectations: Sequence[Expectation]) -> dict[str, str]:
    """Return by its id what each expectation of a report is called; "" for one without a title.

    Before a title that several have, such as those that a wildcard makes, stands the cell.
    """
    times = Counter(each.title for each in expectations)
    return {
        each.id: f"{each.id.removeprefix(each.base or '')} {each.title}"
        if each.title and times[each.title] > 1
        else each.title
        for each in expectations
    }


def expected(expectation: Expectation) -> str:
    """Return the bounds in words: "mean at least 1 point (95% confidence)"."""
    words = bounds_in_words(expectation)
    who = subject(expectation.statistic, expectation.share)
    if expectation.statistic is Statistic.EVERY:
        return f"{who} {words}"
    limits_from = _LIMITS_FROM[expectation.interval]
    return f"{who} {words} ({percent(expectation.confidence)} confidence{limits_from})"


def expected_briefly(expectation: Expectation) -> str:
    """Return the bounds in few words; a mean is what they are of where no other word stands."""
    who = subject(expectation.statistic, expectation.share)
    words = bounds_in_words(expectation)
    return words if expectation.statistic is Statistic.MEAN else f"{who} {words}"


def bounds_in_words(expectation: Expectation) -> str:
    """Return the bounds as they were meant: around a published number, and no share beyond all."""
    scale = scale_of(expectation.metric)
    lower, upper, published = expectation.lower, expectation.upper, expectation.published
    if published is not None and lower is not None and upper is not None:
        below, above = published - lower, upper - published
        if above > 0 and math.isclose(below, above, rel_tol=1e-6, abs_tol=1e-11):
            distance = bound(round(above, 12), scale_of_difference(scale))
            return f"within {distance} of the published {bound(published, scale)}"
    if scale is PERCENT and _is_a_share(expectation.metric):
        lower = None if lower is not None and lower <= 0.0 and upper is not None else lower
        upper = None if upper is not None and upper >= 1.0 and lower is not None else upper
    return bounds(lower, upper, scale)


def _is_a_share(metric: str) -> bool:
    """Tell whether a metric is one measured share, and so never outside 0% to 100%."""
    try:
        return isinstance(parse(metric), Reference)
    except ExpressionError:
        return False


def measured_words(judgement: Judgement) -> str:
    """Return what was measured: "96.4 ± 0.3%", after the median where that is what counts.

    Over settings it is after in how many of them the expectation holds.
    """
    scale = scale_of(judgement.expectation.metric)
    shown = found(judgement.mean, judgement.deviation, judgement.median, scale)
    if not judgement.settings:
        return shown
    counted = f"in {judgement.holding} of {len(judgement.settings)} settings"
    return counted if judgement.mean is None else f"{counted}, over them {shown}"


def origin(expectation: Expectation) -> str:
    """Return where a bound is from: its place, after the publication that it alone rests on."""
    return (
        f"{expectation.citation}: {expectation.source}"
        if expectation.citation
        else expectation.source
    )


def anchors(ids: Iterable[str]) -> dict[str, str]:
    """Return by the id of each expectation of a report, in its order, the anchor of its details."""
    by_id: dict[str, str] = {}
    taken: Counter[str] = Counter()
    for each in ids:
        words = re.sub(r"[^a-z0-9]+", "-", each.lower()).strip("-")
        taken[words] += 1
        again = f"--{taken[words]}" if taken[words] > 1 else ""
        by_id[each] = f"expectation-{words}{again}"
    return by_id
