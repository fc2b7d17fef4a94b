"""The pytest plugin: every expectation of every specification is a test item.

pytest loads this file in every session, so it needs the standard library alone; the rest of the harness is
imported once a specification is found.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from harness.testing.specification import Specification

SCHEMA = "experiment.schema.json"

_LARGEST_BYTES = 1 << 22
"""A larger file is data, and not looked into."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options, and what a configuration file may say."""
    group = parser.getgroup("harness", "specifications of experiments")
    group.addoption("--harness-store", metavar="DIR", help="Folder of all runs.  [default: .harness/store]")
    group.addoption("--harness-reports", metavar="DIR", help="Folder for reports.  [default: .harness/reports]")
    group.addoption("--harness-baselines", metavar="DIR", help="Folder of the kept numbers.  [default: reports]")
    group.addoption(
        "--harness-set",
        metavar="PATH=VALUE",
        action="append",
        default=[],
        help="Change every specification, such as defaults.training.epochs=3.",
    )
    group.addoption("--harness-seeds", metavar="LIST", help="Use these seeds, such as 0,1,2.")
    group.addoption("--harness-no-run", action="store_true", help="Judge the stored runs alone; others are blocked.")
    group.addoption(
        "--harness-allow",
        action="append",
        choices=["blocked", "inconclusive"],
        default=[],
        help="Do not let this verdict fail the session.",
    )
    parser.addini("harness_store", "Folder of all runs, from the root folder.", default=".harness/store")
    parser.addini("harness_reports", "Folder for reports, from the root folder.", default=".harness/reports")
    parser.addini("harness_baselines", "Folder of the kept numbers, from the root folder.", default="reports")
    parser.addini("harness_allow", "Verdicts that do not fail the session.", type="args", default=[])


def pytest_configure(config: pytest.Config) -> None:
    """Look at the options, and follow the items from the process that a person sees."""
    if config.getoption("harness_set") or config.getoption("harness_seeds"):
        from harness.testing.settings import settings

        settings(config)
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Follower(config), "harness-follower")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> Specification | None:
    """Collect a specification; files whose names begin with `_` are for `extends`, unless they are named."""
    named = parent.session.isinitpath(file_path)
    if file_path.suffix != ".json" or (file_path.name.startswith("_") and not named):
        return None
    if not is_specification(file_path):
        return None
    from harness.testing import items
    from harness.testing.specification import Specification

    if not parent.config.pluginmanager.hasplugin("harness-items"):
        parent.config.pluginmanager.register(items, "harness-items")
    found: Specification = Specification.from_parent(parent, path=file_path)
    return found


def is_specification(path: Path, extended_by: tuple[Path, ...] = ()) -> bool:
    """Tell whether a JSON file is meant as a specification, valid or not.

    It names the schema, or has what every specification has, or extends one.
    """
    try:
        if path.stat().st_size > _LARGEST_BYTES:
            return False
        text = path.read_bytes()
    except OSError:
        return False
    if not any(word in text for word in (SCHEMA.encode(), b'"runs"', b'"extends"')):
        return False
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return SCHEMA.encode() in text or b'"expectations"' in text
    return isinstance(document, dict) and _has_its_shape(document, path, extended_by)


def _has_its_shape(document: Mapping[str, Any], path: Path, extended_by: tuple[Path, ...]) -> bool:
    if str(document.get("$schema")).rpartition("/")[2] == SCHEMA:
        return True
    if "format" in document:  # what the harness writes of an experiment
        return False
    if isinstance(document.get("runs"), dict):
        return {"name", "title"} <= document.keys() or "expectations" in document or "defaults" in document
    base, whole = document.get("extends"), path.resolve()
    if not isinstance(base, str) or whole in extended_by:
        return False
    return is_specification(path.parent / base, (*extended_by, whole))


class _Follower:
    """Hears how the items end, wherever they ran, and writes the reports when all are through.

    One process writes them, so that the workers of one session never write the same report.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._specifications: dict[str, None] = {}
        self._blocked = 0
        self._lines: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Remember which specifications were looked at, and what is no pass though no failure."""
        note: Mapping[str, str] | None = getattr(report, "harness", None)
        if note is not None:
            self._specifications[note["specification"]] = None
            self._blocked += report.skipped and note["verdict"] == "blocked"

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the reports; a session in which something is blocked has not passed, unless that is allowed."""
        if not self._specifications:
            return
        from harness.testing.settings import settings
        from harness.testing.specification import write_reports

        self._lines.append(write_reports(settings(self._config), [Path(path) for path in self._specifications]))
        if self._blocked and not settings(self._config).allows("blocked"):
            self._lines.append(f"{self._blocked} blocked, which is no pass; --harness-allow blocked accepts that")
            if session.exitstatus == pytest.ExitCode.OK:
                session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Say where the reports are."""
        for line in self._lines:
            terminalreporter.write_line(f"harness: {line}")
