import json
import math
from importlib import resources

import keras
import numpy as np
import pytest

from harness.data import randomness
from harness.models.initialization import INITIALIZATIONS, initialize
from harness.models.registry import build
from harness.spec.records import Component

RESNET = Component("resnet", {"blocks": [1], "width": 8, "block": "basic"})


def weights(name: str, seed: int = 0, component: Component = RESNET) -> list[np.ndarray]:
    model = build(component, (8, 8, 3), 10)
    initialize(model, Component(name), seed)
    return list(model.get_weights())


def test_schema_and_registry_name_the_same_initializations() -> None:
    schema = json.loads(resources.files("harness.spec").joinpath("experiment.schema.json").read_text())
    assert set(schema["$defs"]["initialization"]["properties"]["name"]["enum"]) == set(INITIALIZATIONS)


@pytest.mark.parametrize("name", sorted(INITIALIZATIONS))
def test_weights_depend_on_the_seed_alone(name: str) -> None:
    for _ in range(3):
        keras.layers.Dense(1)  # moves Keras's counters
    first, again, other = weights(name), weights(name), weights(name, seed=1)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    kernels = [index for index, array in enumerate(first) if array.ndim > 1]
    assert not any(np.array_equal(first[index], other[index]) for index in kernels)


def test_one_number_by_hand() -> None:
    kernel, bias = weights("fan_in_uniform", 7, Component("perceptron", {"hidden": []}))
    fan_in = 8 * 8 * 3
    drawn = randomness.uniforms(7, "initialization/1", 0, 0, 3, 4).ravel()[:10]
    np.testing.assert_array_equal(bias, ((2 * drawn - 1) / math.sqrt(fan_in)).astype(np.float32))
    assert kernel.shape == (fan_in, 10)


def test_distributions() -> None:
    wide = Component("perceptron", {"hidden": [400, 300]})
    for name, deviation in {
        "fan_in_uniform": 1 / math.sqrt(3 * 400),
        "he_normal": math.sqrt(2 / 400),
        "glorot_uniform": math.sqrt(2 / 700),
    }.items():
        kernel, bias = weights(name, component=wide)[2:4]
        assert kernel.mean() == pytest.approx(0, abs=5 * deviation / math.sqrt(kernel.size))
        assert kernel.std() == pytest.approx(deviation, rel=0.01)
        assert (bias.std() > 0) == (name == "fan_in_uniform")
    assert np.abs(weights("fan_in_uniform", component=wide)[2]).max() <= 1 / 20


def test_batch_normalization_starts_from_identity() -> None:
    model = build(RESNET, (8, 8, 3), 10)
    initialize(model, Component("he_normal"), 0)
    layer = model.get_layer("stem_norm")
    assert [float(array.mean()) for array in layer.get_weights()] == [1, 0, 0, 1]


def test_a_weight_without_a_rule_is_named() -> None:
    inputs = keras.Input((3,))
    model = keras.Model(inputs, keras.layers.PReLU(name="slope")(inputs))
    with pytest.raises(ValueError, match="slope/alpha"):
        initialize(model, Component("he_normal"), 0)
