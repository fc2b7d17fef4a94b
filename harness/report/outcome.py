"""What became of some expectations taken together, in a sentence."""

from __future__ import annotations

from collections.abc import Sequence

from harness.judging.check import Judgement
from harness.words import Reach, Verdict, agreeing, percent, plural, reach

_VERBS = {
    Verdict.PASS: ("passes", "pass"),
    Verdict.FAIL: ("fails", "fail"),
    Verdict.INCONCLUSIVE: ("is inconclusive", "are inconclusive"),
    Verdict.BLOCKED: ("is blocked", "are blocked"),
    Verdict.ERROR: ("ended in an error", "ended in an error"),
}


def resting_on_stale(stale: int, total: int) -> str:
    """Say how many of some verdicts rest on stale runs; nothing where none does."""
    if not stale:
        return ""
    some = (
        "The one verdict rests"
        if total == 1
        else f"{stale} of {total} verdicts {agreeing(stale, 'rests', 'rest')}"
    )
    return f"{some} on stale runs, which other code made: no plain pass."


def reaches(judgements: Sequence[Judgement]) -> list[Reach]:
    """Return how far each of some judgements speaks."""
    return [reach(each.expectation.statistic, each.expectation.interval) for each in judgements]


def outcome(verdicts: Sequence[Verdict], reached: Sequence[Reach] = ()) -> str:
    """Return one sentence: "7 of 9 expectations pass, 1 fails, 1 is inconclusive.".

    `reached` says of each verdict how far it speaks; where it is given, the passes are counted by
    it.
    """
    total, passed = len(verdicts), verdicts.count(Verdict.PASS)
    if total == 0:
        return "No expectations are stated."
    of_passes = [
        each for verdict, each in zip(verdicts, reached, strict=False) if verdict is Verdict.PASS
    ]
    counts = [f"{of_passes.count(each)} {each.value}" for each in Reach if each in of_passes]
    alike = f" {of_passes[0].value}" if len(counts) == 1 else ""
    if passed == total:
        all_ = f"All {total} expectations pass" if total > 1 else "The one expectation passes"
        return f"{all_}: {', '.join(counts)}." if len(counts) > 1 else f"{all_}{alike}."
    start = (
        f"{passed or 'None'} of {plural(total, 'expectation')} {verb(Verdict.PASS, passed)}{alike}"
    )
    start += f" ({', '.join(counts)})" if len(counts) > 1 else ""
    others = [
        (verdict, verdicts.count(verdict)) for verdict in Verdict if verdict is not Verdict.PASS
    ]
    return ", ".join([start, *(f"{n} {verb(verdict, n)}" for verdict, n in others if n)]) + "."


_JUDGED = (Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE)


def chance(
    verdicts: Sequence[Verdict], reached: Sequence[Reach], confidences: Sequence[float]
) -> str:
    """Say how many verdicts are expected to pass by chance; nothing where none has a confidence.

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
    stated = " to ".join(map(percent, sorted({min(sure), max(sure)})))
    expected = sum(1 - each for each in sure)
    number = f"{expected:.2g}" if expected < 10 else f"{expected:.0f}"
    return (
        f"Of {plural(len(sure), 'verdict')} with {stated} confidence, up to about {number} would be"
        " a pass by chance alone if the truth lay just beyond every bound."
    )


def verb(verdict: Verdict, count: int) -> str:
    """Return what became of so many expectations: "passes", "are inconclusive"."""
    return agreeing(count, *_VERBS[verdict])
