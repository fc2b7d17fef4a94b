"""How long a person waits: for help, for `validate`, for the first trained epoch, for `check`."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest

from benchmarks.conftest import Record, Rounds
from benchmarks.figures import Row, Target, spread
from harness.data import catalog
from harness.metrics import METRICS
from harness.plan import make_plan
from harness.spec.load import load
from harness.store.staleness import present
from harness.store.store import Store

Timed = Callable[[str, str, Callable[[], float], float | None], None]

EPOCHS = 50
QUICKSTART = Path(__file__).parents[1] / "specs" / "quickstart" / "digits.json"


@pytest.fixture
def timed(rounds: Rounds, record: Record, quick: bool) -> Timed:
    """Take the median of several waits, in seconds, and add the row, with its target."""

    def take(name: str, what: str, wait: Callable[[], float], at_most: float | None) -> None:
        if not quick:
            wait()  # once, so that files are in the system's cache, and bytecode is compiled
        waits: list[float] = []
        rounds(lambda: waits.append(wait()), 1 if quick else 5)
        over = spread(waits)
        against = f"quartiles {over.low:.2f} to {over.high:.2f} s"
        target = None if at_most is None else Target("figure", at_most=at_most)
        record(Row(f"start/{name}", what, over.median, "s", against, target=target))

    return take


def _command(*arguments: str, cwd: Path | None = None) -> float:
    begun = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "harness", *arguments], cwd=cwd, check=True, capture_output=True
    )
    return time.perf_counter() - begun


def bench_help(timed: Timed) -> None:
    timed("help", "`harness --help`", lambda: _command("--help"), 0.2)


@pytest.fixture
def hundred(tmp_path: Path, quick: bool) -> Iterator[tuple[Path, int]]:
    """A hundred experiments of six runs each, in `specs`, and `store`, as if the runs had been
    made.
    """
    count = 3 if quick else 100
    (tmp_path / "specs").mkdir()
    for index in range(count):
        (tmp_path / "specs" / f"e{index}.json").write_text(
            json.dumps(_specification(index), indent=1)
        )
    store = Store(tmp_path / "store")
    store.prepare()
    for key, run in make_plan(load([tmp_path / "specs"]), catalog.data_dir(), gpus=0).runs.items():
        numbers = dict.fromkeys(METRICS, 0.75 + 0.01 * run.seed)
        store.finish(
            key,
            run={
                "experiment": run.experiment,
                "run": run.run.name,
                "seed": run.seed,
                "parent": None,
                "settings": {},
            },
            history=[{"epoch": epoch, "step": epoch} | numbers for epoch in range(EPOCHS + 1)],
            measurements=numbers,
            environment={
                "environment": {},
                "seconds": 1.0,
                "images_per_second": 1.0,
                "parameters": 1,
            }
            | {"code": present("tensorflow").to_json()},
            files={},
        )
    yield tmp_path, count


def _specification(index: int) -> dict[str, object]:
    sources = {"basis": "hypothesis", "source": "none"}
    return {
        "name": f"e{index}",
        "title": f"Experiment {index}",
        "seeds": [0, 1, 2],
        "defaults": {
            "dataset": {"name": "digits"},
            "model": {"name": "perceptron"},
            "training": {
                "optimizer": {"name": "sgd", "learning_rate": 0.001 * (index + 1)},
                "epochs": EPOCHS,
            },
        },
        "runs": {"random": {"matrix": {"regularizers": [[], ["momentum"]]}}},
        "expectations": [
            {
                "id": "fits",
                "metric": "random[*].train_accuracy",
                "at_least": 0.5,
                "statistic": "every",
            }
            | sources,
            {"id": "gains", "metric": "random[momentum].steps - random[none].steps", "at_most": 9.0}
            | sources,
        ],
    }


def bench_validate(timed: Timed, hundred: tuple[Path, int]) -> None:
    folder, count = hundred
    timed(
        "validate",
        f"`harness validate`, {count} specifications",
        lambda: _command("validate", "specs", cwd=folder),
        1,
    )


def bench_check(timed: Timed, hundred: tuple[Path, int]) -> None:
    folder, count = hundred
    what = f"`harness check`, {count} experiments of six runs"
    timed("check", what, lambda: _command("check", "specs", "--store", "store", cwd=folder), None)


def bench_first_epoch(timed: Timed, tmp_path: Path) -> None:
    """From the start of the process until the quickstart's first run has made one epoch and is
    stored.

    That is a little more than its first step: the event log tells when it ended, and the network is
    compiled, measured before and after, and its weights are written by then.
    """
    stores = iter(tmp_path / f"store{number}" for number in range(100))

    def wait() -> float:
        store, begun = next(stores), time.time()
        options = [
            "--seeds",
            "0",
            "--only",
            "confusion",
            "--set",
            "runs.confusion.training.epochs=1",
        ]
        command = [
            "run",
            str(QUICKSTART),
            *options,
            "--store",
            str(store),
            "--reports",
            str(tmp_path / "reports"),
        ]
        subprocess.run(
            [sys.executable, "-m", "harness", *command],
            cwd=tmp_path,
            check=False,
            capture_output=True,
        )
        return _first_end(store) - begun

    timed(
        "epoch",
        "`harness run specs/quickstart/digits.json`, until its first epoch is through",
        wait,
        8,
    )


def _first_end(store: Path) -> float:
    """The moment, in seconds since 1970, at which the event log says that a run was finished."""
    (log,) = (store / "events").glob("*.jsonl")
    events = map(json.loads, log.read_text().splitlines())
    return next(
        datetime.fromisoformat(event["time"]).timestamp()
        for event in events
        if event["event"] == "run_finished" and event["status"] == "done"
    )
