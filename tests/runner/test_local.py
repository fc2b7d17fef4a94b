from __future__ import annotations

import gc
import hashlib
import threading
import weakref
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from harness import compile as compilation
from harness.backend import prepare_backend
from harness.data import catalog
from harness.plan import ConcreteRun
from harness.run_result import RunResult, Status
from harness.runner import local, make
from harness.runner.job import Job
from harness.store.layout import Layout
from harness.training import compiled

if TYPE_CHECKING:
    from tests.conftest import Pretend
    from tests.support.person import Person

PERCEPTRON = {"defaults": {"training": {"epochs": 60, "measure_every": 7}}}
CONVNET = {
    "defaults": {
        "dataset": {"train_examples": 40, "test_examples": 50},
        "model": {"name": "convnet", "hidden": None, "width": 2},
        "regularizers": ["augmentation", "momentum", "l2"],
        "strengths": {
            "augmentation": [{"name": "random_crop", "padding": 1}],
            "momentum": 0.9,
            "l2": 0.01,
        },
        "training": {"epochs": 6},
    }
}


@dataclass
class Heard:
    """A listener that keeps what it hears."""

    started_runs: list[str] = field(default_factory=list)
    epochs: list[float] = field(default_factory=list)
    ended: list[tuple[str, Status, bool]] = field(default_factory=list)

    def started(self, run: ConcreteRun) -> None:
        self.started_runs.append(run.run.name)

    def preparing(self, run: ConcreteRun, what: str) -> None:
        pass

    def advanced(self, run: ConcreteRun, rows: Sequence[Mapping[str, float]]) -> None:
        self.epochs += [row["epoch"] for row in rows]

    def finished(self, run: ConcreteRun, result: RunResult, reused: bool) -> None:
        self.ended.append((run.run.name, result.status, reused))


def execute(
    person: Person, spec: str, stop: Callable[[Heard], bool] = lambda heard: False
) -> Heard:
    plan, heard = person.plan(spec), Heard()
    person.store.prepare()
    prepare_backend()
    job = Job(plan, person.store, catalog.data_dir())
    work = local.Work(job, heard, lambda: stop(heard))
    local.execute(work, list(plan.runs))
    return heard


@pytest.mark.parametrize(
    ("changes", "first"), [(PERCEPTRON, 7), (CONVNET, 2)], ids=["perceptron", "convnet"]
)
def test_an_interrupted_run_ends_as_the_uninterrupted_one(
    person: Person, another: Person, changes: dict[str, Any], first: int
) -> None:
    spec = person.spec(**changes)
    key = person.keys(spec)["random"]
    whole = execute(another, spec)
    for stop_at in (0, first):
        with pytest.raises(local.Interrupted):
            execute(person, spec, stop=lambda heard: stop_at in heard.epochs)  # noqa: B023
        assert not person.store.done(key)
    reached = person.store.progress(key)
    assert reached is not None
    assert first <= reached < whole.epochs[-1]
    rest = execute(person, spec)
    assert rest.epochs == [epoch for epoch in whole.epochs if epoch > reached]
    assert person.same(another, key)


def test_a_stop_before_the_first_run_starts_none(person: Person) -> None:
    spec = person.spec()
    with pytest.raises(local.Interrupted):
        execute(person, spec, stop=lambda heard: True)
    assert person.store.progress(person.keys(spec)["random"]) is None


def test_damaged_checkpoints_cost_the_run_s_progress_alone(person: Person, another: Person) -> None:
    spec = person.spec(**PERCEPTRON)
    key = person.keys(spec)["random"]
    with pytest.raises(local.Interrupted):
        execute(person, spec, stop=lambda heard: 7 in heard.epochs)
    newest, oldest = sorted((person.folder / "store" / "unfinished" / key).glob("*.npz"))
    newest.write_bytes(newest.read_bytes()[:-200])
    before = execute(another, spec)
    epochs = execute(person, spec).epochs
    assert 0 < len(epochs) < len(before.epochs)  # the one before the newest was whole
    assert epochs == before.epochs[-len(epochs) :]
    assert person.same(another, key)

    person.store.remove(key)
    with pytest.raises(local.Interrupted):
        execute(person, spec, stop=lambda heard: 7 in heard.epochs)
    for path in (newest, oldest):
        path.write_bytes(path.read_bytes()[:-200])
    assert execute(person, spec).epochs == before.epochs
    assert person.same(another, key)


def test_what_another_backend_began_is_begun_again(person: Person, another: Person) -> None:
    spec = person.spec(**PERCEPTRON)
    with pytest.raises(local.Interrupted):
        execute(person, spec, stop=lambda heard: 7 in heard.epochs)
    key = person.keys(spec)["random"]
    checkpoint = person.store.load_checkpoint(key)
    assert checkpoint is not None
    person.store.save_checkpoint(
        key, replace(checkpoint, arrays={**checkpoint.arrays, "backend": np.array("jax")})
    )
    assert execute(person, spec).epochs == execute(another, spec).epochs
    assert person.same(another, key)


def test_what_other_code_began_is_begun_again(person: Person, another: Person) -> None:
    spec = person.spec(**PERCEPTRON)
    with pytest.raises(local.Interrupted):
        execute(person, spec, stop=lambda heard: 7 in heard.epochs)
    key = person.keys(spec)["random"]
    checkpoint = person.store.load_checkpoint(key)
    assert checkpoint is not None
    person.store.save_checkpoint(
        key, replace(checkpoint, arrays={**checkpoint.arrays, "code": np.array("another")})
    )
    assert execute(person, spec).epochs == execute(another, spec).epochs
    assert person.same(another, key)


def test_a_run_whose_parent_s_weights_are_damaged_says_so(person: Person) -> None:
    spec = person.spec(runs={"random": {}})
    execute(person, spec)
    key = person.keys(spec)["random"]
    weights = person.store.folder(key) / "final.weights.h5"
    content = bytearray(weights.read_bytes())
    content[-9] ^= 1
    weights.write_bytes(content)
    both = person.spec(runs={"random": {}, "child": {"initialize_from": "random"}})
    assert [status for _, status, _ in execute(person, both).ended] == [Status.DONE, Status.ERROR]
    error = person.store.error(person.keys(both)["child"])
    assert (
        error
        == f"random, from which it starts, cannot be used: {weights} is damaged: its SHA-256 is not"
        f" the one in SHA256SUMS; remove the run (python -m harness runs remove {key} --store"
        f" {person.store.root}), then run it again"
    )


def test_no_run_starts_from_weights_without_a_checksum_or_of_another_run(person: Person) -> None:
    spec = person.spec(runs={"random": {}})
    execute(person, spec)
    folder = person.store.folder(person.keys(spec)["random"])
    sums = folder / "SHA256SUMS"
    whole, record = sums.read_text(), (folder / "run.json").read_text()
    both = person.spec(runs={"random": {}, "child": {"initialize_from": "random"}})
    child = person.keys(both)["child"]
    sums.write_text(
        "".join(line for line in whole.splitlines(keepends=True) if "weights" not in line)
    )
    execute(person, both)
    assert "final.weights.h5 is not in SHA256SUMS" in str(person.store.error(child))
    other = record.replace(folder.name, "f" * 64).encode()
    (folder / "run.json").write_bytes(other)
    digests = {name: digest for digest, name in (line.split() for line in whole.splitlines())}
    digests["run.json"] = hashlib.sha256(other).hexdigest()
    sums.write_text("".join(f"{digest}  {name}\n" for name, digest in digests.items()))
    execute(person, both)
    assert f"run.json is of another run, whose key is {'f' * 64}" in str(person.store.error(child))
    person.store.remove(folder.name)
    assert [status for _, status, _ in execute(person, both).ended] == [Status.DONE, Status.DONE]


def test_a_finished_run_that_is_damaged_is_an_error_and_is_left_as_it_is(person: Person) -> None:
    """It is not trained again by itself: what lies there may be wanted."""
    spec = person.spec(runs={"random": {}})
    execute(person, spec)
    file = person.store.folder(person.keys(spec)["random"]) / "measurements.json"
    file.write_text(file.read_text().replace("0", "1", 1))
    content = file.read_bytes()
    assert [status for _, status, _ in execute(person, spec).ended] == [Status.ERROR]
    found = person.run(spec)
    assert found.exit_code == 3
    assert f"{file} is damaged" in found.output
    assert "runs remove" in found.output
    assert file.read_bytes() == content


def test_the_listener_hears_of_every_run_parents_first(person: Person) -> None:
    spec = person.spec(runs={"child": {"initialize_from": "random"}, "random": {}})
    assert execute(person, spec).ended == [
        ("random", Status.DONE, False),
        ("child", Status.DONE, False),
    ]
    again = execute(person, spec)
    assert again.started_runs == []
    assert again.ended == [("random", Status.DONE, True), ("child", Status.DONE, True)]


LENGTH = 60


def a_chain(person: Person) -> str:
    rest = {f"r{at}": {"initialize_from": f"r{at - 1}"} for at in range(1, LENGTH)}
    return person.spec(runs={"r0": {}, **rest})


def test_of_a_long_chain_that_is_made_each_run_is_read_a_few_times(
    person: Person, pretend: Pretend, opened: Counter[Path]
) -> None:
    spec = a_chain(person)
    names = [f"r{at}" for at in range(LENGTH)]
    pretend(Path(spec), person.store.root, {name: {"test_accuracy": [0.5]} for name in names})
    opened.clear()
    heard = execute(person, spec)
    assert heard.ended == [(name, Status.DONE, True) for name in names]
    # Its history as it ends, its numbers for the run that starts from it, and for both the list of
    # its files.
    assert opened.total() <= 12 * LENGTH


def test_of_a_long_chain_that_cannot_begin_each_run_is_looked_at_a_few_times(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks, real = list[str](), Layout.is_finished

    def counting(layout: Layout, key: str) -> bool:
        looks.append(key)
        return real(layout, key)

    monkeypatch.setattr(Layout, "is_finished", counting)
    monkeypatch.setattr(make, "train", lambda *_, **__: 1 / 0)
    heard = execute(person, a_chain(person))
    assert [status for _, status, _ in heard.ended] == [
        Status.ERROR,
        *[Status.BLOCKED] * (LENGTH - 1),
    ]
    assert len(looks) <= 8 * LENGTH


def test_what_waits_for_a_run_at_work_elsewhere_is_not_looked_at_again_and_again(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks, real, waited = list[str](), Layout.is_finished, list[float]()
    spec = a_chain(person)
    first = person.keys(spec)["r0"]

    def counting(layout: Layout, key: str) -> bool:
        looks.append(key)
        return real(layout, key)

    monkeypatch.setattr("time.sleep", waited.append)
    person.store.prepare()
    with person.store.lock(first) as held:
        assert held
        monkeypatch.setattr(Layout, "is_finished", counting)
        with pytest.raises(local.Interrupted):
            execute(person, spec, stop=lambda _: len(waited) == 10)
    assert set(looks[LENGTH:]) == {first}  # every run once, then the one that is at work


def test_a_run_that_failed_is_tried_again(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = person.spec(runs={"random": {}, "child": {"initialize_from": "random"}})
    with monkeypatch.context() as patch:
        patch.setattr(make, "train", lambda *_, **__: 1 / 0)
        assert execute(person, spec).ended == [
            ("random", Status.ERROR, False),
            ("child", Status.BLOCKED, False),
        ]
    assert person.store.error(person.keys(spec)["random"]) == "ZeroDivisionError: division by zero"
    assert [status for _, status, _ in execute(person, spec).ended] == [Status.DONE, Status.DONE]


def test_a_weights_file_is_where_a_run_starts(person: Person) -> None:
    source = person.spec(name="source")
    execute(person, source)
    weights = person.store.folder(person.keys(source)["random"]) / "final.weights.h5"
    spec = person.spec(runs={"random": {"initialize_from": {"weights": str(weights)}}})
    execute(person, spec)
    start, end = (person.history(person.keys(each)["random"]) for each in (spec, source))
    assert start["weight_norm"][0] == end["weight_norm"][-1]


def test_weights_that_do_not_fit_are_the_run_s_error(person: Person) -> None:
    source = person.spec(name="source")
    execute(person, source)
    weights = person.store.folder(person.keys(source)["random"]) / "final.weights.h5"
    start = {"initialize_from": {"weights": str(weights)}, "model": {"hidden": [8]}}
    spec = person.spec(runs={"random": start})
    assert execute(person, spec).ended == [("random", Status.ERROR, False)]
    assert f"the weights {weights} do not fit the network" in str(
        person.store.error(person.keys(spec)["random"])
    )


@pytest.mark.usefixtures("own_programs")
@pytest.mark.parametrize("changes", [PERCEPTRON, CONVNET], ids=["perceptron", "convnet"])
def test_the_data_of_a_run_are_gone_before_the_next(
    person: Person, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any]
) -> None:
    pipelines: list[weakref.ref[Any]] = []
    left: list[int] = []

    def compile_run(*arguments: Any) -> Any:
        left.append(sum(pipeline() is not None for pipeline in pipelines))
        made = compilation.compile_run(*arguments)
        pipelines.append(weakref.ref(made.pipeline))
        return made

    monkeypatch.setattr(make, "compile_run", compile_run)
    gc.disable()  # which comes too seldom for data, and would hide here what waits for it
    try:
        execute(person, person.spec(**changes, seeds=[0, 1, 2, 3]))
    finally:
        gc.enable()
    assert left == [0, 0, 0, 0]


def test_all_runs_share_one_second_thread(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[threading.Thread] = []
    stacked = compiled._stacked

    def noted(*arguments: Any) -> Any:
        threads.append(threading.current_thread())
        return stacked(*arguments)

    monkeypatch.setattr(compiled, "_stacked", noted)
    execute(person, person.spec(**PERCEPTRON, seeds=[0, 1, 2]))
    assert len({id(thread) for thread in threads} - {id(threading.main_thread())}) == 1
