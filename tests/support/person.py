"""A person's folder: tiny specifications in it, and the commands run there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from click.testing import CliRunner, Result

from harness.cli import main
from harness.data import catalog
from harness.plan import Plan, make_plan
from harness.spec.load import load
from harness.spec.patch import merge_patch
from harness.store.store import Store
from tests.support import specifications
from tests.support.processes import Fork, fork_server


@dataclass(frozen=True)
class Person:
    """One who works in `folder`, with a store and reports there."""

    folder: Path

    @property
    def store(self) -> Store:
        return Store(self.folder / "store")

    @property
    def options(self) -> list[str]:
        return ["--store", str(self.folder / "store"), "--reports", str(self.folder / "reports")]

    def _order(self, arguments: Collection[str], alone: bool = True) -> list[str]:
        """Give the options, and that runs are made one after another where none says how."""
        said = {"-j", "--executor", "--devices"} & set(arguments)
        return self.options if said or not alone else [*self.options, "-j", "1"]

    def spec(self, **changes: Any) -> str:
        """Write the tiny specification with some changes, `runs` as a whole; give its path."""
        document = merge_patch(
            specifications.quick(),
            {name: value for name, value in changes.items() if name != "runs"},
        )
        document["runs"] = changes.get("runs", {"random": {}})
        return str(specifications.write(self.folder / f"{document['name']}.json", document))

    def plan(self, spec: str) -> Plan:
        return make_plan(load([Path(spec)]), catalog.data_dir(), gpus=0)

    def keys(self, spec: str) -> dict[str, str]:
        """Give the key of each run of the first seed."""
        return {member.run: key for member, key in reversed(list(self.plan(spec).members.items()))}

    def run(self, *arguments: str, alone: bool = True) -> Result:
        """Run specifications in this process, one run after another where nothing else is said."""
        return CliRunner().invoke(main, ["run", *arguments, *self._order(arguments, alone)])

    def start(
        self, *arguments: str, program: tuple[str, ...] = ("-m", "harness")
    ) -> subprocess.Popen[str]:
        """Run specifications in a fresh process, whose environment says nothing about logs."""
        return subprocess.Popen(
            [sys.executable, *program, "run", *arguments, *self._order(arguments)],
            cwd=self.folder,
            env=self.environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def fork(
        self,
        *arguments: str,
        program: tuple[str, ...] = ("-m", "harness"),
        shown: tuple[int | None, int | None] = (None, None),
        changes: Mapping[str, str] | None = None,
    ) -> Fork:
        """Run specifications in a process of their own that has imported TensorFlow already.

        Args:
            arguments: specifications and options.
            program: what runs them.
            shown: descriptors for its output and its errors; None: a pipe.
            changes: to its environment, in which what is "" is missing.
        """
        command = [*program, "run", *arguments, *self._order(arguments)]
        changed = {**self.environment, **(changes or {})}
        environment = {name: value for name, value in changed.items() if value}
        return fork_server().start(command, self.folder, environment, shown)

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a process, which says nothing about logs."""
        return {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}

    def measurements(self, key: str) -> dict[str, float]:
        numbers: dict[str, float] = json.loads(
            (self.store.folder(key) / "measurements.json").read_text()
        )
        return numbers

    def history(self, key: str) -> dict[str, list[float]]:
        """Give a run's history, column by column, without the times."""
        columns: Mapping[str, Any] = self.store.result(key, "", 0).history
        return {name: list(values) for name, values in columns.items() if name != "seconds"}

    def weights(self, key: str) -> list[np.ndarray[Any, Any]]:
        """Read the arrays from a run's file, in the file's order."""
        arrays: list[np.ndarray[Any, Any]] = []
        with h5py.File(self.store.folder(key) / "final.weights.h5") as file:
            file.visititems(
                lambda _, item: arrays.append(item[()]) if isinstance(item, h5py.Dataset) else None
            )
        return arrays

    def same(self, other: Person, key: str) -> bool:
        """Tell whether two persons have the same bits of one run: history, measurements and
        weights.
        """
        ours, theirs = self.weights(key), other.weights(key)
        return (
            self.history(key) == other.history(key)
            and self.measurements(key) == other.measurements(key)
            and len(ours) == len(theirs) > 0
            and all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))
        )


@pytest.fixture(scope="session")
def person_in() -> Callable[[Path], Person]:
    return Person


@pytest.fixture
def person(tmp_path: Path) -> Person:
    return Person(tmp_path)


@pytest.fixture
def another(tmp_path: Path) -> Person:
    folder = tmp_path / "another"
    folder.mkdir()
    return Person(folder)
