"""The exit code of judgements, and what may be allowed."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from harness.judging.exit_code import exit_code
from harness.judging.judgement import Judgement
from harness.run_result import Status
from harness.words import Verdict
from tests.judging.test_check import expect


def judgements_of(*verdicts: Verdict) -> list[Judgement]:
    return [Judgement(expect(), verdict) for verdict in verdicts]


@pytest.mark.parametrize(
    ("verdicts", "allow", "statuses", "code"),
    [
        ((), (), (), 0),
        ((Verdict.PASS,), (), (Status.DONE,), 0),
        ((Verdict.PASS, Verdict.FAIL, Verdict.BLOCKED), (Verdict.BLOCKED,), (), 1),
        ((Verdict.FAIL, Verdict.ERROR), (), (), 3),
        ((Verdict.PASS, Verdict.BLOCKED), (), (), 4),
        ((Verdict.PASS, Verdict.BLOCKED), (Verdict.BLOCKED,), (), 0),
        ((Verdict.INCONCLUSIVE,), (Verdict.BLOCKED,), (), 4),
        ((Verdict.INCONCLUSIVE,), (Verdict.INCONCLUSIVE,), (), 0),
        ((), (), (Status.DONE, Status.ERROR), 3),
        ((Verdict.PASS,), (), (Status.MISSING,), 4),
        ((Verdict.PASS,), (), (Status.BLOCKED,), 4),
        ((Verdict.PASS,), (Verdict.BLOCKED,), (Status.BLOCKED, Status.MISSING), 0),
    ],
)
def test_exit_codes(
    verdicts: Sequence[Verdict], allow: Sequence[Verdict], statuses: Sequence[Status], code: int
) -> None:
    assert exit_code(judgements_of(*verdicts), allow, statuses) == code


def test_a_fail_cannot_be_allowed() -> None:
    with pytest.raises(ValueError, match="only blocked, inconclusive and stale"):
        exit_code([], allow=[Verdict.FAIL])
