from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from harness.runner.side import threads_each

if TYPE_CHECKING:
    from tests.runner.conftest import Person


def test_threads_are_shared_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    assert [threads_each(processes) for processes in (1, 2, 3, 8, 9)] == [None, 4, 2, 1, 1]


def test_two_processes_end_as_one_does(person: Person, another: Person) -> None:
    runs = {"parent": {}, "child": {"initialize_from": "parent"}, "other": {"regularizers": ["momentum"]}}
    spec = person.spec(runs=runs, seeds=[0, 1])
    process = person.start(spec, "-j", "2")
    output, errors = process.communicate(timeout=200)
    assert (process.returncode, errors) == (0, "")
    assert output.count("✓") == 6
    assert another.run(spec).exit_code == 0
    for key in person.plan(spec).runs:
        assert person.same(another, key)
    assert list((person.folder / "store" / "unfinished").iterdir()) == []
