"""Architectures that Keras saved are looked at without Keras, and none runs code."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from harness.experiment import Component, Json, OwnPart
from harness.models.own import check_shapes
from harness.models.registry import build
from harness.models.saved_config import misfits, read
from harness.models.shapes import Shapes
from harness.own.running import OwnPartError
from harness.system.files import sha256

SHAPES = Shapes((8, 8, 1), 10)


def network() -> keras.Model:
    inputs = keras.Input((8, 8, 1))
    x = keras.layers.Conv2D(4, 3, activation="relu", kernel_regularizer="l2")(inputs)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Add()([x, keras.layers.Activation("gelu")(x)])
    x = keras.layers.GlobalAveragePooling2D()(keras.ops.relu(x + 1))
    return keras.Model(inputs, keras.layers.Dense(10)(x))


def part(path: Path) -> Component:
    return Component("keras", {"path": str(path)}, OwnPart(None, str(path), sha256(path)))


@pytest.fixture(params=["net.keras", "net.json"])
def saved(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / request.param
    if path.suffix == ".keras":
        network().save(path)
    else:
        path.write_text(network().to_json())
    return path


def test_the_architecture_is_built_anew(saved: Path) -> None:
    assert list(misfits(str(saved), SHAPES)) == []
    model, original = build(part(saved), SHAPES.example, SHAPES.outputs), network()
    assert [layer.__class__ for layer in model.layers] == [
        layer.__class__ for layer in original.layers
    ]
    original.set_weights(model.get_weights())
    x = np.random.default_rng(0).normal(size=(3, 8, 8, 1)).astype(np.float32)
    np.testing.assert_array_equal(model(x).numpy(), original(x).numpy())


def test_it_computes_as_the_run_s_precision_says(saved: Path) -> None:
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = build(part(saved), SHAPES.example, SHAPES.outputs)
    finally:
        keras.config.set_dtype_policy(before)
    logits = model(np.ones((2, 8, 8, 1), np.float32))
    assert keras.backend.standardize_dtype(logits.dtype) == "bfloat16"
    assert {weight.dtype for weight in model.weights} == {"float32"}


def test_a_file_that_was_changed_since_is_not_read(saved: Path) -> None:
    component = part(saved)
    saved.write_bytes(saved.read_bytes() + b" ")
    with pytest.raises(OwnPartError, match="not what it was when the run was planned"):
        build(component, SHAPES.example, SHAPES.outputs)


def test_shapes_that_do_not_fit_are_told(saved: Path) -> None:
    assert list(misfits(str(saved), Shapes((8, 8, 3), 2))) == [
        f"{saved} takes inputs of the shape 8x8x1, not 8x8x3",
        f"{saved} gives 10 outputs, not 2",
    ]
    with pytest.raises(OwnPartError, match=r"inputs of the shape \(batch, 8, 8, 1\), not"):
        build(part(saved), (8, 8, 3), 10)
    with pytest.raises(OwnPartError, match=r"outputs of the shape \(batch, 10\)"):
        build(part(saved), (8, 8, 1), 2)


def test_keras_is_not_needed_to_look(saved: Path) -> None:
    code = (
        "import sys; from harness.models.saved_config import misfits;"
        f"assert not list(misfits({str(saved)!r}, None)); sys.exit('keras' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_lambda_is_refused_with_the_reason(tmp_path: Path) -> None:
    path = tmp_path / "net.keras"
    keras.Sequential(
        [keras.Input((8, 8, 1)), keras.layers.Lambda(lambda x: x), keras.layers.Flatten()]
    ).save(path)
    (message,) = misfits(str(path), SHAPES)
    assert message.startswith(
        f"{path} cannot be used: no code of a file is run: Lambda is refused,"
    )
    assert "as its function is code in the file" in message
    with pytest.raises(OwnPartError, match="Lambda is refused"):
        build(part(path), SHAPES.example, SHAPES.outputs)


def holding(layer: Json) -> Json:
    return {"module": "keras", "class_name": "Sequential", "config": {"layers": [layer]}}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (holding({"module": "os", "class_name": "system"}), "system is refused, as it is no class"),
        (
            holding({"module": "mine", "class_name": "Own", "registered_name": "mine>Own"}),
            "mine>Own is refused",
        ),
        (
            holding({"module": "keras.utils", "class_name": "get_file"}),
            "get_file is refused, as it is no class of Keras",
        ),
        (
            holding({"module": "builtins", "class_name": "function", "config": "exec"}),
            "the function exec is refused",
        ),
        (
            holding(
                {
                    "module": "keras.layers",
                    "class_name": "Dense",
                    "config": {"activation": {"class_name": "__lambda__", "config": {}}},
                }
            ),
            "a lambda is refused",
        ),
        (
            holding({"module": "keras.layers", "class_name": "TFSMLayer", "config": {}}),
            "it loads another file",
        ),
        ({"module": "keras.layers", "class_name": "Dense"}, "it holds 'Dense', not a model"),
        ([], "it holds no object"),
    ],
)
def test_nothing_else_is_taken(tmp_path: Path, content: Json, message: str) -> None:
    path = tmp_path / "net.json"
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=message):
        read(path)


@pytest.mark.parametrize("content", [b"", b"no JSON", b"PK\x03\x04 and no archive"])
def test_a_file_that_is_none_of_keras_is_told(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "net.keras"
    path.write_bytes(content)
    (message,) = misfits(str(path), None)
    assert "it is not JSON, nor an archive with config.json" in message


def test_a_network_without_an_input_layer_is_built_first() -> None:
    model = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(10)])
    check_shapes(model, SHAPES, "net")
    assert model.built
