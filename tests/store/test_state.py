from __future__ import annotations

import contextlib
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.plan import Plan
from harness.run_result import RunResult, Status
from harness.store import staleness
from harness.store.layout import Layout
from harness.store.snapshot import Snapshot
from harness.store.state import set_stale_aside, state_of, why_blocked

if TYPE_CHECKING:
    from tests.conftest import Pretend
    from tests.support.person import Person

FAMILY = {
    "runs": {
        "parent": {},
        "child": {"initialize_from": "parent", "training": {"epochs": 3}},
        "grandchild": {"initialize_from": "child", "training": {"epochs": 2}},
    }
}


def chain(length: int) -> dict[str, dict[str, str]]:
    """Return runs that start each from the one before."""
    rest = {f"r{at}": {"initialize_from": f"r{at - 1}"} for at in range(1, length)}
    return {"r0": {}, **rest}


def all_states(person: Person, plan: Plan) -> dict[str, RunResult]:
    return {
        member.run: state_of(plan, key, member.run, member.seed, person.store)
        for member, key in plan.members.items()
    }


def test_what_was_never_run_is_missing(person: Person) -> None:
    found = all_states(person, person.plan(person.spec(**FAMILY)))
    assert {result.status for result in found.values()} == {Status.MISSING}
    assert [(result.run, result.seed) for result in found.values()] == [
        ("parent", 0),
        ("child", 0),
        ("grandchild", 0),
    ]


def test_a_failed_run_blocks_its_child(person: Person) -> None:
    spec = person.spec(**FAMILY)
    plan, keys = person.plan(spec), person.keys(spec)
    person.store.save_error(keys["parent"], "it broke")
    found = all_states(person, plan)
    assert (found["parent"].status, found["parent"].reason) == (Status.ERROR, "it broke")
    assert (found["child"].status, found["child"].reason) == (
        Status.BLOCKED,
        "it starts from parent, which failed: it broke",
    )
    assert (
        why_blocked(plan, plan.runs[keys["parent"]], person.store) is None
    )  # it may be tried again


def test_a_failed_run_blocks_its_grandchild(person: Person) -> None:
    spec = person.spec(**FAMILY)
    person.store.save_error(person.keys(spec)["parent"], "it broke")
    result = all_states(person, person.plan(spec))["grandchild"]
    assert (result.status, result.reason) == (
        Status.BLOCKED,
        "it starts from child, which is blocked: it starts from parent, which failed: it broke",
    )


def test_a_blocked_run_blocks_all_that_follow(person: Person) -> None:
    images = {
        "dataset": {
            "name": "image_folder",
            "train_examples": None,
            "path": str(person.folder / "none"),
        }
    }
    found = all_states(person, person.plan(person.spec(runs={**FAMILY["runs"], "parent": images})))
    assert {result.status for result in found.values()} == {Status.BLOCKED}
    assert f"the folder {person.folder / 'none'} does not exist" in found["parent"].reason
    assert (
        found["child"].reason
        == f"it starts from parent, which is blocked: {found['parent'].reason}"
    )
    assert (
        found["grandchild"].reason
        == f"it starts from child, which is blocked: {found['child'].reason}"
    )


def test_a_failure_far_above_is_found(person: Person) -> None:
    spec = person.spec(runs=chain(1200))
    plan, keys = person.plan(spec), person.keys(spec)
    last = plan.runs[keys["r1199"]]
    assert why_blocked(plan, last, person.store) is None
    person.store.save_error(keys["r0"], "it broke")
    found = why_blocked(plan, last, person.store)
    assert found is not None
    assert found.endswith("it starts from r0, which failed: it broke")


@pytest.mark.parametrize("failed", [False, True])
def test_looks_at_a_chain_that_is_not_made_grow_with_its_length(
    person: Person, failed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    length, looks = 150, list[str]()
    plan = person.plan(person.spec(runs=chain(length)))
    if failed:
        person.store.save_error(next(iter(plan.runs)), "it broke")
    real = Layout.is_finished

    def counting(layout: Layout, key: str) -> bool:
        looks.append(key)
        return real(layout, key)

    monkeypatch.setattr(Layout, "is_finished", counting)
    snapshot = Snapshot(person.store.root)
    found = [state_of(plan, key, "r", 0, snapshot) for key in plan.runs]
    assert len(looks) <= 4 * length  # one run after another up to the first: 11,325
    assert {each.status for each in found[1:]} == {Status.BLOCKED if failed else Status.MISSING}
    if failed:
        assert found[-1].reason == (
            "it starts from r148, which is blocked: by way of others it starts from r0, which"
            " failed: it broke"
        )


def test_stale_runs_of_a_chain_are_set_aside_in_time_that_grows_with_its_length(
    person: Person, pretend: Pretend, opened: Counter[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    length = 60
    spec = Path(person.spec(runs=chain(length)))
    pretend(spec, person.store.root, {name: {"test_accuracy": [0.5]} for name in chain(length)})
    plan = person.plan(str(spec))
    opened.clear()
    set_stale_aside(plan, list(plan.runs), person.store)
    assert person.store.keys() == sorted(plan.runs)
    monkeypatch.setattr(staleness, "modules", lambda: {"harness.a": "another"})
    set_stale_aside(plan, list(plan.runs), person.store)
    assert not person.store.keys()
    assert all(map(person.store.is_set_aside, plan.runs))
    assert opened.total() <= 30 * length  # all runs above each one: 10,980 more


def test_far_down_a_chain_the_first_stale_run_is_told_and_not_all_between(
    person: Person, pretend: Pretend, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = Path(person.spec(runs=chain(5)))
    with monkeypatch.context() as patch:
        patch.setattr(
            staleness, "modules", lambda real=staleness.modules: {**real(), "harness.a": "x"}
        )
        pretend(spec, person.store.root, {"r0": {"test_accuracy": [0.5]}})
    rest = {name: {"test_accuracy": [0.5]} for name in ("r1", "r2", "r3", "r4")}
    pretend(spec, person.store.root, rest)
    for store in (person.store, Snapshot(person.store.root)):
        plan = person.plan(str(spec))
        found = [state_of(plan, key, "r", 0, store).stale for key in plan.runs]
        first = "r0, from which it starts, is stale: harness.a is gone"
        assert found == [
            "harness.a is gone",
            first,
            f"r1, from which it starts, is stale: {first}",
            f"r2, from which it starts, is stale: {first}",
            f"r3, from which it starts, is stale: {first}",
        ]


def test_a_run_that_others_have_made_again_meanwhile_is_not_set_aside(
    person: Person, pretend: Pretend, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = Path(person.spec(runs={"one": {}}))
    pretend(spec, person.store.root, {"one": {"test_accuracy": [0.5]}})
    plan, store = person.plan(str(spec)), person.store
    lock = store.lock
    (key,) = plan.runs

    def after_another(name: str) -> contextlib.AbstractContextManager[bool]:
        store.set_aside(name)
        pretend(spec, person.store.root, {"one": {"test_accuracy": [0.75]}})
        return lock(name)

    monkeypatch.setattr(staleness, "modules", lambda: {"harness.a": "another"})
    monkeypatch.setattr(store, "lock", after_another)
    set_stale_aside(plan, [key], store)
    assert store.result(key, "one", 0).measurements == {"test_accuracy": 0.75}


def test_an_earlier_error_of_a_finished_parent_is_no_obstacle(person: Person) -> None:
    spec = person.spec(**FAMILY)
    plan, keys = person.plan(spec), person.keys(spec)
    folder = person.store.folder(keys["parent"])
    folder.mkdir(parents=True)
    (folder / "measurements.json").write_text("{}")
    person.store.save_error(keys["parent"], "an earlier attempt broke")
    assert why_blocked(plan, plan.runs[keys["child"]], person.store) is None


def test_a_run_may_have_another_name_elsewhere(person: Person) -> None:
    plan = person.plan(person.spec(runs={"random": {}, "twin": {}}))
    assert list(all_states(person, plan)) == ["random", "twin"]
    assert len(plan.runs) == 1
