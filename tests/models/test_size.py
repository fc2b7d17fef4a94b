"""The rough number of weights against networks that are built."""

from __future__ import annotations

import math

import pytest

from harness.experiment import Component, Json
from harness.models.registry import MODELS, build, kernel_weights
from harness.models.shapes import Shapes
from harness.spec import schema

NETWORKS: list[tuple[str, Json]] = [
    ("perceptron", {"hidden": [30, 20]}),
    ("perceptron", {"hidden": []}),
    ("convnet", {"width": 8}),
    ("vgg", {"convolutions": [1, 2, 1], "width": 8}),
    ("vgg", {"convolutions": [1, 1], "width": 8, "batch_norm": False}),
    ("resnet", {"blocks": [2, 1], "width": 8}),
    ("resnet", {"blocks": [2, 1], "width": 8, "block": "bottleneck"}),
    ("wide_resnet", {"depth": 16, "widen_factor": 2, "width": 4}),
    ("wide_resnet", {"depth": 10, "width": 8}),
    ("densenet", {"layers": [2, 3], "growth": 6}),
    ("densenet", {"layers": [2, 3], "growth": 6, "bottleneck": False, "reduction": 0.7}),
    ("small_inception", {"width_multiplier": 0.5}),
    ("small_inception", {"width_multiplier": 2}),
    ("small_alexnet", {"width": 8, "hidden": [12, 9]}),
]


def test_every_network_is_known() -> None:
    assert {name for name, _ in NETWORKS} == set(MODELS)


def test_a_network_that_is_not_known_has_no_count() -> None:
    assert kernel_weights(Component("transformer"), Shapes((8, 8, 3), 10)) is None


@pytest.mark.parametrize(("name", "changed"), NETWORKS)
def test_it_is_about_what_the_built_network_has(name: str, changed: Json) -> None:
    filled = schema.fill_defaults(schema.definition("model"), {"name": name, **changed})
    component = Component(name, {key: value for key, value in filled.items() if key != "name"})
    kernels = [
        math.prod(weight.shape)
        for weight in build(component, (10, 9, 3), 5).trainable_weights
        if len(weight.shape) > 1
    ]
    counted = kernel_weights(component, Shapes((10, 9, 3), 5))
    assert counted == pytest.approx(sum(kernels), rel=0.1 if name == "small_inception" else 1e-9)
