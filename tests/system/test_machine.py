import importlib.util
import os
import re
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from harness.system import machine, processor

COMPUTING = {
    "device": "CPU",
    "threads": "3",
    "inter-op threads": "2",
    "onednn": "off",
    "multiplication": "float32",
}


def environment(backend: str = "tensorflow") -> dict[str, str]:
    return machine.environment(backend, COMPUTING, "float32", True)


def without(_package: str) -> str:
    raise metadata.PackageNotFoundError


class TestEnvironment:
    """What is written down beside a result."""

    def test_it_names_what_took_part_in_a_fixed_order(self) -> None:
        found = environment()
        assert list(found) == [
            "device",
            "processor",
            "instructions",
            "cpus",
            "threads",
            "inter-op threads",
            "onednn",
            "multiplication",
            "flags",
            "blas",
            "system",
            "python",
            "backend",
            "keras",
            "tensorflow",
            "tensorflow-datasets",
            "numpy",
            "precision",
            "deterministic",
            "harness",
        ]
        assert COMPUTING.items() <= found.items()
        assert (found["backend"], found["precision"], found["deterministic"]) == (
            "tensorflow",
            "float32",
            "yes",
        )
        assert found["numpy"] == metadata.version("numpy")
        assert re.fullmatch(r"3\.\d+\.\d+\S*", found["python"])
        assert re.search(r", \d+ cores$", found["processor"])
        assert found["cpus"].startswith(f"{len(os.sched_getaffinity(0))} of {os.cpu_count()}")
        assert found["blas"].endswith(" threads")

    def test_with_jax_its_version_is_told(self) -> None:
        assert (
            environment("jax")["jax"]
            == pytest.importorskip("jax", reason="JAX is not installed").__version__
        )

    def test_a_package_under_another_distributions_name_has_the_version_of_its_module(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(metadata, "version", without)
        monkeypatch.setitem(sys.modules, "tensorflow", SimpleNamespace(__version__="2.99.0-vendor"))
        monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
        found = environment()
        assert found["tensorflow"] == "2.99.0-vendor"
        assert found["tensorflow-datasets"] == "unknown"
        assert found["numpy"] == np.__version__
        assert found["harness"].startswith("unknown")

    def test_a_package_that_is_not_imported_has_the_version_of_whatever_distribution_brings_it(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        there = {"tensorflow-cpu": "2.98.0"}

        def version(package: str) -> str:
            return there[package] if package in there else without(package)

        monkeypatch.setattr(metadata, "version", version)
        monkeypatch.setattr(
            metadata, "packages_distributions", lambda: {"tensorflow": ["tensorflow-cpu"]}
        )
        assert machine.software()["tensorflow"] == "2.98.0"
        assert machine.software()["keras"] == "unknown"

    def test_nothing_that_cannot_be_found_out_is_an_error(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def broken(*_arguments: object) -> str:
            raise OSError

        for name in ("name", "instructions", "in_words"):
            monkeypatch.setattr(processor, name, broken)
        monkeypatch.setitem(sys.modules, "threadpoolctl", None)
        found = environment()
        assert [found[name] for name in ("processor", "instructions", "cpus", "blas")] == [
            "unknown"
        ] * 4


class TestWithEngine:
    """How the epochs were computed, and how many devices shared every batch."""

    def test_both_are_told_beside_the_device(self) -> None:
        assert list(machine.with_engine(environment(), "streamed", 4).items())[:3] == [
            ("device", "CPU"),
            ("devices", "4"),
            ("engine", "streamed"),
        ]

    def test_one_device_is_not_told(self) -> None:
        found = machine.with_engine(environment(), "on the device", 1)
        assert found == {**environment(), "engine": "on the device"}


class TestFlags:
    """The variables that choose how a backend computes."""

    def test_those_that_are_set_are_told_in_a_fixed_order(self) -> None:
        given = {
            "HOME": "/",
            "TF_DETERMINISTIC_OPS": "1",
            "XLA_FLAGS": " --xla_a --xla_b ",
            "TF_XLA_FLAGS": "",
        }
        assert machine.flags(given) == "XLA_FLAGS=--xla_a --xla_b; TF_DETERMINISTIC_OPS=1"

    def test_none_is_a_word(self) -> None:
        assert machine.flags({"HOME": "/"}) == "none"


def test_the_revision_is_the_checkouts(tmp_path: Path) -> None:
    def git(*arguments: str) -> str:
        identity = [
            "-c",
            "user.name=n",
            "-c",
            "user.email=e@example.org",
            "-c",
            "commit.gpgsign=false",
        ]
        command = ["git", "-C", str(tmp_path), *identity, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    package = tmp_path / "harness" / "__init__.py"
    package.parent.mkdir()
    package.write_text("")
    version = metadata.version("reproduction-harness")

    def revision() -> str:
        return machine.revision_of(package.parent)

    assert revision() == version
    git("init", "-q")
    assert revision() == version
    git("add", ".")
    git("commit", "-qm", "first")
    head = git("rev-parse", "HEAD")[:12]
    assert revision() == f"{version} ({head})"
    (tmp_path / "elsewhere").write_text("")
    assert revision() == f"{version} ({head})"
    package.write_text("changed = True\n")
    assert revision() == f"{version} ({head} with changes)"


def test_gpus_are_counted_by_their_device_files(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("nvidia0", "nvidia1", "nvidiactl", "nvidia-uvm", "null"):
        (tmp_path / name).write_text("")
    monkeypatch.setattr(machine, "Path", lambda path: tmp_path if path == "/dev" else Path(path))
    assert machine.gpus() == 2


def test_what_must_be_the_same_on_every_node(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded = environment()
    software = machine.software()
    for name in ("python", "keras", "tensorflow", "tensorflow-datasets", "numpy"):
        assert software.pop(name) == recorded[name]
    assert ("jax" in software) == (importlib.util.find_spec("jax") is not None)

    shutil.copytree(
        Path(machine.__file__).parents[1],
        tmp_path / "harness",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    monkeypatch.setattr("harness.__file__", str(tmp_path / "harness" / "__init__.py"))
    assert machine.software()["harness"] == software["harness"]  # the same code at another place
    with (tmp_path / "harness" / "plan.py").open("a") as file:
        file.write("\n")
    assert machine.software()["harness"] != software["harness"]
