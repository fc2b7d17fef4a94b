"""The words of verdicts."""

from __future__ import annotations

import enum


class Verdict(enum.Enum):
    """What became of an expectation; only `PASS` says that it holds."""

    PASS = "pass"
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    BLOCKED = "blocked"
    ERROR = "error"


class Mark(enum.Enum):
    """What keeps a verdict from counting as it stands.

    `STALE`: it rests on runs that other code made.
    """

    STALE = "stale"
