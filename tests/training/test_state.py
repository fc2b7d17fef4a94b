import io
import math

import numpy as np
import pytest
import tensorflow as tf

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


def test_tensors_of_a_state_become_arrays() -> None:
    tensors = (tf.constant([1.0, 2.0]), tf.constant([[3.0]]))
    state = State(2, 9, 0.5, tensors, tensors[:1], (), tensors, tensors[1:])
    assert all(isinstance(array, np.ndarray) for array in state.arrays().values())
    fetched = state.fetched()
    assert (fetched.epoch, fetched.step, fetched.seconds) == (2, 9, 0.5)
    for found in (fetched.trainable, fetched.initial, (*fetched.non_trainable, *fetched.average)):
        assert [type(array) for array in found] == [np.ndarray] * 2
        assert [array.tolist() for array in found] == [[1.0, 2.0], [[3.0]]]


@pytest.mark.parametrize(("loss", "word"), [(math.nan, "NaN"), (math.inf, "infinite")])
def test_the_message_of_a_loss_that_is_not_finite(loss: float, word: str) -> None:
    error = NonFiniteLoss(loss, 37, 2)
    assert str(error) == f"the loss became {word} at step 37 (epoch 2)"
    assert (error.step, error.epoch) == (37, 2)
