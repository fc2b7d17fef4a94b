"""Runs made in a child process, for callers that stay free of the backend."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

from harness.errors import INTERRUPTED, HarnessError
from harness.experiment import Experiment
from harness.runner.invocation import Invocation
from harness.store.state import startable
from harness.store.store import Store
from harness.system import streams
from harness.system.child import end_with_the_parent, ended
from harness.system.console import visible
from harness.system.crash import internal_error

__all__ = ["main", "run_in_child_process", "startable"]

_PROGRAM = """
import json, sys
sys.path[:] = json.loads(sys.stdin.buffer.readline())
from harness.runner.child_process import main
main()
"""
"""What the child process runs. It is a program of its own: `multiprocessing` would run the caller's
script again, which may call pytest without a guard, or may have come from the standard input."""


def run_in_child_process(experiment: Experiment, store: Store, data_dir: Path, sharing: int) -> int:
    """Run what is not done of an experiment in a child process, and return its exit code.

    Callers in several processes may ask for the same runs at once: they share the work by the
    store. What the child process prints goes where this process's output goes. A stop that is asked
    of this process is passed on, and waited for; the second one is not.

    Args:
        experiment: What is run.
        store: Where finished and unfinished runs lie.
        data_dir: Where prepared data sets lie.
        sharing: How many such callers there are; each has its share of the threads.

    Raises:
        KeyboardInterrupt: a stop was asked for.
    """
    process = subprocess.Popen([sys.executable, "-c", _PROGRAM], stdin=subprocess.PIPE)
    with ended(process):
        _send(process, (Invocation([experiment], store, data_dir), sharing))
    return process.returncode


def _send(process: subprocess.Popen[bytes], asked: tuple[Invocation, int]) -> None:
    """Tell a child process what is to be done.

    The pipe stays open: where it ends, nobody waits for the child process any more.
    """
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError):  # it has ended, and its exit code tells of that
        process.stdin.write(json.dumps([str(each) for each in sys.path]).encode() + b"\n")
        pickle.dump(asked, process.stdin)
        process.stdin.flush()


def main() -> None:
    """Do in this process what its parent asks for on the standard input."""
    _work(*pickle.load(sys.stdin.buffer))


def _work(invocation: Invocation, sharing: int) -> None:
    streams.prepare()
    os.setpgrp()  # so that Ctrl-C reaches the parent alone, which passes it on
    end_with_the_parent()
    from harness.runner.local_executor import LocalExecutor
    from harness.runner.session import run_experiments

    try:
        sys.exit(run_experiments(invocation, LocalExecutor(sharing=sharing)))
    except HarnessError as error:
        _end_with(error)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except Exception as error:
        _end_with(internal_error(error, invocation.store.root))


def _end_with(error: HarnessError) -> None:
    for line in error.lines():
        print(visible(line), file=sys.stderr)
    sys.exit(error.exit_code)
