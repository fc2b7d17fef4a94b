"""Training in a process of its own, for callers that stay free of the backend."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import signal
import subprocess
import sys
import threading
from pathlib import Path

from harness.backend import BackendError
from harness.experiment import Experiment
from harness.plan import Member, Plan
from harness.store.state import startable
from harness.store.store import Store, StoreError
from harness.system import streams
from harness.system.console import visible

__all__ = ["main", "run_apart", "startable"]

_INVALID, _ERROR, _INTERRUPTED = 2, 3, 130

_PROGRAM = """
import json, sys
sys.path[:] = json.loads(sys.stdin.buffer.readline())
from harness.runner.apart import main
main()
"""
"""What the other process runs. It is a program of its own: `multiprocessing` would run the caller's
script again, which may call pytest without a guard, or may have come from the standard input."""


def run_apart(experiment: Experiment, store: Store, data_dir: Path, processes: int) -> int:
    """Run what is not done of an experiment in another process, and return its exit code.

    Callers in several processes may ask for the same runs at once: they share the work by the
    store. `processes` is how many of them there are; each has its share of the threads. What the
    process says goes where this process's output goes. A stop that is asked of this process is
    passed on, and waited for; the second one is not.

    Raises:
        KeyboardInterrupt: a stop was asked for.
    """
    process = subprocess.Popen([sys.executable, "-c", _PROGRAM], stdin=subprocess.PIPE)
    try:
        _tell(process, (experiment, store.root, data_dir, processes))
        process.wait()
    except KeyboardInterrupt:
        process.terminate()
        process.wait()
        raise
    finally:
        process.kill()
        process.wait()
        if process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()
    return process.returncode


def _tell(process: subprocess.Popen[bytes], work: tuple[Experiment, Path, Path, int]) -> None:
    """Say what is to be done; the pipe stays open, for its end tells the process that nobody waits
    any more.
    """
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError):  # it has ended, and its exit code tells of that
        process.stdin.write(json.dumps([str(each) for each in sys.path]).encode() + b"\n")
        pickle.dump(work, process.stdin)
        process.stdin.flush()


def main() -> None:
    """Do in this process what the one that started it says on the standard input."""
    _work(*pickle.load(sys.stdin.buffer))


def _work(experiment: Experiment, root: Path, data_dir: Path, processes: int) -> None:
    streams.prepare()
    os.setpgrp()  # so that Ctrl-C reaches the first process alone, which passes it on
    threading.Thread(target=_end_with_the_first, daemon=True).start()
    from harness.runner.session import run_experiments

    try:
        sys.exit(
            run_experiments(
                [experiment], _every, Store(root), data_dir, None, (), sharing=processes
            )
        )
    except StoreError as error:
        print(visible(f"error: {error}"), file=sys.stderr)
        sys.exit(_ERROR)
    except BackendError as error:
        print(visible(f"error: {error}"), file=sys.stderr)
        sys.exit(_INVALID)
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)


def _every(_plan: Plan, _member: Member) -> bool:
    return True


def _end_with_the_first() -> None:
    """Ask this process to stop once the one that started it is gone: nobody waits for the runs any
    more.
    """
    standard_input = (
        0  # as it is: a thread that waits in `sys.stdin` holds its lock when the process ends
    )
    while os.read(standard_input, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
