"""What a session's options and its configuration file say."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.ci.forge import in_actions
from harness.experiment import Experiment, Json
from harness.spec.load import load_file
from harness.spec.patch import parse_assignment


@dataclass(frozen=True)
class Settings:
    """What the options and the configuration file say."""

    store: Path
    reports: Path
    baselines: Path
    assignments: tuple[Json, ...]
    run: bool
    allow: frozenset[str]
    processes: int
    annotate: bool = False
    summary: Path | None = None
    allow_python: bool = False

    def load(self, path: Path) -> Experiment:
        """Load a specification as the session changes it.

        Raises:
            SpecError: with every fault.
        """
        return load_file(shown(path), self.assignments, self.allow_python)

    def allows(self, verdict: str) -> bool:
        """Tell whether a verdict does not fail the session."""
        return verdict in self.allow


_SETTINGS = pytest.StashKey[Settings]()


def settings(config: pytest.Config) -> Settings:
    """Return the settings of a session.

    Raises:
        pytest.UsageError: an option has a value that it cannot have.
    """
    if _SETTINGS not in config.stash:
        config.stash[_SETTINGS] = _settings(config)
    return config.stash[_SETTINGS]


def _settings(config: pytest.Config) -> Settings:
    def folder(name: str) -> Path:
        given = config.getoption(f"harness_{name}")
        path = (
            config.invocation_params.dir / given
            if given
            else config.rootpath / config.getini(f"harness_{name}")
        )
        return shown(path)

    return Settings(
        folder("store"),
        folder("reports"),
        folder("baselines"),
        tuple(_assignments(config)),
        not config.getoption("harness_no_run"),
        frozenset([*config.getoption("harness_allow"), *config.getini("harness_allow")]),
        int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")),
        _annotates(config),
        _summary(config),
        config.getoption("harness_allow_python") or config.getini("harness_allow_python"),
    )


def _annotates(config: pytest.Config) -> bool:
    asked = config.getoption("harness_annotate")
    return asked == "github" if asked else in_actions(os.environ)


def _summary(config: pytest.Config) -> Path | None:
    given = config.getoption("harness_summary")
    if given:
        return Path(config.invocation_params.dir, given)
    found = os.environ.get("GITHUB_STEP_SUMMARY") if in_actions(os.environ) else None
    return Path(found) if found else None


def _assignments(config: pytest.Config) -> Iterator[Json]:
    for text in config.getoption("harness_set"):
        try:
            yield parse_assignment(text)
        except ValueError as error:
            raise pytest.UsageError(f"--harness-set: {error}") from error
    seeds = config.getoption("harness_seeds")
    if seeds:
        try:
            yield {"seeds": [int(seed) for seed in seeds.split(",")]}
        except ValueError as error:
            raise pytest.UsageError(
                f"--harness-seeds: expected numbers such as 0,1,2, found {seeds!r}"
            ) from error


def shown(path: Path) -> Path:
    """Return a path as a person would write it: from the present folder where it is below it."""
    whole = Path(os.path.normpath(path.absolute()))
    return whole.relative_to(Path.cwd()) if whole.is_relative_to(Path.cwd()) else whole
