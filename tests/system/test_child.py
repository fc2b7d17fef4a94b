"""A child process ends with its parent, and no parent leaves one behind."""

import contextlib
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.system.child import ended

WAITS = "import time; print('ready', flush=True); time.sleep(60)"


def started(program: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def test_the_end_is_waited_for() -> None:
    process = started("print('ready', flush=True); raise SystemExit(3)")
    with ended(process):
        pass
    assert process.returncode == 3


def test_a_stop_is_passed_on_and_waited_for(tmp_path: Path) -> None:
    note = tmp_path / "note"
    process = started(
        "import pathlib, signal, sys, time\n"
        "def stop(*_):\n"
        f"    pathlib.Path({str(note)!r}).write_text('saved')\n"
        "    sys.exit(7)\n"
        "signal.signal(signal.SIGTERM, stop)\n"
        "print('ready', flush=True)\n"
        "time.sleep(60)"
    )
    with pytest.raises(KeyboardInterrupt), ended(process):
        raise KeyboardInterrupt
    assert (process.returncode, note.read_text()) == (7, "saved")


def test_any_other_fault_leaves_no_process_behind() -> None:
    process = started(WAITS)
    with pytest.raises(ValueError, match="mine"), ended(process):
        raise ValueError("mine")
    assert process.returncode == -signal.SIGKILL


def test_a_child_ends_once_its_parent_has() -> None:
    process = started(
        "from harness.system.child import end_with_the_parent\nend_with_the_parent()\n" + WAITS
    )
    assert process.stdin is not None
    time.sleep(0.1)
    assert process.poll() is None  # the parent is there
    process.stdin.close()
    with contextlib.closing(process.stdout or process.stdin):
        assert process.wait(timeout=30) == -signal.SIGTERM
