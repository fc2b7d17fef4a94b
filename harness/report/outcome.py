"""Verdicts in words and symbols."""

from __future__ import annotations

import enum
from collections.abc import Sequence

from harness.experiment import Interval, Statistic
from harness.judging.check import Judgement, Verdict

SYMBOLS = {
    Verdict.PASS: "✅",
    Verdict.FAIL: "❌",
    Verdict.INCONCLUSIVE: "❔",
    Verdict.BLOCKED: "⛔",
    Verdict.ERROR: "⚠️",
}

MEANING = {
    Verdict.PASS: (
        "what was measured meets the bounds, with the stated confidence where it speaks of all"
        " seeds"
    ),
    Verdict.FAIL: (
        "it is outside the bounds with that confidence, or a needed number does not exist"
    ),
    Verdict.INCONCLUSIVE: (
        "the confidence limits straddle a bound, there are too few seeds for any, or what was "
        "not reached within the budget decides"
    ),
    Verdict.BLOCKED: "a needed run was not made, and the message says why",
    Verdict.ERROR: "a needed run ended in an error, so the answer is not known",
}

_VERBS = {
    Verdict.PASS: ("passes", "pass"),
    Verdict.FAIL: ("fails", "fail"),
    Verdict.INCONCLUSIVE: ("is inconclusive", "are inconclusive"),
    Verdict.BLOCKED: ("is blocked", "are blocked"),
    Verdict.ERROR: ("ended in an error", "ended in an error"),
}


def marked(verdict: Verdict, stale: object = False) -> str:
    """Return the symbol and the word of a verdict, and a mark where it rests on stale runs."""
    return f"{SYMBOLS[verdict]} {worded(verdict, stale)}"


def worded(verdict: Verdict, stale: object) -> str:
    """Return the word of a verdict, and a mark where it rests on stale runs."""
    return f"{verdict.value} (stale)" if stale else verdict.value


STALE = (
    "it rests on runs that other code made, and is no plain pass: see why, and run again or replay"
)
"""What the mark of a verdict means."""


def resting_on_stale(stale: int, total: int) -> str:
    """Return a sentence that tells how many of some verdicts rest on stale runs, nothing where none
    does.
    """
    if not stale:
        return ""
    some = (
        "The one verdict rests"
        if total == 1
        else f"{stale} of {total} verdicts rest{'s' if stale == 1 else ''}"
    )
    return f"{some} on stale runs, which other code made: no plain pass."


class Reach(enum.Enum):
    """How far a verdict speaks."""

    SEEDS = "with confidence over all seeds"
    IMAGES = "with confidence over other test images"
    HAND = "for every seed at hand"


_OF_INTERVALS = {Interval.BINOMIAL: Reach.IMAGES}
"""How far limits speak that are not from the seeds."""


def reach(statistic: Statistic, interval: Interval) -> Reach:
    """Return how far a verdict by a statistic, and the limits of a mean, speaks."""
    return Reach.HAND if statistic is Statistic.EVERY else _OF_INTERVALS.get(interval, Reach.SEEDS)


def reaches(judgements: Sequence[Judgement]) -> list[Reach]:
    """Return how far each of some judgements speaks."""
    return [reach(each.expectation.statistic, each.expectation.interval) for each in judgements]


def outcome(verdicts: Sequence[Verdict], reached: Sequence[Reach] = ()) -> str:
    """Return one sentence: "7 of 9 expectations pass, 1 fails, 1 is inconclusive.".

    `reached` says of each verdict how far it speaks; the passes are counted apart by that where it
    is given.
    """
    total, passed = len(verdicts), verdicts.count(Verdict.PASS)
    if total == 0:
        return "No expectations are stated."
    far = [
        each for verdict, each in zip(verdicts, reached, strict=False) if verdict is Verdict.PASS
    ]
    apart = [f"{far.count(each)} {each.value}" for each in Reach if each in far]
    alike = f" {far[0].value}" if len(apart) == 1 else ""
    if passed == total:
        all_ = f"All {total} expectations pass" if total > 1 else "The one expectation passes"
        return f"{all_}: {', '.join(apart)}." if len(apart) > 1 else f"{all_}{alike}."
    start = (
        f"{passed or 'None'} of {plural(total, 'expectation')} {_verb(Verdict.PASS, passed)}{alike}"
    )
    start += f" ({', '.join(apart)})" if len(apart) > 1 else ""
    others = [
        (verdict, verdicts.count(verdict)) for verdict in Verdict if verdict is not Verdict.PASS
    ]
    return ", ".join([start, *(f"{n} {_verb(verdict, n)}" for verdict, n in others if n)]) + "."


_JUDGED = (Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE)


def chance(
    verdicts: Sequence[Verdict], reached: Sequence[Reach], confidences: Sequence[float]
) -> str:
    """Return how many verdicts with confidence are expected to be a pass by chance, or nothing
    where there are none.

    Where the truth is beyond a bound, a verdict is a pass with a probability of 1 - confidence at
    most, which it has just beyond. The expected number of such passes is the sum of these, however
    the verdicts depend on one another.
    """
    known = zip(verdicts, reached, confidences, strict=True)
    sure = [
        confidence
        for verdict, far, confidence in known
        if verdict in _JUDGED and far is not Reach.HAND
    ]
    if not sure:
        return ""
    stated = " to ".join(f"{100 * each:.6g}%" for each in sorted({min(sure), max(sure)}))
    expected = sum(1 - each for each in sure)
    number = f"{expected:.2g}" if expected < 10 else f"{expected:.0f}"
    return (
        f"Of {plural(len(sure), 'verdict')} with {stated} confidence, up to about {number} would be"
        " a pass by chance alone if the truth lay just beyond every bound."
    )


def plural(count: int, noun: str) -> str:
    """Return a count and its noun."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def seeds_named(seeds: Sequence[int]) -> str:
    """Return seeds with their noun: "seed 3", "seeds 0, 1"."""
    return f"seed{'' if len(seeds) == 1 else 's'} {', '.join(map(str, seeds))}"


def _verb(verdict: Verdict, count: int) -> str:
    return _VERBS[verdict][0 if count == 1 else 1]
