"""Specifications are data: nothing is written outside the folders that a person named."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.support.person import Person

WATCHED = """
import os, sys, tempfile

written = set()

def watch(event, arguments):
    if event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR):
        opened = arguments[0]
        written.add("" if isinstance(opened, int) else os.path.abspath(os.fsdecode(opened)))
    elif event == "os.remove" and arguments[1] != -1:
        pass  # by shutil.rmtree, which has opened the folder
    elif event in ("os.mkdir", "os.rename", "os.remove", "os.link", "os.symlink", "os.chmod"):
        paths = [each for each in arguments[:2] if isinstance(each, str | bytes)]
        written.update(os.path.abspath(os.fsdecode(each)) for each in paths)
    elif event == "os.system":
        written.add("process " + str(arguments[0]))

sys.dont_write_bytecode = True  # which Python would keep beside the harness, not the harness
sys.addaudithook(watch)
from harness.cli import main
try:
    main(standalone_mode=False)
except SystemExit:
    pass
print("\\n".join(sorted(written)), file=sys.stderr)
"""

HOSTILE = {
    "title": "../../title",
    "question": "/etc/passwd",
    "runs": {"m": {"matrix": {"where": {"..": {}, "...": {"model": {"hidden": [8]}}}}}},
    "figures": [
        {
            "name": "history",
            "title": "../../figure",
            "metrics": ["test_accuracy"],
            "groups": {"..": "m[..]"},
        },
        {
            "name": "by_cell",
            "title": "$(touch x)",
            "metric": "test_accuracy",
            "groups": {"../up": "m"},
        },
    ],
    "expectations": [
        {
            "id": "e",
            "title": "../e",
            "metric": "m[..].epochs",
            "at_least": 0,
            "basis": "hypothesis",
            "source": "../../s",
        }
    ],
}


def test_only_the_named_folders_are_written(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = person.folder / "home"
    for name in (
        "HOME",
        "XDG_CACHE_HOME",
        "XDG_CONFIG_HOME",
        "MPLCONFIGDIR",
        "KERAS_HOME",
        "TMPDIR",
    ):
        monkeypatch.setenv(name, str(home))
    home.mkdir()
    monkeypatch.setenv("TFDS_DATA_DIR", str(person.folder / "data"))
    before = {path.name for path in person.folder.parent.iterdir()}
    process = person.start(person.spec(seeds=[0, 1], **HOSTILE), program=("-c", WATCHED))
    output, errors = process.communicate(timeout=250)
    assert output.count("✓") == 4, errors
    written = [line for line in errors.splitlines() if line]
    roots = tuple(str(person.folder / name) for name in ("store", "reports", "home", "data"))
    assert [path for path in written if not path.startswith((*roots, "/dev/"))] == []
    assert any(path.startswith(roots[0]) for path in written)
    assert {path.name for path in person.folder.parent.iterdir()} == before
    assert {path.name for path in person.folder.iterdir()} == {
        "tiny.json",
        "store",
        "reports",
        "home",
        "data",
    }
