"""The cells of all runs together: how many there may be."""

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.experiment import (
    Json,
)

Write = Callable[..., Path]
Faults = Callable[..., list[str]]


AXIS: Json = {str(number): {} for number in range(100)}


TOO_MANY: list[tuple[Json, str]] = [
    (
        {"runs": {"a": {"matrix": {"x": AXIS, "y": AXIS}}, "b": {"matrix": {"x": AXIS}}}},
        "/runs/b/matrix the matrices of this specification have more than 10,000 cells in all",
    ),
    (
        {"runs": {"a": {"matrix": {"x": AXIS}}}, "seeds": list(range(1001))},
        "/seeds 100 runs of 1,001 seeds each are more than 100,000",
    ),
]


@pytest.mark.parametrize(("members", "problem"), TOO_MANY)
def test_what_no_machine_gets_through_is_refused(
    write: Write, faults: Faults, members: Json, problem: str
) -> None:
    assert faults(write(**members)) == [problem]
