import io
import math

import numpy as np
import pytest

from harness.training.state import NonFiniteLoss, State


def test_a_state_survives_a_file() -> None:
    arrays = tuple(np.full((2, 3), index, np.float32) for index in range(12))
    state = State(3, 40, 1.5, arrays, arrays[:1], (), arrays, arrays[:2])
    file = io.BytesIO()
    np.savez(file, **state.arrays())  # type: ignore[arg-type]
    file.seek(0)
    again = State.from_arrays(dict(np.load(file)))
    assert (again.epoch, again.step, again.seconds) == (3, 40, 1.5)
    assert [
        len(group)
        for group in (
            again.trainable,
            again.non_trainable,
            again.slots,
            again.initial,
            again.average,
        )
    ] == [12, 1, 0, 12, 2]
    np.testing.assert_array_equal(again.trainable[11], arrays[11])
    assert again.final is again.average


def test_a_checkpoint_from_before_there_were_averages_has_none() -> None:
    arrays = (np.zeros(2, np.float32),)
    named = State(1, 5, 0.5, arrays, (), (), arrays).arrays()
    assert not [name for name in named if name.startswith("average")]
    assert State.from_arrays(named).final == arrays


@pytest.mark.parametrize(("loss", "word"), [(math.nan, "NaN"), (math.inf, "infinite")])
def test_the_message_of_a_loss_that_is_not_finite(loss: float, word: str) -> None:
    error = NonFiniteLoss(loss, 37, 2)
    assert str(error) == f"the loss became {word} at step 37 (epoch 2)"
    assert (error.step, error.epoch) == (37, 2)
