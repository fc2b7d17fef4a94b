"""Compiled programs that a test session shares, whichever invocation or process needs them."""

from __future__ import annotations

import os
import tempfile

import pytest

from harness.training.cache import ProgramCache
from tests.support import session

_get = ProgramCache().get


def pytest_configure(config: pytest.Config) -> None:
    """Let XLA compile a program once a session, in whatever process, and quickly."""
    if hasattr(config, "workerinput"):
        return  # a worker has the variables of the process that started it
    folder = tempfile.TemporaryDirectory(prefix="tests-", ignore_cleanup_errors=True)
    patch = pytest.MonkeyPatch()
    for name, value in session.variables(folder.name).items():
        patch.setenv(name, value)
    flags = f"{os.environ.get('XLA_FLAGS', '')} {session.QUICKLY_COMPILED}"
    patch.setenv("XLA_FLAGS", flags.strip())
    config.add_cleanup(folder.cleanup)
    config.add_cleanup(patch.undo)


@pytest.fixture(autouse=True)
def shared_programs(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the invocations of all tests share their programs: to trace one takes half a second."""
    if "own_programs" not in request.fixturenames:
        monkeypatch.setattr(ProgramCache, "get", _get)


@pytest.fixture
def own_programs() -> None:
    """Let every invocation of a test build its own programs, as a process of its own does."""
