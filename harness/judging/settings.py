"""Judge over the settings that a sample drew: in which share of all settings something holds.

In each setting the mean over the seeds at hand is within the bounds, or it is not. The settings
were drawn independently from the distribution that the sample states, and the seeds are the same in
all of them. So the number of settings in which it holds is binomial, and the limits of Clopper and
Pearson are exact for the share of all settings in which it does with these seeds.

A setting of which that is not known (a run is missing, or something was not reached within the
budget) is never counted as holding where a pass is asked for, nor as failing where a fail is.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction

from harness.experiment import Expectation
from harness.expression import Range
from harness.judging.advice import advise_on_settings
from harness.judging.bounds import rounding_of_share, within
from harness.judging.inference import sample_deviation, share_limits
from harness.judging.judgement import InSetting, Judgement
from harness.rounding import half_unit
from harness.words import Verdict, agreeing, listed, percent

_MOST_NAMED = 10
"""So many settings are named in a message."""

Unfinished = tuple[Verdict, str] | None
"""The verdict and the message of runs that are not done; None where all are."""


def in_setting(expectation: Expectation, ranges: Mapping[int, Range], seeds: int) -> InSetting:
    """Return what was measured in a setting by the ranges of those of its seeds that have any."""
    values = {seed: each.low for seed, each in ranges.items() if each.low == each.high}
    mean = math.fsum(values.values()) / seeds if len(values) == seeds > 0 else None
    known = len(ranges) == seeds > 0
    return InSetting(values, mean, _holds(expectation, ranges) if known else None)


def _holds(expectation: Expectation, ranges: Mapping[int, Range]) -> bool | None:
    """Tell whether the mean over seeds is within the bounds; None where that is left open."""
    low, high = (
        math.fsum(ends) / len(ranges)
        for ends in zip(*((each.low, each.high) for each in ranges.values()), strict=True)
    )
    moved = max(each.rounding for each in ranges.values())
    below, above = (
        moved + (half_unit(end) if math.isfinite(end) else Fraction(0)) for end in (low, high)
    )
    if within(expectation, low, high, (below, above)):
        return True
    return None if within(expectation, high, low, (above, below)) else False


def decide_settings(
    expectation: Expectation, settings: Mapping[str, InSetting], unfinished: Unfinished
) -> Judgement:
    """Judge by what was measured in every setting.

    Args:
        expectation: One of the statistic `settings`.
        settings: By the labels of the cells.
        unfinished: What became of runs that are not done; it is the verdict where the settings that
            are done do not decide, whatever the others would show.
    """
    means = [each.mean for each in settings.values() if each.mean is not None]
    every, wanted = len(means) == len(settings), expectation.share or 0.0
    holding = sum(each.holds is True for each in settings.values())
    possible = holding + sum(each.holds is None for each in settings.values())
    limits = (
        share_limits(holding, len(settings), expectation.confidence)[0],
        share_limits(possible, len(settings), expectation.confidence)[1],
    )
    known = Judgement(
        expectation,
        Verdict.INCONCLUSIVE,
        statistics.mean(means) if every else None,
        sample_deviation(means) if every and len(means) > 1 else None,
        share=limits,
        settings=settings,
    )
    slack = rounding_of_share(wanted)
    if limits[0] >= wanted - slack:
        return replace(known, verdict=Verdict.PASS, notes=_open(known))
    if limits[1] < wanted - slack:
        return replace(known, verdict=Verdict.FAIL, message=_counted(known, "are below"))
    if unfinished is not None:
        verdict, message = unfinished
        return replace(known, verdict=verdict, message=message)
    advice = advise_on_settings(known, len(settings) - holding, wanted)
    return replace(known, message=f"{_counted(known, 'straddle')}; {advice}")


def _open(known: Judgement) -> tuple[str, ...]:
    """Return a note on the settings of which it is not known whether it holds there."""
    labels = [label for label, each in known.settings.items() if each.holds is None]
    if not labels:
        return ()
    of = agreeing(len(labels), "setting", "settings")
    return (
        f"{of} {listed(labels, _MOST_NAMED)} {agreeing(len(labels), 'is', 'are')} not known and"
        f" {agreeing(len(labels), 'counts', 'count')} as not holding",
    )


def _counted(known: Judgement, verb: str) -> str:
    """Return in how many settings it holds, and how the limits compare with what is asked for."""
    lower, upper = known.share or (0.0, 1.0)
    outside = [label for label, each in known.settings.items() if each.holds is False]
    names = f" (not in {listed(outside, _MOST_NAMED)})" if outside else ""
    words = "; ".join(
        [f"it holds in {known.holding} of {len(known.settings)} settings{names}", *_open(known)]
    )
    return (
        f"{words}; the {percent(known.expectation.confidence)} confidence limits of the share of"
        f" all settings in which it does, {lower:.1%} and {upper:.1%}, {verb}"
        f" {percent(known.expectation.share or 0.0)}"
    )
