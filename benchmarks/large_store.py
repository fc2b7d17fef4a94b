"""Stores as large as they become in years, and what commands that look at one cost.

The stores are made by writing their files: nothing is trained.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from harness.data.catalog import data_dir
from harness.errors import UNDECIDED
from harness.experiment import Json
from harness.follow.events import session
from harness.metrics import HISTORY
from harness.plan import ConcreteRun, make_plan
from harness.spec.load import load_file
from harness.store import predictions
from harness.store.formats import csv_file, json_file
from harness.store.layout import Layout
from harness.store.predictions import Predictions
from harness.store.staleness import present
from harness.store.store import Store
from harness.system.files import Writer, sha256

_IMAGES = 1_297

_LINKS = 50_000
"""Runs that share files, as links: file systems allow about 65,000 of one file."""


def many(cells: int, seeds: int) -> Json:
    """Return a specification of so many cells, each of so many seeds."""
    rates = [round(0.001 * (cell + 1), 6) for cell in range(cells)]
    matrix = {"training.optimizer.learning_rate": rates}
    return _specification(seeds, {"one": {"matrix": matrix}}, "one[0.001]")


def chain(length: int) -> Json:
    """Return a specification of one seed whose runs start each from the one before."""
    first: Json = {"r0": {}}
    rest = {f"r{at}": {"initialize_from": f"r{at - 1}"} for at in range(1, length)}
    return _specification(1, first | rest, "r0")


def _specification(seeds: int, runs: Json, judged: str) -> Json:
    training = {"optimizer": {"name": "sgd", "learning_rate": 0.1}, "batch_size": 64, "epochs": 10}
    return {
        "name": "large",
        "title": "Large",
        "seeds": list(range(seeds)),
        "defaults": {
            "dataset": {"name": "digits"},
            "model": {"name": "perceptron", "hidden": [16]},
            "training": training,
        },
        "runs": runs,
        "expectations": [
            {
                "id": "learns",
                "metric": f"{judged}.test_accuracy",
                "at_least": 0.1,
                "basis": "hypothesis",
                "source": "s",
            }
        ],
    }


def fill(root: Path, specification: Path, others: int) -> None:
    """Make all runs of a specification in an empty store, and so many of other experiments.

    The event log is that of an invocation which made the runs of the specification.
    """
    plan = make_plan([load_file(specification)], data_dir(), gpus=0)
    layout = Layout(root)
    runs = list(plan.runs.values())
    for number in range(len(runs) + others):
        if number % _LINKS == 0:
            parts = _shared_files(root / "parts" / str(number))
        run = runs[number % len(runs)]
        if number < len(runs):
            _finish(layout, run.key, _record(run, run.experiment), parts)
        else:
            key = hashlib.sha256(f"{number}".encode()).hexdigest()
            _finish(layout, key, _record(run, f"other-{number // 1_000}"), parts)
    with session(Store(root), plan, list(plan.runs), processes=1):
        pass


def _record(run: ConcreteRun, experiment: str) -> Json:
    return {
        "experiment": experiment,
        "run": run.run.name,
        "seed": run.seed,
        "parent": run.parent,
        "settings": run.run.resolved,
    }


def _shared_files(folder: Path) -> dict[Path, str]:
    """Write the files that are alike in all runs, and return their digests."""
    folder.mkdir(parents=True)
    row = dict.fromkeys(["seconds", "learning_rate", *HISTORY], 0.5)
    labels = np.zeros(_IMAGES, np.uint16)
    writers: dict[str, Writer] = {
        "history.csv": csv_file([{"epoch": at, "step": at} | row for at in range(10)]),
        "measurements.json": json_file(
            {"train_accuracy": 0.75, "test_accuracy": 0.5, "epochs": 10}
        ),
        "environment.json": json_file(
            {
                "environment": {"device": "CPU"},
                "seconds": 2.0,
                "images_per_second": 1.0,
                "parameters": 3,
                "code": present("tensorflow").to_json(),
            }
        ),
        "predictions.npz": lambda path: predictions.save(
            path, Predictions(labels, labels, None, "0" * 64)
        ),
    }
    for name, write in writers.items():
        write(folder / name)
    return {folder / name: sha256(folder / name) for name in writers}


def _finish(layout: Layout, key: str, record: Json, parts: dict[Path, str]) -> None:
    folder = layout.finished(key)
    folder.mkdir(parents=True)
    content = json.dumps({"key": key, **record}).encode()
    (folder / "run.json").write_bytes(content)
    digests = {path.name: digest for path, digest in parts.items()}
    _link(parts, folder)
    digests["run.json"] = hashlib.sha256(content).hexdigest()
    sums = "".join(f"{digest}  {name}\n" for name, digest in digests.items())
    (folder / "SHA256SUMS").write_text(sums)


def _link(parts: Iterable[Path], folder: Path) -> None:
    for path in parts:
        os.link(path, folder / path.name)


def cost(command: list[str], folder: Path) -> tuple[float, float]:
    """Return the seconds of the processor that a command takes, and its peak of memory in MiB."""
    path = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    process = subprocess.Popen(
        [sys.executable, "-m", "harness", *command],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, UNDECIDED):
        raise RuntimeError(f"harness {' '.join(command)} ended with {process.returncode}")
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024
