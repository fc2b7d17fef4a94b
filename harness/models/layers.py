"""Layers that networks share.

Keras lacks them, or has them with other mathematics than the originals' frameworks.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import KerasTensor, ops


def convolution(
    x: KerasTensor, filters: int, size: int, *, stride: int = 1, bias: bool = True, name: str
) -> KerasTensor:
    """Apply a square convolution of odd `size`, padded by `size // 2` zeros on every side.

    With stride 1, Keras's "same" is that, and is computed without a padded copy of the inputs and
    without gradients for the padding; with stride 2 it pads even sizes on the right and below only,
    so that the padding is a layer of its own.
    """
    if size > 1 and stride > 1:
        x = keras.layers.ZeroPadding2D(size // 2, name=f"{name}_pad")(x)
    padding = "same" if stride == 1 else "valid"
    return keras.layers.Conv2D(
        filters, size, strides=stride, padding=padding, use_bias=bias, name=name
    )(x)


def normalized_relu(x: KerasTensor, *, name: str) -> KerasTensor:
    """Apply batch normalization, then ReLU, as networks do that normalize before a convolution."""
    return keras.layers.ReLU(name=f"{name}_relu")(BatchNormalization(name=f"{name}_norm")(x))


def dropped(x: KerasTensor, rate: float, *, name: str) -> KerasTensor:
    """Apply dropout of the share `rate` of the values; a rate of 0 adds no layer.

    Source: Srivastava et al. (2014), "Dropout: a simple way to prevent neural networks from
        overfitting".
    """
    return keras.layers.Dropout(rate, name=name)(x) if rate > 0 else x


@keras.saving.register_keras_serializable(package="harness")
class BatchNormalization(keras.layers.BatchNormalization):
    """Batch normalization over the last axis, as `torch.nn.BatchNorm2d` does it.

    Two things differ from Keras's: the defaults (momentum 0.1 there is 0.9 here; epsilon 1e-5),
    and the running variance, which averages the *unbiased* variance of the batches.
    Weights and their order are those of the Keras layer; `scale=False` leaves out gamma.
    """

    def __init__(self, *, momentum: float = 0.9, epsilon: float = 1e-5, **options: Any) -> None:
        super().__init__(momentum=momentum, epsilon=epsilon, **options)

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Normalize float32 [batch, ..., channels]; when training, by the batch's own moments."""
        if not (training and self.trainable):
            return super().call(inputs, training=False, mask=mask)
        normalized, mean, unbiased = self._normalized(inputs)
        self.moving_mean.assign(self.moving_mean * self.momentum + mean * (1 - self.momentum))
        self.moving_variance.assign(
            self.moving_variance * self.momentum + unbiased * (1 - self.momentum)
        )
        return normalized

    def _normalized(self, inputs: Any) -> tuple[Any, Any, Any]:
        """Give the normalized inputs, the batch's mean and its unbiased variance."""
        if keras.config.backend() == "tensorflow" and len(inputs.shape) == 4:
            return _fused(inputs, self.gamma, self.beta, self.epsilon)
        x = ops.cast(inputs, self.variable_dtype)
        mean, variance = ops.moments(x, list(range(len(x.shape) - 1)))
        count = ops.cast(ops.prod(ops.shape(x)[:-1]), variance.dtype)
        normalized = ops.batch_normalization(
            x, mean, variance, -1, self.beta, self.gamma, self.epsilon
        )
        return (
            ops.cast(normalized, inputs.dtype),
            mean,
            variance * (count / ops.maximum(count - 1, 1)),
        )


def _fused(inputs: Any, gamma: Any, beta: Any, epsilon: float) -> tuple[Any, Any, Any]:
    """Normalize images in TensorFlow's one operation.

    It trains narrow networks 1.4 times as fast on the CPU.
    """
    import tensorflow as tf

    offset = ops.convert_to_tensor(beta)
    scale = ops.ones_like(offset) if gamma is None else ops.convert_to_tensor(gamma)
    normalized, mean, unbiased, *_ = tf.raw_ops.FusedBatchNormV3(
        x=inputs,
        scale=scale,
        offset=offset,
        mean=[],
        variance=[],
        epsilon=epsilon,
        is_training=True,
    )
    return normalized, mean, unbiased


@keras.saving.register_keras_serializable(package="harness")
class LocalResponseNormalization(keras.layers.Layer):
    """Local response normalization across the channels.

    It is that of `tf.nn.local_response_normalization`. Takes and gives floats [batch, ...,
    channels]. With radius r, channel c of the output y is, of the input x,

        y[c] = x[c] / (bias + alpha * sum of x[i]**2 over i from c - r to c + r) ** beta

    where channels that do not exist count as zero. `torch.nn.LocalResponseNorm(size, alpha, beta,
    k)` is the same with size 2r + 1, k for the bias, and size times this alpha.
    Source: Krizhevsky, Sutskever and Hinton (2012), section 3.3; the defaults are those of
        TensorFlow's CIFAR-10 tutorial.
    """

    def __init__(
        self,
        *,
        radius: int = 4,
        bias: float = 1.0,
        alpha: float = 0.001 / 9,
        beta: float = 0.75,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.radius = radius
        self.bias = bias
        self.alpha = alpha
        self.beta = beta

    def call(self, inputs: Any) -> Any:
        """Normalize; powers and sums are taken in float32 at least."""
        x = ops.cast(inputs, keras.backend.result_type(inputs.dtype, "float32"))
        # A product with a band matrix, and a logarithm's exponential: on the CPU, shifted sums and
        # a power take fifteen times as long to train with.
        places = np.arange(x.shape[-1])
        band = ops.cast(np.abs(places[:, None] - places) <= self.radius, x.dtype)
        total = ops.matmul(ops.square(x), band)
        return ops.cast(
            x * ops.exp(-self.beta * ops.log(self.bias + self.alpha * total)), inputs.dtype
        )

    def get_config(self) -> dict[str, Any]:
        """Give the arguments that build an equal layer."""
        own = ("radius", "bias", "alpha", "beta")
        return {**super().get_config(), **{name: getattr(self, name) for name in own}}
