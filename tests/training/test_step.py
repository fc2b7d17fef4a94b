"""What is not compared with PyTorch in tests/models/test_against_pytorch.py: norms, and losses that
are summed.
"""

import keras
import numpy as np
import tensorflow as tf

from harness.experiment import Component, Training
from harness.models.registry import build
from harness.training.step import Weights, network, norms, training_step


def settings(loss: str, reduction: str) -> Training:
    return Training(
        loss=loss,
        loss_reduction=reduction,
        optimizer=Component("sgd", {"learning_rate": 0.1, "nesterov": False}),
        momentum=0.9,
        l2=5e-4,
        schedule=Component("constant"),
        batch_size=8,
        last_batch="keep",
        epochs=1,
        stop_when=None,
        measure_every=1,
    )


def tensors(model: keras.Model) -> Weights:
    trainable = [tf.constant(variable.numpy()) for variable in model.trainable_variables]
    statistics = [tf.constant(variable.numpy()) for variable in model.non_trainable_variables]
    return Weights(trainable, statistics, [tf.zeros_like(tensor) for tensor in trainable])


def test_norms_by_hand() -> None:
    weights = Weights([tf.constant([3.0, 0.0]), tf.constant([[4.0]])], [], [])
    initial = [tf.constant([3.0, 5.0]), tf.constant([[-8.0]])]
    np.testing.assert_allclose(norms(weights, initial), [5, 13])


def test_a_summed_loss_moves_as_many_times_further() -> None:
    model = build(Component("perceptron", {"hidden": [3]}), (2,), 1)
    x, y = tf.constant([[1.0, 2.0], [0.5, -1.0]]), tf.constant([0, 1])
    values = {"learning_rate": 0.1, "momentum": 0.0, "l2": 0.0}
    scalars = {name: tf.constant(value) for name, value in values.items()}
    start = tensors(model)
    mean, total = (
        training_step(network(model, settings("binary_cross_entropy", kind)), start, x, y, scalars)[
            0
        ]
        for kind in ("mean", "sum")
    )
    for before, one, other in zip(start.trainable, mean.trainable, total.trainable, strict=True):
        np.testing.assert_allclose(2 * (one - before), other - before, atol=1e-6)
