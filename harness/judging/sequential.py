"""Judge after each of several looks at the seeds, and many expectations at once, at one confidence.

Somebody who adds seeds because a verdict is open, and judges again at the same confidence, gets
more than the stated share of false passes. Here the looks are planned, and every look may spend
only a part of the error that is allowed (Lan and DeMets 1983), by the function that imitates
O'Brien and Fleming's boundary: almost nothing at first, nearly all at the end. Everything is a pure
function of the plan, of the confidence, and of the values of the seeds in their order, so a verdict
does not depend on when somebody looked. The first look that decides is the one that counts.
"""

from __future__ import annotations

import bisect
import functools
import itertools
import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri, stdtr, stdtrit

from harness import units
from harness.experiment import Control, Expectation, SeedPlan, Statistic
from harness.judging.judgement import Judgement, Look
from harness.units import scale_of
from harness.words import Verdict

Floats = NDArray[np.float64]

JudgeAt = Callable[[Expectation, int], Judgement]
"""Judges an expectation by the first so many seeds, at the expectation's confidence."""

_CELLS = 400
"""The number of cells that the angle is divided into: they move no probability of a false verdict
by more than 0.0001.
"""

_LEAST = 1e-12
"""A smaller level is not spent: a confidence so near to 1 has too few digits left."""

_DECIDED = (Verdict.PASS, Verdict.FAIL)


def spent(fraction: float, alpha: float) -> float:
    """Return how much of a one-sided error `alpha` is spent at a `fraction` of the seeds.

    It is `2 - 2 Phi(z / sqrt(fraction))`, with z the quantile of `1 - alpha / 2` (Lan and DeMets
    1983, alpha_1).
    """
    return alpha if fraction >= 1 else float(2 * ndtr(ndtri(alpha / 2) / math.sqrt(fraction)))


@functools.cache
def shares(sizes: tuple[int, ...], alpha: float) -> tuple[float, ...]:
    """Return the share of the error that each look spends: a level for any test, whatever it is.

    By Bonferroni's inequality the looks are wrong together with a probability of at most `alpha`. A
    look that would spend almost nothing spends nothing, and the next one has its share.
    """
    found: list[float] = []
    for size in sizes:
        more = spent(size / sizes[-1], alpha) - math.fsum(found)
        found.append(more if more >= _LEAST else 0.0)
    return tuple(found)


@functools.cache
def student_levels(sizes: tuple[int, ...], alpha: float, cells: int = _CELLS) -> tuple[float, ...]:
    """Return the level of Student's one-sided test at each look, for which all looks spend `alpha`.

    The levels are exact for normal values; no normal approximation is made. Let the population's
    mean be at the bound, and u the cosine of the angle between the first n values and the vector of
    ones, so that `t = sqrt(n - 1) u / sqrt(1 - u^2)`. The direction of n normal values does not
    depend on their length, so that what is next depends on the past by u alone: with phi the angle
    of the next value against the former ones,

        u' = (sqrt(n) u cos(phi) + sin(phi)) / sqrt(n + 1),    sqrt(n) tan(phi) is Student's with n
        freedoms.

    The distribution of the angle among those that no look has decided is carried on from seed to
    seed, as Armitage, McPherson and Rowe (1969) do it for a known deviation (see also Jennison and
    Turnbull 1991). Two one-sided tests (TOST) at these levels pass where both do, which is no more
    often than one does.

    Args:
        sizes: The numbers of seeds at the looks, rising, from 2 on.
        alpha: The error that all looks may make together, on one side.
        cells: Into how many cells the angle is divided.
    """
    edges = np.linspace(0.0, math.pi, cells + 1)
    middles = (edges[1:] + edges[:-1]) / 2
    share = shares(sizes, alpha)
    found = [share[0]]
    mass = np.diff(np.maximum(_angles(sizes[0], edges), share[0]))
    for look, (before, size) in enumerate(itertools.pairwise(sizes), start=1):
        for count in range(before, size - 1):
            mass = np.diff(mass @ _reaching(count, middles[:, None], edges[None, :]))
        below = mass @ _reaching(size - 1, middles[:, None], edges[None, :])
        boundary = _boundary(mass, middles, size - 1, share[look])
        level = float(_angles(size, np.array([boundary]))[0]) if share[look] else 0.0
        # Whatever the cells do, it is no less than by Bonferroni's inequality and no more than all
        # that is spent.
        found.append(min(max(level, share[look]), math.fsum(share[: look + 1])))
        mass = np.diff(np.maximum(below, share[look]))
    return tuple(found)


def _angles(count: int, angles: Floats) -> Floats:
    """Return the probability that the angle of `count` values to the ones is at most each of these.

    The values have the mean 0.
    """
    inside = np.clip(angles, 1e-300, math.pi - 1e-15)
    found: Floats = stdtr(count - 1, -math.sqrt(count - 1) / np.tan(inside))
    return found


_PHI = np.linspace(-math.pi / 2, math.pi / 2, 4097)


def _reaching(count: int, angles: Floats, ends: Floats) -> Floats:
    """Return the probability that one value more brings each angle to at most each end.

    `angles` are those of `count` values.
    """
    along = math.sqrt(count) * np.cos(angles)
    middle = np.arctan2(1.0, along)
    half = np.arccos(np.clip(np.cos(ends) * math.sqrt(count + 1) / np.hypot(along, 1.0), -1.0, 1.0))
    below = stdtr(count, math.sqrt(count) * np.tan(_PHI))
    below[0], below[-1] = 0.0, 1.0
    high, low, around = (np.interp(phi, _PHI, below) for phi in _ends(middle, half))
    found: Floats = (
        high - low + around
    )  # the ends of the range of phi are the same direction, up to its sign
    return found


def _ends(middle: Floats, half: Floats) -> tuple[Floats, Floats, Floats]:
    return middle + half, middle - half, middle + half - 2 * math.pi


def _boundary(mass: Floats, angles: Floats, count: int, share: float) -> float:
    """Return the angle that one value more reaches with probability `share`, found by bisection."""
    low, high = 0.0, math.pi
    for _ in range(60):
        middle = (low + high) / 2
        reached = float(mass @ _reaching(count, angles, np.array(middle)))
        low, high = (middle, high) if reached < share else (low, middle)
    return low


def levels(expectation: Expectation, sizes: tuple[int, ...], alpha: float) -> tuple[float, ...]:
    """Return the level at which each look tests an expectation: 0 where it cannot decide."""
    exact = expectation.statistic is Statistic.MEAN
    return student_levels(sizes, alpha) if exact else shares(sizes, alpha)


@dataclass(frozen=True)
class Design:
    """How the expectations of an experiment are judged: the looks, and the control over them all.

    `seeds` is how many there are where there is no plan to add any.
    """

    plan: SeedPlan | None
    control: Control | None
    seeds: int

    @property
    def sizes(self) -> tuple[int, ...]:
        """Return the number of seeds at every look."""
        return self.plan.sizes if self.plan else (self.seeds,)


def has_confidence(expectation: Expectation) -> bool:
    """Tell whether an expectation speaks of more than the seeds at hand, so that chance matters."""
    return expectation.statistic is not Statistic.EVERY


def judgements(
    design: Design, expectations: Sequence[Expectation], judge_at: JudgeAt
) -> tuple[Judgement, ...]:
    """Judge all expectations of an experiment.

    Without `control` each is judged at its own confidence. With it, those that have a confidence
    are a family of m:

    - Holm (1979): as long as one passes at the level `alpha / (m - passed)`, it counts as passed,
      and the others are judged again. So the probability that any passes falsely is at most the
      largest of the alphas, however the expectations depend on one another. Every look spends from
      that level (Maurer and Bretz 2013).
    - Benjamini and Hochberg (1995): the largest r such that r pass at the level `r alpha / m`. So
      of those that pass, the expected share of false ones is at most the largest of the alphas, if
      the expectations are independent or depend on one another positively, as those that share
      runs mostly do.

    Failing is controlled in the same way, separately from passing.
    """
    alphas = [1 - each.confidence for each in expectations]
    family = [place for place, each in enumerate(expectations) if has_confidence(each)]

    def factors(wanted: Verdict, control: Control) -> dict[int, float]:
        def decides(place: int, factor: float) -> bool:
            found = _decide(design, expectations[place], alphas[place] * factor, judge_at)
            return found.verdict is wanted

        return _FAMILIES[control](family, decides)

    control = design.control
    by_verdict = [factors(wanted, control) for wanted in _DECIDED] if control else []
    return tuple(
        (
            _controlled(
                design, each, [alphas[place] * found[place] for found in by_verdict], judge_at
            )
            if by_verdict and has_confidence(each)
            else _decide(design, each, None, judge_at)
        )
        for place, each in enumerate(expectations)
    )


def _controlled(
    design: Design, expectation: Expectation, levels_: Sequence[float], judge_at: JudgeAt
) -> Judgement:
    """Judge at the level for passing and at the one for failing; the earlier look counts."""
    found = [_decide(design, expectation, level, judge_at) for level in levels_]
    kept = [each for each, wanted in zip(found, _DECIDED, strict=True) if each.verdict is wanted]
    if kept:
        return min(kept, key=lambda each: each.look.number if each.look else 0)
    otherwise = replace(
        found[0], verdict=Verdict.INCONCLUSIVE, message="its looks contradict one another"
    )
    return next((each for each in found if each.verdict not in _DECIDED), otherwise)


Decides = Callable[[int, float], bool]
"""Tells whether the expectation at an index is decided at a factor of its level."""


def _holm(family: Sequence[int], decides: Decides) -> dict[int, float]:
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
    counts = range(1, len(family) + 1)
    least = [
        bisect.bisect_left(counts, True, key=lambda count: decides(place, count / len(family)))
        for place in family
    ]  # at which count, from 0, each is decided first: larger levels decide all that smaller do
    enough = [count for count in counts if sum(place < count for place in least) >= count]
    return dict.fromkeys(family, max(enough, default=1) / max(len(family), 1))


_FAMILIES: Mapping[Control, Callable[[Sequence[int], Decides], dict[int, float]]] = {
    Control.HOLM: _holm,
    Control.FDR: _benjamini_hochberg,
}


def _decide(
    design: Design, expectation: Expectation, alpha: float | None, judge_at: JudgeAt
) -> Judgement:
    """Return the judgement of the first look that decides, or of the last that is complete.

    Args:
        design: The looks.
        expectation: What is judged; one without confidence is judged by the last complete look
            alone.
        alpha: The level of all looks together; None: that of the expectation.
        judge_at: Judges a single look.
    """
    sizes, whole = design.sizes, expectation
    level = 1 - expectation.confidence if alpha is None else alpha
    at_looks = (
        levels(expectation, sizes, level) if design.plan and has_confidence(expectation) else None
    )
    latest: Judgement | None = None
    for number, size in enumerate(sizes, start=1):
        at = expectation.confidence if alpha is None and at_looks is None else 1 - level
        at = 1 - at_looks[number - 1] if at_looks else at
        asked = replace(whole, confidence=at) if at < 1 else whole
        found = replace(judge_at(asked, size), expectation=whole)
        if found.verdict is Verdict.BLOCKED and latest is not None:
            return latest  # the seeds of a later look are none that are missing
        if design.plan is not None:
            found = replace(found, look=Look(number, len(sizes), size, design.plan.most, at))
            found = _told(found) if has_confidence(whole) else found
        elif at != whole.confidence:
            found = replace(found, adjusted=at)
        latest = found
        if found.verdict is not Verdict.INCONCLUSIVE and (
            has_confidence(whole) or found.verdict is not Verdict.PASS
        ):
            return found
    assert latest is not None
    return latest


def _told(found: Judgement) -> Judgement:
    """Say at which look an expectation is undecided; a look that spends nothing decides nothing."""
    look = found.look
    assert look is not None
    if look.confidence >= 1 and found.verdict in _DECIDED and found.mean is not None:
        found = replace(found, verdict=Verdict.INCONCLUSIVE, interval=(None, None), share=None)
    if found.verdict is not Verdict.INCONCLUSIVE:
        return found
    where = f"undecided at {look.words}"
    if look.confidence >= 1:
        return replace(found, message=f"{where}, which is too early to decide anything")
    limits = found.share or found.interval
    lower, upper = limits
    if lower is None or upper is None:
        return replace(
            found, message=f"{where}: at {look.percent} so few seeds have no confidence limits"
        )
    if found.share is not None:
        shown = f"{lower:.1%} to {upper:.1%} for the share of all seeds within the bounds"
    else:
        shown = units.limits(
            (lower, upper), found.mean, found.deviation, scale_of(found.expectation.metric)
        )
    last = look.number == look.looks
    end = (
        "there are no more seeds to come"
        if last
        else "more seeds may decide: run goes on with them"
    )
    return replace(
        found,
        message=f"{where}: the {look.percent} confidence limits {shown} straddle a bound; {end}",
    )


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
