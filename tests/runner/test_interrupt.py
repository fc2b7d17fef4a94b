from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.runner.interrupt import stoppable

if TYPE_CHECKING:
    from tests.support.person import Person

LONG = {
    "defaults": {"training": {"batch_size": 100, "epochs": 1500, "measure_every": 500}},
    "runs": {"short": {"model": {"hidden": [4]}, "training": {"epochs": 5}}, "long": {}},
}

EVERY_CHUNK = """
import time
from harness.backend import import_backend
import_backend()
from harness.cli import main
from harness.runner import local
from harness.store.store import Store
from harness.training import fit

save = Store.save_checkpoint

def unhurried(*arguments):
    save(*arguments)
    time.sleep(0.2)

local._LARGEST_SHARE, fit.CHUNK_SECONDS, Store.save_checkpoint = 1e9, 0.02, unhurried
main()
"""
"""The command, with a checkpoint after every short chunk, and time to disturb it before the next
one.
"""


def wait_for(happened: Callable[[], bool], running: Callable[[], object]) -> None:
    deadline = time.monotonic() + 120
    while not happened():
        assert running() is None, "it ended before it could be disturbed"
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_asks_and_the_second_insists(sent: signal.Signals) -> None:
    before = signal.getsignal(sent)
    with stoppable() as stop:
        assert not stop()
        os.kill(os.getpid(), sent)
        assert stop()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), sent)
    assert signal.getsignal(sent) is before


DEAF = """
import ctypes
from harness.runner.interrupt import stoppable
library, mutex = ctypes.CDLL(None), ctypes.create_string_buffer(64)
with stoppable():
    print("ready", flush=True)
    library.pthread_mutex_lock(mutex)
    library.pthread_mutex_lock(mutex)  # like a long call of TensorFlow's: no return to Python
"""


def test_the_second_signal_ends_even_a_call_that_does_not_return() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", DEAF], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout
        assert process.stderr
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        assert "ask again to stop at once" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 130
        assert "goes on from the last state" in process.stderr.readline()


def test_handlers_are_restored_after_an_error() -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(ValueError, match="inside"), stoppable():
        raise ValueError("inside")
    assert signal.getsignal(signal.SIGINT) is before


@pytest.fixture(scope="module")
def undisturbed(
    tmp_path_factory: pytest.TempPathFactory, person_in: Callable[[Path], Person]
) -> Person:
    """One whose runs nobody stops."""
    person = person_in(tmp_path_factory.mktemp("undisturbed"))
    assert person.run(person.spec(**LONG)).exit_code == 0
    return person


def test_ctrl_c_keeps_what_is_finished_and_the_same_command_goes_on(
    person: Person, undisturbed: Person
) -> None:
    spec = person.spec(**LONG)
    keys = person.keys(spec)
    process = person.fork(spec, program=("-c", EVERY_CHUNK))
    wait_for(lambda: (person.store.progress(keys["long"]) or 0) > 0, process.poll)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors.splitlines() == [
        "stopping after the present epoch; ask again to stop at once",
        "interrupted: finished runs are kept; the same command goes on where this one stopped",
    ]
    assert "✓ tiny / short / seed 0" in output
    assert person.store.done(keys["short"])
    assert not person.store.done(keys["long"])
    assert person.store.progress(keys["long"])

    result = person.run(spec)
    assert result.exit_code == 0
    assert result.stdout.count("(kept from before)") == 1
    assert person.same(undisturbed, keys["short"])
    assert person.same(undisturbed, keys["long"])


def test_a_kill_breaks_nothing_and_the_same_command_goes_on(
    person: Person, undisturbed: Person
) -> None:
    spec = person.spec(**LONG)
    keys = person.keys(spec)
    process = person.fork(spec, program=("-c", EVERY_CHUNK))
    wait_for(lambda: (person.store.progress(keys["long"]) or 0) > 0, process.poll)
    process.kill()
    process.communicate(timeout=60)
    assert person.store.done(keys["short"])
    assert not person.store.done(keys["long"])
    assert person.store.progress(keys["long"])

    assert person.run(spec).exit_code == 0
    assert person.same(undisturbed, keys["long"])
    assert list((person.folder / "store" / "unfinished").iterdir()) == []
