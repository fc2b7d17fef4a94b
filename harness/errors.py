"""The faults that a person can mend, each with the exit code of the command that it ends.

They are caught once, where a command begins: what lies between raises them and looks no further.
Exceptions that one function raises for another (a stop, a value that a text does not have) do not
belong to this family; the one who catches them says what they mean.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

FAIL = 1
"""An expectation failed, or a number drifted."""

INVALID = 2
"""A specification, the usage or the environment is not as it must be."""

ERROR = 3
"""A run failed, or something cannot be read or written."""

UNDECIDED = 4
"""Nothing failed, but something is blocked or inconclusive."""

INTERNAL = 70
"""The harness itself is at fault: EX_SOFTWARE of sysexits.h."""

INTERRUPTED = 130
"""A person stopped the command: 128 and the number of SIGINT, as shells have it."""


class HarnessError(Exception):
    """A fault that a person can mend; the message says what is wrong, and what to do."""

    exit_code: ClassVar[int] = ERROR

    def lines(self) -> Iterator[str]:
        """Yield what a command prints of it, line by line."""
        yield f"error: {self}"


class UsageFault(HarnessError):
    """An argument of a command means nothing; it is told with how the command is used."""

    exit_code = INVALID


class InternalError(HarnessError):
    """Something that nobody foresaw; the message names the file that has the traceback."""

    exit_code = INTERNAL

    def lines(self) -> Iterator[str]:
        """Yield what a command prints of it, line by line."""
        yield f"internal error: {self}"
