from __future__ import annotations

from typing import TYPE_CHECKING

from harness.plan import Plan
from harness.run_result import RunResult, Status
from harness.store.state import state_of, why_blocked

if TYPE_CHECKING:
    from tests.support.person import Person

FAMILY = {
    "runs": {
        "parent": {},
        "child": {"initialize_from": "parent", "training": {"epochs": 3}},
        "grandchild": {"initialize_from": "child", "training": {"epochs": 2}},
    }
}


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
    runs: dict[str, dict[str, str]] = {"r0": {}} | {
        f"r{place}": {"initialize_from": f"r{place - 1}"} for place in range(1, 1200)
    }
    spec = person.spec(runs=runs)
    plan, keys = person.plan(spec), person.keys(spec)
    last = plan.runs[keys["r1199"]]
    assert why_blocked(plan, last, person.store) is None
    person.store.save_error(keys["r0"], "it broke")
    found = why_blocked(plan, last, person.store)
    assert found is not None
    assert found.endswith("it starts from r0, which failed: it broke")


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
