"""Optimizers with the original's mathematics: one function and one row each.

An optimizer is a pure function of tensors, called for every trainable weight in every step. Its row
says what it keeps for a weight, and what may change without compiling a program anew.
"""

from __future__ import annotations

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
    compiled program: "learning_rate", as the schedule has it in the epoch; the regularizers
    "momentum" and "l2", where the optimizer has a place for them; "step", the number of the step,
    counted from 1; and any of the optimizer's own parameters. All are float32 but the step. The
    other parameters are given by keyword, as the specification has them.
    """

    update: Callable[..., Weight]
    slots: tuple[str, ...] = ()
    scalars: tuple[str, ...] = ("learning_rate",)


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


OPTIMIZERS: dict[str, Optimizer] = {
    "sgd": Optimizer(sgd, slots=("velocity",), scalars=("learning_rate", "momentum", "l2")),
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
    return replace(row, update=partial(row.update, **fixed(component)))


def scalars(training: Training, learning_rate: float, step: int = 1) -> Scalars:
    """Give the scalars of a step as tensors; `step` is its number, counted from 1."""
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
    """Give the scalars of the step that comes so many steps later in the same epoch."""
    return {**values, STEP: values[STEP] + steps} if STEP in values else values


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
        self._row = OPTIMIZERS[kind]

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
            **fixed(Component(self.kind, self.settings)),
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
