import os
import re
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
