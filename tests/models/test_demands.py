import inspect
import subprocess
import sys
from typing import Any

import keras
import numpy as np
import pytest

from harness.experiment import Component
from harness.models.registry import MODELS, build
from harness.spec import schema


def test_dropout_has_a_place_where_the_network_takes_it() -> None:
    takes = {
        name
        for name, model in MODELS.items()
        if "dropout" in inspect.signature(model.load()).parameters
    }
    assert {name for name, row in MODELS.items() if row.dropout(parameters(name, {}))} == takes
    assert not MODELS["perceptron"].dropout({"hidden": []})


def test_no_framework_is_needed_to_know() -> None:
    code = (
        "import sys, harness.models.registry; sys.exit('keras' in sys.modules or 'tensorflow' in"
        " sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_vectors_and_images_alike() -> None:
    assert [name for name, row in MODELS.items() if row.smallest is None] == ["perceptron"]
    for shape in ((3,), (1, 1, 1)):
        assert build(Component("perceptron", {"hidden": [2]}), shape, 2).output_shape == (None, 2)


NARROW: dict[str, dict[str, Any]] = {
    "convnet": {"width": 2},
    "vgg": {"width": 2},
    "resnet": {"width": 2},
    "wide_resnet": {"width": 2, "depth": 10},
    "densenet": {"growth": 2},
    "small_inception": {"width_multiplier": 0.02},
    "small_alexnet": {"width": 2, "hidden": [3]},
}


def network(name: str, side: int, changed: dict[str, Any]) -> keras.Model:
    return build(Component(name, parameters(name, changed)), (side, side, 3), 2)


def parameters(name: str, changed: dict[str, Any]) -> dict[str, Any]:
    filled = schema.fill_defaults(
        schema.definition("model"), {"name": name, **NARROW.get(name, {}), **changed}
    )
    return {key: value for key, value in filled.items() if key != "name"}


SMALLEST: list[tuple[str, dict[str, Any], int]] = [
    ("convnet", {}, 4),
    ("vgg", {}, 32),
    ("vgg", {"convolutions": [1, 1]}, 4),
    ("resnet", {}, 8),
    ("resnet", {"blocks": [1]}, 1),
    ("wide_resnet", {}, 4),
    ("densenet", {}, 4),
    ("densenet", {"layers": [1, 1, 1, 1]}, 8),
    ("densenet", {"layers": [2]}, 1),
    ("small_inception", {}, 4),
    ("small_alexnet", {}, 4),
]


@pytest.mark.parametrize(("name", "changed", "side"), SMALLEST)
def test_the_smallest_image_gives_logits(name: str, changed: dict[str, Any], side: int) -> None:
    smallest = MODELS[name].smallest
    assert smallest is not None
    assert smallest(parameters(name, changed)) == side
    logits = network(name, side, changed)(np.ones((2, side, side, 3), np.float32), training=True)
    assert np.isfinite(logits.numpy()).all()


@pytest.mark.parametrize(
    ("name", "changed", "side"),
    # The others round a half pixel up: there a smaller image would pass, as one pixel that is never
    # halved.
    [case for case in SMALLEST if case[0] in ("convnet", "vgg", "densenet") and case[2] > 1],
)
def test_a_smaller_image_cannot_be(name: str, changed: dict[str, Any], side: int) -> None:
    with pytest.raises(ValueError, match="output size"):
        network(name, side - 1, changed)
