"""What each of Keras's backends does differently: gradients, and compilation to an XLA program.

All other mathematics of training is written once, in `keras.ops`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import keras
from keras import ops

Tensor = Any
Kept = TypeVar("Kept")
Function = TypeVar("Function", bound=Callable[..., Any])


def on_jax() -> bool:
    """Tell whether this process computes with JAX; else it is TensorFlow."""
    return bool(keras.backend.backend() == "jax")


UNKNOWN_MEMORY = 4 * 2**30
"""Bytes that an accelerator is taken to have where it does not tell: as few as any in use."""


def accelerator_memory() -> int | None:
    """Return how many bytes of an accelerator this process may still take; None on the CPU.

    What other processes have taken is not known.
    """
    if on_jax():
        import jax

        device = jax.devices()[0]
        if device.platform == "cpu":
            return None
        told = device.memory_stats() or {}
        return int(told.get("bytes_limit", UNKNOWN_MEMORY)) - int(told.get("bytes_in_use", 0))
    import tensorflow as tf

    if not tf.config.list_physical_devices("GPU"):
        return None
    # TensorFlow tells what it has taken, and not what there is.
    return UNKNOWN_MEMORY - int(tf.config.experimental.get_memory_info("GPU:0")["current"])


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


def hessian_vector_product(
    function: Callable[[list[Tensor]], tuple[Tensor, Kept]],
    weights: list[Tensor],
    vector: list[Tensor],
) -> list[Tensor]:
    """Give the product of a vector and the Hessian of the loss that `function(weights)` gives.

    It is the gradient of the product of the gradient and the vector (Pearlmutter 1994).
    """

    def slope(weights: list[Tensor]) -> tuple[Tensor, None]:
        _, _, found = gradients(function, weights)
        return sum(ops.sum(g * v) for g, v in zip(found, vector, strict=True)), None

    found = gradients(slope, weights)[2]
    # TensorFlow gives None where the slope does not depend on a weight.
    return [
        ops.zeros_like(weight) if each is None else each
        for weight, each in zip(weights, found, strict=True)
    ]


def program(function: Function) -> Function:
    """Give the function as one program, compiled as the backend likes."""
    if on_jax():
        return xla_program(function)
    import tensorflow as tf

    return tf.function(function, autograph=False)


def xla_program(function: Function) -> Function:
    """Give the function as one XLA program.

    It is traced when it is called first, and for tensors of other shapes.
    """
    if on_jax():
        import jax

        return jax.jit(function)
    import tensorflow as tf

    return tf.function(function, jit_compile=True, autograph=False)
