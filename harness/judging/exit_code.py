"""The exit code of `run` and `check`, and what may be allowed without changing it."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from harness.judging.judgement import Judgement
from harness.run_result import Status
from harness.words import Mark, Verdict

Allow = Collection[Verdict | Mark]
"""What does not change an exit code: verdicts, and marks that verdicts may bear."""

ALLOWABLE = (Verdict.BLOCKED.value, Verdict.INCONCLUSIVE.value, Mark.STALE.value)
"""The words for what can be allowed."""


def allowed(words: Iterable[str]) -> list[Verdict | Mark]:
    """Return what some of the words `ALLOWABLE` allow."""
    return [Mark(word) if word == Mark.STALE.value else Verdict(word) for word in words]


def exit_code(
    judgements: Iterable[Judgement],
    allow: Allow = (),
    statuses: Iterable[Status] = (),
    stale: bool = False,
) -> int:
    """Return the exit code of `run` and `check` for the judgements of all experiments.

    3 for an error; else 1 for a fail; else 4 where something is blocked, inconclusive or stale and
    not in `allow`; else 0. An error goes before a fail because it leaves the answer unknown.

    Args:
        judgements: Those of all experiments.
        allow: What counts as a pass.
        statuses: Those of all runs, so that runs count which no expectation reads: an error is an
            error, and blocked or missing runs are blocked.
        stale: Whether any of the runs is stale.

    Raises:
        ValueError: `allow` names anything but blocked, inconclusive and stale.
    """
    if {each.value for each in allow} - set(ALLOWABLE):
        raise ValueError("only blocked, inconclusive and stale can be allowed")
    judgements = list(judgements)
    marks = (
        {Mark.STALE} if stale or any(judgement.stale for judgement in judgements) else set[Mark]()
    )
    verdicts = {judgement.verdict for judgement in judgements} | {
        VERDICT_OF_STATUS[status] for status in statuses
    }
    if Verdict.ERROR in verdicts:
        return 3
    if Verdict.FAIL in verdicts:
        return 1
    return 4 if (verdicts - {Verdict.PASS} | marks) - set(allow) else 0


VERDICT_OF_STATUS = {
    Status.DONE: Verdict.PASS,
    Status.BLOCKED: Verdict.BLOCKED,
    Status.MISSING: Verdict.BLOCKED,
    Status.ERROR: Verdict.ERROR,
}
