import importlib.util
import os
import re
import shutil
import subprocess
from importlib import metadata
from pathlib import Path

import pytest

from harness import machine


def test_the_environment_names_what_took_part() -> None:
    found = machine.environment("tensorflow", "CPU", "float32", 3, True)
    assert list(found) == [
        "device",
        "processor",
        "threads",
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
    assert (found["device"], found["backend"], found["precision"]) == ("CPU", "tensorflow", "float32")
    assert found["threads"] == "3"
    assert machine.environment("tensorflow", "CPU", "float32", 0, False)["threads"] == str(os.cpu_count())
    assert found["numpy"] == metadata.version("numpy")
    assert re.fullmatch(r"3\.\d+\.\d+\S*", found["python"])
    assert re.search(r", \d+ cores$", found["processor"])


def test_with_jax_its_version_is_told_and_how_many_devices_share_a_batch() -> None:
    version = pytest.importorskip("jax", reason="JAX is not installed").__version__
    one, four = (machine.environment("jax", "CPU", "float32", 0, True, devices) for devices in (1, 4))
    assert one["jax"] == version
    assert "devices" not in one
    assert four["devices"] == "4"


def test_the_revision_is_the_checkouts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def git(*arguments: str) -> str:
        identity = ["-c", "user.name=n", "-c", "user.email=e@example.org", "-c", "commit.gpgsign=false"]
        command = ["git", "-C", str(tmp_path), *identity, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    package = tmp_path / "harness" / "__init__.py"
    package.parent.mkdir()
    package.write_text("")
    monkeypatch.setattr("harness.machine.harness.__file__", str(package))
    version = metadata.version("reproduction-harness")

    def revision() -> str:
        machine.revision.cache_clear()
        return machine.revision()

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


def test_gpus_are_counted_by_their_device_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("nvidia0", "nvidia1", "nvidiactl", "nvidia-uvm", "null"):
        (tmp_path / name).write_text("")
    monkeypatch.setattr(machine, "Path", lambda path: tmp_path if path == "/dev" else Path(path))
    assert machine.gpus() == 2


def test_what_must_be_the_same_on_every_node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorded = machine.environment("tensorflow", "CPU", "float32", 1, True)
    software = machine.software()
    for name in ("python", "keras", "tensorflow", "tensorflow-datasets", "numpy"):
        assert software.pop(name) == recorded[name]
    assert ("jax" in software) == (importlib.util.find_spec("jax") is not None)

    shutil.copytree(Path(machine.__file__).parent, tmp_path / "harness", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr("harness.__file__", str(tmp_path / "harness" / "__init__.py"))
    assert machine.software()["harness"] == software["harness"]  # the same code at another place
    with (tmp_path / "harness" / "plan.py").open("a") as file:
        file.write("\n")
    assert machine.software()["harness"] != software["harness"]
