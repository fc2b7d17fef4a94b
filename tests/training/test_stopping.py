from collections.abc import Sequence

import pytest

from harness.experiment import EarlyStopping
from harness.training.stopping import first_stall, stalled


def history(values: Sequence[float], every: int = 1) -> list[dict[str, float]]:
    return [
        {"epoch": every * index, "test_loss": value, "test_accuracy": -value}
        for index, value in enumerate(values)
    ]


@pytest.mark.parametrize(
    ("values", "patience", "min_delta", "expected"),
    [
        ([3, 2, 1], 1, 0, False),
        ([3, 2, 2], 1, 0, True),  # equal is no improvement
        ([3, 2, 4, 3], 3, 0, False),  # two epochs after the best
        ([3, 2, 4, 3, 2.5], 3, 0, True),
        ([3, 2, 4, 1.9, 3], 3, 0, False),
        ([3, 2, 4, 1.9, 3], 3, 0.2, True),  # 1.9 is not better than 2 by more than 0.2
        ([1, 2, 2], 2, 0, True),  # the initial weights count
        ([], 1, 0, False),
        ([1], 1, 0, False),
    ],
)
def test_by_hand(values: Sequence[float], patience: int, min_delta: float, expected: bool) -> None:
    for metric, mode in (("test_loss", "min"), ("test_accuracy", "max")):
        assert (
            stalled(EarlyStopping(metric, patience, min_delta, mode), history(values)) is expected
        )


def test_patience_is_counted_in_epochs() -> None:
    rule = EarlyStopping("test_loss", 6, 0, "min")
    assert not stalled(rule, history([3, 2, 2], every=5))
    assert stalled(rule, history([3, 2, 2, 2], every=5))


def test_the_first_epoch_that_can_stop_is_the_patience_after_the_best() -> None:
    rule = EarlyStopping("test_loss", 6, 0, "min")
    assert [first_stall(rule, history(values, every=5)) for values in ([3], [3, 2], [3, 2, 2])] == [
        6,
        11,
        11,
    ]
