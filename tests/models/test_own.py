"""Networks that a person's functions build, and what their weights start from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import keras
import numpy as np
import pytest

from harness.experiment import Component, Json
from harness.models.initialization import drawn_by_keras, initialize
from harness.models.registry import build
from harness.own.running import OwnPartError
from harness.own.sources import identified

SOURCE = """
import keras


def net(input_shape, outputs, *, width=4, keep=True):
    inputs = keras.Input(input_shape)
    block = keras.Sequential([keras.layers.Dense(width), keras.layers.LayerNormalization()])
    x = keras.layers.Flatten()(inputs)
    x = keras.layers.PReLU(alpha_initializer="random_uniform")(block(x))
    return keras.Model(inputs, keras.layers.Dense(outputs)(x))


def wrong(input_shape, outputs):
    return "a text"
"""


def part(folder: Path, function: str, parameters: Mapping[str, Json]) -> Component:
    (folder / "own_nets.py").write_text(SOURCE)
    call = f"own_nets:{function}"
    return Component("python", {"call": call, "parameters": parameters}, identified(call, folder))


def drawn(folder: Path, seed: int) -> list[np.ndarray]:
    with drawn_by_keras(seed):
        model = build(part(folder, "net", {"width": 3}), (2, 2, 1), 5)
    initialize(model, Component("he_normal"), seed, keep_others=True)
    return [np.asarray(weight) for weight in model.get_weights()]


def test_the_function_is_called_with_the_shapes_and_its_parameters(tmp_path: Path) -> None:
    model = build(part(tmp_path, "net", {"width": 3}), (2, 2, 1), 5)
    assert isinstance(model, keras.Model)
    assert (model.input_shape, model.output_shape) == ((None, 2, 2, 1), (None, 5))


def test_what_is_no_model_is_told(tmp_path: Path) -> None:
    with pytest.raises(OwnPartError, match=r"own_nets:wrong returned str, not a keras\.Model"):
        build(part(tmp_path, "wrong", {}), (2, 2, 1), 5)


def test_weights_start_from_the_seed_alone_within_blocks_too(tmp_path: Path) -> None:
    first, again, other = (drawn(tmp_path, seed) for seed in (0, 0, 1))
    for one, same in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, same)
    # Kernels by the rule, and alpha by Keras itself; all others are constants.
    changed = [bool((a != b).any()) for a, b in zip(first, other, strict=True)]
    assert changed == [True, False, False, False, True, True, False]
    kernel, bias, gamma, beta, alpha, _, _ = first
    assert abs(kernel).max() < 4 * np.sqrt(2 / 4)
    assert not bias.any()
    assert (gamma == 1).all()
    assert not beta.any()
    assert (abs(alpha) <= 0.05).all()


def test_a_weight_that_no_rule_covers_is_told_where_it_may_not_stay(tmp_path: Path) -> None:
    model = build(part(tmp_path, "net", {}), (2, 2, 1), 5)
    with pytest.raises(ValueError, match=r"no initialization covers the weight '.*alpha'"):
        initialize(model, Component("he_normal"), 0)


def test_the_generator_of_python_goes_on_as_if_nothing_was_drawn() -> None:
    import random

    random.seed(1)
    expected = random.random()
    random.seed(1)
    with drawn_by_keras(0):
        random.random()
    assert random.random() == expected
