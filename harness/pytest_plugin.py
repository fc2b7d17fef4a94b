"""The pytest plugin: every expectation of every specification is a test item.

pytest loads this file in every session, so it needs the standard library alone; the rest of the
harness is imported once a specification is found.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness.spec.find import is_entered, is_looked_at, is_specification

if TYPE_CHECKING:
    from harness.testing.specification import Specification

_COLLECTED = pytest.StashKey[dict[str, Path]]()
"""The path under which a file was collected first, by the path that no link leads through."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options, and what a configuration file may say."""
    group = parser.getgroup("harness", "specifications of experiments")
    group.addoption(
        "--harness-store", metavar="DIR", help="Folder of all runs.  [default: .harness/store]"
    )
    group.addoption(
        "--harness-reports", metavar="DIR", help="Folder for reports.  [default: .harness/reports]"
    )
    group.addoption(
        "--harness-baselines", metavar="DIR", help="Folder of the kept numbers.  [default: reports]"
    )
    group.addoption(
        "--harness-set",
        metavar="PATH=VALUE",
        action="append",
        default=[],
        help=(
            "Change every specification, such as defaults.training.epochs=3.  A path starts at the"
            " current folder."
        ),
    )
    group.addoption("--harness-seeds", metavar="LIST", help="Use these seeds, such as 0,1,2.")
    group.addoption(
        "--harness-no-run",
        action="store_true",
        help="Judge the stored runs alone; others are blocked.",
    )
    group.addoption(
        "--harness-allow",
        action="append",
        choices=["blocked", "inconclusive", "stale"],
        default=[],
        help="Do not let this verdict, or verdicts that rest on stale runs, fail the session.",
    )
    group.addoption(
        "--harness-allow-python",
        action="store_true",
        help="Let Python run that specifications name; without it such runs are blocked.",
    )
    group.addoption(
        "--harness-annotate",
        choices=["github", "none"],
        help=(
            "Print what does not pass as workflow commands.  [default: github where GITHUB_ACTIONS"
            " is true]"
        ),
    )
    group.addoption(
        "--harness-summary",
        metavar="FILE",
        help=(
            "Append the verdicts as Markdown.  [default: GITHUB_STEP_SUMMARY where GITHUB_ACTIONS"
            " is true]"
        ),
    )
    parser.addini(
        "harness_store", "Folder of all runs, from the root folder.", default=".harness/store"
    )
    parser.addini(
        "harness_reports", "Folder for reports, from the root folder.", default=".harness/reports"
    )
    parser.addini(
        "harness_baselines", "Folder of the kept numbers, from the root folder.", default="reports"
    )
    parser.addini(
        "harness_allow_python",
        "Whether Python may run that specifications name.",
        type="bool",
        default=False,
    )
    parser.addini(
        "harness_allow", "Verdicts that do not fail the session.", type="args", default=[]
    )


def pytest_configure(config: pytest.Config) -> None:
    """Look at the options, and follow the items from the process that a person sees."""
    if config.getoption("harness_set") or config.getoption("harness_seeds"):
        from harness.testing.settings import settings

        settings(config)
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Follower(config), "harness-follower")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> Specification | None:
    """Collect a specification, of the files that the commands read too (`harness.spec.find`)."""
    named = parent.session.isinitpath(file_path)
    if file_path.suffix != ".json" or not (named or _is_looked_at(file_path, parent)):
        return None
    if not is_specification(file_path) or _is_known(file_path, parent.config):
        return None
    from harness.testing import items
    from harness.testing.specification import Specification

    if not parent.config.pluginmanager.hasplugin("harness-items"):
        parent.config.pluginmanager.register(items, "harness-items")
    found: Specification = Specification.from_parent(parent, path=file_path)
    return found


def _is_looked_at(file: Path, parent: pytest.Collector) -> bool:
    """Tell whether the commands read a file too, as pytest may be told to enter other folders."""
    if not is_looked_at(file):
        return False
    for folder in file.parents:
        if parent.session.isinitpath(folder) or folder in (
            parent.config.rootpath,
            parent.config.invocation_params.dir,
        ):
            return True
        if not is_entered(folder) or _leads_back(folder):
            return False
    return True


def _leads_back(folder: Path) -> bool:
    """Tell whether a folder is a link to one that it lies in, which pytest follows for ever."""
    return (
        folder.is_symlink()
        and Path(os.path.realpath(folder)) in Path(os.path.realpath(folder.parent), "x").parents
    )


def _is_known(file: Path, config: pytest.Config) -> bool:
    """Tell whether a file was collected under another path, by way of a link."""
    first = config.stash.setdefault(_COLLECTED, {}).setdefault(os.path.realpath(file), file)
    return first != file


class _Follower:
    """Collects how the items ended, wherever they ran, and writes the reports at the end.

    One process writes them, so that the workers of one session never write the same report.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._specifications: dict[str, set[str]] = {}
        self._blocked = 0
        self._lines: list[str] = []
        self._annotations = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Remember which specifications were looked at, and what is no pass though no failure."""
        note: Mapping[str, str] | None = getattr(report, "harness", None)
        if note is not None:
            self._specifications.setdefault(note["specification"], set()).add(note["name"])
            self._blocked += report.skipped and note["verdict"] == "blocked"

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the reports, and fail a session in which something is blocked.

        That is so unless it is allowed.
        """
        if not self._specifications:
            return
        from harness.testing.forge import write_for_forge
        from harness.testing.reports import write_reports
        from harness.testing.settings import settings

        found = settings(self._config)
        self._lines.append(write_reports(found, [Path(path) for path in self._specifications]))
        if found.annotate or found.summary is not None:
            seen = {Path(path): names for path, names in self._specifications.items()}
            self._annotations, trouble = write_for_forge(found, seen)
            self._lines += [trouble] if trouble else []
        if self._blocked and not settings(self._config).allows("blocked"):
            self._lines.append(
                f"{self._blocked} blocked, which is no pass; --harness-allow blocked accepts that"
            )
            if session.exitstatus == pytest.ExitCode.OK:
                session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Say where the reports are, and tell a forge what does not pass."""
        for annotation in self._annotations.splitlines():
            terminalreporter.write_line(annotation)
        for line in self._lines:
            terminalreporter.write_line(f"harness: {line}")
