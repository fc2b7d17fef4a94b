"""The same specification, run again: what stays of its reports."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.system import machine
from tests.support import specifications

if TYPE_CHECKING:
    from tests.cli.conftest import Harness


@pytest.mark.usefixtures("drawn_plots")
def test_a_fresh_store_another_day_and_another_revision_change_no_file_of_the_reports(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TFDS_DATA_DIR")
    expectation = {"id": "e", "metric": "one.test_accuracy", "at_least": 0}
    Path("a.json").write_text(
        json.dumps(
            specifications.quick(
                seeds=[0, 1],
                runs={"one": {}},
                expectations=[{**expectation, "basis": "hypothesis", "source": "s"}],
            )
        )
    )

    def reports(store: str) -> dict[str, bytes]:
        found = harness("run", "a.json", "--store", store, "--reports", "r")
        assert found.exit_code == 0, found.output
        return {str(path): path.read_bytes() for path in Path("r").rglob("*") if path.is_file()}

    first = reports("s1")
    monkeypatch.setattr(machine, "revision", lambda: "0.1.0 (ffffffffffff)")
    monkeypatch.setattr("harness.report.write.datetime", Later)
    assert reports("s2") == first
    assert {"r/README.md", "r/tiny.md", "r/tiny.json", "r/tiny/curves.png"} <= first.keys()


class Later(datetime):
    """A clock that is years ahead."""

    @classmethod
    def now(cls, tz: object = None) -> Later:
        return cls(2099, 1, 1, tzinfo=UTC)
