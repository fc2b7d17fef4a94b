"""Layers with the mathematics of PyTorch where Keras's own differ."""

from __future__ import annotations

from typing import Any

import keras
from keras import KerasTensor, ops


def convolution(
    x: KerasTensor, filters: int, size: int, *, stride: int = 1, bias: bool = True, name: str
) -> KerasTensor:
    """Apply a square convolution of odd `size`, padded by `size // 2` zeros on every side.

    The padding is explicit: with stride 2, Keras's "same" pads even sizes on the right and below only.
    """
    if size > 1:
        x = keras.layers.ZeroPadding2D(size // 2, name=f"{name}_pad")(x)
    return keras.layers.Conv2D(filters, size, strides=stride, padding="valid", use_bias=bias, name=name)(x)


@keras.saving.register_keras_serializable(package="harness")
class BatchNormalization(keras.layers.BatchNormalization):
    """Batch normalization over the last axis, as `torch.nn.BatchNorm2d` does it.

    Two things differ from Keras's: the defaults (momentum 0.1 there is 0.9 here; epsilon 1e-5),
    and the running variance, which averages the *unbiased* variance of the batches.
    Weights and their order are those of the Keras layer.
    """

    def __init__(self, *, momentum: float = 0.9, epsilon: float = 1e-5, **options: Any) -> None:
        super().__init__(momentum=momentum, epsilon=epsilon, **options)

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Normalize float32 [batch, ..., channels]; when training, by the batch's own moments."""
        if not (training and self.trainable):
            return super().call(inputs, training=False, mask=mask)
        normalized, mean, unbiased = self._normalized(inputs)
        self.moving_mean.assign(self.moving_mean * self.momentum + mean * (1 - self.momentum))
        self.moving_variance.assign(self.moving_variance * self.momentum + unbiased * (1 - self.momentum))
        return normalized

    def _normalized(self, inputs: Any) -> tuple[Any, Any, Any]:
        """Give the normalized inputs, the batch's mean and its unbiased variance."""
        if keras.config.backend() == "tensorflow" and len(inputs.shape) == 4:
            return _fused(inputs, self.gamma, self.beta, self.epsilon)
        mean, variance = ops.moments(inputs, list(range(len(inputs.shape) - 1)))
        count = ops.cast(ops.prod(ops.shape(inputs)[:-1]), variance.dtype)
        normalized = ops.batch_normalization(inputs, mean, variance, -1, self.beta, self.gamma, self.epsilon)
        return normalized, mean, variance * (count / ops.maximum(count - 1, 1))


def _fused(inputs: Any, gamma: Any, beta: Any, epsilon: float) -> tuple[Any, Any, Any]:
    """Normalize images in TensorFlow's one operation, which trains narrow networks 1.4 times as fast on the CPU."""
    import tensorflow as tf

    scale, offset = ops.convert_to_tensor(gamma), ops.convert_to_tensor(beta)
    normalized, mean, unbiased, *_ = tf.raw_ops.FusedBatchNormV3(
        x=inputs, scale=scale, offset=offset, mean=[], variance=[], epsilon=epsilon, is_training=True
    )
    return normalized, mean, unbiased
