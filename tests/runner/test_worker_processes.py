from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.runner.worker_processes import BackendShare, backend_shares, threads_each
from harness.system import processor
from harness.system.files import alive

if TYPE_CHECKING:
    from tests.support.person import Person


def test_threads_are_shared_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 64)  # of which this process may use some
    monkeypatch.setattr(processor, "share", lambda: 8)
    assert [threads_each(processes) for processes in (1, 2, 3, 8, 9)] == [None, 4, 2, 1, 1]


BOTH = {
    "both": {
        "matrix": {
            "backend": {name: {"training": {"backend": name}} for name in ("tensorflow", "jax")}
        }
    },
    "child": {"initialize_from": "both[jax]", "training": {"backend": "tensorflow"}},
}


def test_processes_are_shared_out_among_backends(person: Person) -> None:
    plan = person.plan(person.spec(runs=BOTH | {"any": {}}, seeds=[0, 1, 2, 3]))
    keys = list(plan.runs)
    on_jax = [key for key in keys if plan.runs[key].run.name == "both[jax]"]
    others = [key for key in keys if key not in on_jax]
    assert backend_shares(plan, keys, "tensorflow", "tensorflow", 1) == (
        BackendShare("tensorflow", 1, others),
        BackendShare("jax", 1, on_jax),
    )
    assert [
        share.processes for share in backend_shares(plan, keys, "tensorflow", "tensorflow", 8)
    ] == [6, 2]
    assert [
        share.processes for share in backend_shares(plan, keys, "tensorflow", "tensorflow", 256)
    ] == [
        12,
        4,
    ]
    assert backend_shares(plan, others, "tensorflow", "tensorflow", 2) == (
        BackendShare("tensorflow", 2, others),
    )
    here, other = backend_shares(plan, keys, "jax", "jax", 2)
    assert [plan.runs[key].run.name for key in here.keys] == ["both[jax]", "any"] * 4
    assert other.backend == "tensorflow"
    assert backend_shares(plan, [], "jax", "jax", 3) == (BackendShare("jax", 1, []),)


def test_one_invocation_makes_the_runs_of_both_backends(person: Person) -> None:
    pytest.importorskip("jax", reason="JAX is not installed")
    spec = person.spec(runs=BOTH)
    process = person.fork(spec)
    output, errors = process.communicate(timeout=200)
    assert (process.returncode, errors, output.count("✓")) == (0, "", 3)
    keys = person.keys(spec)
    for run in ("both[tensorflow]", "both[jax]"):
        file = person.store.folder(keys[run]) / "environment.json"
        assert json.loads(file.read_text())["environment"]["backend"] == run[5:-1]
    losses = [person.history(keys[f"both[{name}]"])["test_loss"] for name in ("tensorflow", "jax")]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    norms = (
        person.history(keys["both[jax]"])["weight_norm"][-1],
        person.history(keys["child"])["weight_norm"][0],
    )
    assert norms[0] == pytest.approx(norms[1], rel=1e-6)


DYING = """
from harness.cli import main
from harness.runner import worker_processes

worker_processes._work = max
main()
"""
"""The command, whose worker processes end at once, with an exception."""


def test_runs_of_a_backend_whose_process_dies_are_errors(person: Person) -> None:
    pytest.importorskip("jax", reason="JAX is not installed")
    spec = person.spec(runs=BOTH)
    process = person.fork(spec, program=("-c", DYING))
    process.communicate(timeout=200)
    assert process.returncode == 3
    key = person.keys(spec)["both[jax]"]
    assert person.store.error(key) == "no process that computes with jax is left; exit codes: 1"
    assert person.store.done(person.keys(spec)["both[tensorflow]"])
    assert not person.store.done(person.keys(spec)["child"])


def children(process: int) -> list[int]:
    """The processes that a process started."""
    listed = Path(f"/proc/{process}/task/{process}/children")
    return [int(number) for number in listed.read_text().split()]


@pytest.mark.skipif(
    not Path("/proc/self/task").exists(), reason="processes are not listed in /proc here"
)
def test_a_process_whose_first_dies_while_it_imports_trains_nothing(person: Person) -> None:
    spec = person.spec(runs={"random": {"training": {"epochs": 500}}}, seeds=[0, 1, 2])
    started = person.fork(spec, "-j", "2", program=("-c", WAITING))
    assert started.stdout is not None
    assert started.stdout.readline() == "started\n"
    deadline, workers = time.monotonic() + 60, list[int]()
    while not workers and time.monotonic() < deadline:  # its command is another until it begins
        workers = [child for child in children(started.pid) if "spawn_main" in command_of(child)]
    assert len(workers) == 1
    started.kill()
    started.wait()
    while alive(workers[0]) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not alive(workers[0])
    assert person.store.keys() == []
    assert list((person.folder / "store" / "unfinished").iterdir()) == []


def command_of(process: int) -> str:
    return Path(f"/proc/{process}/cmdline").read_bytes().replace(b"\0", b" ").decode()


WAITING = """
import time
from multiprocessing.process import BaseProcess
from harness.cli import main

start = BaseProcess.start

def begin(process):
    start(process)
    print("started", flush=True)
    time.sleep(600)

if __name__ == "__main__":
    BaseProcess.start = begin
    main()
"""
"""The command, which is killed at the moment when it has started its worker process."""


def test_two_processes_end_as_one_does(person: Person, another: Person) -> None:
    runs = {
        "parent": {},
        "child": {"initialize_from": "parent"},
        "other": {"regularizers": ["momentum"]},
    }
    spec = person.spec(runs=runs, seeds=[0, 1])
    process = person.fork(spec, "-j", "2")
    output, errors = process.communicate(timeout=200)
    assert (process.returncode, errors) == (0, "")
    assert output.count("✓") == 6
    assert another.run(spec).exit_code == 0
    for key in person.plan(spec).runs:
        assert person.same(another, key)
    assert list((person.folder / "store" / "unfinished").iterdir()) == []
