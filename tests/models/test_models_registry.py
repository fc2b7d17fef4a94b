import json
from collections.abc import Mapping
from importlib import resources

import keras
import numpy as np
import pytest

from harness.models.registry import MODELS, build
from harness.spec.records import Component


def test_schema_and_registry_name_the_same_models() -> None:
    schema = json.loads(resources.files("harness.spec").joinpath("experiment.schema.json").read_text())
    assert set(schema["$defs"]["model"]["properties"]["name"]["enum"]) == set(MODELS)


def counts(model: keras.Model) -> tuple[int, int]:
    trainable, statistics = (
        sum(int(np.prod(weight.shape)) for weight in weights)
        for weights in (model.trainable_weights, model.non_trainable_weights)
    )
    return trainable, statistics


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"blocks": [2, 2, 2, 2], "width": 64, "block": "basic"}, (11_173_962, 9_600)),
        ({"blocks": [3, 4, 6, 3], "width": 64, "block": "bottleneck"}, (23_520_842, 53_120)),
    ],
)
def test_residual_networks_have_the_published_sizes(
    parameters: Mapping[str, object], expected: tuple[int, int]
) -> None:
    assert counts(build(Component("resnet", parameters), (32, 32, 3), 10)) == expected


@pytest.mark.parametrize(
    ("component", "shape", "parameters"),
    [
        (Component("perceptron", {"hidden": [100, 100]}), (2,), 300 + 10_100 + 101),
        (Component("perceptron", {"hidden": []}), (3, 2, 1), 7),
        (Component("convnet", {"width": 4}), (8, 8, 1), 40 + 4 * 9 * 8 + 8 + 8 * 9 * 8 + 8 + 2 * 2 * 8 + 1),
    ],
)
def test_small_networks_count_and_give_logits(component: Component, shape: tuple[int, ...], parameters: int) -> None:
    model = build(component, shape, 1)
    assert counts(model) == (parameters, 0)
    assert model.output_shape == (None, 1)
    assert model.layers[-1].activation is keras.activations.linear


def test_two_builds_have_equal_names() -> None:
    component = Component("resnet", {"blocks": [1, 1], "width": 2, "block": "bottleneck"})
    assert build(component, (8, 8, 3), 2).to_json() == build(component, (8, 8, 3), 2).to_json()


def test_unknown_names_and_parameters() -> None:
    with pytest.raises(KeyError):
        build(Component("perceptrons"), (2,), 1)
    with pytest.raises(TypeError):
        build(Component("perceptron", {"width": 3}), (2,), 1)
