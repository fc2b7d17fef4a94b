"""What is not compared with PyTorch in tests/models/test_against_pytorch.py: norms, losses that are
summed, and what may be done with a gradient before the optimizer gets it.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from harness.experiment import Average, Component, SharpnessAware, Training
from harness.models.initialization import initialize
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


SGD = {"learning_rate": 0.1, "momentum": 0.0, "l2": 0.01}
X = np.random.default_rng(3).normal(size=(10, 2)).astype(np.float32)
Y = np.arange(10, dtype=np.int32) % 2


def changed(**changes: Any) -> Training:
    return replace(settings("binary_cross_entropy", "mean"), momentum=0.0, l2=0.01, **changes)


def logistic() -> keras.Model:
    """Build a logistic regression on two features."""
    inputs = keras.Input((2,))
    model = keras.Model(inputs, keras.layers.Dense(1)(inputs))
    model.set_weights([np.array([[1.5], [-2.0]]), np.array([0.25])])
    return model


def step_of(model: keras.Model, training: Training) -> Callable[[Any, Any], Weights]:
    """Give what makes a step from the model's weights, on some examples."""
    start = tensors(model)
    start = start._replace(
        average=[*start.trainable, *start.non_trainable] if training.average else ()
    )
    scalars = {name: tf.constant(value) for name, value in SGD.items()}
    return lambda x, y: training_step(network(model, training), start, x, y, scalars)[0]


def stepped(model: keras.Model, training: Training, x: Any = X, y: Any = Y) -> Weights:
    """Make a step from the model's weights."""
    return step_of(model, training)(x, y)


def gradient(weights: np.ndarray) -> np.ndarray:
    """Give the gradient of the logistic regression's mean loss: two weights and a bias."""
    z = X @ weights[:2] + weights[2]
    error = 1 / (1 + np.exp(-z)) - Y
    return np.array([*(X.T @ error), error.sum()]) / len(Y)


FIRST = np.array([1.5, -2.0, 0.25])


def flat(weights: list[Any]) -> np.ndarray:
    return np.concatenate([np.ravel(each) for each in weights])


@pytest.mark.parametrize(("most", "times"), [(0.05, None), (100.0, 1.0)])
def test_a_long_gradient_is_clipped_before_l2_is_added(most: float, times: float | None) -> None:
    slope = gradient(FIRST)
    factor = times or most / np.linalg.norm(slope)
    assert factor <= 1
    expected = FIRST - 0.1 * (factor * slope + 0.01 * FIRST)
    found = stepped(logistic(), changed(clip_norm=most))
    np.testing.assert_allclose(flat(found.trainable), expected, rtol=1e-5)


def test_sharpness_aware_minimization_takes_the_gradient_uphill() -> None:
    slope = gradient(FIRST)
    uphill = gradient(FIRST + 0.5 * slope / np.linalg.norm(slope))
    expected = FIRST - 0.1 * (uphill + 0.01 * FIRST)
    found = stepped(logistic(), changed(sharpness_aware=SharpnessAware(0.5)))
    np.testing.assert_allclose(flat(found.trainable), expected, rtol=1e-5)
    assert not np.allclose(uphill, slope, rtol=0.05)


def test_sharpness_aware_minimization_goes_nowhere_from_a_flat_place() -> None:
    model = logistic()
    model.set_weights([np.zeros((2, 1)), np.zeros(1)])
    training = replace(changed(sharpness_aware=SharpnessAware(0.5)), l2=0.0)
    found = stepped(model, training, np.zeros((2, 2), np.float32), np.array([0, 1], np.int32))
    np.testing.assert_array_equal(flat(found.trainable), np.zeros(3))


def normalized() -> keras.Model:
    """Build a small network with batch normalization and dropout."""
    inputs = keras.Input((2,))
    x = keras.layers.BatchNormalization(momentum=0.75)(keras.layers.Dense(3)(inputs))
    x = keras.layers.Dropout(0.5, seed=7)(x)
    model = keras.Model(inputs, keras.layers.Dense(1)(x))
    initialize(model, Component("fan_in_uniform"), 0)
    return model


def test_of_both_gradients_the_first_alone_moves_statistics_and_both_drop_the_same() -> None:
    plain, aware = (
        stepped(normalized(), changed(sharpness_aware=each)) for each in (None, SharpnessAware(0.5))
    )
    for one, other in zip(plain.non_trainable, aware.non_trainable, strict=True):
        np.testing.assert_array_equal(one, other)
    assert not np.allclose(flat(plain.trainable), flat(aware.trainable))
    nowhere = stepped(normalized(), changed(sharpness_aware=SharpnessAware(1e-30)))
    np.testing.assert_allclose(flat(nowhere.trainable), flat(plain.trainable), rtol=1e-6)


def test_statistics_are_averaged_like_weights_and_the_seed_of_dropout_is_not() -> None:
    model = normalized()
    start = tensors(model)
    found = stepped(model, changed(average=Average(0.75)))
    both = zip(
        [*start.trainable, *start.non_trainable],
        [*found.trainable, *found.non_trainable],
        found.average,
        strict=True,
    )
    for before, after, average in both:
        real = average.dtype.is_floating
        expected = 0.75 * before + 0.25 * after if real else after
        np.testing.assert_allclose(average, expected, rtol=1e-6)
    assert sum(not each.dtype.is_floating for each in found.average) == 1
    trainable, others = found.final
    assert [len(trainable), len(others)] == [len(start.trainable), len(start.non_trainable)]


def as_graph(step: Callable[..., Any]) -> Callable[..., Any]:
    """Let the number of examples be unknown, as in a graph over `tf.data`."""
    signature = [tf.TensorSpec([None, 2]), tf.TensorSpec([None], tf.int32)]
    return tf.function(step, input_signature=signature, autograph=False)


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("size", [3, 5, 16])
def test_accumulated_batches_have_the_gradient_of_all(
    known: bool, reduction: str, size: int
) -> None:
    """Ten examples are three batches of three and one, two of five, or less than one."""
    one = changed(batch_size=10, loss_reduction=reduction)
    many = changed(batch_size=size, accumulate=4, loss_reduction=reduction)
    expected = stepped(logistic(), one)
    step = step_of(logistic(), many)
    found = (step if known else as_graph(step))(tf.constant(X), tf.constant(Y))
    np.testing.assert_allclose(flat(found.trainable), flat(expected.trainable), rtol=1e-5)


def test_accumulated_batches_move_statistics_one_after_another() -> None:
    found = stepped(normalized(), changed(batch_size=4, accumulate=3))
    kernel, bias = (each.numpy() for each in normalized().trainable_variables[:2])
    mean = np.zeros(3)
    for part in (X[:4], X[4:8], X[8:]):
        mean = 0.75 * mean + 0.25 * (part @ kernel + bias).mean(0)
    np.testing.assert_allclose(found.non_trainable[0], mean, rtol=1e-5)
