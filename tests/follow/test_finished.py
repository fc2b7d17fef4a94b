"""The lines of runs that have ended, for terminals of every width."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from harness.follow.finished import Ended, Lines, Names
from harness.plan import ConcreteRun
from harness.run_result import RunResult, Status

if TYPE_CHECKING:
    from tests.support.person import Person

RESULT = RunResult(
    "random",
    0,
    "key",
    Status.DONE,
    measurements={"train_accuracy": 0.997, "test_accuracy": 0.0702, "epochs": 300},
    seconds=6.2,
)


@pytest.fixture
def ended(person: Person) -> Ended:
    """A run named `random`, among others with names of 36 columns, 58 with their experiment."""
    run = next(iter(person.plan(person.spec()).runs.values()))
    return Ended(run, RESULT, kept=False, took=103.0)


def line(ended: Ended, width: int | None, names: Names | None = None) -> str:
    return Lines(names or Names(58, 36), width).line(ended).plain


@pytest.mark.parametrize(
    ("width", "text"),
    [
        (
            140,
            f"✓ {'tiny / random / seed 0':58}  train  99.70%  test   7.02%    300 epochs"
            "  103.0 s, 6.2 s of it training",
        ),
        (
            120,
            f"✓ {'tiny / random / seed 0':58}  train  99.70%  test   7.02%    300 epochs  103.0 s",
        ),
        (80, f"✓ {'random seed 0':36}  train  99.70%  test   7.02%  103.0 s"),
        (64, f"✓ {'random seed 0':36}  test   7.02%  103.0 s"),
        (60, f"✓ {'random seed 0':36}  test   7.02%"),
        (40, f"✓ {'random seed 0':24}  test   7.02%"),
    ],
)
def test_less_is_told_where_there_is_less_room(ended: Ended, width: int, text: str) -> None:
    assert line(ended, width) == text


def test_without_a_terminal_all_is_told(ended: Ended) -> None:
    assert line(ended, None, Names(300, 280)).endswith("103.0 s, 6.2 s of it training")


def test_a_name_that_leaves_no_room_stands_alone(person: Person, ended: Ended) -> None:
    name = "random_augmentation_momentum"
    run = next(iter(person.plan(person.spec(runs={name: {}})).runs.values()))
    assert line(replace(ended, run=run), 40) == f"✓ {name} seed 0"


def test_why_a_run_failed_is_told_whole(ended: Ended) -> None:
    failed = replace(RESULT, status=Status.ERROR, reason="very " * 40 + "sorry")
    assert line(replace(ended, result=failed), 40).endswith("very sorry")


def test_headings_are_needed_where_names_are_without_their_experiments() -> None:
    assert Lines(Names(58, 36), 80).need_headings
    assert not Lines(Names(22, 13), 80).need_headings
    assert not Lines(Names(58, 36), None).need_headings


def test_the_widest_names_count(ended: Ended) -> None:
    run: ConcreteRun = ended.run
    assert Names.of(run) == Names(len("tiny / random / seed 0"), len("random seed 0"))
    assert Names(5, 20).also(Names.of(run)) == Names(22, 20)


VALIDATED = {**RESULT.measurements, "validation_accuracy": 0.915}


@pytest.mark.parametrize(
    ("width", "text"),
    [
        (
            None,
            f"✓ {'tiny / random / seed 0':58}  train  99.70%  validation  91.50%  test   7.02%"
            "    300 epochs  103.0 s, 6.2 s of it training",
        ),
        (
            116,
            f"✓ {'random seed 0':36}  train  99.70%  validation  91.50%  test   7.02%"
            "    300 epochs  103.0 s",
        ),
        (97, f"✓ {'random seed 0':36}  train  99.70%  validation  91.50%  test   7.02%  103.0 s"),
        (96, f"✓ {'random seed 0':36}  train  99.70%  test   7.02%  103.0 s"),
    ],
)
def test_the_accuracy_on_a_validation_set_goes_before_that_on_the_training_set(
    ended: Ended, width: int | None, text: str
) -> None:
    lines = Lines(Names(58, 36), width, validated=True)
    found = lines.line(replace(ended, result=replace(RESULT, measurements=VALIDATED))).plain
    assert found == text


def test_a_run_without_a_validation_set_leaves_its_place_free(ended: Ended) -> None:
    lines = Lines(Names(58, 36), None, validated=True)
    both = [replace(RESULT, measurements=each) for each in (VALIDATED, RESULT.measurements)]
    validated, other = (lines.line(replace(ended, result=each)).plain for each in both)
    assert "validation" not in other
    assert other.index("test") == validated.index("test")
