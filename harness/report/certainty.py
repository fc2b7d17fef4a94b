"""Say how certain a verdict is: the limits beside each, and what the limits of a table mean."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.experiment import Interval, Statistic
from harness.judging.judgement import Judgement
from harness.report.markdown import unbroken
from harness.units import Scale, limits
from harness.words import Verdict, percent


def limits_words(judgement: Judgement, scale: Scale) -> str:
    """Return what the limits of a verdict are, in a sentence; nothing where there are none."""
    return "; ".join(_parts(judgement, scale))


def _parts(judgement: Judgement, scale: Scale) -> Iterator[str]:
    mean, deviation, asked = judgement.mean, judgement.deviation, judgement.expectation
    of = "median" if asked.statistic is Statistic.MEDIAN else "mean"
    if None not in judgement.interval:
        shown = limits(judgement.interval, mean, deviation, scale)
        yield f"limits of the {of} {unbroken(shown)}{_why_not_paired(judgement)}"
    elif judgement.images is not None:
        shown = limits(judgement.images, mean, deviation, scale)
        yield f"limits of the {of} {unbroken(shown)} ({_by_images(judgement)})"
    elif judgement.share is not None and judgement.values:
        values = judgement.values.values()
        lowest, highest = min(values), max(values)
        if lowest < highest:
            yield f"from {unbroken(limits((lowest, highest), mean, deviation, scale))}"
    if judgement.share is not None and asked.statistic is Statistic.WORST:
        lower, upper = judgement.share
        yield f"of all seeds, {lower:.1%} to {upper:.1%} are within the bounds"
    if judgement.settings and judgement.share is not None:
        lower, upper = judgement.share
        yield f"of all settings, it holds in {lower:.1%} to {upper:.1%}"
    if judgement.look is not None:
        yield judgement.look.words
        yield f"limits at {judgement.look.percent}"
    elif judgement.adjusted is not None:
        yield f"limits at {percent(judgement.adjusted)}"


def remarks(judgements: Sequence[Judgement]) -> dict[str, list[str]]:
    """Return the notes on the verdicts, each with the ids of the expectations it is about."""
    found: dict[str, list[str]] = {}
    for judgement in judgements:
        for note in judgement.notes:
            found.setdefault(note, []).append(judgement.expectation.id)
    return found


def _why_not_paired(judgement: Judgement) -> str:
    """Say where limits that are to be in pairs are not."""
    asked = judgement.expectation.interval is Interval.PAIRED
    return (
        f" (not in pairs: {judgement.pairing.obstacle})"
        if asked and judgement.pairing.obstacle
        else ""
    )


def _by_images(judgement: Judgement) -> str:
    return "test images alone, in pairs" if judgement.pairing.pairs else "test images alone"


def notes(judgements: Sequence[Judgement]) -> str:
    """Return what the columns with numbers mean, as far as a table has such rows."""
    kinds = {
        (judgement.expectation.statistic, judgement.expectation.interval)
        for judgement in judgements
    }
    statistics = {statistic for statistic, _ in kinds}
    one = any(
        judgement.images is not None and None in judgement.interval for judgement in judgements
    )
    parts = [
        "Measured is the mean ± sample deviation over seeds of the expression, evaluated seed by"
        " seed. All limits are one-sided, each at the stated confidence, 95%"
        " where none is stated. Those from the seeds speak of other seeds, not of other test"
        " images: every seed is tested on the same."
    ]
    parts += [text for kind, text in _NOTES_ON_MEANS.items() if (Statistic.MEAN, kind) in kinds]
    parts += [text for kind, text in _NOTES_ON_OTHERS.items() if kind in statistics]
    parts += [_note_on_every(judgements)] if Statistic.EVERY in statistics else []
    parts += [_NOTE_ON_LOOKS] if any(judgement.look for judgement in judgements) else []
    parts += (
        [_NOTE_ON_CONTROL]
        if any(judgement.adjusted is not None for judgement in judgements)
        else []
    )
    return " ".join([*parts, _NOTE_ON_ONE_SEED] if one else parts)


def _note_on_every(judgements: Sequence[Judgement]) -> str:
    """Say what a verdict on the seeds at hand leaves open, with the number of the first of them."""
    note = (
        "Where every seed at hand must be within the bounds, the verdict speaks of these seeds"
        " alone, and says little of others"
    )
    for judgement in judgements:
        asked, count = judgement.expectation, len(judgement.values)
        passes = judgement.verdict is Verdict.PASS
        if asked.statistic is Statistic.EVERY and passes and judgement.share is not None:
            least = judgement.share[0]
            return (
                f"{note}: from {count} of {count} follows, with {percent(asked.confidence)}"
                f" confidence, no more than that {least:.1%} of all seeds are within them."
            )
    return f"{note}."


_NOTES_ON_MEANS = {
    Interval.STUDENT: "The limits of a mean are Student's, exact for normal values.",
    Interval.BOOTSTRAP: (
        "The limits by bootstrap (BCa) assume no distribution, but are too narrow for few seeds: a"
        " mean on its bound passes in about 16, 10 and 8 of 100 cases with 3, 5 and 10 seeds,"
        " instead of 5."
    ),
    Interval.BINOMIAL: (
        "The limits over test images (binomial) speak of these networks on other test images, not"
        " of other seeds."
    ),
    Interval.PAIRED: (
        "The limits in pairs compare two networks image by image (an exact test of the difference"
        " between the images that one of them alone gets right; over several seeds by Bonferroni's"
        " inequality). They speak of these networks on other test images, not of other seeds."
    ),
}
_NOTES_ON_OTHERS = {
    Statistic.MEDIAN: (
        "The limits of a median are two of the values themselves, and hold for any distribution."
    ),
    Statistic.WORST: (
        "For a share of all seeds there stand the smallest and the largest value, and the limits of"
        " the share of all seeds that is within the bounds."
    ),
    Statistic.SETTINGS: (
        "Of settings that were drawn, measured is the mean ± deviation of the settings' means over"
        " seeds, and the limits (Clopper and Pearson) are of the share of all settings that could"
        " have been drawn in which the mean over these seeds is within the bounds."
    ),
}
_NOTE_ON_LOOKS = (
    "Seeds were added while an expectation was undecided. The limits of each look have a higher"
    " confidence, so that all looks together have the stated one (alpha spending, Lan and DeMets"
    " 1983, by O'Brien and Fleming's function); the first look that decided counts, and stands with"
    " its own number of seeds."
)
_NOTE_ON_CONTROL = (
    "The limits are adjusted to how many expectations there are, so their confidence is another"
    " than stated."
)
_NOTE_ON_ONE_SEED = (
    "A single seed says nothing about others; the limits from the test images alone (binomial, or"
    " in pairs where two networks are compared image by image) tell how far its value may be from"
    " that on all images of the kind."
)
