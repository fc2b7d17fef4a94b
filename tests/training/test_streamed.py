from dataclasses import replace

import numpy as np
import pytest

from harness.experiment import StopRule
from harness.training import engines, programs, streamed
from harness.training.fit import Outcome
from tests.training.test_fit import SETTINGS, points, run, same


@pytest.fixture(autouse=True)
def in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the streamed engine, and evaluate the 18 examples in parts of four."""
    monkeypatch.setattr(engines, "suits", lambda net, pipeline: False)
    monkeypatch.setattr(programs, "EVALUATION_BATCH", 4)


def stopped(measure_every: int, train_accuracy: float) -> Outcome:
    rule = StopRule(train_accuracy=train_accuracy, check_every=1)
    return run(
        replace(
            SETTINGS, epochs=60, momentum=0.0, l2=0.0, stop_when=rule, measure_every=measure_every
        )
    )


@pytest.mark.parametrize("train_accuracy", [0.5, 0.9, 1.0])
def test_a_look_at_the_rule_that_ends_early_stops_where_a_whole_evaluation_does(
    train_accuracy: float,
) -> None:
    every, seldom = stopped(1, train_accuracy), stopped(1000, train_accuracy)
    assert every.state.epoch == seldom.state.epoch
    assert same(every.state, seldom.state)
    last, other = ({**outcome.history[-1], "seconds": 0} for outcome in (every, seldom))
    assert last == pytest.approx(other, rel=1e-12)
    assert len(seldom.history) == 2


class Counting:
    """A program whose batches are numbers of right answers, each with a loss of 1."""

    def __init__(self) -> None:
        self.begun, self.evaluated = 0, 0

    def read(self, batches: object) -> list[int]:
        self.begun += 1
        return [3, 4, 4, 4, 2]

    def evaluate(self, weights: object, batches: list[int], count: object) -> np.ndarray:
        taken = [batches.pop(0) for _ in range(int(count))]  # type: ignore[call-overload]
        self.evaluated += len(taken)
        return np.array([len(taken), sum(taken)], np.float64)


@pytest.mark.parametrize(
    ("enough", "evaluated", "sums"), [(0, 5, [5, 17]), (17, 5, [5, 17]), (18, 1, [1, 3])]
)
def test_an_evaluation_ends_as_soon_as_enough_are_out_of_reach(
    enough: int, evaluated: int, sums: list[int]
) -> None:
    program, pipeline = Counting(), points()
    whole = streamed._Whole(program, pipeline, pipeline.train)  # type: ignore[arg-type]
    assert list(whole.sums(None, enough)) == sums  # type: ignore[arg-type]
    assert program.evaluated == evaluated
    assert program.begun == (
        2 if evaluated < 5 else 1
    )  # the next evaluation begins with the first batch again
