"""Small runs side by side in one process: what each gives is what it gives alone."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from harness.backend import prepare_backend
from harness.data import catalog
from harness.plan import ConcreteRun
from harness.run_result import RunResult, Status
from harness.runner import local, worker_threads
from harness.runner.job import Job
from harness.system import processor

if TYPE_CHECKING:
    from tests.support.person import Person

RUNS: dict[str, Any] = {
    "labels": {"dataset": {"randomize": [{"name": "confusion", "replicas": 2, "zero_out": 0.1}]}},
    "child": {"initialize_from": "labels", "training": {"epochs": 9}},
    "strengths": {"strengths": {"momentum": 0.9, "l2": 0.01}, "regularizers": ["momentum", "l2"]},
    "diverges": {"training": {"optimizer": {"learning_rate": 1e30}}},
    "stops": {"training": {"epochs": 60, "stop_when": {"train_accuracy": 0.5, "check_every": 1}}},
}


@dataclass
class Heard:
    """A listener that keeps what it hears, from which threads.

    With a barrier, the runs wait at their seventh epoch until as many are there.
    """

    barrier: threading.Barrier | None = None
    started_by: dict[str, str] = field(default_factory=dict)
    epochs: dict[str, list[float]] = field(default_factory=dict)
    ended: list[tuple[str, Status]] = field(default_factory=list)

    def started(self, run: ConcreteRun) -> None:
        self.started_by[run.label] = threading.current_thread().name

    def preparing(self, run: ConcreteRun, what: str) -> None:
        pass

    def advanced(self, run: ConcreteRun, rows: Sequence[Mapping[str, float]]) -> None:
        epochs = [row["epoch"] for row in rows]
        self.epochs.setdefault(run.key, []).extend(epochs)
        if self.barrier is not None and 7 in epochs:
            self.barrier.wait(100)

    def finished(self, run: ConcreteRun, result: RunResult, reused: bool) -> None:
        self.ended.append((run.label, result.status))


def execute(
    person: Person,
    spec: str,
    side_by_side: int,
    heard: Heard | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> Heard:
    plan, heard = person.plan(spec), heard or Heard()
    person.store.prepare()
    prepare_backend()
    job = Job(plan, person.store, catalog.data_dir(), side_by_side=side_by_side)
    work = local.Work(job, heard, stop)
    with worker_threads.worker_threads(work, list(plan.runs)):
        local.execute(work, list(plan.runs))
    return heard


def test_a_run_gives_the_same_bits_alone_and_beside_others(person: Person, another: Person) -> None:
    spec = person.spec(runs=RUNS, seeds=[0, 1, 2])
    heard = execute(person, spec, 3)
    assert len(set(heard.started_by.values())) == 3
    execute(another, spec, 1)
    plan = person.plan(spec)
    for key, run in plan.runs.items():
        if run.run.name == "diverges":
            assert person.store.error(key) == another.store.error(key) is not None
        else:
            assert person.same(another, key)
    labels = {run.label for run in plan.runs.values()}
    assert {label for label, _ in heard.ended} == labels
    failed = {label for label, status in heard.ended if status is Status.ERROR}
    assert failed == {label for label in labels if "diverges" in label}


def test_runs_stopped_side_by_side_go_on_to_the_same_end(person: Person, another: Person) -> None:
    training = {"epochs": 60, "measure_every": 7}
    spec = person.spec(runs={"long": {"training": training}}, seeds=[0, 1, 2, 3])
    together = threading.Event()
    heard = Heard(threading.Barrier(2, together.set))
    with pytest.raises(local.Interrupted):
        execute(person, spec, 2, heard, together.is_set)
    reached = [person.store.progress(key) for key in person.plan(spec).runs]
    assert sum(each is not None for each in reached) == 2  # those at work, and no other was begun
    assert not person.store.keys()
    rest = execute(person, spec, 2)
    assert sorted(min(each) > 7 for each in rest.epochs.values()) == [False, False, True, True]
    execute(another, spec, 1)
    for key in person.plan(spec).runs:
        assert person.same(another, key)


def test_threads_begin_with_what_the_most_is_waiting_for(person: Person) -> None:
    """By what a step costs, and with the runs that start from one; parents first."""
    epochs = {"short": 5, "parent": 6, "child": 7, "long": 12, "wide": 6}
    runs: dict[str, Any] = {name: {"training": {"epochs": count}} for name, count in epochs.items()}
    runs["child"]["initialize_from"] = "parent"
    runs["wide"]["model"] = {"hidden": [500]}
    plan = person.plan(person.spec(runs=runs))
    job = Job(plan, person.store, catalog.data_dir(), side_by_side=2)
    small = worker_threads.small_ones(job, list(plan.runs))
    order = worker_threads.longest_first(plan, small)
    names = [plan.runs[key].run.name for key in order]
    assert names == ["wide", "parent", "long", "child", "short"]


def test_what_nobody_foresaw_in_a_thread_is_told_when_all_runs_are_made(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempt = local._attempt

    def failing(work: local.Work, run: ConcreteRun) -> None:
        if threading.current_thread() is not threading.main_thread():
            raise ZeroDivisionError
        attempt(work, run)

    monkeypatch.setattr(local, "_attempt", failing)
    spec = person.spec(seeds=[0, 1, 2])
    with pytest.raises(ZeroDivisionError):
        execute(person, spec, 2)
    assert len(person.store.keys()) == 3


def test_the_end_of_a_run_is_told_once(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processor, "share", lambda: 3)
    monkeypatch.setattr(processor, "allowed", lambda: 3)
    result = person.run(person.spec(seeds=list(range(5))), alone=False)
    assert result.exit_code == 0
    lines = [line for line in result.stdout.splitlines() if line.startswith("✓")]
    assert len(lines) == len(set(lines)) == 5
    (log,) = person.store.events.glob("*.jsonl")
    events = [json.loads(line) for line in log.read_text().splitlines()]
    assert events[0]["processes"] == 3
    ends = [event["key"] for event in events if event["event"] == "run_finished"]
    assert len(ends) == len(set(ends)) == 5


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, True),
        # 64 * 500 + 500 * 10 weights for each of 20 examples, and then more than 2**24 in all
        ({"model": {"hidden": [500]}}, True),
        ({"model": {"hidden": [4000]}, "training": {"batch_size": 100}}, False),
        ({"model": {"name": "convnet", "hidden": None, "width": 2}}, False),
        ({"dataset": {"name": "cifar10"}}, False),  # 60,000 images of 12 KiB as float32
    ],
)
def test_dense_networks_of_few_weights_on_few_data_are_small(
    person: Person, changes: dict[str, Any], expected: bool
) -> None:
    (run,) = person.plan(person.spec(defaults=changes)).runs.values()
    step = worker_threads.small_step(run.run.settings, catalog.data_dir())
    assert (step is not None) is expected


def test_runs_with_parts_of_a_person_s_own_are_not_small(person: Person) -> None:
    (person.folder / "own.py").write_text(
        "def zero(kernel, shape, uniform, normal):\n    return 0 * uniform(shape)\n"
    )
    own = {"initialization": {"name": "python", "call": "own:zero"}}
    (run,) = person.plan(person.spec(defaults=own)).runs.values()
    assert worker_threads.small_step(run.run.settings, catalog.data_dir()) is None


def test_as_many_go_side_by_side_as_there_are_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processor, "share", lambda: 6)
    assert [worker_threads.most(sharing) for sharing in (1, 2, 3, 6, 7)] == [6, 3, 2, 1, 1]
    monkeypatch.setattr(processor, "share", lambda: 64)
    assert worker_threads.most(1) == worker_threads.MOST < 64
