from dataclasses import replace
from typing import Any

import keras
import numpy as np
import pytest

from harness.experiment import Component, Training
from harness.training import engines
from harness.training.engines import Engines
from harness.training.optimizers import (
    OPTIMIZERS,
    KerasOptimizer,
    Optimizer,
    Scalars,
    Weight,
    fixed,
    optimizer_of,
)
from tests.training import test_fit

RATES = [0.1, 0.1, 0.01, 0.01, 0.1]
SETTINGS = [
    (0.0, 0.0, False),
    (0.9, 0.0, False),
    (0.0, 0.05, False),
    (0.9, 0.05, False),
    (0.9, 0.05, True),
]


def start() -> np.ndarray:
    return np.array([1.0, -2.0, 0.5], np.float32)


def gradient(weight: np.ndarray) -> np.ndarray:
    return np.asarray(np.sin(3 * weight))


def ours(momentum: float, l2: float, nesterov: bool, momentum_rule: str = "pytorch") -> np.ndarray:
    settings = {"momentum": momentum, "l2": l2, "nesterov": nesterov}
    return moved(KerasOptimizer("sgd", 0.1, {**settings, "momentum_rule": momentum_rule}))


def moved(optimizer: keras.optimizers.Optimizer) -> np.ndarray:
    weight = keras.Variable(start())
    for rate in RATES:
        optimizer.learning_rate = rate
        optimizer.apply([gradient(weight.numpy())], [weight])
    return np.asarray(weight.numpy())


@pytest.mark.parametrize(("momentum", "l2", "nesterov"), SETTINGS)
def test_against_the_formula(momentum: float, l2: float, nesterov: bool) -> None:
    weight, velocity = start().astype(np.float64), np.zeros(3)
    for rate in RATES:
        g = gradient(weight) + l2 * weight
        velocity = momentum * velocity + g
        weight = weight - rate * (g + momentum * velocity if nesterov else velocity)
    np.testing.assert_allclose(ours(momentum, l2, nesterov), weight, rtol=1e-5)


@pytest.mark.parametrize(("momentum", "l2", "nesterov"), SETTINGS)
def test_against_pytorch(momentum: float, l2: float, nesterov: bool) -> None:
    torch = pytest.importorskip("torch")
    weight = torch.nn.Parameter(torch.from_numpy(start()))
    optimizer = torch.optim.SGD(
        [weight], 0.1, momentum=momentum, weight_decay=l2, nesterov=nesterov
    )
    for rate in RATES:
        optimizer.param_groups[0]["lr"] = rate
        weight.grad = torch.from_numpy(gradient(weight.detach().numpy()))
        optimizer.step()
    np.testing.assert_allclose(ours(momentum, l2, nesterov), weight.detach().numpy(), rtol=1e-5)


@pytest.mark.parametrize(("momentum", "nesterov"), [(0.0, False), (0.9, False), (0.9, True)])
def test_the_other_momentum_rule_against_keras(momentum: float, nesterov: bool) -> None:
    expected = moved(keras.optimizers.SGD(0.1, momentum=momentum, nesterov=nesterov))
    np.testing.assert_allclose(ours(momentum, 0.0, nesterov, "keras"), expected, rtol=1e-5)
    if momentum:  # the trap: where the learning rate changes, the rules differ
        assert not np.allclose(ours(momentum, 0.0, nesterov, "pytorch"), expected, rtol=1e-3)


def test_the_momentum_rules_agree_while_the_learning_rate_stays(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(f"{__name__}.RATES", [0.1] * 5)
    np.testing.assert_allclose(ours(0.9, 0.05, False, "keras"), ours(0.9, 0.05, False), rtol=1e-5)


Kept = dict[str, Any]


def by_torch(kind: str, **options: Any) -> np.ndarray:
    """Make the steps with an optimizer of `torch.optim`."""
    torch = pytest.importorskip("torch")
    weight = torch.nn.Parameter(torch.from_numpy(start()))
    optimizer = getattr(torch.optim, kind)([weight], 0.1, **options)
    for rate in RATES:
        optimizer.param_groups[0]["lr"] = rate
        weight.grad = torch.from_numpy(gradient(weight.detach().numpy()))
        optimizer.step()
    return np.asarray(weight.detach().numpy())


TINY = 1e-12
"""An epsilon so small that its place is of no account."""

AS_PYTORCH: list[tuple[str, Kept, str, Kept]] = [
    # ours and its settings, PyTorch's and its options
    ("adam", {"epsilon": TINY}, "Adam", {"eps": TINY}),
    (
        "adam",
        {"beta_1": 0.5, "beta_2": 0.75, "l2": 0.2, "epsilon": TINY},
        "Adam",
        {"betas": (0.5, 0.75), "weight_decay": 0.2, "eps": TINY},
    ),
    ("adam", {"beta_1": 0.0, "epsilon": TINY}, "Adam", {"betas": (0.0, 0.999), "eps": TINY}),
    ("adamw", {"weight_decay": 0.3, "epsilon": TINY}, "AdamW", {"weight_decay": 0.3, "eps": TINY}),
    ("nadam", {"epsilon": 0.1}, "NAdam", {"eps": 0.1}),
    (
        "nadam",
        {"beta_1": 0.8, "beta_2": 0.9, "l2": 0.2, "epsilon": 0.1},
        "NAdam",
        {"betas": (0.8, 0.9), "weight_decay": 0.2, "eps": 0.1},
    ),
    ("rmsprop", {"rho": 0.8, "epsilon": TINY}, "RMSprop", {"alpha": 0.8, "eps": TINY}),
    (
        "rmsprop",
        {"l2": 0.2, "epsilon": TINY},
        "RMSprop",
        {"alpha": 0.9, "eps": TINY, "weight_decay": 0.2},
    ),
    (
        "adagrad",
        {"initial_accumulator_value": 0.5, "l2": 0.2, "epsilon": TINY},
        "Adagrad",
        {"initial_accumulator_value": 0.5, "eps": TINY, "weight_decay": 0.2},
    ),
]


@pytest.mark.parametrize(("name", "settings", "kind", "options"), AS_PYTORCH)
def test_the_others_against_pytorch(name: str, settings: Kept, kind: str, options: Kept) -> None:
    found = moved(KerasOptimizer(name, 0.1, settings))
    np.testing.assert_allclose(found, by_torch(kind, **options), rtol=2e-5)


@pytest.mark.parametrize(
    ("name", "settings", "kind", "options"),
    [
        ("adam", {}, keras.optimizers.Adam, {}),
        ("adamw", {"weight_decay": 0.3}, keras.optimizers.AdamW, {"weight_decay": 0.3}),
        ("sgd", {"weight_decay": 0.3}, keras.optimizers.SGD, {"weight_decay": 0.3}),
        ("rmsprop", {"momentum": 0.9}, keras.optimizers.RMSprop, {"momentum": 0.9}),
        ("adagrad", {}, keras.optimizers.Adagrad, {}),
        ("lion", {"weight_decay": 0.3}, keras.optimizers.Lion, {"weight_decay": 0.3}),
    ],
)
def test_the_others_against_keras(name: str, settings: Kept, kind: Any, options: Kept) -> None:
    large = {} if name in ("sgd", "lion") else {"epsilon": 0.1}  # so that its place counts
    found = moved(KerasOptimizer(name, 0.1, settings | large))
    np.testing.assert_allclose(found, moved(kind(0.1, **options, **large)), rtol=1e-4)


def test_the_momentum_of_rmsprop_is_that_of_pytorch_while_the_learning_rate_stays(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(f"{__name__}.RATES", [0.1] * 5)
    found = moved(KerasOptimizer("rmsprop", 0.1, {"momentum": 0.9, "epsilon": TINY}))
    expected = by_torch("RMSprop", alpha=0.9, eps=TINY, momentum=0.9)
    np.testing.assert_allclose(found, expected, rtol=2e-5)


def test_nadam_keeps_its_momentum_over_many_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{__name__}.RATES", [0.002] * 400)
    settings = {"beta_1": 0.99, "beta_2": 0.99, "epsilon": 0.1}
    found = moved(KerasOptimizer("nadam", 0.1, settings))
    expected = by_torch("NAdam", betas=(0.99, 0.99), eps=0.1)
    np.testing.assert_allclose(found, expected, rtol=1e-4)
    assert np.all(np.abs(found - start()) > 0.01)


def test_lion_against_the_paper() -> None:
    weight, mean = start().astype(np.float64), np.zeros(3)
    for rate in RATES:
        g = gradient(weight) + 0.2 * weight
        update = np.sign(0.9 * mean + 0.1 * g)
        mean = 0.99 * mean + 0.01 * g
        weight = weight - rate * (update + 0.3 * weight)
    found = moved(KerasOptimizer("lion", 0.1, {"l2": 0.2, "weight_decay": 0.3}))
    np.testing.assert_allclose(found, weight, rtol=1e-5)


def test_works_in_fit_and_survives_its_configuration() -> None:
    inputs = keras.Input((2,))
    model = keras.Model(inputs, keras.layers.Dense(1)(inputs))
    model.set_weights([np.array([[1.0], [2.0]]), np.array([0.5])])
    optimizer = keras.optimizers.deserialize(
        keras.optimizers.serialize(KerasOptimizer("sgd", 0.1, {"momentum": 0.9, "l2": 0.2}))
    )
    model.compile(optimizer, "mse")
    x, y = np.array([[1.0, -1.0]], np.float32), np.array([[0.0]], np.float32)
    model.fit(x, y, epochs=1, verbose=0)
    # The prediction is -0.5: the gradient is 2 * -0.5 * (1, -1, 1), and l2 adds 0.2 * (1, 2, 0.5).
    kernel, bias = model.get_weights()
    np.testing.assert_allclose(kernel[:, 0], [1 - 0.1 * -0.8, 2 - 0.1 * 1.4], rtol=1e-6)
    np.testing.assert_allclose(bias, [0.5 - 0.1 * -0.9], rtol=1e-6)


class TestOptimizerRows:
    """An optimizer with two slots a weight, a step counter, and no place for momentum."""

    @pytest.fixture(autouse=True)
    def _counting(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def counting(
            weight: Weight, gradient: Any, scalars: Scalars, *, unit: float = 1.0
        ) -> Weight:
            step = keras.ops.cast(scalars["step"], "float32")
            slots = {"sum": weight.slots["sum"] + step, "last": weight.slots["last"] * 0 + step}
            return Weight(weight.value + unit * scalars["bonus"], slots)

        row = Optimizer(counting, ("sum", "last"), ("learning_rate", "step", "bonus"))
        monkeypatch.setitem(OPTIMIZERS, "counting", row)

    def settings(self, bonus: float) -> Training:
        parameters = {"learning_rate": 0.1, "bonus": bonus, "unit": 2.0}
        optimizer = Component("counting", parameters)
        return replace(test_fit.SETTINGS, optimizer=optimizer, momentum=0.0, l2=0.0, epochs=3)

    @pytest.mark.parametrize("engine", ["compiled", "streamed"])
    def test_slots_and_steps_are_counted_across_epochs_and_resumed_runs(
        self, engine: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(engines, "suits", lambda net, pipeline: engine == "compiled")
        settings = self.settings(0.25)
        state = test_fit.run(settings).state
        assert state.step == 15  # 18 examples in batches of four
        assert len(state.slots) == 2 * len(state.trainable)
        for place, weight in enumerate(state.trainable):
            total, last = state.slots[2 * place : 2 * place + 2]
            np.testing.assert_array_equal(total, np.full(weight.shape, 120.0))
            np.testing.assert_array_equal(last, np.full(weight.shape, 15.0))
            np.testing.assert_allclose(weight, state.initial[place] + 15 * 0.5, rtol=1e-6)
        test_fit.resumed(settings, test_fit.points, 1)

    @pytest.mark.usefixtures("own_programs")
    def test_what_is_a_scalar_does_not_compile_anew_and_other_parameters_do(self) -> None:
        shared = Engines()
        for bonus in (0.25, 0.5):
            test_fit.run(self.settings(bonus), engines=shared)
        assert len(shared.programs) == 1
        assert fixed(self.settings(0.25).optimizer) == {"unit": 2.0}

    @pytest.mark.parametrize("name", ["momentum", "l2"])
    def test_a_regularizer_without_a_place_is_refused(self, name: str) -> None:
        settings = replace(self.settings(0.25), **{name: 0.5})  # type: ignore[arg-type]
        with pytest.raises(ValueError, match=f"the optimizer counting has no place for {name}"):
            optimizer_of(settings)

    def test_keras_counts_the_same_steps(self) -> None:
        optimizer = KerasOptimizer("counting", 0.1, {"bonus": 0.25, "unit": 2.0})
        np.testing.assert_allclose(moved(optimizer), start() + 5 * 0.5, rtol=1e-6)
        assert float(optimizer.slots["sum"][0].numpy()[0]) == 15
