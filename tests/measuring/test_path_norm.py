"""Path norms against the paths themselves, one after another, and against closed forms."""

from __future__ import annotations

import itertools
from dataclasses import replace

import keras
import numpy as np
import pytest

from harness.measuring.found import Unmeasurable
from harness.measuring.path_norm import path_norm
from harness.measuring.trained import Trained
from harness.models.layers import BatchNormalization
from harness.training.step import Weights, network
from tests.training.backend_cases import SETTINGS, pipeline, untrained

RANDOM = np.random.default_rng(3)


def of(model: keras.Model) -> Trained:
    """Give the network random weights; its variances are positive."""
    for variable in model.weights:
        drawn = RANDOM.normal(size=variable.shape)
        variable.assign(np.abs(drawn) if "variance" in variable.name else drawn)
    data = pipeline()
    split = replace(data.train, inputs=np.zeros((3, *model.input_shape[1:]), np.float32))
    return Trained(network(model, SETTINGS), Weights([], [], []), replace(data, train=split), 0)


@pytest.mark.parametrize("p", [1, 2])
def test_of_a_perceptron_it_is_the_sum_over_all_paths(p: int) -> None:
    inputs = keras.Input((3,))
    hidden = keras.layers.ReLU()(keras.layers.Dense(4)(inputs))
    trained = of(keras.Model(inputs, keras.layers.Dense(2)(hidden)))
    first, bias, second, last = (np.asarray(each) for each in trained.net.model.weights)
    paths = [
        first[i, j] * second[j, k] for i, j, k in itertools.product(range(3), range(4), range(2))
    ]
    paths += [bias[j] * second[j, k] for j, k in itertools.product(range(4), range(2))]
    paths += list(last)
    expected = sum(abs(product) ** p for product in paths) ** (1 / p)
    assert path_norm(trained, p=p).values == {f"l{p}_path_norm": pytest.approx(expected, rel=1e-5)}


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("pooling", ["max", "average", "global"])
def test_a_path_leads_through_every_value_that_is_pooled(p: int, pooling: str) -> None:
    """Of a 1x1 convolution of 2x2 pixels, with a batch normalization, all paths are written out."""
    inputs = keras.Input((2, 2, 1))
    x = keras.layers.Conv2D(2, 1, use_bias=False)(inputs)
    x = keras.layers.ReLU()(BatchNormalization()(x))
    pooled = {
        "max": lambda: keras.layers.Flatten()(keras.layers.MaxPooling2D(2)(x)),
        "average": lambda: keras.layers.Flatten()(keras.layers.AveragePooling2D(2)(x)),
        "global": lambda: keras.layers.GlobalAveragePooling2D()(x),
    }[pooling]()
    model = keras.Model(inputs, keras.layers.Dense(2, use_bias=False)(pooled))
    trained = of(model)
    by_name = {each.path.rpartition("/")[2]: np.asarray(each) for each in model.layers[2].weights}
    kernel, out = np.asarray(model.layers[1].kernel), np.asarray(model.layers[-1].kernel)
    slope = by_name["gamma"] / np.sqrt(by_name["moving_variance"] + 1e-5)
    shift = by_name["beta"] - by_name["moving_mean"] * slope
    each = 1.0 if pooling == "max" else 0.25
    total = 0.0
    for channel, output, _pixel in itertools.product(range(2), range(2), range(4)):
        rest = each * out[channel, output]
        total += abs(kernel[0, 0, 0, channel] * slope[channel] * rest) ** p
        total += abs(shift[channel] * rest) ** p
    found = path_norm(trained, p=p).values
    assert found == {f"l{p}_path_norm": pytest.approx(total ** (1 / p), rel=1e-4)}


def test_a_skip_connection_is_a_path_of_its_own() -> None:
    inputs = keras.Input((2,))
    inner = keras.layers.Dense(2, use_bias=False)(inputs)
    model = keras.Model(inputs, keras.layers.Add()([inputs, inner]))
    trained = of(model)
    (kernel,) = (np.asarray(each) for each in model.weights)
    expected = 2 + np.abs(kernel).sum()
    assert path_norm(trained, p=1).values["l1_path_norm"] == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("name", ["vgg", "wide_resnet", "densenet", "small_inception"])
def test_networks_of_relus_have_one(name: str) -> None:
    """The l1 norm bounds the outputs: |f(x) - f(0)| is at most it, for inputs from -1 to 1."""
    trained = untrained(name, 0)
    model = trained.net.model
    x = RANDOM.uniform(-1, 1, (4, *model.input_shape[1:])).astype(np.float32)
    apart = np.asarray(model(x, training=False)) - np.asarray(model(0 * x, training=False))
    norm = path_norm(trained, p=1).values["l1_path_norm"]
    assert np.abs(apart).sum(axis=1).max() <= norm
    assert 0 < path_norm(trained, p=2).values["l2_path_norm"] < norm


def test_a_layer_without_paths_is_named() -> None:
    with pytest.raises(Unmeasurable, match="a LocalResponseNormalization"):
        path_norm(untrained("small_alexnet", 0), p=2)
