"""Optimizers with the original's mathematics, usable in `model.fit` as well."""

from __future__ import annotations

from typing import Any, ClassVar

import keras

Tensor = Any


@keras.saving.register_keras_serializable(package="harness")
class Sgd(keras.optimizers.Optimizer):
    """Stochastic gradient descent with coupled l2 and momentum, as `torch.optim.SGD` does it.

    With gradient g, weight w, velocity v (zero at first) and learning rate r, a step is

        g <- g + l2 * w;  v <- momentum * v + g;  w <- w - r * v

    or, with `nesterov`, w <- w - r * (g + momentum * v). It holds for every trainable weight,
    biases and batch normalization included. With the `momentum_rule` "keras", the velocity holds
    steps as `keras.optimizers.SGD` has it, which differs where the learning rate changes:

        v <- momentum * v - r * g;  w <- w + v;  with `nesterov`, w <- w + momentum * v - r * g

    Of Keras's own ways to penalize weights, `weight_decay` is decoupled and a `kernel_regularizer`
    reaches kernels only.
    """

    SLOTS: ClassVar[int] = 1
    """How many arrays the optimizer keeps a weight, each of the weight's shape, zero at first."""

    def __init__(
        self,
        learning_rate: float = 0.01,
        momentum: float = 0.0,
        l2: float = 0.0,
        nesterov: bool = False,
        momentum_rule: str = "pytorch",
        name: str = "sgd",
        **options: Any,
    ) -> None:
        super().__init__(learning_rate=learning_rate, name=name, **options)
        self.momentum = momentum
        self.l2 = l2
        self.nesterov = nesterov
        self.momentum_rule = momentum_rule

    def build(self, variables: list[keras.Variable]) -> None:
        """Create the velocities."""
        if not self.built:
            super().build(variables)
            self.velocities = self.add_optimizer_variables(variables, "velocity")

    def updated(
        self,
        weight: Tensor,
        gradient: Tensor,
        slots: tuple[Tensor, ...],
        *,
        learning_rate: Tensor,
        momentum: Tensor,
        l2: Tensor,
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Give the weight and the slots after one step; all scalars may be tensors."""
        (velocity,) = slots
        gradient = gradient + l2 * weight
        if self.momentum_rule == "keras":
            velocity = momentum * velocity - learning_rate * gradient
            step = momentum * velocity - learning_rate * gradient if self.nesterov else velocity
            return weight + step, (velocity,)
        velocity = momentum * velocity + gradient
        direction = gradient + momentum * velocity if self.nesterov else velocity
        return weight - learning_rate * direction, (velocity,)

    def update_step(self, gradient: Tensor, variable: Any, learning_rate: Tensor) -> None:
        """Make one step of one variable in place."""
        velocity = self.velocities[self._get_variable_index(variable)]
        weight, (moved,) = self.updated(
            keras.ops.convert_to_tensor(variable),
            gradient,
            (keras.ops.convert_to_tensor(velocity),),
            learning_rate=learning_rate,
            momentum=self.momentum,
            l2=self.l2,
        )
        self.assign(velocity, moved)
        self.assign(variable, weight)

    def get_config(self) -> dict[str, Any]:
        """Give the arguments that build an equal optimizer."""
        own = ("momentum", "l2", "nesterov", "momentum_rule")
        return {**super().get_config(), **{name: getattr(self, name) for name in own}}


OPTIMIZERS: dict[str, type[Sgd]] = {"sgd": Sgd}
"""The optimizers by name; each has `SLOTS` and `updated` beside what Keras asks for."""
