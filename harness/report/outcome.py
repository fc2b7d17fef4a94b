"""Verdicts in words and symbols."""

from __future__ import annotations

from collections.abc import Sequence

from harness.check import Verdict

SYMBOLS = {
    Verdict.PASS: "✅",
    Verdict.FAIL: "❌",
    Verdict.INCONCLUSIVE: "❔",
    Verdict.BLOCKED: "⛔",
    Verdict.ERROR: "⚠️",
}

MEANING = {
    Verdict.PASS: "what was measured meets the bounds, with the stated confidence where it speaks of all seeds",
    Verdict.FAIL: "it is outside the bounds with that confidence, or a needed number does not exist",
    Verdict.INCONCLUSIVE: "the confidence limits straddle a bound, there are too few seeds for any, or what was "
    "not reached within the budget decides",
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


def marked(verdict: Verdict) -> str:
    """Return the symbol and the word of a verdict."""
    return f"{SYMBOLS[verdict]} {verdict.value}"


def outcome(verdicts: Sequence[Verdict]) -> str:
    """Return one sentence: "7 of 9 expectations pass, 1 fails, 1 is inconclusive."."""
    total, passed = len(verdicts), verdicts.count(Verdict.PASS)
    if total == 0:
        return "No expectations are stated."
    if passed == total:
        return f"All {total} expectations pass." if total > 1 else "The one expectation passes."
    start = f"{passed or 'None'} of {plural(total, 'expectation')} {_verb(Verdict.PASS, passed)}"
    others = [(verdict, verdicts.count(verdict)) for verdict in Verdict if verdict is not Verdict.PASS]
    return ", ".join([start, *(f"{n} {_verb(verdict, n)}" for verdict, n in others if n)]) + "."


def plural(count: int, noun: str) -> str:
    """Return a count and its noun."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def seeds_named(seeds: Sequence[int]) -> str:
    """Return seeds with their noun: "seed 3", "seeds 0, 1"."""
    return f"seed{'' if len(seeds) == 1 else 's'} {', '.join(map(str, seeds))}"


def _verb(verdict: Verdict, count: int) -> str:
    return _VERBS[verdict][0 if count == 1 else 1]
