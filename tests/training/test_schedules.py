import math
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest

from harness.experiment import Component, Training, WarmUp
from harness.training.schedules import holds_until, last_learning_rate, learning_rates
from tests.training import test_fit

INITIAL = 0.05
"""The initial learning rate of the settings below."""


def settings(schedule: Component, **changes: Any) -> Training:
    return replace(test_fit.SETTINGS, schedule=schedule, **changes)


def rates(training: Training, epochs: int, steps: int = 1) -> list[list[float]]:
    """Give the learning rates of the first epochs, as shares of the initial one."""
    found = learning_rates(training, range(epochs), steps, [])
    assert found.shape == (epochs, steps)
    later = learning_rates(training, range(epochs - 1, epochs), steps, [])
    np.testing.assert_array_equal(later, found[-1:])  # whichever epochs they are asked with
    shares: list[list[float]] = (found / INITIAL).tolist()
    return shares


@pytest.mark.parametrize(
    ("component", "expected"),
    [
        (Component("constant"), {0: 1, 349: 1}),
        (
            Component("piecewise", {"epochs": [150, 250], "factor": 0.1}),
            {0: 1, 149: 1, 150: 0.1, 250: 0.01},
        ),
        (Component("exponential", {"factor": 0.95}), {0: 1, 1: 0.95, 2: 0.9025}),
    ],
)
def test_schedules_by_epochs(component: Component, expected: dict[int, float]) -> None:
    found = rates(settings(component), 350, 2)
    for epoch, rate in expected.items():
        assert found[epoch] == pytest.approx([rate, rate])


FALLING: list[tuple[str, dict[str, Any], list[list[float]]]] = [
    # over four epochs of two steps, by hand: cos(pi/4) is 0.7071
    ("linear", {}, [[1, 0.875], [0.75, 0.625], [0.5, 0.375], [0.25, 0.125]]),
    ("linear", {"per": "epoch"}, [[1, 1], [0.75, 0.75], [0.5, 0.5], [0.25, 0.25]]),
    ("linear", {"final": 0.2, "length": 2}, [[1, 0.8], [0.6, 0.4], [0.2, 0.2], [0.2, 0.2]]),
    ("cosine", {"per": "epoch"}, [[1, 1], [0.853553] * 2, [0.5, 0.5], [0.146447] * 2]),
    ("cosine", {"final": 0.5, "length": 1}, [[1, 0.75], [0.5, 0.5], [0.5, 0.5], [0.5, 0.5]]),
    ("cosine", {"length": 2}, [[1, 0.853553], [0.5, 0.146447], [0, 0], [0, 0]]),
]


@pytest.mark.parametrize(("name", "changes", "expected"), FALLING)
def test_schedules_that_fall(
    name: str, changes: dict[str, Any], expected: list[list[float]]
) -> None:
    component = Component(name, {"final": 0.0, "length": None, "per": "step", **changes})
    for budget in ({"epochs": 4}, {"epochs": None, "steps": 8}):
        found = rates(settings(component, **budget), 4, 2)
        np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("warm_up", "expected"),
    [
        (WarmUp(None, 2, "step"), [[1 / 6, 2 / 6, 3 / 6], [4 / 6, 5 / 6, 1], [1, 1, 1]]),
        (WarmUp(None, 2, "epoch"), [[1 / 2] * 3, [1] * 3, [1] * 3]),
        (WarmUp(4, None, "step"), [[1 / 4, 2 / 4, 3 / 4], [1, 1, 1], [1, 1, 1]]),
    ],
)
def test_a_warm_up_grows_evenly_in_front_of_any_schedule(
    warm_up: WarmUp, expected: list[list[float]]
) -> None:
    plain = rates(settings(Component("constant"), warm_up=warm_up), 3, 3)
    np.testing.assert_allclose(plain, expected)
    halved = Component("exponential", {"factor": 0.5})
    found = rates(settings(halved, warm_up=warm_up), 3, 3)
    np.testing.assert_allclose(found, np.array(expected) * [[1], [0.5], [0.25]])


def test_a_schedule_that_falls_begins_after_the_warm_up_and_ends_with_the_budget() -> None:
    own = {"final": 0.0, "length": None, "per": "step"}
    training = settings(Component("linear", own), warm_up=WarmUp(3, None, "step"), epochs=3)
    expected = [[1 / 3, 2 / 3, 1], [1, 5 / 6, 4 / 6], [3 / 6, 2 / 6, 1 / 6]]
    np.testing.assert_allclose(rates(training, 3, 3), expected)


def in_torch(build: Any, steps: int) -> list[float]:
    """Give the learning rates of so many steps by a scheduler of PyTorch's."""
    torch = pytest.importorskip("torch")
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], INITIAL)
    scheduler, found = build(torch.optim.lr_scheduler, optimizer), []
    for _ in range(steps):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return found


TORCH: list[tuple[str, Training, Any]] = [
    (
        "cosine",
        settings(Component("cosine", {"final": 0.1, "length": None, "per": "step"}), epochs=4),
        lambda of, optimizer: of.CosineAnnealingLR(optimizer, 20, eta_min=INITIAL * 0.1),
    ),
    (
        "linear",
        settings(Component("linear", {"final": 0.25, "length": None, "per": "step"}), epochs=4),
        lambda of, optimizer: of.LinearLR(optimizer, 1.0, 0.25, 20),
    ),
    (
        "warm-up",
        settings(Component("constant"), warm_up=WarmUp(8, None, "step"), epochs=4),
        lambda of, optimizer: of.LinearLR(optimizer, 1 / 8, 1.0, 7),
    ),
    (
        "warm-up and cosine",
        settings(
            Component("cosine", {"final": 0.0, "length": None, "per": "step"}),
            warm_up=WarmUp(None, 1, "step"),
            epochs=4,
        ),
        lambda of, optimizer: of.SequentialLR(
            optimizer,
            [of.LinearLR(optimizer, 1 / 5, 1.0, 4), of.CosineAnnealingLR(optimizer, 15)],
            [5],
        ),
    ),
]


@pytest.mark.filterwarnings("ignore:The epoch parameter")
@pytest.mark.parametrize(("name", "training", "build"), TORCH)
def test_against_pytorch(name: str, training: Training, build: Any) -> None:
    found = learning_rates(training, range(4), 5, []).ravel()
    np.testing.assert_allclose(found, in_torch(build, 20), rtol=1e-6, atol=1e-9)


def test_the_rate_of_a_row_is_that_of_the_last_step_taken() -> None:
    own = {"final": 0.0, "length": None, "per": "step"}
    training = settings(Component("linear", own), epochs=4)
    found = [last_learning_rate(training, step, 2, []) / INITIAL for step in (0, 1, 2, 3, 8)]
    assert found == pytest.approx([1, 1, 0.875, 0.75, 0.125])


@pytest.mark.parametrize("metric", ["train_accuracy", "train_loss"])
@pytest.mark.parametrize("seed", range(5))
def test_the_plateau_is_that_of_keras(metric: str, seed: int) -> None:
    values = np.random.default_rng(seed).integers(0, 12, 60) / 10
    rule = {"metric": metric, "factor": 0.5, "patience": 3, "min_delta": 0.15}
    mode, worst = ("max", -math.inf) if metric == "train_accuracy" else ("min", math.inf)
    callback = keras.callbacks.ReduceLROnPlateau(
        monitor="it", factor=0.5, patience=3, mode=mode, min_delta=0.15, min_lr=0.0
    )
    optimizer = keras.optimizers.SGD(INITIAL)
    callback.set_model(SimpleNamespace(optimizer=optimizer))
    callback.on_train_begin()
    history = [{"epoch": 0.0, metric: worst}]  # Keras does not look at the initial weights
    training = settings(Component("plateau", rule))
    for epoch, value in enumerate(values):
        ours = learning_rates(training, range(epoch, epoch + 1), 1, history)[0, 0]
        assert ours == pytest.approx(float(optimizer.learning_rate.numpy()))
        callback.on_epoch_end(epoch, {"it": value})
        history.append({"epoch": epoch + 1.0, metric: value})
    assert ours < INITIAL


@pytest.mark.parametrize("seed", range(5))
def test_no_measurement_before_the_epoch_that_is_told_changes_the_plateau(seed: int) -> None:
    random = np.random.default_rng(seed)
    rule = {"metric": "train_loss", "factor": 0.5, "patience": 7, "min_delta": 0.05}
    component = Component("plateau", rule)
    history = [
        {"epoch": 3.0 * place, "train_loss": float(value)}
        for place, value in enumerate(random.uniform(size=40))
    ]
    rates = [
        learning_rates(settings(component), range(epoch, epoch + 1), 1, history[:known])[0, 0]
        for known, epoch in ((place + 1, 3 * place) for place in range(40))
    ]
    changes = [place for place in range(1, 40) if rates[place] != rates[place - 1]]
    assert len(changes) > 2
    for known in range(1, 40):
        told = holds_until(component, history[:known])
        following = min((3 * place for place in changes if place >= known), default=math.inf)
        assert 3 * (known - 1) < told <= following
    assert holds_until(Component("constant"), history) == math.inf
