"""Optimizers with the original's mathematics: one function and one row each.

An optimizer is a pure function of tensors, called for every trainable weight in every step. Its row
says what it keeps for a weight, and what may change without compiling a program anew.

SGD is PyTorch's. The others are the field's definitions as `keras.optimizers` has them, with its
defaults; where PyTorch differs, the docstring says how.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops

from harness.experiment import Component, Json, Training

Tensor = Any

Scalars = dict[str, Tensor]
"""The scalars of a step by their names: see `Optimizer.scalars`."""

STEP = "step"
"""The scalar that counts optimizer steps: 1 in the first step of a run, int32."""


class Weight(NamedTuple):
    """One trainable weight, and its slots by their names: tensors of the weight's shape."""

    value: Tensor
    slots: Mapping[str, Tensor]


@dataclass(frozen=True)
class Optimizer:
    """A row of the registry.

    `update(weight, gradient, scalars, **parameters)` takes and gives a `Weight`. `slots` names the
    state that is kept for each weight, zero at first.

    `scalars` names what the function gets as tensors, so that runs which differ in it share a
    compiled program: "learning_rate", as the schedule has it in the step; the regularizers
    "momentum" and "l2", where the optimizer has a place for them; "step", the number of the step,
    counted from 1; and any of the optimizer's own parameters. All are float32 but the step. The
    other parameters are given by keyword, as the specification has them.

    `decays` tells whether it has one more parameter, "weight_decay", which is handled here for all
    optimizers that have it: see `_decaying`.
    """

    update: Callable[..., Weight]
    slots: tuple[str, ...] = ()
    scalars: tuple[str, ...] = ("learning_rate",)
    decays: bool = False

    def with_parameters(self, parameters: Mapping[str, Json]) -> Optimizer:
        """Return it with an update that takes no more keywords."""
        own = {name: each for name, each in parameters.items() if name not in self.scalars}
        weight_decay = own.pop("weight_decay", 0.0) if self.decays else 0.0
        return replace(self, update=_decaying(partial(self.update, **own), weight_decay))


def sgd(
    weight: Weight,
    gradient: Tensor,
    scalars: Scalars,
    *,
    nesterov: bool = False,
    momentum_rule: str = "pytorch",
) -> Weight:
    """Make a step of stochastic gradient descent with coupled l2 and momentum.

    It is that of `torch.optim.SGD`. With gradient g, weight w, velocity v (zero at first) and
    learning rate r, a step is

        g <- g + l2 * w;  v <- momentum * v + g;  w <- w - r * v

    or, with `nesterov`, w <- w - r * (g + momentum * v). It holds for every trainable weight,
    biases and batch normalization included. With the `momentum_rule` "keras", the velocity holds
    steps as `keras.optimizers.SGD` has it, which differs where the learning rate changes:

        v <- momentum * v - r * g;  w <- w + v;  with `nesterov`, w <- w + momentum * v - r * g

    Of Keras's own ways to penalize weights, `weight_decay` is decoupled and a `kernel_regularizer`
    reaches kernels only.
    """
    learning_rate, momentum = scalars["learning_rate"], scalars["momentum"]
    value, velocity = weight.value, weight.slots["velocity"]
    gradient = gradient + scalars["l2"] * value
    if momentum_rule == "keras":
        velocity = momentum * velocity - learning_rate * gradient
        step = momentum * velocity - learning_rate * gradient if nesterov else velocity
        return Weight(value + step, {"velocity": velocity})
    velocity = momentum * velocity + gradient
    direction = gradient + momentum * velocity if nesterov else velocity
    return Weight(value - learning_rate * direction, {"velocity": velocity})


def adam(
    weight: Weight,
    gradient: Tensor,
    scalars: Scalars,
    *,
    beta_1: float = 0.9,
    beta_2: float = 0.999,
    epsilon: float = 1e-7,
) -> Weight:
    """Make a step of Adam with coupled l2.

    It is that of `keras.optimizers.Adam`. With gradient g, weight w, mean m, square s, learning
    rate r and step t, it is

        g <- g + l2 * w;  m <- beta_1 * m + (1 - beta_1) * g;  s <- beta_2 * s + (1 - beta_2) * g**2
        w <- w - r * sqrt(1 - beta_2**t) / (1 - beta_1**t) * m / (sqrt(s) + epsilon)

    `torch.optim.Adam` follows the paper's Algorithm 1, which adds its epsilon (1e-8 by default) to
    sqrt(s / (1 - beta_2**t)): that is this epsilon divided by sqrt(1 - beta_2**t), larger at first.

    Source: Kingma and Ba (2014), https://arxiv.org/abs/1412.6980, the form before section 2.1.
    """
    gradient = gradient + scalars["l2"] * weight.value
    mean, square = _moments(weight, gradient, beta_1, beta_2)
    step = scalars[STEP]
    rate = scalars["learning_rate"] * ops.sqrt(_unbias(beta_2, step)) / _unbias(beta_1, step)
    value = weight.value - rate * mean / (ops.sqrt(square) + epsilon)
    return Weight(value, {"mean": mean, "square": square})


def nadam(
    weight: Weight,
    gradient: Tensor,
    scalars: Scalars,
    *,
    beta_1: float = 0.9,
    beta_2: float = 0.999,
    epsilon: float = 1e-7,
) -> Weight:
    """Make a step of Adam with Nesterov momentum and coupled l2.

    It is that of `torch.optim.NAdam`, whose epsilon is 1e-8. With mean m and square s as in `adam`,
    u(t) = beta_1 * (1 - 0.96**(t / 250) / 2), and U(t) = u(1) * ... * u(t), it is

        n = u(t + 1) * m / (1 - U(t + 1)) + (1 - u(t)) * g / (1 - U(t))
        w <- w - r * n / (sqrt(s / (1 - beta_2**t)) + epsilon)

    `keras.optimizers.Nadam` has 0.96**t there, with which the momentum is whole at once.

    Source: Dozat (2016), Incorporating Nesterov Momentum into Adam, Algorithm 2.
    """
    gradient = gradient + scalars["l2"] * weight.value
    mean, square = _moments(weight, gradient, beta_1, beta_2)
    now = ops.cast(scalars[STEP], "float32")
    log = math.log(0.96) / 250
    present, following = (beta_1 * (1 - ops.exp(log * step) / 2) for step in (now, now + 1))
    ahead = following * mean / _unbias_product(beta_1, log, now + 1)
    ahead = ahead + (1 - present) * gradient / _unbias_product(beta_1, log, now)
    root = ops.sqrt(square / _unbias(beta_2, now))
    value = weight.value - scalars["learning_rate"] * ahead / (root + epsilon)
    return Weight(value, {"mean": mean, "square": square})


def _moments(
    weight: Weight, gradient: Tensor, beta_1: float, beta_2: float
) -> tuple[Tensor, Tensor]:
    """Give the running means of the gradient and of its square after a step."""
    mean = beta_1 * weight.slots["mean"] + (1 - beta_1) * gradient
    square = beta_2 * weight.slots["square"] + (1 - beta_2) * ops.square(gradient)
    return mean, square


def rmsprop(
    weight: Weight,
    gradient: Tensor,
    scalars: Scalars,
    *,
    rho: float = 0.9,
    epsilon: float = 1e-7,
) -> Weight:
    """Make a step of RMSprop with coupled l2 and momentum.

    It is that of `keras.optimizers.RMSprop`. With gradient g, weight w, square s, velocity v and
    learning rate r, it is

        g <- g + l2 * w;  s <- rho * s + (1 - rho) * g**2
        v <- momentum * v + r * g / sqrt(s + epsilon);  w <- w - v

    `torch.optim.RMSprop` has sqrt(s) + epsilon, 0.99 and 1e-8 by default, and its velocity is
    multiplied by the learning rate when it is used, not when it is made.

    Source: Tieleman and Hinton (2012), Neural Networks for Machine Learning, lecture 6.5, which
    says nothing of epsilon.
    """
    gradient = gradient + scalars["l2"] * weight.value
    square = rho * weight.slots["square"] + (1 - rho) * ops.square(gradient)
    step = scalars["learning_rate"] * gradient / ops.sqrt(square + epsilon)
    velocity = scalars["momentum"] * weight.slots["velocity"] + step
    return Weight(weight.value - velocity, {"square": square, "velocity": velocity})


def adagrad(
    weight: Weight,
    gradient: Tensor,
    scalars: Scalars,
    *,
    initial_accumulator_value: float = 0.1,
    epsilon: float = 1e-7,
) -> Weight:
    """Make a step of Adagrad with coupled l2.

    It is that of `keras.optimizers.Adagrad`. With gradient g, weight w, the sum s of all squared
    gradients, initial value a and learning rate r, it is

        g <- g + l2 * w;  s <- s + g**2;  w <- w - r * g / sqrt(a + s + epsilon)

    `torch.optim.Adagrad` has sqrt(a + s) + epsilon, and 0 and 1e-10 by default.

    Source: Duchi, Hazan and Singer (2011), JMLR 12, figure 1, with delta 0 and a and epsilon for
    it under the root.
    """
    gradient = gradient + scalars["l2"] * weight.value
    square = weight.slots["square"] + ops.square(gradient)
    root = ops.sqrt(square + (initial_accumulator_value + epsilon))
    return Weight(weight.value - scalars["learning_rate"] * gradient / root, {"square": square})


def lion(
    weight: Weight,
    gradient: Tensor,
    scalars: Scalars,
    *,
    beta_1: float = 0.9,
    beta_2: float = 0.99,
) -> Weight:
    """Make a step of Lion with coupled l2.

    It is that of `keras.optimizers.Lion`; PyTorch has none. With gradient g, weight w, mean m and
    learning rate r, it is

        g <- g + l2 * w;  w <- w - r * sign(beta_1 * m + (1 - beta_1) * g)
        m <- beta_2 * m + (1 - beta_2) * g

    Source: Chen et al. (2023), https://arxiv.org/abs/2302.06675, Algorithm 2.
    """
    gradient = gradient + scalars["l2"] * weight.value
    mean = weight.slots["mean"]
    direction = ops.sign(beta_1 * mean + (1 - beta_1) * gradient)
    value = weight.value - scalars["learning_rate"] * direction
    return Weight(value, {"mean": beta_2 * mean + (1 - beta_2) * gradient})


def _decaying(update: Callable[..., Weight], weight_decay: float) -> Callable[..., Weight]:
    """Give an update beside whose step weights decay, decoupled from the gradient.

    A step takes r * weight_decay * w off besides, w being the weight before it and r the learning
    rate, as in `keras.optimizers` and `torch.optim`. In the paper the decay follows the schedule
    but not the initial learning rate: its lambda is that times this `weight_decay`.

    Source: Loshchilov and Hutter (2017), https://arxiv.org/abs/1711.05101: SGDW and AdamW.
    """

    def decayed(weight: Weight, gradient: Tensor, scalars: Scalars) -> Weight:
        moved = update(weight, gradient, scalars)
        decay = scalars["learning_rate"] * weight_decay * weight.value
        return moved._replace(value=moved.value - decay)

    return decayed if weight_decay else update


def _unbias(beta: float, step: Tensor) -> Tensor:
    """Give 1 - beta**step, to the last digits of float32 also where beta is nearly 1."""
    return -ops.expm1(ops.cast(step, "float32") * _log(beta))


def _log(beta: float) -> float:
    return math.log(beta) if beta else -math.inf


_TERMS = np.arange(1, 33)
"""The terms of a series that are added up: the rest of it is below 1e-11 of the first."""


def _unbias_product(beta: float, log: float, step: Tensor) -> Tensor:
    """Give 1 - U(step), U being the product of beta * (1 - q**i / 2) for i from 1 to step.

    `log` is that of q. With log(1 - x) = -(x + x**2 / 2 + ...), the logarithm of U is

        step * log(beta) - sum over n of q**n / (n * 2**n) * (1 - q**(n * step)) / (1 - q**n)

    which needs nothing of earlier steps.
    """
    factors = np.exp(_TERMS * log) / (_TERMS * 2.0**_TERMS * np.expm1(_TERMS * log))
    powers = ops.expm1(step * (_TERMS * log).astype(np.float32))
    series = ops.sum(powers * factors.astype(np.float32))
    return -ops.expm1(step * _log(beta) - series)


_SGD = Optimizer(sgd, slots=("velocity",), scalars=("learning_rate", "momentum", "l2"), decays=True)
_ADAM = Optimizer(adam, slots=("mean", "square"), scalars=("learning_rate", STEP, "l2"))
_RMSPROP = Optimizer(rmsprop, slots=("square", "velocity"), scalars=_SGD.scalars)
_ADAGRAD = Optimizer(adagrad, slots=("square",), scalars=("learning_rate", "l2"))
_LION = Optimizer(lion, slots=("mean",), scalars=("learning_rate", "l2"), decays=True)

OPTIMIZERS: dict[str, Optimizer] = {
    "sgd": _SGD,
    "adam": _ADAM,
    "adamw": replace(_ADAM, decays=True),
    "nadam": replace(_ADAM, update=nadam),
    "rmsprop": _RMSPROP,
    "adagrad": _ADAGRAD,
    "lion": _LION,
}
"""The optimizers by the names that specifications use."""


def fixed(component: Component) -> dict[str, Json]:
    """Give the parameters of an optimizer that are compiled into programs."""
    row = OPTIMIZERS[component.name]
    return {name: each for name, each in component.parameters.items() if name not in row.scalars}


def optimizer_of(training: Training) -> Optimizer:
    """Look up the optimizer that `training` names; its update takes no more keywords.

    Raises KeyError for an unknown name, ValueError where a regularizer is on that the optimizer has
    no place for.
    """
    component = training.optimizer
    row = OPTIMIZERS[component.name]
    for name, strength in _regularizers(training).items():
        if strength and name not in row.scalars:
            raise ValueError(f"the optimizer {component.name} has no place for {name}")
    return row.with_parameters(component.parameters)


def scalars(training: Training, learning_rate: float | np.ndarray, step: int = 1) -> Scalars:
    """Give the scalars of a step as tensors; `step` is its number, counted from 1.

    With the learning rates of all steps of an epoch, float [steps], they are those of its first
    step, from which `of_step` makes those of each.
    """
    values = {
        **training.optimizer.parameters,
        **_regularizers(training),
        "learning_rate": learning_rate,
    }
    return {
        name: ops.convert_to_tensor(step, "int32")
        if name == STEP
        else ops.convert_to_tensor(values[name], "float32")
        for name in OPTIMIZERS[training.optimizer.name].scalars
    }


def later(values: Scalars, steps: Tensor) -> Scalars:
    """Give the scalars of the step that comes so many steps later, but for the learning rate."""
    return {**values, STEP: values[STEP] + steps} if STEP in values else values


def of_step(values: Scalars, taken: Tensor) -> Scalars:
    """Give the scalars of an epoch's step, so many having been taken of it before."""
    return {**later(values, taken), "learning_rate": values["learning_rate"][taken]}


def empty_slots(training: Training, weights: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
    """Give the slots of these weights at first, weight by weight."""
    names = OPTIMIZERS[training.optimizer.name].slots
    return tuple(np.zeros_like(array) for array in weights for _ in names)


def _regularizers(training: Training) -> dict[str, float]:
    return {"momentum": training.momentum, "l2": training.l2}


@keras.saving.register_keras_serializable(package="harness")
class KerasOptimizer(keras.optimizers.Optimizer):
    """An optimizer of the registry as Keras has them, for `model.compile`.

    Args:
        kind: The optimizer's name in the registry.
        learning_rate: A number or a schedule of Keras's.
        settings: Its other scalars and parameters; "momentum" and "l2" are 0 where they are not
            given.
        name: Its name in Keras; the optimizer's own where it is not given.
        **options: What `keras.optimizers.Optimizer` takes besides.
    """

    def __init__(
        self,
        kind: str,
        learning_rate: float = 0.01,
        settings: Mapping[str, Json] | None = None,
        name: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(learning_rate=learning_rate, name=name or kind, **options)
        self.kind = kind
        self.settings = dict(settings or {})
        self._row = OPTIMIZERS[kind].with_parameters(self.settings)

    def build(self, variables: list[keras.Variable]) -> None:
        """Create the slots."""
        if not self.built:
            super().build(variables)
            self.slots = {
                name: self.add_optimizer_variables(variables, name) for name in self._row.slots
            }

    def update_step(self, gradient: Tensor, variable: Any, learning_rate: Tensor) -> None:
        """Make one step of one variable in place."""
        place = self._get_variable_index(variable)
        own = {name: variables[place] for name, variables in self.slots.items()}
        moved = self._row.update(
            Weight(
                ops.convert_to_tensor(variable),
                {name: ops.convert_to_tensor(slot) for name, slot in own.items()},
            ),
            gradient,
            self._scalars(learning_rate),
        )
        for name, slot in own.items():
            self.assign(slot, moved.slots[name])
        self.assign(variable, moved.value)

    def _scalars(self, learning_rate: Tensor) -> Scalars:
        values = {
            "momentum": 0.0,
            "l2": 0.0,
            **self.settings,
            "learning_rate": learning_rate,
            STEP: ops.cast(self.iterations, "int32") + 1,
        }
        return {name: values[name] for name in self._row.scalars}

    def get_config(self) -> dict[str, Any]:
        """Give the arguments that build an equal optimizer."""
        return {**super().get_config(), "kind": self.kind, "settings": self.settings}
