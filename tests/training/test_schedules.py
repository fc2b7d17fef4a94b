import math
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from harness.experiment import Component
from harness.training.schedules import learning_rate


@pytest.mark.parametrize(
    ("component", "expected"),
    [
        (Component("constant"), {0: 0.1, 349: 0.1}),
        (
            Component("piecewise", {"epochs": [150, 250], "factor": 0.1}),
            {0: 0.1, 149: 0.1, 150: 0.01, 250: 0.001},
        ),
        (Component("exponential", {"factor": 0.95}), {0: 0.1, 1: 0.095, 2: 0.09025}),
    ],
)
def test_learning_rates(component: Component, expected: dict[int, float]) -> None:
    assert {epoch: learning_rate(component, 0.1, epoch, []) for epoch in expected} == pytest.approx(
        expected
    )


@pytest.mark.parametrize("metric", ["train_accuracy", "train_loss"])
@pytest.mark.parametrize("seed", range(5))
def test_the_plateau_is_that_of_keras(metric: str, seed: int) -> None:
    values = np.random.default_rng(seed).integers(0, 12, 60) / 10
    rule = {"metric": metric, "factor": 0.5, "patience": 3, "min_delta": 0.15}
    mode, worst = ("max", -math.inf) if metric == "train_accuracy" else ("min", math.inf)
    callback = keras.callbacks.ReduceLROnPlateau(
        monitor="it", factor=0.5, patience=3, mode=mode, min_delta=0.15, min_lr=0.0
    )
    optimizer = keras.optimizers.SGD(1.0)
    callback.set_model(SimpleNamespace(optimizer=optimizer))
    callback.on_train_begin()
    history = [{"epoch": 0.0, metric: worst}]  # Keras does not look at the initial weights
    for epoch, value in enumerate(values):
        ours = learning_rate(Component("plateau", rule), 1.0, epoch, history)
        assert ours == pytest.approx(float(optimizer.learning_rate.numpy()))
        callback.on_epoch_end(epoch, {"it": value})
        history.append({"epoch": epoch + 1.0, metric: value})
    assert ours < 1
