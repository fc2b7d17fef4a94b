"""Stale runs: made again, kept and marked, or repeated for a moment and cleared."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result

from harness.cli import main
from harness.run_result import Detail
from harness.store import staleness
from harness.store.store import Store
from harness.training import engines, optimizers, schedules
from harness.training.engines import Engines

if TYPE_CHECKING:
    from tests.support.person import Person

RUNS = {"random": {}, "child": {"initialize_from": "random"}}
EXPECTED = {"id": "e", "metric": "child.test_accuracy", "at_least": 0.0, "statistic": "every"}
LEARNS = [{**EXPECTED, "basis": "hypothesis", "source": "s"}]
L2 = {"defaults": {"regularizers": ["l2", "momentum"], "strengths": {"l2": 0.01, "momentum": 0.5}}}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, person_in: Callable[[Path], Person]) -> Person:
    """Two runs of two seeds each, finished."""
    person = person_in(tmp_path_factory.mktemp("whole"))
    assert (
        person.run(person.spec(runs=RUNS, expectations=LEARNS, seeds=[0, 1], **L2)).exit_code == 0
    )
    return person


@pytest.fixture
def stored(person: Person, whole: Person) -> Person:
    """A person with a copy of them."""
    shutil.copytree(whole.folder / "store", person.folder / "store")
    return person


@pytest.fixture
def spec(stored: Person) -> str:
    return stored.spec(runs=RUNS, expectations=LEARNS, seeds=[0, 1], **L2)


@pytest.fixture
def other_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """The code that is here is not that which made the runs."""
    change_code(monkeypatch)


def change_code(monkeypatch: pytest.MonkeyPatch) -> None:
    changed = {**staleness.modules(), "harness.training.step": "another"}
    monkeypatch.setattr(staleness, "modules", lambda: changed)


def command(person: Person, *arguments: str) -> Result:
    return CliRunner().invoke(main, [*arguments, "--store", str(person.folder / "store")])


def moments(person: Person) -> dict[str, int]:
    runs = person.folder / "store" / "runs"
    return {path.name: (path / "SHA256SUMS").stat().st_mtime_ns for path in runs.iterdir()}


class TestRun:
    """What `run` does with stale runs."""

    def test_runs_of_the_same_code_are_kept(self, stored: Person, spec: str) -> None:
        before = moments(stored)
        assert stored.run(spec).exit_code == 0
        assert moments(stored) == before

    @pytest.mark.usefixtures("other_code")
    def test_stale_runs_are_made_again(self, stored: Person, whole: Person, spec: str) -> None:
        before = moments(stored)
        result = stored.run(spec)
        assert result.exit_code == 0, result.output
        assert "kept from before" not in result.output
        after = moments(stored)
        assert after.keys() == before.keys()
        assert all(after[key] != before[key] for key in before)
        assert all(stored.same(whole, key) for key in before)
        assert list((stored.folder / "store" / "stale").iterdir()) == []
        assert command(stored, "check", spec).exit_code == 0

    @pytest.mark.usefixtures("other_code")
    def test_those_that_are_kept_are_marked_everywhere_and_are_no_pass(
        self, stored: Person, spec: str
    ) -> None:
        before = moments(stored)
        result = stored.run(spec, "--keep-stale")
        assert result.exit_code == 4
        assert result.output.count("(stale, kept from before)") == 4
        assert "pass (stale)" in result.output
        assert moments(stored) == before
        reports = stored.folder / "reports"
        for name in ("tiny.md", "README.md"):
            text = (reports / name).read_text()
            assert "The one verdict rests on stale runs" in text
            assert "(stale)" in text
        assert (
            "child, seeds 0, 1: harness.training.step changed" in (reports / "tiny.md").read_text()
        )
        assert stored.run(spec, "--keep-stale", "--allow", "stale").exit_code == 0

    def test_a_child_whose_parent_was_made_again_with_other_weights_is_stale(
        self, stored: Person, spec: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        keys = stored.keys(spec)
        stored.store.remove(keys["random"])
        with monkeypatch.context() as patch:  # a learning rate that the record does not tell
            half = schedules.Schedule(lambda epoch, history: 0.5)
            patch.setitem(schedules.SCHEDULES, "constant", half)
            stored.run(spec, "--only", "random")
        planned = command(stored, "plan", spec).output
        assert "random, from which it starts, was made again and has other weights" in " ".join(
            planned.split()
        )
        assert stored.run(spec).exit_code == 0
        assert command(stored, "check", spec).exit_code == 0

    @pytest.mark.usefixtures("other_code")
    def test_what_was_set_aside_and_not_made_again_comes_back(
        self, stored: Person, spec: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before, keys = moments(stored), list(moments(stored))
        for key in keys:
            stored.store.set_aside(key)
        assert not any(stored.store.done(key) for key in keys)
        monkeypatch.undo()
        assert stored.run(spec).exit_code == 0
        assert moments(stored) == before


@pytest.mark.usefixtures("other_code")
class TestVerifyReplay:
    """What `runs verify --replay` does."""

    def test_runs_that_agree_are_cleared_a_program_at_a_time(
        self, stored: Person, spec: str
    ) -> None:
        assert command(stored, "check", spec).exit_code == 4
        result = command(stored, "runs", "verify", "--replay")
        assert result.exit_code == 0, result.output
        lines = [line for line in result.output.splitlines() if "of this program" in line]
        assert len(lines) == 2
        for line in lines:
            assert line.endswith(
                "(2 runs of this program): agrees bit by bit, 3 epochs and the end"
            )
        assert "4 of 4 stale runs are cleared" in result.output
        assert command(stored, "check", spec).exit_code == 0
        assert "4 done, 0 to do" in command(stored, "plan", spec).output
        before = moments(stored)
        assert stored.run(spec).exit_code == 0
        assert moments(stored) == before

    def test_the_clearing_holds_for_that_code_and_that_run_alone(
        self, stored: Person, spec: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        command(stored, "runs", "verify", "--replay")
        key = stored.keys(spec)["random"]
        record = Store(stored.folder / "store").replay(key)
        assert record is not None
        assert (record.epochs, record.agreement) == (3, "bit by bit")
        assert record.code.modules["harness.training.step"] == "another"
        later = {**staleness.modules(), "harness.training.step": "a third"}
        monkeypatch.setattr(staleness, "modules", lambda: later)
        assert command(stored, "check", spec).exit_code == 4
        sums = stored.store.folder(key) / "SHA256SUMS"
        sums.write_text(sums.read_text() + "\n")
        assert Store(stored.folder / "store").replay(key) is None

    @pytest.mark.parametrize("what", ["l2", "late schedule", "end"])
    def test_what_comes_to_something_else_stays_stale(
        self, stored: Person, spec: str, what: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        if what == "l2":
            sgd = optimizers.OPTIMIZERS["sgd"]

            def halved(
                weight: optimizers.Weight,
                gradient: object,
                scalars: optimizers.Scalars,
                **parameters: object,
            ) -> optimizers.Weight:
                scalars = {**scalars, "l2": scalars["l2"] / 2}
                return sgd.update(weight, gradient, scalars, **parameters)

            monkeypatch.setitem(optimizers.OPTIMIZERS, "sgd", replace(sgd, update=halved))
        elif what == "late schedule":  # after the epochs that are repeated
            monkeypatch.setitem(
                schedules.SCHEDULES,
                "constant",
                schedules.Schedule(lambda epoch, history: 1.0 if epoch < 4 else 0.1),
            )
        else:
            monkeypatch.setattr("harness.training.fit.summary", lambda rows: {"epochs": 6.0})
        result = command(stored, "runs", "verify", "--replay")
        assert result.exit_code == 1, result.output
        told = {
            "l2": "stays stale: epoch 1: ",
            "late schedule": "stays stale: epoch 5: learning_rate is 0.01",
            "end": "stays stale: the end: epochs is 6.0 now and was 5",
        }[what]
        assert result.output.count(told) == 2
        assert "0 of 4 stale runs are cleared" in result.output
        assert command(stored, "check", spec).exit_code == 4

    def test_a_run_is_repeated_by_the_engine_that_made_it(
        self, stored: Person, spec: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        key = stored.keys(spec)["random"]
        recorded = stored.store.finished(key, Detail.NUMBERS)[1].environment["engine"]
        assert recorded in ("one program", "streamed")
        chosen = Engines.engine
        ways: list[str] = []

        def noted(self: Engines, *given: Any) -> Any:
            engine = chosen(self, *given)
            ways.append(engine.way)
            return engine

        # by itself, the harness would choose the other one now
        monkeypatch.setattr(engines, "suits", lambda net, pipeline: recorded == "streamed")
        monkeypatch.setattr(Engines, "engine", noted)
        result = command(stored, "runs", "verify", "--replay")
        assert result.exit_code == 0, result.output
        assert set(ways) == {recorded}

    def test_without_anything_stale_nothing_is_repeated(
        self, stored: Person, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.undo()
        result = command(stored, "runs", "verify", "--replay")
        assert (result.exit_code, result.output.splitlines()[-1]) == (0, "no run is stale")


def test_averages_are_handed_on_and_repeated_and_so_is_a_budget_that_ends_within_an_epoch(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    averaged = {"epochs": None, "steps": 13, "average": {"decay": 0.5}}
    runs = {"random": {"training": averaged}, "child": {"initialize_from": "random"}}
    spec = person.spec(runs=runs, expectations=LEARNS)
    assert person.run(spec).exit_code == 0
    keys = person.keys(spec)
    parent, child = (
        person.store.finished(keys[name], Detail.NUMBERS)[1].measurements for name in runs
    )
    assert (parent["steps"], parent["epochs"]) == (13, 3)
    assert child["initial_test_accuracy"] == parent["test_accuracy"]
    assert child["initial_weight_norm"] == parent["weight_norm"]
    change_code(monkeypatch)
    result = command(person, "runs", "verify", "--replay")
    assert result.exit_code == 0, result.output
    assert result.output.count("agrees bit by bit, 3 epochs and the end") == 2
