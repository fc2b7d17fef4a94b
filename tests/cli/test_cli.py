"""What all commands share."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.cli.conftest import Harness


def test_the_version_and_the_exit_codes_are_told(harness: Harness) -> None:
    assert harness("--version").exit_code == 0
    words = " ".join(harness("-h").stdout.split())
    assert (
        "Exit codes of run and check: 0 all pass; 1 a fail; 2 invalid specification or usage; 3 an"
        " error; 4" in words
    )
    assert "70 an internal error" in words
