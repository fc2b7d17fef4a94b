"""Training in a process of its own, for callers that stay free of the backend."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from pathlib import Path

from harness import streams
from harness.console import visible
from harness.plan import Member, Plan
from harness.runner.backend import BackendError
from harness.runner.standing import obstacle
from harness.spec.records import Experiment
from harness.store import Store, StoreError

_INVALID, _ERROR, _INTERRUPTED = 2, 3, 130


def startable(plan: Plan, store: Store) -> bool:
    """Tell whether there is a run that is not done and could be started now."""
    return any(not store.done(key) and obstacle(plan, run, store) is None for key, run in plan.runs.items())


def run_apart(experiment: Experiment, store: Store, data_dir: Path, processes: int) -> int:
    """Run what is not done of an experiment in another process, and return its exit code.

    Callers in several processes may ask for the same runs at once: they share the work by the store.
    `processes` is how many of them there are; each has its share of the threads. What the process
    says goes where this process's output goes. A stop that is asked of this process is passed on, and
    waited for; the second one is not.

    Raises:
        KeyboardInterrupt: a stop was asked for.
    """
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=_work, args=(experiment, store.root, data_dir, processes))
    process.start()
    try:
        process.join()
    except KeyboardInterrupt:
        process.terminate()
        process.join()
        raise
    finally:
        process.kill()
    return process.exitcode or 0


def _work(experiment: Experiment, root: Path, data_dir: Path, processes: int) -> None:
    streams.prepare()
    os.setpgrp()  # so that Ctrl-C reaches the first process alone, which passes it on
    threading.Thread(target=_end_with_the_first, daemon=True).start()
    from harness.runner.session import run_experiments

    try:
        sys.exit(run_experiments([experiment], _every, Store(root), data_dir, None, (), sharing=processes))
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
    """Ask this process to stop once the one that started it is gone: nobody waits for the runs any more."""
    first = multiprocessing.parent_process()
    if first is not None:
        first.join()
        os.kill(os.getpid(), signal.SIGTERM)
