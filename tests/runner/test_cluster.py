"""Runs on a real Ray cluster, whose nodes are processes of this machine, with nodes and processes
that are killed.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from harness.data import catalog
from harness.runner.cluster.driver import Deaths, fault_of
from harness.runner.cluster.needs import (
    ClusterError,
    ClusterOptions,
    Needs,
    Node,
    Unavailable,
    check_needs,
    slots,
)
from harness.runner.cluster.worker import Mailbox, MailboxListener, check_node
from harness.runner.job import Job
from harness.store.store import Store, StoreError
from harness.system import machine

if TYPE_CHECKING:
    from tests.support.person import Person
    from tests.support.processes import Fork

LONG = {"runs": {"random": {"training": {"epochs": 40_000, "measure_every": 100}}}}
"""Some five seconds of training, with checkpoints on the way."""

PATIENCE_SECONDS = 300.0

SETTINGS = {
    "worker_niceness": 0,
    "health_check_initial_delay_ms": 0,
    "health_check_period_ms": 500,
    "health_check_timeout_ms": 2000,
    "health_check_failure_threshold": 4,
}
"""Runs give way to nothing else, and a node that has died is soon given up: by default only after
twenty seconds.
"""

IMPATIENT = """
from harness.cli import main
from harness.runner.cluster import driver

driver._HEAD_SECONDS, driver._LOOK_SECONDS = 3.0, 1.0
main()
"""
"""The command, which waits for a silent head as long as it takes to ask three times."""


def test_the_needs_of_a_run() -> None:
    assert ClusterOptions().needs(gpu=False) == Needs(1, 0.0)
    assert ClusterOptions(cpus=4).needs(gpu=True) == Needs(4, 1.0)
    part = ClusterOptions(gpus=0.25)
    assert part.needs(gpu=True) == part.needs(gpu=False) == Needs(1, 0.25)


@pytest.mark.parametrize(
    ("needs", "count"),
    [
        (Needs(1, 0), 12),
        (Needs(3, 0), 3),  # two on the node of eight CPUs, one on that of four
        (Needs(1, 1), 2),
        (Needs(1, 0.1), 8),  # twenty would fit on the GPUs, eight on the CPUs beside them
        (Needs(4, 0.25), 2),
        (Needs(1, 3), 0),
        (Needs(9, 0), 0),
    ],
)
def test_how_many_runs_a_cluster_holds(needs: Needs, count: int) -> None:
    assert slots([Node("a", 8, 2), Node("b", 4, 0)], needs) == count


def test_tenths_of_a_gpu_add_up() -> None:
    assert [Node("a", 99, 1).holds(Needs(1, 1 / part)) for part in range(1, 20)] == list(
        range(1, 20)
    )


def test_needs_that_no_node_meets_are_told_with_what_there_is() -> None:
    nodes = [Node("a", 8, 0), Node("b", 1, 2)]
    check_needs(nodes, [Needs(8, 0), Needs(1, 2)])
    with pytest.raises(Unavailable) as caught:
        check_needs(nodes, [Needs(8, 0), Needs(2, 0.5)])
    assert (
        str(caught.value)
        == "each run needs 2 CPUs and 0.5 GPU, and no node of the cluster has that much; it has a"
        " with 8 CPUs; b with 1 CPU and 2 GPUs: ask for less with --cpus-per-run and"
        " --gpus-per-run, or add a node with ray start --address=HOST:PORT"
    )


def test_deaths_count_until_a_run_gets_further() -> None:
    deaths = Deaths()
    assert [deaths.count("a", epoch) for epoch in (None, None, 5, 5, 5, 9)] == [1, 2, 1, 2, 3, 1]
    assert deaths.count("b", 5) == 1


class TaskError(Exception):
    """As Ray's, with the exception that the task raised."""

    def __init__(self, text: str, cause: Exception) -> None:
        super().__init__(text)
        self.cause = cause


def test_what_a_task_raises_is_told_in_one_sentence() -> None:
    for own in (
        ClusterError("the node a has no data"),
        StoreError("the store b cannot be written"),
    ):
        assert fault_of(TaskError(f"ray::f()\n...\n{own}", own)) is own
    another = fault_of(
        TaskError("ray::f()\n...\nModuleNotFoundError: No module named 'harness'\n", RuntimeError())
    )
    assert isinstance(another, ClusterError)
    assert (
        str(another)
        == "a node cannot run what this machine asks for: ModuleNotFoundError: No module named"
        " 'harness'; install there what this machine has"
    )


def test_the_driver_hears_every_row_once_and_in_order(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = next(iter(person.plan(person.spec()).runs.values()))
    now, mailbox = [100.0], Mailbox()
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    listener = MailboxListener(mailbox.put)
    listener.started(run)
    for moment, epoch in ((100.2, 1), (100.4, 2), (101.3, 3), (101.5, 4)):
        now[0] = moment
        listener.advanced(run, [{"epoch": epoch}])
    assert mailbox.take() == [
        (run.key, None),
        (run.key, [{"epoch": 1}, {"epoch": 2}, {"epoch": 3}]),
    ]
    listener.report(run)
    listener.report(run)
    assert mailbox.take() == [(run.key, [{"epoch": 4}])]
    assert mailbox.take() == []


@pytest.fixture
def job(person: Person) -> Job:
    """Give the job of a driver that holds no lock yet."""
    person.store.prepare()
    return Job(
        plan=person.plan(person.spec()),
        store=person.store,
        data_dir=catalog.data_dir(),
        threads=1,
        log=Path("driver"),
        folder=person.folder,
        software=machine.software(),
    )


def test_a_node_that_is_as_the_driver_passes(person: Person, job: Job) -> None:
    with person.store.lock("driver"):
        check_node(next(iter(job.plan.runs.values())), job)


@pytest.mark.parametrize(
    ("changes", "locked", "message"),
    [
        (
            {"store": Store(Path("/nowhere"))},
            True,
            "does not see the store /nowhere that this machine writes",
        ),
        ({"log": Path("another")}, True, "does not see the store"),
        ({}, False, "does not see the locks in the store"),
        ({"software": {"keras": "2.0"}}, True, ", not 2.0: install there what this machine has"),
    ],
)
def test_a_node_that_is_not_as_the_driver_says_in_what(
    person: Person, job: Job, changes: dict[str, Any], locked: bool, message: str
) -> None:
    run = next(iter(job.plan.runs.values()))
    with person.store.lock("driver"), pytest.raises(ClusterError, match=message):
        if not locked:
            person.store.lock_file(
                "driver"
            ).unlink()  # as a file that another machine has no lock on
            person.store.lock_file("driver").touch()
        check_node(run, replace(job, **changes))


def test_a_node_without_the_data_says_so(person: Person, job: Job) -> None:
    spec = person.spec(defaults={"dataset": {"name": "mnist", "train_examples": None}})
    run = next(iter(person.plan(spec).runs.values()))
    with (
        person.store.lock("driver"),
        pytest.raises(ClusterError, match=r"does not see the data .*mnist is not prepared"),
    ):
        check_node(run, job)


# From here on with a real cluster.


class Nodes:
    """A cluster on this machine: a head that runs nothing, and nodes of one CPU each."""

    def __init__(self, *nodes: dict[str, float]) -> None:
        from ray.cluster_utils import Cluster

        common = {"object_store_memory": 80_000_000}
        head = {"num_cpus": 0, "include_dashboard": False, "_system_config": SETTINGS}
        self._cluster = Cluster(initialize_head=True, head_node_args={**common, **head})
        self._nodes = [self._cluster.add_node(num_cpus=1, **common, **node) for node in nodes]

    @property
    def options(self) -> list[str]:
        return ["--executor", "ray", "--address", self._cluster.address]

    def kill_that_of(self, worker: int) -> None:
        """Kill the node of a worker process, with all that runs on it."""
        raylet = parent(worker)
        node = next(
            each for each in self._nodes if each.all_processes["raylet"][0].process.pid == raylet
        )
        os.kill(raylet, signal.SIGKILL)
        os.kill(worker, signal.SIGKILL)
        self._cluster.remove_node(node, allow_graceful=False)
        self._nodes.remove(node)

    def kill_head(self) -> None:
        os.kill(self._cluster.head_node.all_processes["gcs_server"][0].process.pid, signal.SIGKILL)

    def end(self) -> None:
        self._cluster.shutdown()


@pytest.fixture(scope="module")
def undisturbed(
    tmp_path_factory: pytest.TempPathFactory, person_in: Callable[[Path], Person]
) -> Person:
    """One who makes the long run on this machine alone."""
    person = person_in(tmp_path_factory.mktemp("undisturbed"))
    assert person.run(person.spec(**LONG)).exit_code == 0
    return person


@pytest.fixture(scope="module")
def cluster() -> Iterator[Nodes]:
    """Two nodes; one says that it has a GPU, as Ray lets one say."""
    pytest.importorskip("ray", reason="Ray is not installed: pip install -e '.[ray]'")
    folder = tempfile.mkdtemp(
        prefix="ray-"
    )  # short: the names of sockets below it may have 107 characters
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_TMPDIR", folder)
        cluster = Nodes({}, {"num_gpus": 1})
        try:
            yield cluster
        finally:
            cluster.end()
            shutil.rmtree(folder, ignore_errors=True)


def parent(process: int) -> int:
    status = Path(f"/proc/{process}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("PPid:")))


def workers(name: str) -> list[int]:
    """Give the processes that make a run of an experiment: Ray writes it over their command
    line.
    """
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = path.read_text()
        except OSError:
            continue
        if command.startswith(f"ray::{name} / "):
            found.append(int(path.parent.name))
    return found


def wait_for(what: Callable[[], Any], process: Fork | None = None) -> Any:
    """Wait until there is something; a process that ends meanwhile says why there is not."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not (found := what()):
        assert time.monotonic() < end, "waited for too long"
        assert process is None or process.poll() is None, process.communicate()
        time.sleep(0.1)
    return found


def events(person: Person, key: str | None = None) -> list[dict[str, Any]]:
    """Give what the logs of a store say of runs, or of one, in order."""
    lines = [
        line
        for path in sorted(person.store.events.glob("*"))
        for line in path.read_text().splitlines()
    ]
    told = [json.loads(line) for line in lines]
    return [each for each in told if "key" in each and key in (None, each["key"])]


def finish(process: Fork) -> tuple[int, str, str]:
    output, errors = process.communicate(timeout=PATIENCE_SECONDS)
    return process.wait(), output, errors


class Trained(NamedTuple):
    """What a command left that made several experiments on the cluster: each takes a driver, and
    each driver workers, seconds to start.
    """

    person: Person
    same: str
    failing: str
    code: int
    output: str
    errors: str


@pytest.fixture(scope="module")
def trained(
    tmp_path_factory: pytest.TempPathFactory,
    person_in: Callable[[Path], Person],
    cluster: Nodes,
) -> Trained:
    """One who makes several experiments on the cluster at once."""
    person = person_in(tmp_path_factory.mktemp("several"))
    (person.folder / "nets.py").write_text(
        "import keras\n\n\ndef linear(input_shape, outputs):\n"
        "    inputs = keras.Input(input_shape)\n"
        "    flat = keras.layers.Flatten()(inputs)\n"
        "    return keras.Model(inputs, keras.layers.Dense(outputs)(flat))\n"
    )
    training = {"epochs": 3000, "measure_every": 50}
    same = person.spec(
        runs={
            "parent": {"training": training},
            "child": {"initialize_from": "parent"},
            "other": {"training": training, "regularizers": ["momentum"]},
        },
        seeds=[0, 1],
        name="same",
    )
    own = {"model": {"name": "python", "call": "nets:linear", "hidden": None}}
    wild = {"training": {"optimizer": {"learning_rate": 1e30}}}
    failing = person.spec(
        runs={"wild": wild, "child": {"initialize_from": "wild"}, "tame": {}}, name="failing"
    )
    specs = [
        same,
        person.spec(runs={"own": own}, name="own"),
        failing,
        person.spec(requires={"gpu": True}, seeds=[7], name="gpu"),
    ]
    options = [*cluster.options, "--allow-python", "--tensorboard", "logs"]
    return Trained(person, same, failing, *finish(person.fork(*specs, *options)))


@pytest.mark.timeout(600)
def test_two_nodes_end_as_this_machine_does(trained: Trained, another: Person) -> None:
    person, spec = trained.person, trained.same
    assert another.run(spec).exit_code == 0
    keys = list(person.plan(spec).runs)
    assert len(keys) == 6
    for key in keys:
        assert person.same(another, key)
    # A run advanced, another did, and then the first again: they were at work at once, on nodes of
    # one CPU each.
    heard = [
        event["key"]
        for event in events(person)
        if event["event"] in ("run_started", "run_advanced") and event["key"] in keys
    ]
    changes = [key for key, before in zip(heard, ["", *heard], strict=False) if key != before]
    assert len(changes) > len(set(changes)) == 6


@pytest.mark.timeout(600)
def test_every_run_is_told_once(trained: Trained, cluster: Nodes) -> None:
    assert (trained.errors, trained.output.count("✓")) == ("", 9)
    logs = {path.parent for path in (trained.person.folder / "logs").rglob("events.*")}
    assert len(logs) == 10  # of these, and of the one that fails
    again = trained.person.run(trained.same, *cluster.options)
    assert (again.exit_code, again.output.count("kept from before")) == (0, 6)


@pytest.mark.timeout(600)
def test_nodes_run_python_that_the_person_allowed(trained: Trained, cluster: Nodes) -> None:
    person = trained.person
    (key,) = person.plan(str(person.folder / "own.json")).runs
    assert person.store.done(key)
    refused = person.run(str(person.folder / "own.json"), *cluster.options, "--seeds", "1")
    assert "--allow-python, or allow_python = true below" in refused.output


@pytest.mark.timeout(600)
def test_failures_and_what_they_block_are_told_as_ever(trained: Trained, another: Person) -> None:
    local = another.run(trained.failing)
    assert trained.code == local.exit_code == 3

    def told(output: str) -> set[str]:
        lines = [" ".join(line.split()) for line in output.splitlines()]  # columns differ in width
        return {line for line in lines if line.startswith(("✗", "⊘"))}

    assert len(told(local.output)) == 2
    assert told(local.output) == told(trained.output)


@pytest.mark.timeout(600)
def test_the_cluster_s_gpus_count_not_this_machine_s(trained: Trained, cluster: Nodes) -> None:
    person, spec = trained.person, str(trained.person.folder / "gpu.json")
    (key,) = person.plan(spec).runs
    assert person.store.done(key)
    refused = person.run(spec, *cluster.options, "--gpus-per-run", "0", "--seeds", "8")
    assert refused.exit_code == 4
    assert "blocked: it needs a GPU, and --gpus-per-run 0 gives it none" in refused.output


@pytest.mark.timeout(600)
def test_a_driver_that_ends_leaves_nothing_at_work(
    person: Person, undisturbed: Person, cluster: Nodes
) -> None:
    spec = person.spec(**LONG, name="stopped")
    key = person.keys(spec)["random"]
    reached = 0
    for number, code in ((signal.SIGTERM, 130), (signal.SIGKILL, -signal.SIGKILL)):
        process = person.fork(spec, *cluster.options)
        wait_for(lambda: (person.store.progress(key) or 0) > reached, process)  # noqa: B023
        process.send_signal(number)
        assert finish(process)[0] == code
        wait_for(lambda: not workers("stopped"))
        reached = person.store.progress(key) or 0
        assert reached
    assert person.run(spec).exit_code == 0  # on this machine alone
    assert events(person, key)[-1]["status"] == "done"
    assert person.same(undisturbed, key)


@pytest.mark.timeout(600)
def test_two_drivers_share_the_work(person: Person, cluster: Nodes) -> None:
    runs = {
        "parent": {},
        "child": {"initialize_from": "parent"},
        "other": {"regularizers": ["momentum"]},
    }
    spec = person.spec(runs=runs, seeds=[0, 1], name="shared")
    both = [person.fork(spec, *cluster.options) for _ in range(2)]
    for process in both:
        code, output, errors = finish(process)
        assert (code, errors, output.count("✓")) == (0, "", 6)
    begun = [event["key"] for event in events(person) if event["event"] == "run_started"]
    assert sorted(begun) == sorted(person.plan(spec).runs)


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--cpus-per-run", "2"],
            "error: each run needs 2 CPUs, and no node of the cluster has that much; it has ",
        ),
        (
            ["--gpus-per-run", "2"],
            "error: each run needs 1 CPU and 2 GPUs, and no node of the cluster has that much",
        ),
        (["--address", "127.0.0.1:9"], "error: no Ray cluster answers at "),
        (
            ["--address", "nonsense"],
            "error: --address 'nonsense' is no address such as 192.0.2.1:6379, and not auto",
        ),
        (
            ["--address", "ray://127.0.0.1:10001"],
            "error: ray://127.0.0.1:10001 is the address of a Ray client",
        ),
    ],
)
def test_what_is_not_there_is_told_at_once(
    person: Person, cluster: Nodes, arguments: list[str], message: str
) -> None:
    found = person.run(person.spec(), *cluster.options, *arguments)
    assert found.exit_code == 2
    assert found.stderr.startswith(message)
    assert found.stderr.count("\n") == 1
    assert not (person.folder / "reports" / "tiny.md").exists()


# From here on parts of the cluster are killed, first a node and then its head.


@pytest.mark.timeout(600)
def test_a_run_outlives_its_process_and_its_node(
    person: Person, undisturbed: Person, cluster: Nodes
) -> None:
    spec = person.spec(**LONG, name="outlives")
    key = person.keys(spec)["random"]
    process = person.fork(spec, *cluster.options)
    reached: list[int] = []
    for kill in (lambda worker: os.kill(worker, signal.SIGKILL), cluster.kill_that_of):
        begun = len(reached)
        wait_for(lambda: (person.store.progress(key) or 0) > max(reached, default=0), process)
        wait_for(
            lambda: len([e for e in events(person, key) if e["event"] == "run_started"]) > begun,  # noqa: B023 - called at once
            process,
        )
        (worker,) = wait_for(lambda: workers("outlives"), process)
        kill(worker)
        reached.append(person.store.progress(key) or 0)
    code, output, errors = finish(process)
    assert (code, errors, output.count("✓")) == (0, "", 1)
    told = events(person, key)
    starts = [place for place, event in enumerate(told) if event["event"] == "run_started"]
    assert len(starts) == 3
    for start, epoch in zip(starts[1:], reached, strict=True):
        went_on = next(event for event in told[start:] if "epoch" in event)
        assert went_on["epoch"] > epoch > 0  # it went on from its checkpoint
    assert person.same(undisturbed, key)
    assert list((person.folder / "store" / "unfinished").iterdir()) == []


@pytest.mark.timeout(600)
def test_without_its_head_the_cluster_stops_in_order(person: Person, cluster: Nodes) -> None:
    spec = person.spec(
        runs={"random": {"training": {"epochs": 10**6, "measure_every": 50}}}, name="headless"
    )
    key = person.keys(spec)["random"]
    process = person.fork(spec, *cluster.options, program=("-c", IMPATIENT))
    wait_for(lambda: person.store.progress(key), process)
    cluster.kill_head()
    code, _, errors = finish(process)
    assert (code, errors) == (
        3,
        (
            "error: the head of the Ray cluster does not answer any more: start the cluster again;"
            " the same command goes on where this one stopped\n"
        ),
    )
    wait_for(lambda: not workers("headless"))
    assert person.store.progress(key)
