import json
import math
from importlib import resources

import numpy as np
import pytest

from harness.training.losses import LOSSES, REDUCTIONS


def test_schema_and_registries_agree() -> None:
    schema = json.loads(resources.files("harness.spec").joinpath("experiment.schema.json").read_text())
    training = schema["$defs"]["training"]["properties"]
    assert set(training["loss"]["enum"]) == set(LOSSES)
    assert set(training["loss_reduction"]["enum"]) == set(REDUCTIONS)


def test_cross_entropy_by_hand() -> None:
    loss = LOSSES["cross_entropy"]
    logits, labels = np.array([[0, math.log(3)], [1, 1]], np.float32), np.array([0, 1], np.int32)
    np.testing.assert_allclose(loss.values(labels, logits), [math.log(4), math.log(2)], rtol=1e-6)
    np.testing.assert_array_equal(loss.correct(labels, logits), [False, False])
    np.testing.assert_array_equal(loss.correct(np.array([1, 0], np.int32), logits), [True, True])
    assert loss.outputs(7) == 7


def test_binary_cross_entropy_by_hand() -> None:
    loss = LOSSES["binary_cross_entropy"]
    logits, labels = np.array([[math.log(3)], [math.log(3)], [-100]], np.float32), np.array([1, 0, 1], np.int32)
    np.testing.assert_allclose(loss.values(labels, logits), [math.log(4 / 3), math.log(4), 100], rtol=1e-6)
    np.testing.assert_array_equal(loss.correct(labels, logits), [True, False, False])
    assert loss.outputs(2) == 1
    with pytest.raises(ValueError, match="2 classes"):
        loss.outputs(3)


def test_reductions() -> None:
    values = np.array([1.0, 2.0, 6.0], np.float32)
    assert (float(REDUCTIONS["mean"](values)), float(REDUCTIONS["sum"](values))) == (3, 9)
