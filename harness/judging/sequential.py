"""Judge after each of several looks at the seeds, and many expectations at once, at one confidence.

Somebody who adds seeds because a verdict is open, and judges again at the same confidence, gets
more than the stated share of false passes. Here the looks are planned, and every look may spend
only a part of the error that is allowed (Lan and DeMets 1983), by the function that imitates
O'Brien and Fleming's boundary: almost nothing at first, nearly all at the end. Everything is a pure
function of the plan, of the confidence, and of the values of the seeds in their order, so a verdict
does not depend on when somebody looked. The first look that decides is the one that counts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from harness import units
from harness.experiment import Control, Expectation, SeedPlan, Statistic
from harness.judging.alpha_spending import bonferroni_levels, student_levels
from harness.judging.judgement import Judgement, Look
from harness.judging.multiplicity import FACTORS
from harness.units import scale_of
from harness.words import Verdict

JudgeAt = Callable[[Expectation, int], Judgement]
"""Judges an expectation by the first so many seeds, at the expectation's confidence."""

_DECIDED = (Verdict.PASS, Verdict.FAIL)


def levels(expectation: Expectation, sizes: tuple[int, ...], alpha: float) -> tuple[float, ...]:
    """Return the level at which each look tests an expectation: 0 where it cannot decide."""
    exact = expectation.statistic is Statistic.MEAN
    return student_levels(sizes, alpha) if exact else bonferroni_levels(sizes, alpha)


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


def judge_all(
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
            found = _judge_looks(design, expectations[place], alphas[place] * factor, judge_at)
            return found.verdict is wanted

        return FACTORS[control](family, decides)

    control = design.control
    by_verdict = [factors(wanted, control) for wanted in _DECIDED] if control else []
    return tuple(
        (
            _judge_controlled(
                design, each, [alphas[place] * found[place] for found in by_verdict], judge_at
            )
            if by_verdict and has_confidence(each)
            else _judge_looks(design, each, None, judge_at)
        )
        for place, each in enumerate(expectations)
    )


def _judge_controlled(
    design: Design, expectation: Expectation, at_levels: Sequence[float], judge_at: JudgeAt
) -> Judgement:
    """Judge at the level for passing and at the one for failing; the earlier look counts."""
    found = [_judge_looks(design, expectation, level, judge_at) for level in at_levels]
    kept = [each for each, wanted in zip(found, _DECIDED, strict=True) if each.verdict is wanted]
    if kept:
        return min(kept, key=lambda each: each.look.number if each.look else 0)
    otherwise = replace(
        found[0], verdict=Verdict.INCONCLUSIVE, message="its looks contradict one another"
    )
    return next((each for each in found if each.verdict not in _DECIDED), otherwise)


def _judge_looks(
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
    sizes, speaks_of_all = design.sizes, has_confidence(expectation)
    latest: Judgement | None = None
    for number, confidence in enumerate(_confidences(design, expectation, alpha), start=1):
        size = sizes[number - 1]
        asked = replace(expectation, confidence=confidence) if confidence < 1 else expectation
        found = replace(judge_at(asked, size), expectation=expectation)
        if found.verdict is Verdict.BLOCKED and latest is not None:
            return latest  # the seeds of a later look are not missing, they are yet to come
        if design.plan is not None:
            look = Look(number, len(sizes), size, design.plan.most, confidence)
            found = replace(found, look=look)
            found = _explain_undecided(found) if speaks_of_all else found
        elif confidence != expectation.confidence:
            found = replace(found, adjusted=confidence)
        latest = found
        if found.verdict is not Verdict.INCONCLUSIVE and (
            speaks_of_all or found.verdict is not Verdict.PASS
        ):
            return found
    assert latest is not None
    return latest


def _confidences(design: Design, expectation: Expectation, alpha: float | None) -> Sequence[float]:
    """Return the confidence that the limits of each look have."""
    level = 1 - expectation.confidence if alpha is None else alpha
    if design.plan and has_confidence(expectation):
        return [1 - each for each in levels(expectation, design.sizes, level)]
    confidence = expectation.confidence if alpha is None else 1 - level
    return [confidence] * len(design.sizes)


def _explain_undecided(found: Judgement) -> Judgement:
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
