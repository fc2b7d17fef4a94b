"""Compiled programs that a test session shares, whichever invocation needs them."""

from __future__ import annotations

import pytest

from harness.training.cache import ProgramCache

_get = ProgramCache().get


@pytest.fixture(autouse=True)
def shared_programs(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the invocations of all tests share their programs: to compile one takes 1.5 seconds."""
    if "own_programs" not in request.fixturenames:
        monkeypatch.setattr(ProgramCache, "get", _get)


@pytest.fixture
def own_programs() -> None:
    """Let every invocation of a test compile its own programs, as a process of its own does."""
