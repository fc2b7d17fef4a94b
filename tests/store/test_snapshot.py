"""A store that is looked at: what was read once is not read again, and long chains are linear."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from harness.data import catalog
from harness.plan import Plan, make_plan
from harness.run_result import Detail
from harness.spec.load import load_file
from harness.store.snapshot import Snapshot
from harness.store.state import state_of
from harness.store.store import Store

if TYPE_CHECKING:
    from tests.conftest import Pretend
    from tests.support.person import Person

LENGTH = 400


def chain(person: Person, length: int) -> str:
    """Write a specification whose runs start each from the one before."""
    rest = {f"r{at}": {"initialize_from": f"r{at - 1}"} for at in range(1, length)}
    return person.spec(runs={"r0": {}, **rest})


def looked(plan: Plan, store: Store) -> dict[str, str]:
    """Look at every run of a plan, and return why each is to be made again."""
    states = {
        member.run: state_of(plan, key, member.run, member.seed, store, Detail.NUMBERS)
        for member, key in plan.members.items()
    }
    return {run: found.stale or found.again for run, found in states.items()}


def test_no_file_of_a_chain_is_opened_twice_but_the_lists_of_checksums(
    person: Person, pretend: Pretend, opened: Counter[Path]
) -> None:
    spec = Path(chain(person, LENGTH))
    names = [f"r{at}" for at in range(LENGTH)]
    pretend(spec, person.store.root, {name: {"test_accuracy": [0.5]} for name in names})
    plan = make_plan([load_file(spec)], catalog.data_dir(), gpus=0)
    opened.clear()
    snapshot = Snapshot(person.store.root)
    assert set(looked(plan, snapshot).values()) == {""}
    lists = {path: count for path, count in opened.items() if path.name == "SHA256SUMS"}
    rest = Counter(count for path, count in opened.items() if path not in lists)
    assert rest == {1: 3 * LENGTH}
    assert max(lists.values()) <= 2  # a child asks once which weights its parent has
    opened.clear()
    looked(plan, snapshot)
    assert not opened


def test_what_was_read_in_more_detail_is_given_in_less(
    person: Person, pretend: Pretend, opened: Counter[Path]
) -> None:
    spec = Path(person.spec(runs={"one": {}}))
    pretend(spec, person.store.root, {"one": {"test_accuracy": [0.5]}})
    (key,) = person.store.keys()
    snapshot = Snapshot(person.store.root)
    snapshot.finished(key, Detail.IMAGES)
    opened.clear()
    assert snapshot.finished(key, Detail.NUMBERS)[1].measurements == {"test_accuracy": 0.5}
    assert not opened
    assert snapshot.finished(key, Detail.HISTORY)[1].history["epoch"] == [0, 1]
    assert opened


def test_a_long_chain_without_weights_is_made_again_for_its_last_run(
    person: Person, pretend: Pretend
) -> None:
    length = 1_100  # more than Python lets functions call one another
    spec = Path(chain(person, length))
    done = [f"r{at}" for at in range(length - 1)]
    pretend(spec, person.store.root, {name: {"test_accuracy": [0.5]} for name in done})
    plan = make_plan([load_file(spec)], catalog.data_dir(), gpus=0)
    found = looked(plan, Snapshot(person.store.root))
    assert found["r0"] == "its weights are not kept, and r1 starts from them"
    assert all(found[name] for name in done)


def test_runs_are_not_kept_where_there_are_too_many(
    person: Person, pretend: Pretend, opened: Counter[Path]
) -> None:
    spec = Path(chain(person, 3))
    pretend(spec, person.store.root, {f"r{at}": {"test_accuracy": [0.5]} for at in range(3)})
    plan = make_plan([load_file(spec)], catalog.data_dir(), gpus=0)
    passing, kept = Snapshot(person.store.root, keeps_runs=False), Snapshot(person.store.root)
    assert looked(plan, passing) == looked(plan, kept)
    opened.clear()
    looked(plan, kept)
    assert not opened
    looked(plan, passing)
    assert opened


def test_a_damaged_run_is_told_as_often_as_it_is_asked_for(
    person: Person, pretend: Pretend
) -> None:
    spec = Path(person.spec(runs={"one": {}}))
    pretend(spec, person.store.root, {"one": {"test_accuracy": [0.5]}})
    (key,) = person.store.keys()
    (person.store.folder(key) / "measurements.json").write_text("{}")
    snapshot = Snapshot(person.store.root)
    faults = [snapshot.fault(key) for _ in range(2)]
    assert faults[0] == faults[1] == person.store.fault(key)
    assert "measurements.json is damaged" in str(faults[0])


def test_the_latest_runs_are_those_that_were_finished_last(
    person: Person, pretend: Pretend
) -> None:
    spec = Path(person.spec(runs={"one": {}}, seeds=[0, 1, 2]))
    pretend(spec, person.store.root, {"one": {"test_accuracy": [0.5, 0.5, 0.5]}})
    keys = person.store.keys()
    for moment, key in enumerate(keys):
        os.utime(person.store.folder(key), (moment, moment))
    assert person.store.latest(2) == [keys[2], keys[1]]
    assert Store(person.folder / "none").latest(2) == []
