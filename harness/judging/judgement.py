"""The record of a verdict, and of the look at the seeds that it rests on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from harness.experiment import Expectation
from harness.judging.inference import Limits
from harness.judging.paired import Pairing
from harness.words import Verdict, percent


@dataclass(frozen=True)
class Look:
    """One of the planned looks at the seeds.

    `confidence` is that of its limits, chosen so that all looks together keep the stated one.
    """

    number: int
    looks: int
    seeds: int
    most: int
    confidence: float

    @property
    def words(self) -> str:
        """Return which look it is."""
        return f"look {self.number} of {self.looks}, with {self.seeds} of at most {self.most} seeds"

    @property
    def percent(self) -> str:
        """Return the confidence of its limits."""
        shown = percent(self.confidence)
        return shown if shown != "100%" else "more than 99.999%"


@dataclass(frozen=True)
class InSetting:
    """What was measured in one of the settings that a sample drew.

    `values` has the value of each seed that has one, `mean` is that of all seeds, None where not
    every one has a value. `holds` tells whether the mean over the seeds is within the bounds, None
    where that is not known.
    """

    values: Mapping[int, float]
    mean: float | None
    holds: bool | None


@dataclass(frozen=True)
class Judgement:
    """The verdict on one expectation and the numbers it rests on.

    All limits are one-sided, each with the expectation's confidence.

    Args:
        expectation: What is judged.
        verdict: What became of it.
        mean: None unless every seed has a value.
        deviation: The sample deviation, `n - 1` in the denominator; None also for a single seed.
        values: The finite value of every seed that has one.
        interval: The limits of the mean or the median that decided; (None, None) without any.
        message: Why it is no pass; empty for a pass.
        median: Set where the statistic is the median.
        share: The limits of the share of all seeds within the bounds, for `worst` and `every`.
        images: The limits that the test images alone leave to the mean, where it is of a single
            seed or they decide, and the metric is a sum of test accuracies.
        rounding: How far from each seed's value, by rounding alone, what it stands for may be.
        stale: Which of the runs that it rests on are stale and why; empty where none is.
        resolution: Where all seeds agree, the most that the resolution of one measurement changes
            the value of a seed; None where that is not known.
        censored: The smallest and largest value of each seed that has none because something was
            not reached within the budget.
        notes: Sentences without which the verdict, even a pass, would mislead.
        look: The one that it rests on, where seeds are added look after look.
        adjusted: The confidence of the limits, where the experiment controls all expectations
            together.
        pairing: The pairs of images that the limits `images` are from, or why there are none.
        settings: By label of its cell, what was measured in each setting, for the statistic
            `settings`; `mean` and `deviation` are then those of the settings' means, `values` is
            empty, and `share` has the limits of the share of all settings within the bounds.
    """

    expectation: Expectation
    verdict: Verdict
    mean: float | None = None
    deviation: float | None = None
    values: Mapping[int, float] = field(default_factory=dict)
    interval: tuple[float | None, float | None] = (None, None)
    message: str = ""
    median: float | None = None
    share: Limits | None = None
    images: Limits | None = None
    rounding: Mapping[int, Fraction] = field(default_factory=dict, repr=False)
    stale: str = ""
    resolution: float | None = field(default=None, repr=False)
    censored: Mapping[int, Limits] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    look: Look | None = None
    adjusted: float | None = None
    pairing: Pairing = field(default=Pairing(), repr=False)
    settings: Mapping[str, InSetting] = field(default_factory=dict)

    @property
    def seeds(self) -> int:
        """Return how many seeds have a value; of several settings, in that with the fewest."""
        if self.settings:
            return min(len(each.values) for each in self.settings.values())
        return len(self.values)

    @property
    def holding(self) -> int:
        """Return in how many settings the mean over seeds is within the bounds."""
        return sum(each.holds is True for each in self.settings.values())
