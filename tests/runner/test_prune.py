"""Weights that nothing needs any more are dropped; what was measured stays."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from harness.cli import main

if TYPE_CHECKING:
    from tests.support.person import Person

FINAL = "final.weights.h5"
FAMILY = {
    "parent": {"training": {"epochs": 1}, "keep_weights": [1]},
    "child": {"initialize_from": "parent", "training": {"epochs": 1}},
}
SMALLER = {"parent": {"training": {"epochs": 1}}}


def prune(person: Person, *specs: str, answer: str | None = None) -> Result:
    options = ["--store", str(person.store.root), *(["--yes"] if answer is None else [])]
    return CliRunner().invoke(main, ["runs", "prune", *specs, *options], input=answer)


def weights(person: Person, key: str) -> set[str]:
    return {path.name for path in person.store.folder(key).glob("*.h5")}


def all_files(person: Person) -> set[str]:
    return {path.as_posix() for path in person.store.root.rglob("*.h5")}


@pytest.fixture
def family(person: Person) -> str:
    """A specification both of whose runs are made."""
    spec = person.spec(runs=FAMILY)
    assert person.run(spec).exit_code == 0
    return spec


def test_what_is_dropped_is_told_first_and_dropped_after_a_yes(person: Person, family: str) -> None:
    keys, moment = person.keys(family), person.store.moment(person.keys(family)["parent"])
    before = all_files(person)
    found = prune(person, family, answer="n\n")
    assert (found.exit_code, all_files(person)) == (1, before)
    for label in ("tiny / parent / seed 0", "tiny / child / seed 0"):
        assert f"  {label}: " in found.stdout
    assert "drop the weights of 2 runs, " in found.stdout
    assert prune(person, family, answer="y\n").exit_code == 0
    assert weights(person, keys["parent"]) == {"epoch-000001.weights.h5"}  # which it is to keep
    assert weights(person, keys["child"]) == set()
    assert person.store.moment(keys["parent"]) == moment
    assert prune(person, family).stdout == "no weights to drop: all there are are needed\n"
    # Of weights that no specification asks for, those of single epochs go too.
    assert prune(person, person.spec(name="other", runs=SMALLER)).exit_code == 0
    assert all_files(person) == set()


def test_a_run_without_weights_is_whole_and_made_again_for_a_child_alone(
    person: Person, family: str
) -> None:
    keys = person.keys(family)
    made = {key: person.history(key) for key in keys.values()}
    before = person.weights(keys["parent"]), person.measurements(keys["child"])
    prune(person, family)
    (person.store.folder(keys["parent"]) / "epoch-000001.weights.h5").unlink()
    assert CliRunner().invoke(main, ["runs", "verify", *person.options[:2]]).exit_code == 0
    for command in (["check"], ["report"]):
        options = person.options[: 2 if command == ["check"] else 4]
        assert CliRunner().invoke(main, [*command, family, *options]).exit_code == 0
    environment = person.store.folder(keys["parent"]) / "environment.json"
    record = environment.read_text()
    assert person.run(family).exit_code == 0
    assert environment.read_text() == record  # it was not made again
    later = person.spec(
        runs={**FAMILY, "second": {"initialize_from": "parent", "training": {"epochs": 2}}}
    )
    shown = CliRunner().invoke(main, ["plan", later, "--all", *person.options[:2]]).stdout
    assert "its weights are not kept, and second starts from them" in " ".join(shown.split())
    assert person.run(later, "--only", "child").exit_code == 4
    assert environment.read_text() == record  # the one that waits is not wanted
    assert person.run(later).exit_code == 0
    assert environment.read_text() != record
    assert {key: person.history(key) for key in keys.values()} == made
    assert all(map(lambda a, b: (a == b).all(), person.weights(keys["parent"]), before[0]))
    assert person.measurements(keys["child"]) == before[1]
    assert not weights(person, keys["child"])  # nothing starts from it
    assert person.store.done(person.keys(later)["second"])


def test_weights_that_a_missing_run_starts_from_stay(person: Person, family: str) -> None:
    keys = person.keys(family)
    person.store.remove(keys["child"])
    found = prune(person, family)
    assert weights(person, keys["parent"]) == {FINAL, "epoch-000001.weights.h5"}
    assert found.stdout == "no weights to drop: all there are are needed\n"


def test_weights_of_which_a_metric_is_to_be_measured_stay_until_it_is(person: Person) -> None:
    spec = person.spec(
        runs={
            "one": {"training": {"epochs": 1}},
            "two": {"training": {"epochs": 1, "batch_size": 10}},
        }
    )
    assert person.run(spec).exit_code == 0
    keys = person.keys(spec)
    path = {"name": "linear_path", "with": "two", "points": 3}
    measuring = person.spec(
        runs={
            "one": {"training": {"epochs": 1}, "metrics": [path]},
            "two": {"training": {"epochs": 1, "batch_size": 10}},
        }
    )
    prune(person, measuring)
    assert weights(person, keys["one"]) == weights(person, keys["two"]) == {FINAL}
    options = person.options[:2]
    measured = CliRunner().invoke(main, ["measure", measuring, *options])
    assert measured.output.endswith("1 final metric measured\n")
    prune(person, measuring)
    assert all_files(person) == set()
    assert CliRunner().invoke(main, ["measure", measuring, *options]).output == (
        "0 final metrics measured\n"
    )


def test_a_file_of_the_store_that_a_run_starts_from_stays(person: Person, family: str) -> None:
    file = person.store.folder(person.keys(family)["child"]) / FINAL
    other = person.spec(
        name="other", runs={"one": {"initialize_from": {"weights": str(file)}, **SMALLER["parent"]}}
    )
    assert prune(person, other).exit_code == 0
    assert all_files(person) == {Path(file).as_posix()}
