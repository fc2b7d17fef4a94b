"""What each of Keras's backends does differently: gradients, and compilation to an XLA program.

All other mathematics of training is written once, in `keras.ops`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import keras

Tensor = Any
Kept = TypeVar("Kept")
Function = TypeVar("Function", bound=Callable[..., Any])


def on_jax() -> bool:
    """Tell whether this process computes with JAX; else it is TensorFlow."""
    return bool(keras.backend.backend() == "jax")


def gradients(
    function: Callable[[list[Tensor]], tuple[Tensor, Kept]], weights: list[Tensor]
) -> tuple[Tensor, Kept, list[Tensor]]:
    """Give what `function(weights)` gives, a loss and more, and the gradients of the loss."""
    if on_jax():
        import jax

        (loss, kept), found = jax.value_and_grad(function, has_aux=True)(weights)
        return loss, kept, found
    import tensorflow as tf

    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(weights)
        loss, kept = function(weights)
    return loss, kept, tape.gradient(loss, weights)


def xla_program(function: Function) -> Function:
    """Give the function as one XLA program.

    It is traced when it is called first, and for tensors of other shapes.
    """
    if on_jax():
        import jax

        return jax.jit(function)
    import tensorflow as tf

    return tf.function(function, jit_compile=True, autograph=False)
