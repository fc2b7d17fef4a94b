"""The words that every floor shares: verdicts, plurals, percentages, and what bounds speak of."""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable, Iterator, Sequence

from harness.experiment import Basis, Interval, Statistic


class Verdict(enum.Enum):
    """What became of an expectation; only `PASS` says that it holds."""

    PASS = "pass"
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    BLOCKED = "blocked"
    ERROR = "error"


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
"""What each verdict means, for the legend of a report."""


class Mark(enum.Enum):
    """What keeps a verdict from counting as it stands.

    `STALE`: it rests on runs that other code made.
    """

    STALE = "stale"


STALE = (
    "it rests on runs that other code made, and is no plain pass: see why, and run again or replay"
)
"""What the mark of a stale verdict means, for the legend of a report."""


def worded(verdict: Verdict, stale: object) -> str:
    """Return the word of a verdict, and a mark where it rests on stale runs."""
    return f"{verdict.value} ({Mark.STALE.value})" if stale else verdict.value


def marked(verdict: Verdict, stale: object = False) -> str:
    """Return the symbol and the word of a verdict, and a mark where it rests on stale runs."""
    return f"{SYMBOLS[verdict]} {worded(verdict, stale)}"


def agreeing(count: float, singular: str, plural: str) -> str:
    """Return the form of a word that agrees with a count: "run" for 1, "runs" for 0 or 2."""
    return singular if count == 1 else plural


def plural(count: int, noun: str) -> str:
    """Return a count and its noun: "1 run", "2 runs"."""
    return f"{count} {agreeing(count, noun, f'{noun}s')}"


def seeds_named(seeds: Iterable[int]) -> str:
    """Return seeds with their noun: "seed 3", "seeds 0, 1"."""
    listed = list(map(str, seeds))
    return f"{agreeing(len(listed), 'seed', 'seeds')} {', '.join(listed)}"


def listed(names: Sequence[str], most: int, more: str = "more") -> str:
    """Return names in a row, the first of them where they are many: "a, b and 3 more"."""
    left_out = len(names) - most
    return ", ".join(names[:most]) + (f" and {left_out:,} {more}" if left_out > 0 else "")


def run_label(experiment: str, run: str, seed: int) -> str:
    """Return the label of one seed of a run: "digits / escape[l2] / seed 3"."""
    return f"{experiment} / {run} / seed {seed}"


def percent(share: float) -> str:
    """Return a share in percent, with up to six significant digits: "95%"."""
    return f"{100 * share:.6g}%"


BASES = {
    Basis.PAPER: "published number",
    Basis.CLAIM: "published statement",
    Basis.MEASURED: "our own earlier measurement",
    Basis.HYPOTHESIS: "the author's own hypothesis",
}
"""On what an expectation rests."""


def subject(statistic: Statistic, share: float | None) -> str:
    """Return what must meet the bounds: "mean", "every seed", "90% of all seeds".

    Of settings it is the mean over the seeds of each: "mean in 90% of all settings".
    """
    if statistic is Statistic.WORST:
        return f"{percent(share or 0.0)} of all seeds"
    if statistic is Statistic.SETTINGS:
        return f"mean in {percent(share or 0.0)} of all settings"
    return "every seed" if statistic is Statistic.EVERY else statistic.value


class Reach(enum.Enum):
    """How far a verdict speaks."""

    SEEDS = "with confidence over all seeds"
    IMAGES = "with confidence over other test images"
    SETTINGS = "with confidence over all settings"
    HAND = "for every seed at hand"


_REACH_OF_INTERVALS = {Interval.BINOMIAL: Reach.IMAGES}
"""How far limits speak that are not from the seeds."""


def reach(statistic: Statistic, interval: Interval) -> Reach:
    """Return how far a verdict by a statistic, and the limits of a mean, speaks."""
    if statistic is Statistic.EVERY:
        return Reach.HAND
    if statistic is Statistic.SETTINGS:
        return Reach.SETTINGS
    return _REACH_OF_INTERVALS.get(interval, Reach.SEEDS)


_ABBREVIATIONS = (
    "al",
    "approx",
    "cf",
    "e.g",
    "eq",
    "eqs",
    "fig",
    "figs",
    "i.e",
    "p",
    "pp",
    "sec",
    "vs",
)
"""What a full stop follows within a sentence, in lower case."""

_LONG_SENTENCE = 120
"""Characters beyond which the part of a sentence up to its first semicolon will do."""


def first_sentence(text: str) -> str:
    """Return the first sentence of a text without its full stop, or the first part of a long one.

    A full stop after an abbreviation (et al., e.g., Fig. 2) or an initial ends no sentence, nor
    does one within parentheses.
    """
    sentence = next(_parts(text, "."), text)
    return sentence if len(sentence) <= _LONG_SENTENCE else next(_parts(sentence, ";"), sentence)


def _parts(text: str, mark: str) -> Iterator[str]:
    """Yield the beginnings of a text that end before a mark which ends a part."""
    for found in re.finditer(re.escape(mark) + r"(?=\s|$)", text):
        before = text[: found.start()]
        word = re.split(r"[\s(\[]", before)[-1]
        is_abbreviation = word.lower() in _ABBREVIATIONS or re.fullmatch(r"([A-Z]\.)*[A-Z]", word)
        enclosed = before.count("(") > before.count(")")
        if not enclosed and not (mark == "." and is_abbreviation):
            yield before
